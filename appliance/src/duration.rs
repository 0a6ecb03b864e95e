//! Durations as people write them: `90s`, `5m`, `1h`, `1500ms`.

use std::time::Duration;

/// `None` unless it is a whole number and one of the units ms, s, m, h.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<u64>) {
        assert_eq!(parse(text), expect.map(Duration::from_millis), "{text:?}");
    }

    #[test]
    fn a_number_and_a_unit_make_a_duration() {
        check("60s", Some(60_000));
        check("1500ms", Some(1500));
        check("5m", Some(300_000));
        check("1h", Some(3_600_000));
        check("0s", Some(0));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "s",
            "60",
            "60 s",
            "-1s",
            "1.5s",
            "1d",
            "99999999999999999999s",
            "18446744073709551615h",
            "1\u{e9}",
        ] {
            check(text, None);
        }
    }
}
