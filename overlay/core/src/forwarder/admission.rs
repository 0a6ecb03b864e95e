//! Is this a frame at all, and may this port send its kind? The checks from `port_down` to
//! `ethertype`, in the order of private-vlan 3.5.

use skerry_policy::{LocalAttachment, LocalPort, Tables, Vid};

use crate::frame::ETH_HEADER;
use crate::reason::DropReason;
use crate::wire::ethernet::{Ethernet, Tagging, ethertype};

/// A VLAN tag's length.
const TAG: usize = 4;

/// Addresses that make sense and a protocol that may be forwarded, for frames of any origin.
///
/// # Errors
/// `Runt`, `Oversize`, `BadSrcMac`, `BadDstMac`, `L2Reserved`.
pub(super) fn header(bytes: &[u8], longest: usize, mtu: u16) -> Result<Ethernet, DropReason> {
    let header = Ethernet::parse(bytes).ok_or(DropReason::Runt)?;
    let tag = if header.tagging == Tagging::Untagged {
        0
    } else {
        TAG
    };
    if longest > usize::from(mtu) + ETH_HEADER + tag {
        return Err(DropReason::Oversize);
    }
    if header.source.is_group() || header.source.is_zero() {
        return Err(DropReason::BadSrcMac);
    }
    if header.destination.is_zero() {
        return Err(DropReason::BadDstMac);
    }
    if header.is_reserved() {
        return Err(DropReason::L2Reserved);
    }
    Ok(header)
}

/// The attachment a frame enters by: the port's only one, or the one of its tag.
///
/// # Errors
/// `VlanStacked`, `VlanTagged`, `VlanUnmapped`, `VlanUntagged`.
pub(super) fn attachment(
    tables: &Tables,
    port: LocalPort,
    tagging: Tagging,
) -> Result<LocalAttachment, DropReason> {
    let by_tag = |vid: Vid| {
        let mut attachments = tables.attachments_of(port).iter().copied();
        let tag = Some(vid);
        attachments.find(|&id| tables.attachment(id).is_some_and(|view| view.tag == tag))
    };
    let access = tables.gate(port).and_then(|gate| gate.access);
    match tagging {
        Tagging::Stacked => Err(DropReason::VlanStacked),
        Tagging::Untagged | Tagging::Priority => access.ok_or(DropReason::VlanUntagged),
        Tagging::Tagged(_) | Tagging::Foreign if access.is_some() => Err(DropReason::VlanTagged),
        Tagging::Tagged(vid) => by_tag(vid).ok_or(DropReason::VlanUnmapped),
        Tagging::Foreign => Err(DropReason::VlanUnmapped),
    }
}

/// An Ethernet II type that the sender may send.
///
/// # Errors
/// `Llc`, `Ethertype`.
pub(super) fn kind(allows: impl FnOnce(u16) -> bool, kind: u16) -> Result<(), DropReason> {
    if kind < ethertype::FIRST {
        return Err(DropReason::Llc);
    }
    if allows(kind) {
        Ok(())
    } else {
        Err(DropReason::Ethertype)
    }
}
