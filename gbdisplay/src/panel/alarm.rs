//! Alerts that nobody has acknowledged.

use std::collections::BTreeSet;

use crate::facts::Alert;
use crate::picture::Picture;

/// Columns of the box that an alert is in, without its sides.
const BOX: usize = 18;
/// Rows of it.
const LINES: usize = 4;

/// Which alert is shown before any page. Bounded by the list of alerts.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    acknowledged: BTreeSet<u64>,
    open: Vec<u64>,
    /// The one that is shown.
    shown: Option<u64>,
}

impl Alarm {
    /// Takes the alerts of new facts. One that is over and comes again counts as new.
    pub(super) fn handle_alerts(&mut self, alerts: &[Alert]) {
        self.acknowledged
            .retain(|id| alerts.iter().any(|it| it.id == *id));
        self.open = alerts.iter().map(|it| it.id).collect();
        self.choose();
    }

    pub(super) fn acknowledge(&mut self, alert: u64) {
        self.acknowledged.insert(alert);
        self.choose();
    }

    /// The alert that is shown.
    pub(super) const fn showing(&self) -> Option<u64> {
        self.shown
    }

    /// Stays with the one that is shown as long as it is open, lest another takes its place just
    /// when A is pressed.
    fn choose(&mut self) {
        let waiting = |id: &u64| !self.acknowledged.contains(id);
        let is_still = |id: &u64| self.open.contains(id) && waiting(id);
        if !self.shown.as_ref().is_some_and(is_still) {
            self.shown = self.open.iter().copied().find(waiting);
        }
    }

    /// Draws the alert that is shown. False if there is none.
    pub(super) fn draw(&self, alerts: &[Alert], picture: &mut Picture) -> bool {
        let alert = self
            .shown
            .and_then(|id| alerts.iter().find(|it| it.id == id));
        let Some(alert) = alert else { return false };
        let line = "─".repeat(BOX);
        picture.write(3, 0, &format!("┌{line}┐"));
        let lines = wrapped(alert.text.as_str());
        for (row, text) in (4..).zip(&lines) {
            picture.write(row, 0, &format!("│{text:<BOX$}│"));
            picture.blinking |= 1 << row;
        }
        picture.write(8, 0, &format!("└{line}┘"));
        picture.write(10, 1, &format!("ALERT {:>12}", alert.id));
        picture.write(11, 1, &format!("SINCE {:>10} s", alert.age_s));
        let waiting = self.open.len() - self.acknowledged.len();
        if waiting > 1 {
            picture.write(12, 1, &format!("AND {} MORE", waiting - 1));
        }
        picture.write(14, 1, "A: ACKNOWLEDGE");
        true
    }
}

/// A text in lines of the box, broken between words where there are any.
fn wrapped(text: &str) -> [String; LINES] {
    let mut lines: [String; LINES] = Default::default();
    let mut words = text.split(' ').peekable();
    let mut rest = String::new();
    for line in &mut lines {
        while rest.is_empty()
            && let Some(word) = words.next()
        {
            rest = word.to_owned();
        }
        *line = rest.chars().take(BOX).collect();
        rest = rest.chars().skip(BOX).collect();
        while rest.is_empty()
            && let Some(word) =
                words.next_if(|it| line.chars().count() + 1 + it.chars().count() <= BOX)
        {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: [&str; LINES]) {
        assert_eq!(wrapped(text), expect);
    }

    #[test]
    fn texts_are_broken_between_words() {
        check("peer n2 is down", ["peer n2 is down", "", "", ""]);
        check(
            "violation at n1/b-i1: pvlan_deny, 3 times",
            ["violation at", "n1/b-i1:", "pvlan_deny, 3", "times"],
        );
        check(
            "abcdefghijklmnopqrstuvwxyz 0123",
            ["abcdefghijklmnopqr", "stuvwxyz 0123", "", ""],
        );
        check("", ["", "", "", ""]);
        check("a  b   ", ["a  b   ", "", "", ""]);
    }

    fn alert(id: u64) -> Alert {
        Alert {
            id,
            ..Alert::default()
        }
    }

    #[test]
    fn the_one_that_is_shown_stays_until_it_is_acknowledged_or_over() {
        let mut alarm = Alarm::default();
        alarm.handle_alerts(&[alert(1)]);
        alarm.handle_alerts(&[alert(2), alert(1)]);
        assert_eq!(alarm.showing(), Some(1));
        alarm.acknowledge(1);
        assert_eq!(alarm.showing(), Some(2));
        alarm.handle_alerts(&[alert(1)]);
        assert_eq!(alarm.showing(), None);
    }

    #[test]
    fn one_that_was_over_comes_again() {
        let mut alarm = Alarm::default();
        alarm.handle_alerts(&[alert(1)]);
        alarm.acknowledge(1);
        alarm.handle_alerts(&[]);
        alarm.handle_alerts(&[alert(1)]);
        assert_eq!(alarm.showing(), Some(1));
    }
}
