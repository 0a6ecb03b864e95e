//! What the charts of a page remember.

use std::collections::{BTreeMap, VecDeque};

use super::Page;
use super::catalog::Value;
use crate::facts::Facts;
use crate::label::Label;
use skerry_panel_proto::chart::HISTORY;

const LEN: usize = HISTORY as usize;

/// The values of the charts of one page: of those with a place of their own, and of those of the
/// entries of its list. It forgets entries that are no more.
#[derive(Clone, Debug, Default)]
pub struct Histories {
    charts: Vec<History>,
    entries: BTreeMap<Label, History>,
}

/// The values of a chart.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    values: VecDeque<f64>,
    sum: f64,
    count: u32,
}

impl Histories {
    /// Takes a value for every chart of a page.
    pub fn sample(&mut self, page: &Page, facts: &Facts) {
        self.charts.resize_with(page.charts.len(), History::default);
        for (history, chart) in self.charts.iter_mut().zip(&page.charts) {
            history.push(&(chart.scalar.read)(facts), chart.every);
        }
        let Some((list, (column, every))) = page
            .list
            .as_ref()
            .and_then(|it| it.chart.map(|chart| (it.of, chart)))
        else {
            return;
        };
        let mut old = std::mem::take(&mut self.entries);
        for at in 0..(list.len)(facts) {
            let key = (list.key)(facts, at);
            let value = (column.read)(facts, at);
            if let Some((key, value)) = key.zip(value) {
                let mut history = old.remove(&key).unwrap_or_default();
                history.push(&value, every);
                self.entries.insert(key, history);
            }
        }
    }

    pub(super) fn chart(&self, at: usize) -> Option<&History> {
        self.charts.get(at)
    }

    pub(super) fn entry(&self, key: &Label) -> Option<&History> {
        self.entries.get(key)
    }

    /// What the full height of the charts of entries stands for: the same for all of them.
    pub(super) fn entries_top(&self) -> f64 {
        let tops = self.entries.values().map(History::top);
        tops.fold(1.0, f64::max)
    }
}

impl History {
    fn push(&mut self, value: &Value, every: u32) {
        let value = match value {
            &Value::Number(value) if value.is_finite() => value.max(0.0),
            Value::Number(_) | Value::Text(_) => 0.0,
        };
        self.sum += value;
        self.count += 1;
        if self.count < every {
            return;
        }
        if self.values.len() == LEN {
            self.values.pop_front();
        }
        self.values.push_back(self.sum / f64::from(self.count));
        (self.sum, self.count) = (0.0, 0);
    }

    /// The next of 1, 2, 5, 10, 20 and so on that nothing is above.
    pub(super) fn top(&self) -> f64 {
        let highest = self.values.iter().copied().fold(1.0, f64::max);
        let mut top = 1.0;
        for factor in [2.0, 2.5, 2.0].into_iter().cycle().take(54) {
            if top >= highest {
                break;
            }
            top *= factor;
        }
        top
    }

    /// The values as heights up to `steps`. What is more than nothing is at least one step.
    pub(super) fn levels(&self, top: f64, steps: u8) -> [u8; LEN] {
        let mut levels = [0; LEN];
        let missing = LEN - self.values.len().min(LEN);
        for (level, value) in levels.iter_mut().skip(missing).zip(&self.values) {
            let step = (value / top * f64::from(steps)).round();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a cast from a float saturates"
            )]
            let step = (step as u8).min(steps);
            *level = step.max(u8::from(*value > 0.0));
        }
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(values: &[f64], every: u32) -> History {
        let mut history = History::default();
        for value in values {
            history.push(&Value::Number(*value), every);
        }
        history
    }

    #[test]
    fn the_top_is_a_round_number() {
        for (value, top) in [
            (0.0, 1.0),
            (1.5, 2.0),
            (3.0, 5.0),
            (51.0, 100.0),
            (9.41e8, 1e9),
        ] {
            let got = history(&[value], 1).top();
            assert!((got / top - 1.0).abs() < 1e-9, "{value}: {got}");
        }
    }

    #[test]
    fn values_are_at_the_right_end() {
        let levels = history(&[0.0, 0.001, 5.0, 10.0], 1).levels(10.0, 24);
        assert_eq!(levels[35..], [0, 0, 1, 12, 24]);
    }

    #[test]
    fn several_facts_make_one_value() {
        let history = history(&[1.0, 3.0, 5.0, 5.0, 9.0], 2);
        assert_eq!(history.values, [2.0, 5.0]);
    }

    #[test]
    fn nothing_that_is_no_number_is_kept() {
        let history = history(&[f64::NAN, f64::INFINITY, -1.0], 1);
        assert_eq!(history.values, [0.0, 0.0, 0.0]);
        let many = self::history(&[1.0; 100], 1);
        assert_eq!(many.values.len(), LEN);
    }
}
