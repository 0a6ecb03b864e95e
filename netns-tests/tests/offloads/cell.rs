//! One way to run two nodes: which offloads, over what.

use std::fmt;

/// What a node's port is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Veth,
    Tap,
}

/// One combination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cell {
    /// Superframes and checksums on ports; also the joining of TCP out of tunnels.
    pub(crate) tap: bool,
    pub(crate) gso: bool,
    pub(crate) gro: bool,
    /// IPv6 between the nodes.
    pub(crate) six: bool,
    /// Of the path between the nodes.
    pub(crate) mtu: u16,
    /// The hosts' frames have VLAN tags.
    pub(crate) tagged: bool,
    pub(crate) kind: Kind,
}

const MTUS: [u16; 3] = [1280, 1500, 9000];

impl Cell {
    /// pnet's datalink, which a veth port falls back to, cannot tell tags.
    const fn exists(self) -> bool {
        !(self.tagged && !self.tap && matches!(self.kind, Kind::Veth))
    }

    /// What fits between the hosts: 110 bytes less, or 130, as the default of `defaults.mtu` is made.
    pub(crate) const fn inner_mtu(self) -> u16 {
        self.mtu - if self.six { 130 } else { 110 }
    }

    /// Whether IPv6 may be spoken over so small an MTU (RFC 8200 section 5).
    pub(crate) const fn carries_six(self) -> bool {
        self.inner_mtu() >= 1280
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switch = |on| if on { "on" } else { "off" };
        write!(
            f,
            "tap {}, gso {}, gro {}, {}, MTU {}, {}, {}",
            switch(self.tap),
            switch(self.gso),
            switch(self.gro),
            if self.six { "IPv6" } else { "IPv4" },
            self.mtu,
            if self.tagged { "tagged" } else { "untagged" },
            match self.kind {
                Kind::Veth => "veth",
                Kind::Tap => "TAP",
            }
        )
    }
}

/// Every combination that exists.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for bits in 0..64_u8 {
        let bit = |nth: u8| bits & (1 << nth) != 0;
        for mtu in MTUS {
            cells.push(Cell {
                tap: !bit(0),
                gso: !bit(1),
                gro: !bit(2),
                six: bit(3),
                mtu,
                tagged: bit(4),
                kind: if bit(5) { Kind::Tap } else { Kind::Veth },
            });
        }
    }
    cells.retain(|cell| cell.exists());
    cells
}

/// Every combination of offloads on both kinds of ports, and every other way to be unusual by itself,
/// with all offloads and with none.
pub(crate) fn few() -> Vec<Cell> {
    let is_whole = |cell: &Cell| cell.tap == cell.gso && cell.gso == cell.gro;
    let mut cells = all();
    cells.retain(|cell| {
        let unusual = [cell.six, cell.mtu != 1500, cell.tagged];
        match unusual.into_iter().filter(|it| *it).count() {
            0 => true,
            1 => is_whole(cell),
            _ => false,
        }
    });
    cells
}
