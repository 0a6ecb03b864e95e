//! What one attachment may do to another, all ways considered.

use serde::{Serialize, Serializer};

use crate::fabric::{Fabric, Role, Routed};
use crate::id::{AttachmentId, PvlanId, SegmentId};
use crate::site::{PortRef, SegmentRef};

/// How frames of one attachment may come to another, from nothing to everything.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Access {
    /// Not at all.
    Never,
    /// Listed traffic, by a peering.
    Peering,
    /// IP packets, through the gateway.
    Gateway,
    /// Every frame.
    Direct,
}

impl Access {
    /// The cell of the matrix.
    pub const fn letter(self) -> char {
        match self {
            Self::Never => '-',
            Self::Peering => 'p',
            Self::Gateway => 'g',
            Self::Direct => 'y',
        }
    }

    /// As it stands in a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Never => "no access",
            Self::Peering => "peering",
            Self::Gateway => "through the gateway",
            Self::Direct => "direct",
        }
    }
}

impl Serialize for Access {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(self.letter())
    }
}

/// A fabric with what the questions about it need more than once.
#[derive(Clone, Debug)]
pub(crate) struct Reach<'a> {
    pub(crate) fabric: &'a Fabric,
    /// Indexed by private VLAN: is there anybody who could route for hosts?
    routers: Vec<bool>,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(fabric: &'a Fabric) -> Self {
        let mut routers = vec![false; fabric.pvlans.len()];
        for attachment in &fabric.attachments {
            let segment = fabric.segment(attachment.segment);
            let open = segment.filter(|segment| segment.role == Role::Promiscuous);
            if let Some(slot) = open.and_then(|it| routers.get_mut(it.pvlan.index())) {
                *slot = true;
            }
        }
        Self { fabric, routers }
    }

    pub(crate) fn has_router(&self, pvlan: PvlanId) -> bool {
        self.routers.get(pvlan.index()).copied().unwrap_or(false)
    }

    /// One cell of the matrix. Tags of one port never talk: a frame does not leave where it came in.
    pub(crate) fn access(&self, from: AttachmentId, to: AttachmentId) -> Access {
        let attachments = &self.fabric.attachments;
        let ends = attachments
            .get(from.index())
            .zip(attachments.get(to.index()));
        let Some((sender, receiver)) = ends.filter(|(a, b)| a.port != b.port) else {
            return Access::Never;
        };
        match self.fabric.routed(from, to) {
            Some(Routed::Neighbours) => Access::Direct,
            Some(Routed::Denied) => Access::Never,
            Some(Routed::Gateway | Routed::Unchecked | Routed::Exception) => {
                let pvlan = self.fabric.segment(sender.segment).map(|it| it.pvlan);
                if pvlan.is_some_and(|pvlan| self.has_router(pvlan)) {
                    Access::Gateway
                } else {
                    Access::Never
                }
            }
            None if self.peered(from, receiver.id) => Access::Peering,
            None => Access::Never,
        }
    }

    /// Does a peering list the two, as caller and called or the other way for the replies?
    fn peered(&self, one: AttachmentId, other: AttachmentId) -> bool {
        let mut peerings = self.fabric.peerings.iter();
        peerings.any(|peering| {
            let lists = |a, b| {
                peering.from.binary_search(&a).is_ok() && peering.to.binary_search(&b).is_ok()
            };
            lists(one, other) || lists(other, one)
        })
    }

    pub(crate) fn segment_name(&self, id: SegmentId) -> &'a str {
        self.fabric
            .segment(id)
            .map_or("", |segment| segment.name.as_str())
    }
}

impl Fabric {
    /// What `from` may do to `to`: one cell of the matrix.
    pub fn access(&self, from: AttachmentId, to: AttachmentId) -> Access {
        Reach::new(self).access(from, to)
    }

    /// The attachment that `n1/b-i1` or `n3/up0#20` names.
    pub fn attachment_named(&self, name: &str) -> Option<AttachmentId> {
        let PortRef { node, port, tag } = PortRef::parse(name)?;
        let node = self.node_named(&node)?;
        let mut ports = self.ports.iter();
        let port = ports.find(|it| it.node == node && it.name == port)?;
        self.attachment_at(port.id, tag)
    }

    /// The segment that `blue.web` names.
    pub fn segment_named(&self, name: &str) -> Option<SegmentId> {
        SegmentRef::parse(name)?;
        let segment = self.segments.iter().find(|segment| segment.name == name)?;
        Some(segment.id)
    }
}
