//! From a page and facts to a picture.

use super::history::{Histories, History};
use super::template::Filling;
use super::{Listing, Page};
use crate::facts::Facts;
use crate::font;
use crate::picture::{Curve, Picture};
use skerry_panel_proto::COLUMNS;
use skerry_panel_proto::chart::Place;

/// Where the reader is on a page.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reader {
    /// The entry with the cursor.
    pub entry: usize,
    /// It is open.
    pub is_open: bool,
}

impl Page {
    /// Draws rows 1 to 16.
    pub fn show(
        &self,
        facts: &Facts,
        reader: Reader,
        histories: &Histories,
        picture: &mut Picture,
    ) {
        let tops: Vec<f64> = (0..self.charts.len())
            .map(|at| histories.chart(at).map_or(f64::NAN, History::top))
            .collect();
        let filling = Filling {
            facts,
            entry: None,
            tops: &tops,
        };
        for (row, template) in &self.rows {
            picture.put(*row, 0, &template.fill(&filling));
        }
        let mut curves = Vec::new();
        for (at, chart) in self.charts.iter().enumerate() {
            let history = histories.chart(at);
            let top = tops.get(at).copied().unwrap_or(1.0);
            curves.push(curve(chart.place, history, top));
        }
        if let Some(list) = &self.list {
            list.show(&filling, reader, histories, picture, &mut curves);
        }
        for (place, curve) in picture.charts.iter_mut().zip(curves) {
            *place = Some(curve);
        }
    }
}

impl Listing {
    fn show(
        &self,
        filling: &Filling<'_>,
        reader: Reader,
        histories: &Histories,
        picture: &mut Picture,
        curves: &mut Vec<Curve>,
    ) {
        let len = (self.of.len)(filling.facts);
        if len == 0 {
            picture.put(self.from, 1, &self.empty);
            return;
        }
        let entry = reader.entry.min(len - 1);
        if reader.is_open {
            let filling = Filling {
                entry: Some(entry),
                ..*filling
            };
            for (row, line) in (self.from..).zip(&self.detail) {
                picture.put(row, 0, &line.fill(&filling));
            }
            return;
        }
        let visible = usize::from(self.rows / self.height).max(1);
        let first = entry
            .saturating_sub(visible / 2)
            .min(len.saturating_sub(visible));
        let top = histories.entries_top();
        let rows = (self.from..).step_by(usize::from(self.height));
        for (row, at) in rows.zip(first..len).take(visible) {
            let filling = Filling {
                entry: Some(at),
                ..*filling
            };
            picture.put(row, 1, &self.row.fill(&filling));
            if at == entry {
                picture.cursor = Some(row);
            }
            if self.chart.is_some() {
                let key = (self.of.key)(filling.facts, at);
                let history = key.and_then(|it| histories.entry(&it));
                curves.push(curve(self.place(row), history, top));
            }
        }
        self.marks(first > 0, first + visible < len, picture);
    }

    /// Where the chart of the entry at a row is.
    const fn place(&self, row: u8) -> Place {
        Place {
            row: row + 1,
            column: 0,
            width: COLUMNS,
            height: self.height - 1,
        }
    }

    /// Says that there is more above or below.
    fn marks(&self, above: bool, below: bool, picture: &mut Picture) {
        let visible = (self.rows / self.height).max(1);
        let last = self.from + (visible - 1) * self.height;
        for (is, row, sign) in [(above, self.from, '▲'), (below, last, '▼')] {
            if let Some(tile) = font::tile(sign).filter(|_| is) {
                picture.put(row, COLUMNS - 1, &[tile]);
            }
        }
    }
}

fn curve(place: Place, history: Option<&History>, top: f64) -> Curve {
    let steps = place.height * 8;
    let values = history.map_or([0; 40], |it| it.levels(top, steps));
    Curve { place, values }
}
