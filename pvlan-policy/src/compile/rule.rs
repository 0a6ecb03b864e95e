//! Rules that look at more than one declaration at once.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::code::Code;
use crate::compile::Draft;
use crate::diagnostic::{Finding, Findings};
use crate::fabric::{Hairpin, Role};
use crate::id::{NodeId, PvlanId, SegmentId};
use crate::port::{Attach, IpGuard, Port};
use crate::site::{PortDecl, StockKind};

impl Draft<'_> {
    pub(super) fn check_rules(&self, findings: &mut Findings) {
        self.check_promiscuous(findings);
        self.check_gateways(findings);
        self.check_interfaces(findings);
        for (port, &decl) in self.ports.iter().zip(&self.decls) {
            let Some(decl) = self.site.ports.get(decl) else {
                continue;
            };
            self.check_gateway_role(port, decl, findings);
            self.check_bound(port, decl, findings);
        }
        self.check_stock(findings);
        self.check_mtu(findings);
    }

    /// P021: a link that carries IPv6 carries packets of 1280 bytes (RFC 8200 section 5).
    fn check_mtu(&self, findings: &mut Findings) {
        let Some(mtu) = self.site.defaults.mtu.filter(|mtu| mtu.value < 1280) else {
            return;
        };
        let mut subnets = self.site.pvlans.iter().flat_map(|pvlan| &pvlan.subnets);
        if let Some(subnet) = subnets.find(|subnet| subnet.value.addr().is_ipv6()) {
            let message = "the MTU is too small for IPv6";
            findings.push(
                Finding::error(Code::Range, mtu.span, message)
                    .says("must be 1280 or more (RFC 8200 section 5)")
                    .label(subnet.span, "IPv6"),
            );
        }
    }

    /// P005: isolated ports that can reach nobody.
    fn check_promiscuous(&self, findings: &mut Findings) {
        let mut open: FxHashSet<PvlanId> = FxHashSet::default();
        for attachment in &self.attachments {
            let segment = self.segment_of(attachment);
            open.extend(
                segment
                    .filter(|it| it.role == Role::Promiscuous)
                    .map(|it| it.pvlan),
            );
        }
        let mut said = FxHashSet::default();
        for (attachment, &span) in self.attachments.iter().zip(&self.roles) {
            let Some(segment) = self.segment_of(attachment) else {
                continue;
            };
            let alone = segment.role == Role::Isolated && !open.contains(&segment.pvlan);
            if alone && said.insert(segment.pvlan) {
                let name = self
                    .pvlan_decl(segment.pvlan)
                    .map_or("", |it| it.name.value.as_str());
                let message = format!("isolated ports of `{name}` reach nobody");
                findings.push(
                    Finding::warning(Code::NoPromiscuous, span, message)
                        .says("the first of them")
                        .help(format!("no port is `{name}.promiscuous`")),
                );
            }
        }
    }

    /// P009 and P037: what the hairpin guard needs to know.
    fn check_gateways(&self, findings: &mut Findings) {
        let mut with_gateway: FxHashSet<PvlanId> = FxHashSet::default();
        for attachment in &self.attachments {
            let port = self.ports.get(attachment.port.index());
            let segment = self.segment_of(attachment);
            let Some((port, segment)) = port.zip(segment).filter(|(port, _)| port.gateway) else {
                continue;
            };
            if with_gateway.insert(segment.pvlan) {
                self.check_subnets(port, segment.pvlan, findings);
            }
        }
        for (index, decl) in (0..).zip(&self.site.pvlans) {
            let hairpin = decl.hairpin.filter(|it| it.value == Hairpin::Gateway);
            if let Some(hairpin) = hairpin.filter(|_| !with_gateway.contains(&PvlanId(index))) {
                let message = format!("`{}` has no gateway to go through", decl.name.value);
                let finding = Finding::warning(Code::NoGateway, hairpin.span, message);
                findings.push(finding.help("give a promiscuous port `gateway = true`"));
            }
        }
    }

    fn check_subnets(&self, port: &Port, pvlan: PvlanId, findings: &mut Findings) {
        let Some(decl) = self.pvlan_decl(pvlan) else {
            return;
        };
        let said = decl.subnets_unclear || !decl.subnets.is_empty();
        if said || decl.hairpin_mode() == Hairpin::Permit {
            return;
        }
        let gateway = self.decl_of(port).and_then(|decl| decl.gateway);
        let span = gateway.map_or(decl.name.span, |gateway| gateway.span);
        let message = format!("a gateway, but `{}` has no subnets", decl.name.value);
        findings.push(
            Finding::error(Code::GatewayWithoutSubnets, span, message)
                .label(decl.name.span, "needs `subnets`")
                .help("without them nobody can tell a host behind the gateway from one beside it")
                .help("hairpin = \"permit\" turns the guard off on purpose"),
        );
    }

    fn decl_of(&self, port: &Port) -> Option<&PortDecl> {
        self.site.ports.get(*self.decls.get(port.id.index())?)
    }

    /// P036: one interface is one port.
    fn check_interfaces(&self, findings: &mut Findings) {
        let mut seen: FxHashMap<(NodeId, String, String), &PortDecl> = FxHashMap::default();
        for port in &self.ports {
            let Some(decl) = self.decl_of(port) else {
                continue;
            };
            for (netns, name) in interfaces(port) {
                let key = (port.node, netns, name);
                if let Some(first) = seen.get(&key) {
                    let message = format!("interface {} for two ports of one node", key.2);
                    let finding = Finding::error(Code::Interface, decl.name.span, message);
                    findings.push(finding.label(first.name.span, "first here"));
                } else {
                    seen.insert(key, decl);
                }
            }
        }
    }

    /// P022: traffic of hosts goes to promiscuous ports only, so nothing else can route it.
    fn check_gateway_role(&self, port: &Port, decl: &PortDecl, findings: &mut Findings) {
        let promiscuous = port.attachments.iter().any(|&id| {
            let segment = self.attachment(id).and_then(|it| self.segment_of(it));
            segment.is_some_and(|segment| segment.role == Role::Promiscuous)
        });
        let gateway = decl.gateway.filter(|gateway| gateway.value);
        if let Some(gateway) = gateway.filter(|_| !promiscuous && !port.attachments.is_empty()) {
            let message = "a gateway must be promiscuous";
            let finding = Finding::error(Code::GatewayRole, gateway.span, message);
            findings.push(
                finding.help("isolated and community ports cannot reach a host to route for"),
            );
        }
    }

    /// P027: held to no address at all.
    fn check_bound(&self, port: &Port, decl: &PortDecl, findings: &mut Findings) {
        let mesh = self.stock(port.node) == Some(StockKind::Mesh);
        let ip = [0x0800, 0x86dd]
            .iter()
            .any(|&it| port.ethertypes.allows(it));
        let held = port.guards.ip == IpGuard::Bound && decl.ips.is_empty() && ip;
        if held && !mesh && !port.attachments.is_empty() {
            let message = "this port is held to its bound addresses and has none";
            findings.push(
                Finding::warning(Code::BoundNothing, decl.name.span, message)
                    .says("can send no IP packet")
                    .help("bind addresses with `ip`, or say guard = { ip = \"off\" }"),
            );
        }
    }

    fn check_stock(&self, findings: &mut Findings) {
        let mut edges: FxHashMap<(NodeId, SegmentId), &PortDecl> = FxHashMap::default();
        let mut rooms: FxHashMap<(NodeId, PvlanId), &PortDecl> = FxHashMap::default();
        let mut warned = FxHashSet::default();
        for port in &self.ports {
            let Some(decl) = self.decl_of(port) else {
                continue;
            };
            match self.stock(port.node) {
                Some(StockKind::Mesh) => {
                    if warned.insert(port.node) {
                        self.unguarded(port.node, findings);
                    }
                    self.check_mesh(port, decl, &mut rooms, findings);
                }
                Some(StockKind::Edge) => self.check_edge(port, decl, &mut edges, findings),
                None => {}
            }
        }
    }

    /// P028: a bridge with tunnel devices for two roles at once would not keep them apart.
    fn check_mesh<'d>(
        &'d self,
        port: &Port,
        decl: &'d PortDecl,
        rooms: &mut FxHashMap<(NodeId, PvlanId), &'d PortDecl>,
        findings: &mut Findings,
    ) {
        for attachment in port
            .attachments
            .iter()
            .filter_map(|&id| self.attachment(id))
        {
            if attachment.tag.is_some() {
                let message = "a port of a stock mesh member cannot be a trunk";
                findings.push(Finding::error(Code::StockLimit, decl.name.span, message));
                return;
            }
            let Some(segment) = self.segment_of(attachment) else {
                continue;
            };
            if let Some(first) = rooms.insert((port.node, segment.pvlan), decl) {
                let message = "two ports of one stock mesh member in one private VLAN";
                findings.push(
                    Finding::error(Code::StockLimit, decl.name.span, message)
                        .label(first.name.span, "first here")
                        .help("nothing there would keep the two apart"),
                );
            }
        }
    }

    /// P029.
    fn unguarded(&self, node: NodeId, findings: &mut Findings) {
        let stock = self
            .node_decl(node)
            .and_then(|decl| Some((decl, decl.stock?)));
        if let Some((decl, stock)) = stock {
            let message = format!("nobody guards the ports of `{}`", decl.name.value);
            findings.push(
                Finding::warning(Code::Unguarded, stock.span, message)
                    .help("a stock kernel checks no addresses and no storms; it is trusted within its segments")
                    .help("stock = \"edge\" puts its ports under the guards of a home node"),
            );
        }
    }

    /// P028: an edge is told apart by its one VNI.
    fn check_edge<'d>(
        &'d self,
        port: &Port,
        decl: &'d PortDecl,
        edges: &mut FxHashMap<(NodeId, SegmentId), &'d PortDecl>,
        findings: &mut Findings,
    ) {
        if let Some(attach) = &decl.attach {
            let message = "a port of an edge is a VXLAN device on the edge itself";
            let finding = Finding::error(Code::StockLimit, attach.span, message);
            findings.push(finding.says("leave `attach` out"));
        }
        for attachment in port
            .attachments
            .iter()
            .filter_map(|&id| self.attachment(id))
        {
            if attachment.tag.is_some() {
                let message = "a port of an edge cannot be a trunk";
                let finding = Finding::error(Code::StockLimit, decl.name.span, message);
                findings.push(finding.help("give the edge one port for each segment"));
                return;
            }
            if let Some(first) = edges.insert((port.node, attachment.segment), decl) {
                let message = "two ports of one edge in one segment";
                findings.push(
                    Finding::error(Code::StockLimit, decl.name.span, message)
                        .label(first.name.span, "first here")
                        .help("the home node tells an edge's ports apart by their VNI alone"),
                );
            }
        }
    }
}

/// The interfaces that attaching a port takes or makes: namespace (empty for the node's own), name.
fn interfaces(port: &Port) -> Vec<(String, String)> {
    let here = String::new;
    match &port.attach {
        Attach::Tap { name, netns } => {
            let name = name.clone().unwrap_or_else(|| port.name.clone());
            vec![(netns.clone().unwrap_or_default(), name)]
        }
        Attach::Nic(name) => vec![(here(), name.clone())],
        // The near end of a veth pair is named like the port.
        Attach::Veth { name, netns } => {
            vec![(here(), port.name.clone()), (netns.clone(), name.clone())]
        }
        Attach::Edge(_) => Vec::new(),
    }
}
