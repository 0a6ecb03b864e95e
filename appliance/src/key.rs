//! The node's key file: one WireGuard private key in base64, as `wg genkey` prints it.
//!
//! Whoever reads it is the node. So it is refused unless only its owner can, and the key is
//! wiped from memory when it is no longer needed; nothing here prints it by accident.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a key in base64, padding included.
const TEXT: usize = 44;

/// Longest key file that is looked at: the key and some white space.
const FILE_MAX: usize = 128;

/// A private key; its `Debug` shows nothing.
pub struct Key(StaticSecret);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A new key from the kernel's random numbers, clamped as `wg genkey` does.
    ///
    /// # Errors
    /// The kernel has no random numbers to give.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        fill_random(bytes.as_mut_slice()).map_err(KeyError::Random)?;
        bytes[0] &= 0xf8;
        bytes[31] = (bytes[31] & 0x7f) | 0x40;
        Ok(Self(StaticSecret::from(*bytes)))
    }

    /// Reads a key file, if nobody but its owner can.
    ///
    /// # Errors
    /// The file is missing, readable by others, owned by a stranger, or not a key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let at = |error| KeyError::Read(path.to_owned(), error);
        let file = File::open(path).map_err(at)?;
        let metadata = file.metadata().map_err(at)?;
        let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
        let me = rustix::process::geteuid().as_raw();
        if !metadata.is_file() {
            return Err(KeyError::NoFile(path.to_owned()));
        }
        if owner != me && owner != 0 {
            return Err(KeyError::Owner {
                path: path.to_owned(),
                owner,
                me,
            });
        }
        if mode & 0o077 != 0 {
            return Err(KeyError::Mode(path.to_owned(), mode));
        }
        Self::from_reader(file)
            .map_err(at)?
            .ok_or_else(|| KeyError::Text(path.display().to_string()))
    }

    /// Reads a key from a pipe, as `wg pubkey` does.
    ///
    /// # Errors
    /// The pipe cannot be read, or holds something else.
    pub fn read_from(pipe: impl Read) -> Result<Self, KeyError> {
        Self::from_reader(pipe)
            .map_err(|error| KeyError::Read("standard input".into(), error))?
            .ok_or_else(|| KeyError::Text("standard input".into()))
    }

    fn from_reader(mut reader: impl Read) -> io::Result<Option<Self>> {
        let mut text = Zeroizing::new([0_u8; FILE_MAX]);
        let mut len = 0;
        while let Some(free) = text.get_mut(len..).filter(|free| !free.is_empty()) {
            match reader.read(free) {
                Ok(0) => break,
                Ok(n) => len += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(text
            .get(..len)
            .and_then(|text| Self::parse(text.trim_ascii())))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        // The decoder demands room for whole groups of three bytes: 33 for 44 characters.
        let mut bytes = Zeroizing::new([0_u8; 33]);
        let len = (text.len() == TEXT)
            .then(|| STANDARD.decode_slice(text, bytes.as_mut_slice()).ok())
            .flatten()?;
        let mut key: [u8; 32] = bytes.get(..len)?.try_into().ok()?;
        let secret = Self(StaticSecret::from(key));
        key.zeroize();
        Some(secret)
    }

    /// Writes the key to a new file of mode 0600.
    ///
    /// # Errors
    /// The file exists already, or cannot be written; then nothing is left behind.
    pub fn create(&self, path: &Path) -> Result<(), KeyError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                KeyError::Exists(path.to_owned())
            } else {
                KeyError::Write(path.to_owned(), error)
            }
        })?;
        let text = self.to_base64();
        let written = writeln!(file, "{}", text.as_str()).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // The file is ours and half-made; that it cannot be removed either adds nothing.
            drop(std::fs::remove_file(path));
            KeyError::Write(path.to_owned(), error)
        })
    }

    /// The key in base64, wiped when dropped.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_bytes()))
    }

    /// The public half, as the site file lists it.
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// The secret itself, for the datapath.
    pub fn secret(&self) -> StaticSecret {
        self.0.clone()
    }
}

/// A public key in base64.
pub fn public_text(key: &[u8; 32]) -> String {
    STANDARD.encode(key)
}

/// Fills a buffer with the kernel's random numbers.
pub(crate) fn fill_random(mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let n = rustix::rand::getrandom(&mut *buffer, rustix::rand::GetRandomFlags::empty())?;
        buffer = buffer.get_mut(n..).unwrap_or_default();
    }
    Ok(())
}

/// Why there is no key.
#[derive(Debug)]
pub enum KeyError {
    /// The kernel gave no random numbers.
    Random(io::Error),
    /// The file cannot be read.
    Read(PathBuf, io::Error),
    /// A directory, a device or a socket.
    NoFile(PathBuf),
    /// Others can read or change it.
    Mode(PathBuf, u32),
    /// It belongs to somebody who is neither root nor this user.
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who asks.
        me: u32,
    },
    /// It holds something else; where it came from.
    Text(String),
    /// There is a file already, and a key is never overwritten.
    Exists(PathBuf),
    /// The file cannot be written.
    Write(PathBuf, io::Error),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(error) => write!(f, "the kernel gives no random numbers: {error}"),
            Self::Read(path, error) if error.kind() == io::ErrorKind::NotFound => write!(
                f,
                "there is no key file {0}; make one with: skerry keygen --out {0}",
                path.display()
            ),
            Self::Read(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::NoFile(path) => write!(f, "{} is not a file", path.display()),
            Self::Mode(path, mode) => write!(
                f,
                "{0} has mode {mode:04o}, so others can read or change this node's key; \
                 fix it with: chmod 600 {0}",
                path.display()
            ),
            Self::Owner { path, owner, me } => write!(
                f,
                "{0} belongs to user {owner}, who could become this node; \
                 fix it with: chown {me} {0}",
                path.display()
            ),
            Self::Text(place) => write!(
                f,
                "{place} holds no WireGuard private key; expected {TEXT} characters of base64, \
                 as `skerry keygen` or `wg genkey` prints them"
            ),
            Self::Exists(path) => write!(
                f,
                "{} exists, and a key is never overwritten; remove it yourself or choose another name",
                path.display()
            ),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key_file(mode: u32, text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n1.key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn what_is_written_is_read_back_and_only_the_owner_can() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n1.key");
        let key = Key::generate().unwrap();
        key.create(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(Key::read(&path).unwrap().public(), key.public());
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let (_dir, path) = key_file(0o600, "precious");
        let error = Key::generate().unwrap().create(&path).unwrap_err();
        assert!(matches!(error, KeyError::Exists(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn the_public_key_is_the_one_wg_computes() {
        // RFC 7748 section 6.1, Alice's keys, in base64.
        let private = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
        let public = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
        let key = Key::read_from(format!("{private}\n").as_bytes()).unwrap();
        assert_eq!(public_text(&key.public()), public);
    }

    #[test]
    fn a_key_others_can_read_is_refused_with_the_fix() {
        let text = Key::generate().unwrap().to_base64();
        for mode in [0o640, 0o604, 0o620, 0o666, 0o601] {
            let (_dir, path) = key_file(mode, &text);
            let error = Key::read(&path).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{mode:o}: {error}");
        }
        for mode in [0o600, 0o400] {
            let (_dir, path) = key_file(mode, &text);
            Key::read(&path).unwrap();
        }
    }

    #[test]
    fn anything_but_a_key_is_refused() {
        let long = "A".repeat(500);
        let no_key = ["", "hello", "AAAA", &"A".repeat(44), &"=".repeat(44), &long];
        for text in no_key {
            let (_dir, path) = key_file(0o600, text);
            let error = Key::read(&path).unwrap_err();
            assert!(matches!(error, KeyError::Text(_)), "{text:?}: {error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let error = Key::read(dir.path()).unwrap_err();
        assert!(matches!(error, KeyError::NoFile(_)), "{error}");
        let error = Key::read(&dir.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("skerry keygen --out"), "{error}");
    }

    #[test]
    fn debug_shows_nothing() {
        let key = Key::generate().unwrap();
        assert_eq!(format!("{key:?}"), "Key(..)");
    }
}
