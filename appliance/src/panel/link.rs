//! Where a console is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use skerry_gbdisplay::port::{Bgb, Port, Replug, Serial, Spi};

use crate::exit::{Exit, Failed};

/// What is at the other end of the cable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Link {
    /// The core, in this process.
    Emulated,
    /// An adapter at a serial port.
    Serial(PathBuf),
    /// An SPI controller.
    Spi(PathBuf),
    /// An emulator that listens.
    Bgb(String),
}

impl FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, place) = text.split_once(':').unwrap_or((text, ""));
        match (kind, place) {
            ("emulated", "") => Ok(Self::Emulated),
            ("serial", place) if !place.is_empty() => Ok(Self::Serial(place.into())),
            ("spi", place) if !place.is_empty() => Ok(Self::Spi(place.into())),
            ("bgb", place) if place.contains(':') => Ok(Self::Bgb(place.to_owned())),
            _ => Err(
                "expected emulated, serial:/dev/ttyACM0, spi:/dev/spidev0.0 or bgb:127.0.0.1:8765"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emulated => f.write_str("emulated"),
            Self::Serial(path) => write!(f, "serial:{}", path.display()),
            Self::Spi(path) => write!(f, "spi:{}", path.display()),
            Self::Bgb(address) => write!(f, "bgb:{address}"),
        }
    }
}

impl Link {
    /// Opens it; when it fails later it is opened again.
    pub(super) fn open(&self) -> anyhow::Result<Replug> {
        let link = self.clone();
        let port = Replug::new(move || -> std::io::Result<Box<dyn Port>> {
            Ok(match &link {
                Self::Emulated => return Err(std::io::ErrorKind::Unsupported.into()),
                Self::Serial(path) => Box::new(Serial::open(path)?),
                Self::Spi(path) => Box::new(Spi::open(path)?),
                Self::Bgb(address) => Box::new(Bgb::connect(address)?),
            })
        });
        port.map_err(|error| {
            let message = format!("cannot open {self}: {error}");
            Failed::new(Exit::Bad, message).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_written_as_they_are_read() {
        for text in [
            "emulated",
            "serial:/dev/ttyACM0",
            "spi:/dev/spidev0.0",
            "bgb:[::1]:8765",
        ] {
            assert_eq!(text.parse::<Link>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "serial",
            "serial:",
            "bgb:localhost",
            "emulated:x",
            "usb:1",
        ] {
            let error = text.parse::<Link>().unwrap_err();
            assert!(error.contains("spi:/dev/spidev0.0"), "{text}: {error}");
        }
    }
}
