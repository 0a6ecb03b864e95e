//! Peerings: the only way a frame changes private VLAN.
//!
//! A peering is a segment of its own that nothing accepts and nothing is flooded with: its frames
//! go from one address that policy binds to one of its ends to one that policy binds to an end
//! on the other side, or nowhere. The two private VLANs keep their MAC addresses to themselves;
//! in both, the other side is behind one MAC address, that of the peering.
//!
//! Addresses are looked up in the private VLAN that they belong to. One that both private VLANs
//! bind does not cross: in each of them it means the host next door.

use std::net::IpAddr;

use crate::fabric::Fabric;
use crate::id::{AttachmentId, Mac, PvlanId, SegmentId, Vni};
use crate::port::Attachment;
use crate::site::Flow;

/// Listed ports of two private VLANs, and what they may say to each other.
#[derive(Clone, Debug)]
pub struct Peering {
    /// What its frames have in place of a segment; numbered on behind the last segment.
    pub id: SegmentId,
    /// Its name.
    pub name: String,
    /// Its number on the wire.
    pub vni: Vni,
    /// The private VLAN of `from`, and that of `to`.
    pub pvlans: [PvlanId; 2],
    /// Who may start, sorted.
    pub from: Vec<AttachmentId>,
    /// Who may be reached, sorted.
    pub to: Vec<AttachmentId>,
    /// What may be said; replies follow.
    pub allow: Vec<Flow>,
}

/// The direction of a packet that crosses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// From an end that may start to one that may be reached.
    Forth,
    /// A reply.
    Back,
}

/// Who talks to whom across a peering.
#[derive(Clone, Copy, Debug)]
pub struct Crossing<'a> {
    /// The end that the source address is bound to.
    pub sender: &'a Attachment,
    /// The end that the destination address is bound to.
    pub receiver: &'a Attachment,
    /// Whether the sender may start, or only reply.
    pub way: Way,
}

impl Peering {
    /// The MAC address that stands for the other side, in both private VLANs.
    pub const fn mac(&self) -> Mac {
        Mac::of_peering(self.vni)
    }

    /// The direction in which two attachments are opposite ends.
    pub fn joins(&self, sender: AttachmentId, receiver: AttachmentId) -> Option<Way> {
        let lists = |ends: &[AttachmentId], id| ends.binary_search(&id).is_ok();
        if lists(&self.from, sender) && lists(&self.to, receiver) {
            Some(Way::Forth)
        } else if lists(&self.to, sender) && lists(&self.from, receiver) {
            Some(Way::Back)
        } else {
            None
        }
    }

    /// The private VLANs of sender and receiver.
    const fn sides(&self, way: Way) -> (PvlanId, PvlanId) {
        let [from, to] = self.pvlans;
        match way {
            Way::Forth => (from, to),
            Way::Back => (to, from),
        }
    }
}

impl Fabric {
    /// The peering whose frames have this number in place of a segment.
    pub fn peering(&self, id: SegmentId) -> Option<&Peering> {
        let place = id.index().checked_sub(self.segments.len())?;
        self.peerings.get(place)
    }

    /// The peering a VNI names.
    pub fn peering_of_vni(&self, vni: Vni) -> Option<&Peering> {
        self.peering(*self.peering_by_vni.get(&vni)?)
    }

    /// The peering a MAC address stands for in a private VLAN.
    pub fn peering_for_mac(&self, pvlan: PvlanId, mac: Mac) -> Option<&Peering> {
        let peering = self.peering_of_vni(mac.peering_vni()?)?;
        peering.pvlans.contains(&pvlan).then_some(peering)
    }

    /// The peerings that list an attachment, in file order.
    pub fn peerings_of(&self, end: AttachmentId) -> impl Iterator<Item = &Peering> {
        let listed = self.peerings_of.get(&end).into_iter().flatten();
        listed.filter_map(|&id| self.peering(id))
    }

    /// The number on the wire of a segment or peering.
    pub fn vni_of(&self, id: SegmentId) -> Option<Vni> {
        let segment = self.segment(id).map(|segment| segment.vni);
        segment.or_else(|| Some(self.peering(id)?.vni))
    }

    /// Whose packet that is, if its addresses are bound to opposite ends of the peering. Two tags
    /// of one port are no pair: what came in by a port never leaves by it.
    pub fn crossing<'a>(
        &'a self,
        peering: &Peering,
        source: IpAddr,
        destination: IpAddr,
    ) -> Option<Crossing<'a>> {
        let between = |way| {
            let (near, far) = peering.sides(way);
            let sender = self.ip_owner_across(near, far, source)?;
            let receiver = self.ip_owner_across(far, near, destination)?;
            let apart = sender.port != receiver.port;
            let joined = peering.joins(sender.id, receiver.id) == Some(way);
            (apart && joined).then_some(Crossing {
                sender,
                receiver,
                way,
            })
        };
        between(Way::Forth).or_else(|| between(Way::Back))
    }

    /// The peering by which an end reaches an address of another private VLAN: the first in the
    /// file, where there are several.
    pub fn peering_towards(&self, end: AttachmentId, target: IpAddr) -> Option<&Peering> {
        self.peerings_of(end).find(|peering| {
            let [from, to] = peering.pvlans;
            [(from, to), (to, from)].into_iter().any(|(near, far)| {
                self.ip_owner_across(far, near, target)
                    .is_some_and(|owner| {
                        let port = self.attachments.get(end.index()).map(|it| it.port);
                        port != Some(owner.port) && peering.joins(end, owner.id).is_some()
                    })
            })
        })
    }

    /// The attachment that a private VLAN binds an address to, if the other one does not bind it.
    fn ip_owner_across(&self, own: PvlanId, other: PvlanId, ip: IpAddr) -> Option<&Attachment> {
        if self.ip_owner(other, ip).is_some() {
            return None;
        }
        self.attachments.get(self.ip_owner(own, ip)?.index())
    }
}
