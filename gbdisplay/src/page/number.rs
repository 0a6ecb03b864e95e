//! Numbers in a few letters.

/// A thousand times more each.
const STEPS: [(&str, f64); 5] = [("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)];

/// A number with as many digits as there is room for, scaled by a prefix where it must be. `-` if
/// it is none, `#` if nothing fits.
pub(super) fn scaled(value: f64, width: usize) -> String {
    let Some(value) = sane(value) else {
        return "-".to_owned();
    };
    for (prefix, step) in STEPS {
        let value = value / step;
        // Four digits are as quickly read as three and a prefix.
        let limit = if prefix.is_empty() { 9_999.5 } else { 999.95 };
        let room = width.saturating_sub(prefix.len());
        let digits = usize::from(!prefix.is_empty());
        let is_small = !prefix.is_empty() && value < 0.95;
        let is_large = value >= limit && prefix != "T";
        let text = (!is_small && !is_large).then(|| digits_in(value, room, digits));
        if let Some(text) = text.flatten() {
            return format!("{text}{prefix}");
        }
    }
    "#".repeat(width)
}

/// A number of units with one digit after the point if there is room and it is below 100. `-` if
/// it is none, `#` if it does not fit.
pub(super) fn fixed(value: f64, width: usize) -> String {
    match sane(value) {
        None => "-".to_owned(),
        Some(value) => {
            let digits = usize::from(value < 99.95);
            digits_in(value, width, digits).unwrap_or_else(|| "#".repeat(width))
        }
    }
}

/// A time in seconds, in its two largest units if there is room, else in its largest.
pub(super) fn span(seconds: f64, width: usize) -> String {
    let Some(seconds) = sane(seconds) else {
        return "-".to_owned();
    };
    let units = [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];
    let mut rest = units
        .iter()
        .skip_while(|(name, size)| seconds < *size && *name != "s");
    let Some((name, size)) = rest.next() else {
        return String::new();
    };
    let first = (seconds / size).floor();
    let short = format!("{first}{name}");
    let long = rest.next().map(|(next, part)| {
        let left = ((seconds - first * size) / part).floor();
        format!("{short}{left:02}{next}")
    });
    let fits = |text: &String| text.len() <= width;
    let text = long.filter(fits).or_else(|| Some(short).filter(fits));
    text.unwrap_or_else(|| "#".repeat(width))
}

/// What can be shown: no NaN, nothing endless, no zero with a sign.
fn sane(value: f64) -> Option<f64> {
    value.is_finite().then(|| value.clamp(-1e15, 1e18) + 0.0)
}

/// With that many digits after the point, or with none if only that fits.
fn digits_in(value: f64, width: usize, digits: usize) -> Option<String> {
    let long = format!("{value:.digits$}");
    if long.len() <= width {
        return Some(long);
    }
    let short = format!("{value:.0}");
    (short.len() <= width).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: impl AsRef<str>, expect: &str) {
        assert_eq!(text.as_ref(), expect);
    }

    #[test]
    fn counts_are_whole_as_long_as_they_fit() {
        check(scaled(0.0, 4), "0");
        check(scaled(999.0, 4), "999");
        check(scaled(9_999.0, 4), "9999");
        check(scaled(12_345.0, 6), "12.3k");
        check(scaled(12_345.0, 4), "12k");
        check(scaled(123_456.0, 4), "123k");
        check(scaled(1_234_567.0, 4), "1.2M");
        check(scaled(9.4e9, 5), "9.4G");
        check(scaled(123.0, 2), "##");
        check(scaled(1e30, 8), "1000000T");
    }

    #[test]
    fn what_is_no_number_is_a_dash() {
        check(scaled(f64::NAN, 4), "-");
        check(fixed(f64::INFINITY, 4), "-");
        check(span(f64::NAN, 4), "-");
    }

    #[test]
    fn units_have_one_digit_after_the_point_where_it_says_something() {
        check(fixed(0.04, 5), "0.0");
        check(fixed(-0.0, 5), "0.0");
        check(fixed(12.34, 5), "12.3");
        check(fixed(12.34, 2), "12");
        check(fixed(941.6, 6), "942");
        check(fixed(-0.5, 5), "-0.5");
        check(fixed(123_456.0, 3), "###");
    }

    #[test]
    fn times_have_two_units_where_there_is_room() {
        check(span(7.9, 6), "7s");
        check(span(125.0, 6), "2m05s");
        check(span(125.0, 3), "2m");
        check(span(93_784.0, 6), "1d02h");
        check(span(1e15, 6), "######");
        check(span(-5.0, 6), "-5s");
    }
}
