//! Who may hear whom, written from RFC 5517 table 1 and private-vlan.md, apart from the product:
//! roles are plain data here, and no table of the product is asked.

/// What a port is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    Promiscuous,
    Isolated,
    Community(u8),
}

/// A segment: what a port sends, and what a frame carries between nodes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Role {
    pub(crate) pvlan: u8,
    pub(crate) kind: Kind,
}

/// What hosts that may not talk directly may do by way of the gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hairpin {
    Deny,
    Gateway,
    Permit,
}

/// RFC 5517, table 1.
pub(crate) fn accept(from: Role, to: Role) -> bool {
    from.pvlan == to.pvlan
        && (from.kind == Kind::Promiscuous
            || to.kind == Kind::Promiscuous
            || (from.kind == to.kind && from.kind != Kind::Isolated))
}

/// One version of the site file.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// By port; `None` where this version has no such port.
    pub(crate) roles: Vec<Option<Role>>,
    /// By port: the node it is on.
    pub(crate) homes: Vec<usize>,
    /// By private VLAN.
    pub(crate) hairpin: Vec<Hairpin>,
}

impl Policy {
    /// Whether what one port sends may reach the other.
    pub(crate) fn permits(&self, from: usize, to: usize) -> bool {
        let roles = self.roles[from].zip(self.roles[to]);
        from != to && roles.is_some_and(|(from, to)| accept(from, to))
    }

    /// Whether a node has a port that sends this.
    pub(crate) fn may_send(&self, node: usize, role: Role) -> bool {
        self.on(node).any(|it| it == role)
    }

    /// Whether a node has a port that takes this.
    pub(crate) fn takes(&self, node: usize, role: Role) -> bool {
        self.on(node).any(|it| accept(role, it))
    }

    /// Whether two hosts may not even talk by way of the gateway.
    pub(crate) fn denies_routing(&self, from: Role, to: usize) -> bool {
        let host = |role: Role| role.kind != Kind::Promiscuous;
        self.hairpin[usize::from(from.pvlan)] == Hairpin::Deny
            && self.roles[to].is_none_or(|to| host(from) && host(to) && !accept(from, to))
    }

    fn on(&self, node: usize) -> impl Iterator<Item = Role> {
        let homes = self.homes.iter().zip(&self.roles);
        homes
            .filter(move |&(&home, _)| home == node)
            .filter_map(|(_, &role)| role)
    }
}
