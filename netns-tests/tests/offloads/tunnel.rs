//! A tunnel that the hosts run themselves, through the ports: TCP inside it is what an offload header
//! has no words for.

use std::net::IpAddr;

use anyhow::Result;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::netns::Netns;

use crate::cell::{Cell, Kind};
use crate::payload;

/// As a row.
pub(crate) const NAME: &str = "VXLAN of the hosts' own, veth";

/// How the nodes run: as they do by themselves.
pub(crate) const CELL: Cell = Cell {
    tap: true,
    gso: true,
    gro: true,
    six: false,
    mtu: 1500,
    tagged: false,
    kind: Kind::Veth,
};

/// Joins the hosts by a VXLAN over the fabric, and sends both ways inside it.
pub(crate) fn compare(hosts: &[Netns; 2]) -> Result<()> {
    for (host, [own, other]) in hosts.iter().zip([[1, 2], [2, 1]]) {
        host.ip(&format!(
            "link add tunnel type vxlan id 42 dev {LINK} remote 10.1.0.{other} dstport 4789"
        ))?;
        host.ip(&format!("addr add 10.9.0.{own}/24 dev tunnel"))?;
        host.ip("link set tunnel up")?;
    }
    payload::tcp(hosts, IpAddr::from([10, 9, 0, 2]))
}
