//! The node file (`node.toml`): what this machine adds to the site file it shares with the others.
//!
//! Read once into [`NodeConfig`], which cannot be wrong; every error of the file is told at once,
//! each with its place, a stable code and a way out.

mod diagnostic;
mod place;
mod reader;
mod schema;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use diagnostic::{Code, Diagnostic, render};
pub use place::blame;
pub use schema::KEYS;
use skerry_overlay_io::{Backend, OffloadSwitches};

use reader::Reader;

/// The longest node file that is read, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// The port WireGuard is usually found at.
const LISTEN_PORT: u16 = 51820;

/// The seconds after which an address nobody has heard of is forgotten (IEEE 802.1Q section 8.8.3).
const AGE: Duration = Duration::from_secs(300);

/// More worker threads than any machine that Skerry was tried on has use for.
const WORKERS_MAX: u16 = 64;

/// What a node file says, defaults filled in and paths made absolute or relative to the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeConfig {
    /// Where it was read, if from a file.
    pub file: Option<PathBuf>,
    /// This node's name in the site file.
    pub node: String,
    /// The site file.
    pub site: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Where the WireGuard socket listens.
    pub listen: SocketAddr,
    /// The control socket.
    pub control: PathBuf,
    /// Where generations are kept.
    pub state: PathBuf,
    /// Where metrics are served; nowhere when absent.
    pub metrics: Option<SocketAddr>,
    /// Worker threads.
    pub workers: u16,
    /// Whether each of several stays on a processor.
    pub pin: bool,
    /// How raw interfaces are opened.
    pub backend: Backend,
    /// After how long an address that is silent is forgotten.
    pub age: Duration,
    /// Which offloads may be used.
    pub offload: OffloadSwitches,
}

impl NodeConfig {
    /// Reads a node file.
    ///
    /// # Errors
    /// The file cannot be read, or does not say what it must; every fault is listed.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_bounded(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        let parsed = Self::parse(&text, base).map_err(|diagnostics| ConfigError::Wrong {
            name: path.display().to_string(),
            text,
            diagnostics,
        })?;
        Ok(Self {
            file: Some(path.to_owned()),
            ..parsed
        })
    }

    /// Parses a node file that lies in the folder `base`.
    ///
    /// # Errors
    /// Everything that is wrong with it, in file order.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Vec<Diagnostic>> {
        let (document, syntax) = toml::de::DeTable::parse_recoverable(text);
        let mut reader = Reader::new(text, Some(document.get_ref()));
        reader.syntax(&syntax);
        let config = Self::from_reader(&mut reader, base);
        let diagnostics = reader.finish();
        match config {
            Some(config) if diagnostics.is_empty() => Ok(config),
            _ => Err(diagnostics),
        }
    }

    fn from_reader(reader: &mut Reader<'_>, base: &Path) -> Option<Self> {
        let node = reader.required("node", value::name);
        let site = reader.required("site", value::path);
        let key = reader.required("key", value::path);
        let listen = reader.optional("listen", value::socket);
        let control = reader.optional("control", value::path);
        let state = reader.optional("state", value::path);
        let metrics = reader.optional("metrics", value::socket);
        let workers = reader.optional("workers", value::workers);
        let pin = reader.optional("pin", value::flag);
        let backend = reader.optional("backend", value::backend);
        let age = reader.table("fdb", |reader| reader.optional("age", value::age));
        let offload = reader.table("offload", offload);
        let node = node?;
        let run = Path::new("/run/skerry");
        let lib = Path::new("/var/lib/skerry");
        Some(Self {
            file: None,
            control: control.map_or_else(|| run.join(format!("{node}.sock")), |it| base.join(it)),
            state: state.map_or_else(|| lib.join(&node), |it| base.join(it)),
            node,
            site: base.join(site?),
            key: base.join(key?),
            listen: listen.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, LISTEN_PORT).into()),
            metrics,
            workers: workers.flatten().unwrap_or(1),
            pin: pin.unwrap_or(true),
            backend: backend.unwrap_or_default(),
            age: age.unwrap_or(AGE),
            offload,
        })
    }
}

fn offload(reader: &mut Reader<'_>) -> OffloadSwitches {
    let mut switch = |key| {
        let switch = reader.optional(key, value::switch);
        switch.unwrap_or_default()
    };
    OffloadSwitches {
        tap: switch("tap"),
        gso: switch("gso"),
        gro: switch("gro"),
    }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    crate::file::read_text(path, FILE_MAX)
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file says something wrong.
    Wrong {
        /// The file's name as given.
        name: String,
        /// Its text, to show lines of.
        text: String,
        /// What is wrong.
        diagnostics: Vec<Diagnostic>,
    },
}

impl ConfigError {
    /// What to do about it, to be said after what is wrong.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::Unreadable { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
                "write it: three keys are enough, `node`, `site` and `key`"
            }
            Self::Unreadable { .. } => "make it readable",
            Self::Wrong { .. } => "correct it",
        }
    }

    /// What to print for people.
    pub fn render(&self, colour: bool) -> String {
        match self {
            Self::Unreadable { path, error } => {
                format!("cannot read {}: {error}\n", path.display())
            }
            Self::Wrong {
                name,
                text,
                diagnostics,
            } => render(name, text, diagnostics, colour),
        }
    }
}

#[cfg(test)]
mod tests {
    use skerry_overlay_io::Switch;

    use super::*;

    fn codes(text: &str) -> Vec<(&'static str, u32)> {
        let diagnostics = NodeConfig::parse(text, Path::new("/etc/skerry")).unwrap_err();
        let code = |it: &Diagnostic| (it.code.as_str(), it.line);
        diagnostics.iter().map(code).collect()
    }

    #[test]
    fn three_keys_are_enough() {
        let text = "node = 'n1'\nsite = 'site.toml'\nkey = 'n1.key'\n";
        let config = NodeConfig::parse(text, Path::new("/etc/skerry")).unwrap();
        let expected = NodeConfig {
            file: None,
            node: "n1".into(),
            site: "/etc/skerry/site.toml".into(),
            key: "/etc/skerry/n1.key".into(),
            listen: "0.0.0.0:51820".parse().unwrap(),
            control: "/run/skerry/n1.sock".into(),
            state: "/var/lib/skerry/n1".into(),
            metrics: None,
            workers: 1,
            pin: true,
            backend: Backend::Packet,
            age: Duration::from_secs(300),
            offload: OffloadSwitches::default(),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn every_key_is_read() {
        let text = r#"
            node = "n1"
            site = "/srv/site.toml"
            key = "keys/n1.key"
            listen = "[::]:51821"
            control = "n1.sock"
            state = "state"
            metrics = "127.0.0.1:9469"
            workers = 2
            pin = false
            backend = "datalink"
            fdb = { age = "2s" }
            [offload]
            tap = "on"
            gso = "off"
            gro = "auto"
        "#;
        let config = NodeConfig::parse(text, Path::new("/etc/skerry")).unwrap();
        let expected = NodeConfig {
            file: None,
            node: "n1".into(),
            site: "/srv/site.toml".into(),
            key: "/etc/skerry/keys/n1.key".into(),
            listen: "[::]:51821".parse().unwrap(),
            control: "/etc/skerry/n1.sock".into(),
            state: "/etc/skerry/state".into(),
            metrics: Some("127.0.0.1:9469".parse().unwrap()),
            workers: 2,
            pin: false,
            backend: Backend::Datalink,
            age: Duration::from_secs(2),
            offload: OffloadSwitches {
                tap: Switch::On,
                gso: Switch::Off,
                gro: Switch::Auto,
            },
        };
        assert_eq!(config, expected);
    }

    /// Every key of the schema is read, and every key that is read is in the schema.
    #[test]
    fn the_schema_and_the_reader_agree() {
        for key in KEYS.iter().filter(|key| key.kind != "table") {
            let toml = format!("{} = [1]\n", key.path);
            let found = codes(&toml);
            assert!(found.contains(&("N002", 1)), "{}: {found:?}", key.path);
        }
        assert_eq!(codes("fdb = 1\n").last(), Some(&("N002", 1)));
    }

    #[test]
    fn every_error_is_told_at_once_with_its_line() {
        let text = "node = 'a/b'\nsite = 3\nlisten = 'here'\nworker = 4\nworkers = 0\n[offload]\ntab = 'auto'\ngso = 'maybe'\n";
        let expected = [
            ("N003", 1), // no key
            ("N002", 1), // a/b is no name
            ("N002", 2), // a path is a string
            ("N002", 3),
            ("N001", 4), // did you mean workers
            ("N002", 5),
            ("N001", 7), // did you mean tap
            ("N002", 8),
        ];
        assert_eq!(codes(text), expected);
    }

    #[test]
    fn broken_toml_does_not_hide_the_other_errors() {
        let found = codes("node = \nsite = 'site.toml'\nkey = 'n1.key'\nlisten = 5\n");
        assert_eq!(found, [("N000", 1), ("N002", 4)]);
    }

    #[test]
    fn a_misspelt_key_is_shown_with_carets_and_the_right_one() {
        let text = "node = 'n1'\nsite = 's'\nkey = 'k'\nlissten = '0.0.0.0:1'\n";
        let diagnostics = NodeConfig::parse(text, Path::new("")).unwrap_err();
        let expected = "\
error[N001]: unknown key `lissten`
 --> node.toml:4:1
  |
4 | lissten = '0.0.0.0:1'
  | ^^^^^^^ did you mean `listen`?

";
        assert_eq!(render("node.toml", text, &diagnostics, false), expected);
    }

    #[test]
    fn no_prefix_of_a_good_file_makes_it_panic() {
        let text =
            "node = 'n1'\nsite = 's'\nkey = 'k'\nfdb = { age = '9s' }\n[offload]\ntap = 'on'\n";
        for end in 0..text.len() {
            drop(NodeConfig::parse(text.get(..end).unwrap(), Path::new("")));
        }
    }
}
