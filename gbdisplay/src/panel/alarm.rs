//! Alerts that nobody has acknowledged.

use std::collections::BTreeMap;

use crate::facts::Alert;
use crate::picture::Picture;

/// Columns of the box that an alert is in, without its sides.
const BOX: usize = 18;
/// Rows of it.
const LINES: usize = 4;

/// For how long an alert that was acknowledged may be over, in microseconds, and come again with its
/// number without being put in front of anybody: ten minutes.
pub const QUIET_US: u64 = 600_000_000;
/// How many acknowledgements are remembered.
const ACKNOWLEDGED_MAX: usize = 1_024;
/// How many alerts may wait for one: more than any list shows.
const OPEN_MAX: usize = 1_024;

/// Which alert is shown before any page.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    /// Until when each acknowledgement holds.
    acknowledged: BTreeMap<u64, u64>,
    /// What nobody has acknowledged, the most urgent first.
    open: Vec<Alert>,
    /// The one that is shown.
    shown: Option<u64>,
}

impl Alarm {
    /// Takes the alerts of new facts, all of them: what a list has no room for must not be forgotten.
    pub(super) fn handle_alerts(&mut self, alerts: &[Alert], now_us: u64) {
        self.acknowledged.retain(|_, until_us| now_us < *until_us);
        for alert in alerts {
            if let Some(until_us) = self.acknowledged.get_mut(&alert.id) {
                *until_us = now_us.saturating_add(QUIET_US);
            }
        }
        let waiting = |it: &&Alert| !self.acknowledged.contains_key(&it.id);
        let open = alerts.iter().filter(waiting);
        self.open = open.take(OPEN_MAX).cloned().collect();
        self.choose();
    }

    pub(super) fn acknowledge(&mut self, alert: u64, now_us: u64) {
        if self.acknowledged.len() >= ACKNOWLEDGED_MAX {
            self.acknowledged.pop_first();
        }
        let until_us = now_us.saturating_add(QUIET_US);
        self.acknowledged.insert(alert, until_us);
        self.open.retain(|it| it.id != alert);
        self.choose();
    }

    /// The alert that is shown.
    pub(super) const fn showing(&self) -> Option<u64> {
        self.shown
    }

    /// Stays with the one that is shown as long as it is open, lest another takes its place just
    /// when A is pressed.
    fn choose(&mut self) {
        if self.alert().is_none() {
            self.shown = self.open.first().map(|it| it.id);
        }
    }

    fn alert(&self) -> Option<&Alert> {
        self.open.iter().find(|it| Some(it.id) == self.shown)
    }

    /// Draws the alert that is shown. False if there is none.
    pub(super) fn draw(&self, picture: &mut Picture) -> bool {
        let Some(alert) = self.alert() else {
            return false;
        };
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
        let waiting = self.open.len();
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
        alarm.handle_alerts(&[alert(1)], 0);
        alarm.handle_alerts(&[alert(2), alert(1)], 5);
        assert_eq!(alarm.showing(), Some(1));
        alarm.acknowledge(1, 10);
        assert_eq!(alarm.showing(), Some(2));
        alarm.handle_alerts(&[alert(1)], 20);
        assert_eq!(alarm.showing(), None);
    }

    #[test]
    fn one_that_was_over_comes_again_quietly_for_some_minutes() {
        let mut alarm = Alarm::default();
        alarm.handle_alerts(&[alert(1)], 0);
        alarm.acknowledge(1, 1);
        alarm.handle_alerts(&[], 2);
        alarm.handle_alerts(&[alert(1)], QUIET_US);
        assert_eq!(alarm.showing(), None);
        // The time begins when it is over.
        alarm.handle_alerts(&[alert(1)], QUIET_US + 10);
        assert_eq!(alarm.showing(), None);
        alarm.handle_alerts(&[], 2 * QUIET_US);
        alarm.handle_alerts(&[alert(1)], 2 * QUIET_US + 10);
        assert_eq!(alarm.showing(), Some(1));
    }

    #[test]
    fn one_that_nobody_acknowledged_comes_again_aloud() {
        let mut alarm = Alarm::default();
        alarm.handle_alerts(&[alert(1)], 0);
        alarm.handle_alerts(&[], 1);
        assert_eq!(alarm.showing(), None);
        alarm.handle_alerts(&[alert(1)], 2);
        assert_eq!(alarm.showing(), Some(1));
    }
}
