//! Source addresses that no row of the matrix tries: one MAC in two segments, the unspecified IP
//! addresses, and another's link-local one (private VLAN parts 3.2 and 4).

use anyhow::Result;
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{BROADCAST, Pair, experiment, udp4, udp6};
use skerry_netns_tests::message::{link_group, link_local, router_advertisement};
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::suite::row;

use crate::control_traffic::own_link_local;
use crate::reach::{port, ports, set};
use crate::stage::{GUARDED, OPEN, shared};

/// Of the fabric without guards, where addresses are free to move.
pub(crate) fn unguarded() -> Vec<Trial> {
    vec![row(
        "X24 one address in two segments of a private VLAN is refused [open]",
        || shared(OPEN, twin),
    )]
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![row(
        "X25 no address, and another's link-local one, are nobody's source [guarded]",
        || shared(GUARDED, sources),
    )]
}

fn twin(fabric: &mut Fabric) -> Result<()> {
    let [owner, twin, friend] = [port("b-w1")?, port("b-d1")?, port("b-w2")?];
    fabric.volley(vec![fabric.broadcast(owner)])?;
    let shot = fabric.shot(twin, "as b-w1", Receivers::new(), |tag| {
        experiment(BROADCAST, owner.mac(), tag, 0)
    });
    let report = fabric.volley(vec![shot])?;
    report.change.expect_ingress(twin, &[("mac_move", 1)])?;
    fabric.volley(vec![fabric.unicast(friend, owner, set(&[owner]))])?;
    Ok(())
}

/// `0.0.0.0` and `::` are for DHCP and duplicate address detection alone.
fn sources(fabric: &mut Fabric) -> Result<()> {
    let [from, other, gateway] = [port("b-i1")?, port("b-i3")?, port("b-gw")?];
    let to_gateway = Pair {
        to: gateway.mac(),
        from: from.mac(),
    };
    let local = own_link_local(other);
    // b-i3 makes the address its own, by using it first.
    let claim = Pair {
        to: link_group(1),
        from: local,
    };
    let everybody = Pair {
        to: [0x33, 0x33, 0, 0, 0, 1],
        from: other.mac(),
    };
    let expect = ports("b-gw b-p2")?;
    fabric.volley(vec![fabric.shot(other, "its own fe80", expect, |tag| {
        udp6(everybody, claim, tag, 0)
    })])?;
    let from_nowhere = Pair {
        to: gateway.ip(),
        from: [0; 4],
    };
    let six = |source| Pair {
        to: gateway.ip6(),
        from: source,
    };
    let nobody = Receivers::new;
    let report = fabric.volley(vec![
        fabric.shot(from, "from 0.0.0.0", nobody(), |tag| {
            udp4(to_gateway, from_nowhere, tag, 0)
        }),
        fabric.shot(from, "from ::", nobody(), |tag| {
            udp6(to_gateway, six([0; 16]), tag, 0)
        }),
        fabric.shot(from, "from b-i3's fe80", nobody(), |tag| {
            udp6(to_gateway, six(local), tag, 0)
        }),
        fabric.shot(from, "an RA from ::", nobody(), |tag| {
            router_advertisement([0; 16], from.mac()).frame(to_gateway, tag)
        }),
    ])?;
    report.change.expect_ingress(from, &[("ip_spoof", 4)])?;
    // One that nobody uses becomes its own.
    let mine = six(link_local(from.ip()[3]));
    let shot = fabric.shot(from, "its own fe80", set(&[gateway]), |tag| {
        udp6(to_gateway, mine, tag, 0)
    });
    fabric.volley(vec![shot])?;
    Ok(())
}
