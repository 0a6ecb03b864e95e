//! Bound MAC and IP addresses: one owner each in a private VLAN.

use std::hash::Hash;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::code::Code;
use crate::compile::Draft;
use crate::diagnostic::{Finding, Findings};
use crate::id::{AttachmentId, Mac, PvlanId};
use crate::port::Port;
use crate::site::PortDecl;
use crate::source::{At, Span};

/// The owner of an address, and where the file says so.
type Claims<T> = FxHashMap<(PvlanId, T), (AttachmentId, Span)>;

impl Draft<'_> {
    pub(super) fn add_bindings(&mut self, findings: &mut Findings) {
        let mut macs: Claims<Mac> = FxHashMap::default();
        let mut ips: Claims<IpAddr> = FxHashMap::default();
        for (port, &decl) in self.ports.iter().zip(&self.decls) {
            let Some(decl) = self.site.ports.get(decl) else {
                continue;
            };
            self.bind_port(port, decl, &mut macs, &mut ips, findings);
        }
        self.mac_owner = macs
            .into_iter()
            .map(|(key, (owner, _))| (key, owner))
            .collect();
        self.ip_owner = ips
            .into_iter()
            .map(|(key, (owner, _))| (key, owner))
            .collect();
    }

    fn bind_port(
        &self,
        port: &Port,
        decl: &PortDecl,
        macs: &mut Claims<Mac>,
        ips: &mut Claims<IpAddr>,
        findings: &mut Findings,
    ) {
        let tags = self.tags_by_pvlan(port);
        let mac = decl.macs.first().map(|mac| mac.span);
        let bound = mac.or_else(|| decl.ips.first().map(|ip| ip.span));
        let twice = tags.windows(2).find_map(same_pvlan);
        if let Some((bound, twice)) = bound.zip(twice) {
            findings.push(self.ambiguous(bound, twice));
            return;
        }
        for mac in decl.macs.iter().filter(|mac| mac.value.is_peerings()) {
            let message = format!("{} is kept for peerings", mac.value);
            let finding = Finding::error(Code::Range, mac.span, message);
            findings.push(finding.says("no address that begins with 02:53:4b can be bound"));
        }
        for mac in &decl.macs {
            // A router has one MAC on all its tags; each private VLAN knows it separately.
            for &owner in &tags {
                claim(macs, *mac, owner, "MAC", findings);
            }
        }
        for ip in &decl.ips {
            if let Some(owner) = self.owner_of(ip, &tags, findings) {
                claim(ips, *ip, owner, "IP address", findings);
            }
        }
        self.check_mac_count(port, decl, findings);
    }

    /// The attachments of a port with their private VLANs, those of one private VLAN together.
    fn tags_by_pvlan(&self, port: &Port) -> Vec<(PvlanId, AttachmentId)> {
        let attachments = port
            .attachments
            .iter()
            .filter_map(|&id| self.attachment(id));
        let mut tags: Vec<_> = attachments
            .filter_map(|it| Some((self.segment_of(it)?.pvlan, it.id)))
            .collect();
        tags.sort_unstable();
        tags
    }

    fn ambiguous(&self, span: Span, pvlan: PvlanId) -> Finding {
        let name = self
            .pvlan_decl(pvlan)
            .map_or("", |decl| decl.name.value.as_str());
        Finding::error(
            Code::Ambiguous,
            span,
            "not clear which tag this address belongs to",
        )
        .says(format!("two tags of this trunk are in `{name}`"))
        .help("bind addresses on ports with one segment in each private VLAN")
    }

    /// Where an IP address lives: in the private VLAN whose subnets hold it.
    fn owner_of(
        &self,
        ip: &At<IpAddr>,
        tags: &[(PvlanId, AttachmentId)],
        findings: &mut Findings,
    ) -> Option<(PvlanId, AttachmentId)> {
        let inside = tags
            .iter()
            .copied()
            .filter(|&(pvlan, _)| self.holds(pvlan, ip.value));
        let mut inside: Vec<_> = inside.collect();
        match (inside.pop(), tags) {
            (Some(owner), _) if inside.is_empty() => Some(owner),
            (None, &[owner]) => {
                self.outside(ip, owner.0, findings);
                Some(owner)
            }
            (None, []) => None,
            (Some(_), _) | (None, _) => {
                let message = "not clear to which tag this address belongs";
                findings.push(
                    Finding::error(Code::Ambiguous, ip.span, message)
                        .says("in the subnets of none, or of several, of its private VLANs"),
                );
                None
            }
        }
    }

    fn holds(&self, pvlan: PvlanId, ip: IpAddr) -> bool {
        let subnets = self.pvlan_decl(pvlan).map(|decl| &decl.subnets);
        subnets.is_some_and(|subnets| subnets.iter().any(|net| net.value.contains(&ip)))
    }

    /// P026: the hairpin guard looks at the subnets, so an address outside escapes it.
    fn outside(&self, ip: &At<IpAddr>, pvlan: PvlanId, findings: &mut Findings) {
        let Some(decl) = self.pvlan_decl(pvlan) else {
            return;
        };
        let link_local = matches!(ip.value, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if link_local || decl.subnets.is_empty() {
            return;
        }
        let name = &decl.name.value;
        let message = format!("{} is outside the subnets of `{name}`", ip.value);
        findings.push(
            Finding::warning(Code::OutsideSubnets, ip.span, message).help(format!(
                "hosts of `{name}` are told from the rest of the world by `subnets`"
            )),
        );
    }

    fn check_mac_count(&self, port: &Port, decl: &PortDecl, findings: &mut Findings) {
        let limit = port.guards.max_macs as usize;
        if let Some(mac) = decl.macs.get(limit) {
            let message = format!("more MACs bound than max_macs = {limit} lets the port use");
            findings.push(Finding::error(Code::Range, mac.span, message).says("one too many"));
        }
    }
}

fn same_pvlan(pair: &[(PvlanId, AttachmentId)]) -> Option<PvlanId> {
    match pair {
        [(one, _), (other, _)] if one == other => Some(*one),
        _ => None,
    }
}

/// P008.
fn claim<T: Copy + Eq + Hash + ToString>(
    claims: &mut Claims<T>,
    at: At<T>,
    (pvlan, owner): (PvlanId, AttachmentId),
    what: &str,
    findings: &mut Findings,
) {
    if let Some(&(_, first)) = claims.get(&(pvlan, at.value)) {
        let message = format!(
            "{what} {} is bound twice in one private VLAN",
            at.value.to_string()
        );
        let finding = Finding::error(Code::BoundTwice, at.span, message);
        findings.push(finding.label(first, "first here"));
    } else {
        claims.insert((pvlan, at.value), (owner, at.span));
    }
}
