//! What there is many of: which hosts there are, behind which ports, and who talks to whom.

use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::bench::many::walk::Walk;

/// The address of the first host that policy knows, and of the first that it does not.
const BOUND: u32 = 0x0a01_0001;
const UNBOUND: u32 = 0x0a80_0001;

/// What there is more and more of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dimension {
    /// Ports, each with one host that has the guards of the default.
    Ports,
    /// Hosts behind two ports that may use any number of addresses.
    Macs,
}

impl Dimension {
    pub(super) const ALL: [Self; 2] = [Self::Ports, Self::Macs];

    /// The points, the ends of which are compared.
    pub(super) const fn counts(self) -> [u32; 4] {
        match self {
            Self::Ports => [16, 64, 256, 1_024],
            Self::Macs => [100, 1_000, 10_000, 65_536],
        }
    }

    /// What a table calls it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Macs => "MAC addresses",
        }
    }
}

/// One node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Layout {
    pub(super) dimension: Dimension,
    pub(super) count: u32,
}

/// Somebody behind a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Host {
    pub(super) port: u32,
    pub(super) mac: [u8; 6],
    pub(super) ip: Ipv4Addr,
}

impl Layout {
    /// Every point.
    pub(super) fn all() -> Vec<Self> {
        let of = |dimension: Dimension| {
            let counts = dimension.counts().into_iter();
            counts.map(move |count| Self { dimension, count })
        };
        Dimension::ALL.into_iter().flat_map(of).collect()
    }

    pub(super) const fn ports(self) -> u32 {
        match self.dimension {
            Dimension::Ports => self.count,
            Dimension::Macs => 2,
        }
    }

    /// How many hosts there are.
    pub(super) const fn hosts(self) -> u32 {
        self.count
    }

    /// Half of the addresses are behind either of two ports; otherwise each has its own.
    pub(super) fn host(self, nth: u32) -> Host {
        let (port, first) = match self.dimension {
            Dimension::Ports => (nth, BOUND),
            Dimension::Macs => (u32::from(nth >= self.count / 2), UNBOUND),
        };
        let [a, b, c, d] = nth.to_be_bytes();
        Host {
            port,
            mac: [2, 0, a, b, c, d],
            ip: Ipv4Addr::from_bits(first + nth),
        }
    }

    /// Somebody behind another port, always the same few: whom a host speaks to so that it is known.
    pub(super) const fn acquaintance(self, nth: u32) -> u32 {
        match self.dimension {
            Dimension::Ports => (nth == 0) as u32,
            Dimension::Macs if nth < self.count / 2 => self.count / 2,
            Dimension::Macs => 0,
        }
    }

    /// The site file of a node with this key: one community, so that everybody may talk to
    /// everybody.
    pub(super) fn site(self, key: &str) -> Result<String, fmt::Error> {
        let mut text = String::from("version = 1\n");
        if self.dimension == Dimension::Macs {
            text.push_str(
                "[defaults.host]\nguard = { mac = \"off\", max_macs = 65536, ip = \"off\" }\n",
            );
        }
        write!(
            text,
            "[node]\n\
             n1 = {{ key = \"{key}\", overlay = \"100.64.0.1\", endpoint = \"192.0.2.1:51820\" }}\n\
             [pvlan.bench]\nprimary = 20100\nisolated = 20101\ncommunity = {{ crowd = 20102 }}\n\
             subnets = [\"10.0.0.0/8\"]\n[port.n1]\n"
        )?;
        for port in 0..self.ports() {
            let ip = Ipv4Addr::from_bits(BOUND + port);
            writeln!(text, "p{port} = {{ as = \"bench.crowd\", ip = \"{ip}\" }}")?;
        }
        Ok(text)
    }

    /// Who talks to whom: senders and receivers each in an order of their own.
    pub(super) const fn talk(self) -> Talk {
        let (senders, receivers) = match self.dimension {
            // To each of the others, counted from the sender on.
            Dimension::Ports => (self.count, self.count - 1),
            Dimension::Macs => (self.count / 2, self.count / 2),
        };
        Talk {
            layout: self,
            senders: Walk::new(senders, 0x0123_4567),
            receivers: Walk::new(receivers, 0x0246_8ace),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.dimension.title())
    }
}

/// Sender and receiver of one frame after the other, without end.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    layout: Layout,
    senders: Walk,
    receivers: Walk,
}

impl Talk {
    pub(super) const fn turn(&mut self) -> (u32, u32) {
        let (from, to) = (self.senders.turn(), self.receivers.turn());
        let count = self.layout.count;
        match self.layout.dimension {
            Dimension::Ports => (from, (from + 1 + to) % count),
            Dimension::Macs => (from, count / 2 + to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_talks_to_somebody_behind_another_port() {
        for layout in Layout::all() {
            let mut talk = layout.talk();
            for _ in 0..layout.hosts() {
                let (from, to) = talk.turn();
                assert_ne!(layout.host(from).port, layout.host(to).port, "{layout}");
                let known = layout.acquaintance(from);
                assert_ne!(layout.host(from).port, layout.host(known).port, "{layout}");
            }
        }
    }

    #[test]
    fn a_turn_of_sixteen_is_of_sixteen_ports_and_all_have_one() {
        for count in Dimension::Ports.counts() {
            let dimension = Dimension::Ports;
            let mut talk = Layout { dimension, count }.talk();
            let mut all: Vec<u32> = (0..count).map(|_| talk.turn().0).collect();
            for turn in all.chunks(16) {
                let mut turn = turn.to_vec();
                turn.sort_unstable();
                turn.dedup();
                assert_eq!(turn.len(), 16);
            }
            all.sort_unstable();
            assert!(all.into_iter().eq(0..count));
        }
    }

    #[test]
    fn every_address_is_heard_or_spoken_to() {
        let dimension = Dimension::Macs;
        let layout = Layout {
            dimension,
            count: 1_000,
        };
        let mut talk = layout.talk();
        let mut all: Vec<u32> = (0..500)
            .flat_map(|_| <[u32; 2]>::from(talk.turn()))
            .collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1_000));
    }
}
