//! A key that nobody need press.

use std::str::FromStr;
use std::time::Duration;

use skerry_gbdisplay::Keys;
use skerry_gbdisplay::view::{HOLD_START_US, HOLD_US};

/// A key that is pressed by itself: `select@2.5` after two and a half seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Press {
    pub(super) keys: Keys,
    pub(super) at: Duration,
}

/// The names of the keys.
const NAMES: [(&str, Keys); 8] = [
    ("a", Keys::A),
    ("b", Keys::B),
    ("down", Keys::DOWN),
    ("left", Keys::LEFT),
    ("right", Keys::RIGHT),
    ("select", Keys::SELECT),
    ("start", Keys::START),
    ("up", Keys::UP),
];

impl FromStr for Press {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('@').and_then(|(name, at)| {
            let keys = NAMES.iter().find(|(it, _)| *it == name)?.1;
            let at: f64 = at.parse().ok()?;
            let at = Duration::try_from_secs_f64(at).ok()?;
            Some(Self { keys, at })
        });
        parts.ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|it| it.0).collect();
            let names = names.join(", ");
            format!("expected KEY@SECONDS, such as select@2.5; keys are: {names}")
        })
    }
}

impl Press {
    /// For how long it is held, in microseconds.
    pub(super) fn hold_us(&self) -> u64 {
        if self.keys == Keys::START {
            HOLD_START_US
        } else {
            HOLD_US
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_with_their_time() {
        let press: Press = "select@2.5".parse().unwrap();
        let at = Duration::from_millis(2_500);
        assert_eq!((press.keys, press.at), (Keys::SELECT, at));
        for text in ["select", "nokey@1", "a@", "a@-1", "a@nan", "@"] {
            let error = text.parse::<Press>().unwrap_err();
            assert!(error.contains("select@2.5"), "{text}: {error}");
        }
    }
}
