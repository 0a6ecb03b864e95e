//! The tag that every frame of the lab carries, so that a reception can be traced to the one
//! frame that caused it.

use crate::lab::plan::HostId;

const MAGIC: [u8; 8] = *b"SKERRYL1";
/// A tag's length in bytes: magic, run, source, kind, target, sequence.
pub(super) const TAG_LEN: usize = 8 + 8 + 1 + 1 + 1 + 4;
const NOBODY: u8 = 0xff;

/// What a tagged frame is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Kind {
    /// To one host's MAC.
    Unicast,
    /// To ff:ff:ff:ff:ff:ff.
    Broadcast,
    /// To an IPv4 group that every listener hears (224.0.0.0/24, RFC 4541 section 2.1.2).
    Multicast,
    /// Against the policy.
    Attack,
    /// One of a stream.
    Stream,
}

impl Kind {
    /// The kinds that the matrix is measured with.
    pub(super) const MEASURED: [Self; 3] = [Self::Unicast, Self::Broadcast, Self::Multicast];
    const ALL: [Self; 5] = [
        Self::Unicast,
        Self::Broadcast,
        Self::Multicast,
        Self::Attack,
        Self::Stream,
    ];

    const fn number(self) -> u8 {
        match self {
            Self::Unicast => 1,
            Self::Broadcast => 2,
            Self::Multicast => 3,
            Self::Attack => 4,
            Self::Stream => 5,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// Who sent a frame, to whom, when and why.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Tag {
    /// The run of the lab: frames of another one are nobody's.
    pub(super) run: u64,
    /// The host that sent it.
    pub(super) source: HostId,
    /// Whom it is addressed to; `None` for a group.
    pub(super) target: Option<HostId>,
    /// What for.
    pub(super) kind: Kind,
    /// Unique for the source and kind in this run.
    pub(super) sequence: u32,
}

impl Tag {
    /// The bytes on the wire.
    pub(super) fn bytes(&self) -> [u8; TAG_LEN] {
        let mut out = [0; TAG_LEN];
        let target = self.target.map_or(NOBODY, HostId::number);
        let (head, rest) = out.split_at_mut(16);
        head[..8].copy_from_slice(&MAGIC);
        head[8..].copy_from_slice(&self.run.to_be_bytes());
        rest[..3].copy_from_slice(&[self.source.number(), self.kind.number(), target]);
        rest[3..].copy_from_slice(&self.sequence.to_be_bytes());
        out
    }

    /// The tag at the start of `bytes`; `None` for anything else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        if *magic != MAGIC {
            return None;
        }
        let (run, rest) = rest.split_first_chunk()?;
        let (&[source, kind, target], rest) = rest.split_first_chunk()?;
        let (sequence, _) = rest.split_first_chunk()?;
        let target = match target {
            NOBODY => None,
            number => Some(HostId::from_number(number)?),
        };
        Some(Self {
            run: u64::from_be_bytes(*run),
            source: HostId::from_number(source)?,
            target,
            kind: Kind::from_number(kind)?,
            sequence: u32::from_be_bytes(*sequence),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: Kind, target: Option<HostId>) -> Tag {
        Tag {
            run: 0x0123_4567_89ab_cdef,
            source: HostId::from_number(14).expect("the last host"),
            target,
            kind,
            sequence: 0xdead_beef,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for kind in Kind::ALL {
            for target in [None, HostId::from_number(0), HostId::from_number(14)] {
                let tag = tag(kind, target);
                assert_eq!(Tag::parse(&tag.bytes()), Some(tag));
            }
        }
    }

    #[test]
    fn anything_else_is_no_tag() {
        let good = tag(Kind::Unicast, HostId::from_number(3)).bytes();
        for length in 0..TAG_LEN {
            assert_eq!(Tag::parse(&good[..length]), None, "cut to {length}");
        }
        for (place, value, what) in [
            (0, b'X', "magic"),
            (16, 15, "source"),
            (17, 0, "kind"),
            (18, 15, "target"),
        ] {
            let mut bad = good;
            bad[place] = value;
            assert_eq!(Tag::parse(&bad), None, "bad {what}");
        }
    }
}
