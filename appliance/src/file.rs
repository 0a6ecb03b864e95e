//! Files read whole, but never more than their reader asked for.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;

/// Longest site file that is read, in bytes; `check` has a limit of its own below this one.
const SITE_MAX: u64 = 16 * 1024 * 1024;

/// Reads a UTF-8 text of at most `max` bytes; `-` is standard input.
///
/// # Errors
/// The file cannot be read, is longer, or is not UTF-8.
pub fn read_text(path: &Path, max: u64) -> io::Result<String> {
    if path.as_os_str() == "-" {
        return read_from(io::stdin().lock(), max);
    }
    read_from(File::open(path)?, max)
}

/// Reads a site file; `-` is standard input.
///
/// # Errors
/// Names the file and says why it cannot be read.
pub fn read_site(path: &Path) -> anyhow::Result<String> {
    read_text(path, SITE_MAX).with_context(|| format!("cannot read {}", path.display()))
}

fn read_from(reader: impl Read, max: u64) -> io::Result<String> {
    let mut text = String::new();
    reader
        .take(max.saturating_add(1))
        .read_to_string(&mut text)?;
    if text.len() as u64 > max {
        let message = format!("it is longer than {max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_at_the_limit_is_read_and_one_byte_more_is_refused() {
        assert_eq!(read_from(&b"abcd"[..], 4).unwrap(), "abcd");
        let error = read_from(&b"abcde"[..], 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let error = read_from(&b"\xff\xfe"[..], 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
