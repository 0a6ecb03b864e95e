//! A stock VTEP of the mesh: a bridge with one VXLAN device to speak through and one for each
//! segment it hears, or the same with `tc` alone.

use super::{Section, VXLAN_PORT, device, firewall, ports_of, wireguard};
use crate::fabric::{Fabric, Node, Role, Segment};
use crate::port::Port;

pub(super) fn sections(fabric: &Fabric, node: &Node) -> Vec<Section> {
    let others = fabric.nodes.iter().filter(|other| other.id != node.id);
    let partners: Vec<&Node> = others
        .filter(|other| fabric.exchanges(node.id, other.id))
        .collect();
    let ports = ports_of(fabric, node).filter_map(|(port, attachment)| {
        let segment = fabric.segment(attachment.segment)?;
        Some(Member {
            fabric,
            node,
            port,
            segment,
        })
    });
    let members: Vec<Member<'_>> = ports.collect();
    let senders: Vec<(&Node, Vec<&Segment>)> = partners
        .iter()
        .map(|partner| {
            let accepted = members.iter().flat_map(Member::accepted);
            let sent = accepted.filter(|segment| fabric.may_send(partner.id, segment.id));
            (*partner, sent.collect())
        })
        .collect();
    let mut sections = vec![
        wireguard(fabric, node, &partners),
        firewall::section(node, &senders),
    ];
    for member in &members {
        sections.push(member.bridge());
        sections.push(member.tc());
    }
    sections
}

/// One port of a stock mesh member.
struct Member<'a> {
    fabric: &'a Fabric,
    node: &'a Node,
    port: &'a Port,
    segment: &'a Segment,
}

impl Member<'_> {
    /// The bridge recipe.
    fn bridge(&self) -> Section {
        let port = device(self.port);
        let bridge = format!("br{}", self.segment.vni);
        let title = format!(
            "port {}: {}, as a bridge",
            self.port.name, self.segment.name
        );
        let mut section = Section::new(title)
            .note(format!("{port} is the interface of the guest"))
            .note("a stock kernel guards nothing: it is trusted within what it may send")
            .note("needs cls_matchall; without the drops the guest reaches the machine itself")
            .note("addrgenmode none keeps the machine's own IPv6 out of the segment")
            .note("nothing is up before all that guards it is there");
        section.run(format!("ip link add {bridge} type bridge mcast_snooping 0"));
        section.run(format!("ip link set {bridge} addrgenmode none"));
        section.run(format!("ip link set {bridge} mtu {}", self.fabric.mtu));
        section.run(format!("ip link set {port} addrgenmode none"));
        section.run(format!(
            "ip link set {port} mtu {} master {bridge}",
            self.fabric.mtu
        ));
        // What the bridge would hand to the machine itself: the guest's frames end here.
        drop_all(&bridge, &mut section);
        self.speak(&bridge, &mut section);
        for heard in self.heard() {
            self.listen(heard, &bridge, &mut section);
        }
        // Last: a frame that comes before `learning off` or a drop would be learned or heard.
        let tunnels = std::iter::once(self.segment).chain(self.heard());
        let devices = std::iter::once(bridge).chain(tunnels.map(vxlan_name));
        for device in devices.chain([port.to_owned()]) {
            section.run(format!("ip link set {device} up"));
        }
        section
    }

    /// The device that frames of the guest leave by: the VNI of its own segment.
    fn speak(&self, bridge: &str, section: &mut Section) {
        let name = vxlan_name(self.segment);
        self.add_vxlan(&name, self.segment, bridge, section);
        section.run(format!(
            "bridge link set dev {name} isolated on learning off"
        ));
        for target in self.targets() {
            section.run(format!(
                "bridge fdb append 00:00:00:00:00:00 dev {name} dst {}",
                target.overlay
            ));
        }
        for (mac, node) in self.known_macs() {
            section.run(format!(
                "bridge fdb append {mac} dev {name} dst {}",
                node.overlay
            ));
        }
        if self.segment.role == Role::Isolated {
            // Nobody may send an isolated port its own VNI.
            drop_all(&name, section);
        }
    }

    /// A device that only hears: `isolated` on all tunnel devices is the kernel's split horizon.
    fn listen(&self, heard: &Segment, bridge: &str, section: &mut Section) {
        let name = vxlan_name(heard);
        self.add_vxlan(&name, heard, bridge, section);
        section.run(format!(
            "bridge link set dev {name} isolated on learning off flood off mcast_flood off bcast_flood off"
        ));
    }

    fn add_vxlan(&self, name: &str, segment: &Segment, bridge: &str, section: &mut Section) {
        section.run(format!(
            "ip link add {name} type vxlan id {} local {} dstport {VXLAN_PORT} nolearning",
            segment.vni, self.node.overlay
        ));
        section.run(format!("ip link set {name} addrgenmode none"));
        section.run(format!(
            "ip link set {name} mtu {} master {bridge}",
            self.fabric.mtu
        ));
    }

    /// The recipe without a bridge.
    fn tc(&self) -> Section {
        let port = device(self.port);
        let title = format!("port {}, with tc instead of the bridge", self.port.name);
        let mut section =
            Section::new(title).note("needs cls_matchall, cls_flower and act_tunnel_key");
        section.alternative = true;
        let vxlan = format!("vx{}", self.segment.vni);
        let mtu = self.fabric.mtu;
        section.run(format!(
            "ip link add {vxlan} type vxlan external dstport {VXLAN_PORT} nolearning"
        ));
        for name in [vxlan.as_str(), port] {
            section.run(format!("ip link set {name} addrgenmode none"));
            section.run(format!("ip link set {name} mtu {mtu}"));
            section.run(format!("tc qdisc add dev {name} clsact"));
        }
        section.run(self.tc_out(port, &vxlan));
        for heard in self.accepted() {
            section.run(format!(
                "tc filter add dev {vxlan} ingress protocol all flower enc_key_id {} action tunnel_key unset action mirred egress redirect dev {port}",
                heard.vni
            ));
        }
        section.run(format!(
            "tc filter add dev {vxlan} ingress protocol all prio 65000 matchall action drop"
        ));
        for name in [vxlan.as_str(), port] {
            section.run(format!("ip link set {name} up"));
        }
        section
    }

    /// One filter with a copy for each target: all but the last are mirrored.
    fn tc_out(&self, port: &str, vxlan: &str) -> String {
        let targets = self.targets();
        let mut line = format!("tc filter add dev {port} ingress matchall");
        for (index, target) in targets.iter().enumerate() {
            let way = if index + 1 == targets.len() {
                "redirect"
            } else {
                "mirror"
            };
            line.push_str(&format!(
                " action tunnel_key set src_ip {} dst_ip {} id {} dst_port {VXLAN_PORT} nocsum action mirred egress {way} dev {vxlan}",
                self.node.overlay, target.overlay, self.segment.vni
            ));
        }
        if targets.is_empty() {
            line.push_str(" action drop");
        }
        line
    }

    /// The nodes that hear this segment.
    fn targets(&self) -> Vec<&Node> {
        let members = self.fabric.members(self.segment.id).iter();
        let others = members.filter(|&&id| id != self.node.id);
        others
            .filter_map(|id| self.fabric.nodes.get(id.index()))
            .collect()
    }

    /// The other segments that this port accepts.
    fn heard(&self) -> Vec<&Segment> {
        let all = self.fabric.segments.iter();
        all.filter(|from| {
            from.id != self.segment.id && self.fabric.accepts(from.id, self.segment.id)
        })
        .collect()
    }

    /// Every segment that this port accepts, its own perhaps among them.
    fn accepted(&self) -> Vec<&Segment> {
        let mut accepted = self.heard();
        accepted.extend(self.hears_itself());
        accepted
    }

    /// Its own segment, where that accepts itself.
    fn hears_itself(&self) -> Option<&Segment> {
        let own = self.segment.id;
        self.fabric.accepts(own, own).then_some(self.segment)
    }

    /// Bound MACs of ports it reaches: unicast to them needs one copy, not one for each node.
    fn known_macs(&self) -> Vec<(crate::Mac, &Node)> {
        let fabric = self.fabric;
        let mut known: Vec<_> = fabric
            .bound_macs()
            .filter_map(|(_, mac, owner)| {
                let owner = fabric.attachments.get(owner.index())?;
                let reached = fabric.accepts(self.segment.id, owner.segment);
                let elsewhere = owner.home != self.node.id;
                let node = fabric.nodes.get(owner.home.index())?;
                (reached && elsewhere).then_some((mac, node))
            })
            .collect();
        known.sort_by_key(|(mac, _)| *mac);
        known
    }
}

/// Drops whatever a device is about to hand on.
fn drop_all(device: &str, section: &mut Section) {
    section.run(format!("tc qdisc add dev {device} clsact"));
    section.run(format!(
        "tc filter add dev {device} ingress matchall action drop"
    ));
}

fn vxlan_name(segment: &Segment) -> String {
    format!("vx{}", segment.vni)
}
