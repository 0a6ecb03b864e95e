//! Bindings on the wire: changes, or everything in one range of keys.

use std::ops::Bound;

use skerry_policy::Digest;

use crate::control::MESSAGE_MAX;
use crate::control::binding::{Hold, Key, RECORD_MAX, Record};
use crate::control::codec::{Reader, put};
use crate::wg::OVERHEAD;

/// The longest list: its datagram crosses any link that carries IPv6, of 1280 bytes (RFC 8200 section
/// 5), with IPv6 outside and inside the tunnel. Longer ones, up to what a message may have, are read.
const PAGE_MAX: usize = 1280 - (40 + 8) - OVERHEAD - (40 + 8);
const _: () = assert!(PAGE_MAX <= MESSAGE_MAX);

/// Magic, boot, digest, sequence, kind, and the two ends of a range.
const HEADER_MAX: usize = 4 + 8 + 32 + 8 + 1 + 2 * (1 + RECORD_MAX);

const CHANGES: u8 = 0;
const RANGE: u8 = 1;

/// A list of bindings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bindings {
    pub(super) boot: u64,
    /// The policy under which they were learned.
    pub(super) digest: Digest,
    /// Counts up with every list to this receiver; an older one than the last is not looked at.
    pub(super) sequence: u64,
    pub(super) list: List,
}

/// What the list is of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum List {
    /// What happened just now.
    Changes(Vec<Record>),
    /// All there is after one key and up to another: what is not here is gone.
    Range(Range),
}

/// A stretch of a node's bindings, complete and in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Range {
    /// From the start of all keys when absent; itself not part of it.
    pub(super) after: Option<Key>,
    /// To the end of all keys when absent; itself part of it.
    pub(super) upto: Option<Key>,
    pub(super) bindings: Vec<(Key, Hold)>,
}

impl Range {
    /// As many of these bindings, which begin after `after`, as fit one message.
    pub(super) fn cut(after: Option<Key>, all: impl Iterator<Item = (Key, Hold)>) -> Self {
        let room = (PAGE_MAX - HEADER_MAX) / RECORD_MAX;
        let mut all = all.peekable();
        let bindings: Vec<_> = all.by_ref().take(room).collect();
        let last = bindings.last().map(|&(key, _)| key);
        Self {
            after,
            upto: all.peek().and(last),
            bindings,
        }
    }

    /// The range as the standard library wants it.
    pub(super) fn bounds(&self) -> (Bound<Key>, Bound<Key>) {
        (
            self.after.map_or(Bound::Unbounded, Bound::Excluded),
            self.upto.map_or(Bound::Unbounded, Bound::Included),
        )
    }

    /// Whether the keys are in order, and between the two ends.
    fn holds(&self) -> bool {
        let mut last = self.after;
        for &(key, _) in &self.bindings {
            if last.is_some_and(|last| key <= last) {
                return false;
            }
            last = Some(key);
        }
        match (self.upto, last, self.after) {
            (None, ..) => true,
            // An empty range must still lead forward: the standard library panics otherwise.
            (Some(upto), Some(last), after) => last <= upto && after != Some(upto),
            (Some(_), None, _) => true,
        }
    }
}

/// Changes cut so that each list fits one message.
pub(super) fn changes(records: &[Record]) -> impl Iterator<Item = List> {
    let room = (PAGE_MAX - HEADER_MAX) / RECORD_MAX;
    records
        .chunks(room)
        .map(|part| List::Changes(part.to_vec()))
}

impl Bindings {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.boot);
        bytes.extend(self.digest.0);
        put(bytes, self.sequence);
        match &self.list {
            List::Changes(records) => {
                bytes.push(CHANGES);
                records.iter().for_each(|record| record.encode(bytes));
            }
            List::Range(range) => {
                bytes.push(RANGE);
                encode_end(range.after, bytes);
                encode_end(range.upto, bytes);
                for &(key, hold) in &range.bindings {
                    let hold = Some(hold);
                    Record { key, hold }.encode(bytes);
                }
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let boot = reader.number()?;
        let digest = Digest(reader.bytes()?);
        let sequence = reader.number()?;
        let list = match reader.byte()? {
            CHANGES => List::Changes(records(reader)?),
            RANGE => {
                let (after, upto) = (decode_end(reader)?, decode_end(reader)?);
                let kept = |record: Record| Some((record.key, record.hold?));
                let bindings = records(reader)?.into_iter().map(kept);
                let range = Range {
                    after,
                    upto,
                    bindings: bindings.collect::<Option<_>>()?,
                };
                range.holds().then_some(List::Range(range))?
            }
            _ => return None,
        };
        Some(Self {
            boot,
            digest,
            sequence,
            list,
        })
    }
}

fn records(reader: &mut Reader<'_>) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while !reader.is_empty() {
        records.push(Record::decode(reader)?);
    }
    Some(records)
}

fn encode_end(end: Option<Key>, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(end.is_some()));
    if let Some(key) = end {
        let hold = Some(Hold::Pinned);
        Record { key, hold }.encode(bytes);
    }
}

/// `Some(None)`: the range is open at this end.
fn decode_end(reader: &mut Reader<'_>) -> Option<Option<Key>> {
    match reader.byte()? {
        0 => Some(None),
        1 => {
            // There is one way to write a message, and so one way to read it.
            let record = Record::decode(reader)?;
            (record.hold == Some(Hold::Pinned)).then_some(Some(record.key))
        }
        _ => None,
    }
}
