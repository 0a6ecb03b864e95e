//! The ways round: through a gateway, by a peering, through a router in both private VLANs.

use super::Step;
use super::pair::Pair;
use crate::fabric::{Pvlan, Role, Routed};
use crate::id::{AttachmentId, PvlanId};
use crate::peering::Peering;
use crate::source::Place;

impl<'a> Pair<'a> {
    /// Steps after the matrix has said no.
    pub(super) fn detours(&self) -> Vec<Step> {
        if self.source.pvlan == self.target.pvlan {
            return vec![self.through_gateway()];
        }
        vec![self.peering(), self.router()]
    }

    fn through_gateway(&self) -> Step {
        let verdict = self.policy.fabric.routed(self.sender.id, self.receiver.id);
        let Some((pvlan, gateway)) = self.pvlan().zip(self.gateway()) else {
            return Step {
                title: "via L3",
                text: "nobody there could route for them".to_owned(),
                ..Step::default()
            };
        };
        let way = format!(
            "{} -> {} -> {}",
            self.name(self.sender.id),
            self.name(gateway),
            self.name(self.receiver.id)
        );
        let (text, drop, place) = match verdict {
            Some(Routed::Denied) => (
                format!("{way} stopped by hairpin_up"),
                Some("hairpin_up"),
                self.hairpin_place(pvlan),
            ),
            Some(Routed::Gateway) => (
                format!("{way} passes, counted as hairpin_routed"),
                None,
                self.hairpin_place(pvlan),
            ),
            Some(Routed::Exception) => (
                format!("{way} passes by exception"),
                None,
                self.exception_place(),
            ),
            Some(Routed::Unchecked | Routed::Neighbours) | None => (
                format!("{way} passes unchecked"),
                None,
                self.hairpin_place(pvlan),
            ),
        };
        Step {
            title: "via L3",
            text,
            place,
            drop,
            ..Step::default()
        }
    }

    fn pvlan(&self) -> Option<&'a Pvlan> {
        self.policy.fabric.pvlans.get(self.source.pvlan.index())
    }

    /// A declared gateway, else any promiscuous port, that is neither of the two.
    fn gateway(&self) -> Option<AttachmentId> {
        let fabric = self.policy.fabric;
        let ends = [self.sender.port, self.receiver.port];
        let open = fabric.attachments.iter().filter(|attachment| {
            let segment = fabric.segment(attachment.segment);
            segment.is_some_and(|it| it.pvlan == self.source.pvlan && it.role == Role::Promiscuous)
        });
        let declared = self.pvlan()?.gateways.iter().copied();
        let all = declared.chain(open.map(|attachment| attachment.id));
        let mut elsewhere = all.filter(|id| {
            let port = fabric.attachments.get(id.index()).map(|it| it.port);
            port.is_some_and(|port| !ends.contains(&port))
        });
        elsewhere.next()
    }

    /// The mode, or the private VLAN whose default it is.
    fn hairpin_place(&self, pvlan: &Pvlan) -> Option<Place> {
        let decl = self.policy.site.pvlans.get(pvlan.id.index())?;
        let span = decl.hairpin.map_or(decl.name.span, |hairpin| hairpin.span);
        Some(self.place(span))
    }

    /// Either port may list the other.
    fn exception_place(&self) -> Option<Place> {
        let listed = |own: &crate::Attachment, other: AttachmentId| {
            let decl = self.policy.site.port(own.port)?;
            let other = self.name(other);
            let mut listed = decl.hairpin.iter();
            Some(listed.find(|it| it.value.to_string() == other)?.span)
        };
        let forth = listed(self.sender, self.receiver.id);
        let span = forth.or_else(|| listed(self.receiver, self.sender.id))?;
        Some(self.place(span))
    }

    /// The peerings that list both, and whether the sender is the one who may start.
    fn peerings(&self) -> impl Iterator<Item = (usize, &'a Peering, bool)> {
        let (from, to) = (self.sender.id, self.receiver.id);
        let lists = |list: &[AttachmentId], id| list.binary_search(&id).is_ok();
        let all = self.policy.fabric.peerings.iter().enumerate();
        all.filter_map(move |(index, peering)| {
            let forth = lists(&peering.from, from) && lists(&peering.to, to);
            let back = lists(&peering.from, to) && lists(&peering.to, from);
            (forth || back).then_some((index, peering, forth))
        })
    }

    /// Does a peering of the two let the traffic pass (any at all, when none was asked about)?
    pub(super) fn peering_allows(&self) -> bool {
        self.peerings().any(|(_, peering, _)| self.covers(peering))
    }

    fn covers(&self, peering: &Peering) -> bool {
        let mut rules = peering.allow.iter();
        self.flow
            .is_none_or(|flow| rules.any(|rule| rule.covers(flow)))
    }

    fn peering(&self) -> Step {
        let mut all: Vec<_> = self.peerings().collect();
        all.sort_by_key(|(_, peering, forth)| (!self.covers(peering), !forth));
        let Some(&(index, peering, forth)) = all.first() else {
            return Step {
                title: "peering",
                text: "no peering lists the two".to_owned(),
                ..Step::default()
            };
        };
        let allow: Vec<_> = peering.allow.iter().map(ToString::to_string).collect();
        let decl = self.policy.site.peerings.get(index);
        let replies = if forth { "" } else { " as replies" };
        let (text, drop) = if self.covers(peering) {
            (
                format!("{} passes {}{replies}", peering.name, allow.join(", ")),
                None,
            )
        } else {
            let text = format!("{} passes {} only", peering.name, allow.join(", "));
            (text, Some("peering_deny"))
        };
        Step {
            title: "peering",
            text,
            place: decl.map(|decl| self.place(decl.name.span)),
            drop,
            ..Step::default()
        }
    }

    /// A trunk with promiscuous tags in both is a router, and what it does is its own business.
    fn router(&self) -> Step {
        let both = [self.source.pvlan, self.target.pvlan];
        let fabric = self.policy.fabric;
        let is_open = |id: AttachmentId, pvlan: PvlanId| {
            let attachment = fabric.attachments.get(id.index());
            let segment = attachment.and_then(|it| fabric.segment(it.segment));
            segment.is_some_and(|it| it.pvlan == pvlan && it.role == Role::Promiscuous)
        };
        let mut ports = fabric.ports.iter();
        let router = ports.find(|port| {
            let mut wanted = both.iter();
            wanted.all(|&pvlan| port.attachments.iter().any(|&id| is_open(id, pvlan)))
        });
        let place = router.and_then(|port| {
            let decl = self.policy.site.port(port.id)?;
            Some(self.place(decl.name.span))
        });
        Step {
            title: "via L3",
            text: router.map_or_else(
                || "no port is promiscuous in both".to_owned(),
                |port| {
                    let name = fabric.port_name(port.id);
                    format!("{name} is promiscuous in both: what it routes is its own doing")
                },
            ),
            place,
            ..Step::default()
        }
    }
}
