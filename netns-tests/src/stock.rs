//! Stock members: machines without Skerry, configured by the lines that `skerry peer` prints.

use anyhow::{Context as _, Result, ensure};

use crate::daemon::skerry;
use crate::site;
use crate::topology::{Port, Role, Vlan};

/// How a stock machine takes part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A VTEP of the mesh, by the recipe with a bridge.
    Bridge,
    /// A VTEP of the mesh, by the recipe with `tc` alone.
    Tc,
    /// A port of its home node, `n2`.
    Edge,
}

/// A stock machine with one blue port, which T1 does not have.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// How it takes part.
    pub kind: Kind,
    /// The role of its port.
    pub role: Role,
}

/// Last byte of its addresses: unique in T1 and its private VLAN.
const HOST: u8 = 41;

impl Member {
    /// Its name in the site file.
    pub const NAME: &'static str = "m1";
    /// Its address on the underlay.
    pub const UNDERLAY: &'static str = "10.255.0.9";
    /// Its address inside the tunnels.
    pub const OVERLAY: &'static str = "100.64.0.9";
    /// MAC address of its guest.
    pub const MAC: [u8; 6] = [2, 0, 0, 0, 1, HOST];
    /// IPv4 address of its guest.
    pub const IP: &'static str = "10.1.0.41";
    /// IPv6 address of its guest.
    pub const IP6: &'static str = "2001:db8:1::29";

    /// The interface that the site file names as its port.
    pub fn device(self) -> &'static str {
        match self.kind {
            Kind::Bridge | Kind::Tc => "eth1",
            Kind::Edge => "vx0",
        }
    }

    /// The namespace and the interface of its guest in the virtual machine; an edge is its own.
    pub fn guest(self) -> (&'static str, &'static str) {
        match self.kind {
            Kind::Bridge | Kind::Tc => ("guest", "eth0"),
            Kind::Edge => ("stock", self.device()),
        }
    }

    /// Whether private VLAN rules let frames of this member's guest reach a port.
    pub fn reaches(self, port: Port) -> bool {
        crate::oracle::accepts((Vlan::Blue, self.role), (port.vlan(), port.role()))
    }

    /// Whether they let frames of a port reach this member's guest.
    pub fn hears(self, port: Port) -> bool {
        crate::oracle::accepts((port.vlan(), port.role()), (Vlan::Blue, self.role))
    }

    /// What the site file says of it.
    pub fn tables(self, key: &str) -> String {
        let stock = match self.kind {
            Kind::Bridge | Kind::Tc => r#"stock = "mesh""#,
            Kind::Edge => r#"stock = "edge", home = "n2""#,
        };
        let segment = match self.role {
            Role::Promiscuous => "promiscuous",
            Role::Isolated => "isolated",
            Role::Community(name) => name,
        };
        let (name, device, mac) = (Self::NAME, self.device(), site::mac(Self::MAC));
        let (overlay, underlay) = (Self::OVERLAY, Self::UNDERLAY);
        let (ip, ip6) = (Self::IP, Self::IP6);
        // The tables of T1 end with lists of ports, so these begin new ones.
        format!(
            r#"
[node.{name}]
key = "{key}"
overlay = "{overlay}"
endpoint = "{underlay}:51820"
{}
[port.{name}]
{device} = {{ as = "blue.{segment}", ip = ["{ip}", "{ip6}"], mac = "{mac}" }}
"#,
            stock.replace(", ", "\n")
        )
    }

    /// The lines that this kind of member pastes, out of everything that is printed for it.
    ///
    /// # Errors
    /// When `skerry peer` fails, or prints no such recipe.
    pub fn recipe(self, site: &str) -> Result<String> {
        let output = skerry(&["peer", site, Self::NAME], "")?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "skerry peer: {}", words.trim());
        let printed = String::from_utf8(output.stdout)?;
        match self.kind {
            // Everything else is a comment.
            Kind::Bridge | Kind::Edge => Ok(printed),
            Kind::Tc => instead_of_the_bridge(&printed),
        }
    }
}

/// Everything before the first port as it is printed, and the alternative without its comment
/// marks.
fn instead_of_the_bridge(printed: &str) -> Result<String> {
    let sections: Vec<&str> = printed.trim().split("\n\n").collect();
    let machine = sections.iter().take_while(|it| !it.starts_with("# port "));
    let machine: Vec<&str> = machine.copied().collect();
    let alternative = sections
        .iter()
        .find(|it| it.starts_with("# port eth1, with tc instead of the bridge"));
    let alternative = alternative.with_context(|| format!("no alternative in {printed}"))?;
    let lines = alternative.lines().filter_map(|line| {
        let command = line.strip_prefix("# ")?;
        let program = command.split(' ').next()?;
        ["ip", "tc"].contains(&program).then_some(command)
    });
    let commands: Vec<&str> = lines.collect();
    ensure!(!commands.is_empty(), "the alternative is empty");
    Ok(format!("{}\n{}\n", machine.join("\n"), commands.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alternative_loses_its_comment_marks_and_keeps_its_notes_out() {
        let printed = "# WireGuard on m1\nip link add wg0 type wireguard\n\n\
                       # port eth1: blue.web, as a bridge\nip link add br1 type bridge\n\n\
                       # port eth1, with tc instead of the bridge\n#   needs cls_matchall\n\
                       # ip link add vx1 type vxlan\n# tc qdisc add dev vx1 clsact\n\n";
        assert_eq!(
            instead_of_the_bridge(printed).unwrap(),
            "# WireGuard on m1\nip link add wg0 type wireguard\n\
             ip link add vx1 type vxlan\ntc qdisc add dev vx1 clsact\n"
        );
        instead_of_the_bridge("# WireGuard on m1\n\n# other\n").unwrap_err();
    }
}
