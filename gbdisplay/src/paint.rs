//! From what a panel shows to what it is to show: only what differs is sent.

use std::array;

use skerry_panel_proto::chart::{CHARTS, HISTORY, Place};
use skerry_panel_proto::frame::PAYLOAD_MAX;
use skerry_panel_proto::{COLUMNS, Op, ROWS, Screen};

use crate::picture::Picture;

/// What one request for tiles can carry.
const RUN_MAX: usize = PAYLOAD_MAX - 2;
/// Tiles that stay, between two that change, are sent too if they are no more than this: another
/// request costs eight bytes and the wait for its answer.
const GAP_MAX: usize = 12;
const WIDTH: usize = COLUMNS as usize;

/// A request that owns what it carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// As [`Op::Beep`].
    Beep(u8),
    /// As [`Op::Blink`].
    Blink([u8; 4]),
    /// As [`Op::Chart`].
    Chart(u8, Option<Place>),
    /// As [`Op::ChartPush`].
    ChartPush(u8, Vec<u8>),
    /// As [`Op::Cursor`].
    Cursor(Option<u8>),
    /// As [`Op::Map`].
    Map {
        /// Where it begins.
        row: u8,
        /// Where it begins.
        column: u8,
        /// Which ones.
        tiles: Vec<u8>,
    },
}

impl Change {
    /// The request.
    #[must_use]
    pub fn op(&self) -> Op<'_> {
        match self {
            Self::Beep(pattern) => Op::Beep(*pattern),
            Self::Blink(blink) => Op::Blink(*blink),
            Self::Chart(id, place) => Op::Chart {
                id: *id,
                place: *place,
            },
            Self::ChartPush(id, values) => Op::ChartPush { id: *id, values },
            Self::Cursor(row) => Op::Cursor(*row),
            Self::Map { row, column, tiles } => Op::Map {
                row: *row,
                column: *column,
                tiles,
            },
        }
    }
}

/// What to ask for, most urgent first, so that a panel that shows `shown` comes to show `wanted`;
/// at most `limit` requests. Empty when it does.
///
/// `shown` must be what came of such requests, begun with at a greeting: then the cells of a chart
/// are what the chart has drawn.
#[must_use]
pub fn changes(shown: &Screen, wanted: &Picture, limit: usize) -> Vec<Change> {
    let screen = wanted.screen();
    let mut changes = Vec::new();
    if shown.beep != wanted.beep {
        changes.push(Change::Beep(wanted.beep));
    }
    let places: [Option<Place>; CHARTS as usize] =
        array::from_fn(|id| wanted.charts.get(id).copied().flatten().map(|it| it.place));
    let charts = (0..).zip(shown.charts()).zip(places);
    for ((id, chart), place) in charts.clone() {
        if chart.place().is_some() && chart.place() != place {
            changes.push(Change::Chart(id, None));
        }
    }
    runs(shown, &screen, &places, &mut changes);
    let curves = wanted.charts.iter().flatten();
    let charts = charts.filter(|(_, place)| place.is_some()).zip(curves);
    for (((id, chart), place), curve) in charts {
        let news = news(chart.values(), &curve.values);
        if !news.is_empty() {
            changes.push(Change::ChartPush(id, news.to_vec()));
        }
        if chart.place() != place {
            changes.push(Change::Chart(id, place));
        }
    }
    if shown.cursor != wanted.cursor {
        changes.push(Change::Cursor(wanted.cursor));
    }
    if shown.blink != screen.blink {
        changes.push(Change::Blink(wanted.blink()));
    }
    changes.truncate(limit);
    changes
}

/// The values that are new if the others have only moved.
fn news<'a>(shown: &[u8], wanted: &'a [u8; HISTORY as usize]) -> &'a [u8] {
    let moved = |by: &usize| shown.get(*by..) == wanted.get(..wanted.len() - by);
    let by = (0..=wanted.len()).find(moved).unwrap_or(wanted.len());
    wanted.get(wanted.len() - by..).unwrap_or_default()
}

/// Tiles that differ outside of charts, in runs.
fn runs(
    shown: &Screen,
    wanted: &Screen,
    places: &[Option<Place>; CHARTS as usize],
    changes: &mut Vec<Change>,
) {
    let cells = |screen: &Screen| -> Vec<u8> {
        (0..ROWS).flat_map(|row| screen.row(row).to_vec()).collect()
    };
    let (shown, wanted) = (cells(shown), cells(wanted));
    let is_free = |at: usize| !places.iter().flatten().any(|it| covers(it, at));
    let mut from = 0;
    while let Some(start) = next(from, &shown, &wanted, &is_free) {
        let mut end = start + 1;
        while let Some(at) = next(end, &shown, &wanted, &is_free) {
            let is_near = at - end <= GAP_MAX && at < start + RUN_MAX;
            if !is_near || !(end..at).all(is_free) {
                break;
            }
            end = at + 1;
        }
        let place = |it: usize| u8::try_from(it).unwrap_or(u8::MAX);
        changes.push(Change::Map {
            row: place(start / WIDTH),
            column: place(start % WIDTH),
            tiles: wanted.get(start..end).unwrap_or_default().to_vec(),
        });
        from = end;
    }
}

/// The next cell that differs.
fn next(
    from: usize,
    shown: &[u8],
    wanted: &[u8],
    is_free: &impl Fn(usize) -> bool,
) -> Option<usize> {
    let cells = shown.iter().zip(wanted).enumerate().skip(from);
    let mut differ = cells.filter(|(at, (shown, wanted))| shown != wanted && is_free(*at));
    differ.next().map(|(at, _)| at)
}

/// True if a cell, in reading order, is a chart's.
fn covers(place: &Place, at: usize) -> bool {
    let within = |at: usize, from: u8, len: u8| {
        (usize::from(from)..usize::from(from) + usize::from(len)).contains(&at)
    };
    within(at / WIDTH, place.row, place.height) && within(at % WIDTH, place.column, place.width)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use skerry_panel_proto::{Receiver, VERSION};

    use super::*;
    use crate::picture::Curve;

    /// A picture made of a few numbers, so that two of them have much in common.
    fn picture() -> impl Strategy<Value = Picture> {
        let writes = vec((0..ROWS, 0..COLUMNS, 0_u8..3, 1_usize..60), 0..12);
        let charts = vec((0..2_u8, 1..4_u8, 0..2_u8, 0..40_usize), 0..5);
        let rest = (0..4_u8, 0..ROWS, 0_u32..8, 0..4_u8);
        (writes, charts, rest).prop_map(|(writes, charts, (beep, cursor, blinking, shift))| {
            let mut picture = Picture::default();
            picture.beep = beep;
            picture.cursor = (cursor > 3).then_some(cursor);
            picture.blinking = blinking;
            for (row, column, tile, len) in writes {
                picture.put(row, column, &vec![b'a' + tile; len]);
            }
            for ((id, place), (row, height, width, by)) in
                (0_u8..).zip(&mut picture.charts).zip(charts)
            {
                let mut values = array::from_fn(|it| u8::try_from(it % 25).unwrap());
                values.rotate_left(by);
                let place_of = Place {
                    // A chart may move to where another was.
                    row: (id + shift) % 4 * 4 + row,
                    column: width,
                    width: 20 - width * 3,
                    height,
                };
                let curve = Curve {
                    place: place_of,
                    values,
                };
                *place = (by % 5 != 0).then_some(curve);
            }
            picture
        })
    }

    /// A panel that does what it is asked to, over the wire.
    struct Wire {
        receiver: Receiver,
        sequence: u8,
    }

    impl Wire {
        fn send(&mut self, op: &Op<'_>) {
            self.sequence = (self.sequence + 1) % 16;
            let frame = op.frame(self.sequence).unwrap();
            for byte in frame.as_bytes() {
                self.receiver.handle_byte(*byte);
            }
            assert_eq!(self.receiver.errors(), 0, "{op:?}");
        }
    }

    /// True if the screens look the same: what charts remember that are not drawn is nobody's
    /// business.
    fn looks_like(one: &Screen, other: &Screen) -> bool {
        let rows = (0..ROWS).all(|row| one.row(row) == other.row(row));
        let charts = one.charts().iter().zip(other.charts());
        let mut places = charts.map(|(one, other)| one.place() == other.place());
        let rest = |it: &Screen| (it.cursor, it.blink, it.beep);
        rows && places.all(|it| it) && rest(one) == rest(other)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 400,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(5),
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_is_asked_for_makes_the_panel_show_what_is_wanted(
            pictures in vec(picture(), 1..6),
            limit in 1_usize..9,
            patience in vec(0_usize..12, 6),
        ) {
            let mut wire = Wire { receiver: Receiver::default(), sequence: 0 };
            wire.send(&Op::Hello { version: VERSION, epoch: 1 });
            let mut shown = Screen::default();
            let last = pictures.len() - 1;
            for (at, wanted) in pictures.iter().enumerate() {
                // All but the last are given up in the middle.
                let rounds = if at == last { 200 } else { patience[at] };
                for _ in 0..rounds {
                    let changes = changes(&shown, wanted, limit);
                    prop_assert!(changes.len() <= limit);
                    for change in &changes {
                        wire.send(&change.op());
                        shown.apply(&change.op());
                    }
                    if changes.is_empty() {
                        break;
                    }
                }
            }
            let wanted = pictures[last].screen();
            prop_assert_eq!(wire.receiver.screen(), &shown);
            prop_assert!(looks_like(&shown, &wanted), "{shown:?}\n{wanted:?}");
            prop_assert!(changes(&shown, &pictures[last], limit).is_empty());
        }
    }

    #[test]
    fn one_number_that_changes_is_one_short_request() {
        let mut one = Picture::default();
        one.write(4, 0, "RATE     12.3 Mb/s");
        let shown = one.screen();
        let mut other = one.clone();
        other.write(4, 9, "45.6");
        let expect = Change::Map {
            row: 4,
            column: 9,
            tiles: b"45.6".to_vec(),
        };
        assert_eq!(changes(&shown, &other, 9), [expect]);
    }

    #[test]
    fn a_chart_that_moved_is_sent_its_new_values() {
        let place = Place {
            row: 3,
            column: 0,
            width: 20,
            height: 3,
        };
        let picture = |first: u8| {
            let values = array::from_fn(|it| (u8::try_from(it).unwrap() + first) % 24);
            let mut picture = Picture::default();
            picture.charts[1] = Some(Curve { place, values });
            picture
        };
        let shown = picture(0).screen();
        let expect = Change::ChartPush(1, vec![16, 17]);
        assert_eq!(changes(&shown, &picture(2), 9), [expect]);
        assert_eq!(changes(&shown, &picture(0), 9), []);
    }

    #[test]
    fn a_whole_page_is_a_few_requests() {
        let mut page = Picture::default();
        for row in 0..ROWS {
            page.put(row, 0, &[b'x'; 20]);
        }
        let changes = changes(&Screen::default(), &page, usize::MAX);
        assert_eq!(changes.len(), 360_usize.div_ceil(RUN_MAX));
    }
}
