//! Control traffic of layer 3 that a host must not send: router advertisements, DHCP, redirects
//! (private VLAN part 4).

use anyhow::Result;
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{BROADCAST, Pair};
use skerry_netns_tests::message::{
    Packet4, Packet6, dhcp, dhcp6, group6_mac, link_group, link_local, redirect4, redirect6,
    router_advertisement, udp4, udp6,
};
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::site::Site;
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::reach::{port, ports, set};
use crate::stage::guarded;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        guarded(
            "D10 a host is no DHCP server, for IPv4 nor IPv6",
            dhcp_server,
        ),
        guarded(
            "D12 a host is no router, however it hides the claim",
            router,
        ),
        guarded(
            "X07 a community keeps its router and its DHCP server outside",
            community,
        ),
        guarded("X08 nobody is told to go direct", redirects),
        guarded(
            "X09 a DHCP client asks for its own address only",
            dhcp_client,
        ),
        guarded(
            "X10 where the policy says so, a host is a DHCP server",
            dhcp_allowed,
        ),
        guarded(
            "X11 where the policy says so, a host is a router",
            router_allowed,
        ),
    ]
}

pub(crate) fn nobody() -> Receivers {
    Receivers::new()
}

/// Where a host's link-local address ends.
pub(crate) fn own_link_local(port: Port) -> [u8; 16] {
    link_local(port.ip()[3])
}

/// An IPv4 packet of a host for everybody.
pub(crate) fn four(
    fabric: &Fabric,
    from: Port,
    label: &str,
    expect: Receivers,
    packet: &Packet4,
) -> Shot {
    let mac = Pair {
        to: BROADCAST,
        from: from.mac(),
    };
    fabric.shot(from, label, expect, |tag| packet.frame(mac, tag))
}

/// An IPv6 packet of a host for the group it names.
pub(crate) fn six(
    fabric: &Fabric,
    from: Port,
    label: &str,
    expect: Receivers,
    packet: &Packet6,
) -> Shot {
    let mac = Pair {
        to: group6_mac(packet.ip.to),
        from: from.mac(),
    };
    fabric.shot(from, label, expect, |tag| packet.frame(mac, tag))
}

/// Runs a case under another site file, and goes back.
pub(crate) fn with_site(
    fabric: &mut Fabric,
    change: impl FnOnce(&mut Site),
    case: impl FnOnce(&mut Fabric) -> Result<()>,
) -> Result<()> {
    let mut usual = fabric.site.clone();
    let mut site = usual.clone();
    change(&mut site);
    site.edition += 1;
    usual.edition += 2;
    fabric.reload(site)?;
    case(fabric)?;
    fabric.reload(usual)
}

pub(crate) fn offer(from: Port) -> Packet4 {
    let ip = Pair {
        to: [255; 4],
        from: from.ip(),
    };
    udp4(ip, (67, 68), &dhcp(2, 2, [2, 0, 0, 0, 1, 22]))
}

fn advertise(from: Port) -> Packet6 {
    let ip = Pair {
        to: link_group(1),
        from: own_link_local(from),
    };
    udp6(ip, (547, 546), &dhcp6(2))
}

fn dhcp_server(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-w1")?;
    let to_server = Pair {
        to: [255; 4],
        from: from.ip(),
    };
    // A reply that goes to a server's port, as a relay's would.
    let relayed = udp4(to_server, (67, 67), &dhcp(2, 2, from.mac()));
    let to_relays = Pair {
        to: link_group(1),
        from: own_link_local(from),
    };
    // Server messages from a client's port are no better.
    let reply = udp6(to_relays, (546, 546), &dhcp6(7));
    let report = fabric.volley(vec![
        four(fabric, from, "DHCP OFFER", nobody(), &offer(from)),
        four(fabric, from, "DHCP reply to a relay", nobody(), &relayed),
        six(fabric, from, "DHCPv6 ADVERTISE", nobody(), &advertise(from)),
        six(fabric, from, "DHCPv6 REPLY", nobody(), &reply),
    ])?;
    report.change.expect_ingress(from, &[("dhcp_server", 4)])?;
    // The gateway may.
    let gateway = port("b-gw")?;
    let everybody = fabric.flooded(gateway);
    fabric.volley(vec![
        four(
            fabric,
            gateway,
            "DHCP OFFER",
            everybody.clone(),
            &offer(gateway),
        ),
        six(
            fabric,
            gateway,
            "DHCPv6 ADVERTISE",
            everybody,
            &advertise(gateway),
        ),
    ])?;
    Ok(())
}

fn router(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let plain = router_advertisement(own_link_local(from), from.mac());
    let hidden = plain.clone().behind_options(2);
    let fragment = plain.clone().behind_options(1).as_first_fragment();
    let alone = plain.clone().as_first_fragment();
    let report = fabric.volley(vec![
        six(fabric, from, "RA", nobody(), &plain),
        six(
            fabric,
            from,
            "RA behind two destination options",
            nobody(),
            &hidden,
        ),
        six(
            fabric,
            from,
            "RA in a first fragment behind options",
            nobody(),
            &fragment,
        ),
        six(fabric, from, "RA in a first fragment", nobody(), &alone),
    ])?;
    report.change.expect_ingress(from, &[("ra_guard", 4)])?;
    let gateway = port("b-gw")?;
    let honest = router_advertisement(own_link_local(gateway), gateway.mac());
    let everybody = fabric.flooded(gateway);
    fabric.volley(vec![six(
        fabric,
        gateway,
        "the router's RA",
        everybody,
        &honest,
    )])?;
    Ok(())
}

/// b-w1 and b-w2 hear each other, so here the guard alone protects.
fn community(fabric: &mut Fabric) -> Result<()> {
    let [from, friend] = [port("b-w1")?, port("b-w2")?];
    let claim = router_advertisement(own_link_local(from), from.mac());
    let mac = Pair {
        to: friend.mac(),
        from: from.mac(),
    };
    let ip = Pair {
        to: friend.ip(),
        from: from.ip(),
    };
    let acknowledge = udp4(ip, (67, 68), &dhcp(2, 5, friend.mac()));
    let report = fabric.volley(vec![
        six(fabric, from, "RA to the community", nobody(), &claim),
        fabric.shot(from, "RA to b-w2 alone", nobody(), |tag| {
            claim.frame(mac, tag)
        }),
        fabric.shot(from, "DHCP ACK to b-w2 alone", nobody(), |tag| {
            acknowledge.frame(mac, tag)
        }),
    ])?;
    report
        .change
        .expect_ingress(from, &[("ra_guard", 2), ("dhcp_server", 1)])
}

fn redirects(fabric: &mut Fabric) -> Result<()> {
    let [host, friend, hidden] = [port("b-w1")?, port("b-w2")?, port("b-i2")?];
    let [gateway, router] = [port("b-gw")?, port("b-p2")?];
    let tell = |from: Port, target: [u8; 4], expect, label: &str| {
        let ip = Pair {
            to: friend.ip(),
            from: from.ip(),
        };
        let mac = Pair {
            to: friend.mac(),
            from: from.mac(),
        };
        let packet = redirect4(ip, target, target);
        fabric.shot(from, label, expect, |tag| packet.frame(mac, tag))
    };
    let tell6 = |from: Port, target: [u8; 16], expect, label: &str| {
        let ip = Pair {
            to: friend.ip6(),
            from: own_link_local(from),
        };
        let mac = Pair {
            to: friend.mac(),
            from: from.mac(),
        };
        let packet = redirect6(ip, target, target);
        fabric.shot(from, label, expect, |tag| packet.frame(mac, tag))
    };
    for from in [gateway, host] {
        let report = fabric.volley(vec![
            tell(from, hidden.ip(), nobody(), "to b-i2 direct"),
            tell(from, host.ip(), nobody(), "to b-w1 direct"),
            tell6(from, hidden.ip6(), nobody(), "to b-i2 direct, IPv6"),
        ])?;
        report
            .change
            .expect_ingress(from, &[("icmp_redirect", 3)])?;
    }
    let to = || set(&[friend]);
    fabric.volley(vec![
        tell(gateway, router.ip(), to(), "to the other router"),
        tell(gateway, [192, 0, 2, 9], to(), "out of the domain"),
        tell6(gateway, router.ip6(), to(), "to the other router, IPv6"),
    ])?;
    Ok(())
}

fn dhcp_client(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let ip = Pair {
        to: [255; 4],
        from: [0; 4],
    };
    let discover = |client| udp4(ip, (68, 67), &dhcp(1, 1, client));
    let lie = discover([2, 0, 0, 0, 1, 0x99]);
    let report = fabric.volley(vec![four(
        fabric,
        from,
        "in another's name",
        nobody(),
        &lie,
    )])?;
    report.change.expect_ingress(from, &[("dhcp_spoof", 1)])?;
    let own = discover(from.mac());
    let expect = ports("b-gw b-p2")?;
    let solicit = Pair {
        to: [&link_group(0)[..13], &[1, 0, 2]]
            .concat()
            .try_into()
            .unwrap_or_default(),
        from: own_link_local(from),
    };
    let solicit = udp6(solicit, (546, 547), &dhcp6(1));
    fabric.volley(vec![
        four(fabric, from, "its own DISCOVER", expect.clone(), &own),
        six(fabric, from, "its own SOLICIT", expect, &solicit),
    ])?;
    Ok(())
}

fn dhcp_allowed(fabric: &mut Fabric) -> Result<()> {
    let from = port("r-l1")?;
    let change = |site: &mut Site| site.more = vec![(from, r#"guard = { dhcp = "server" }"#)];
    with_site(fabric, change, |fabric| {
        let expect = ports("r-gw r-l2")?;
        fabric.volley(vec![four(fabric, from, "DHCP OFFER", expect, &offer(from))])?;
        // The other host of its community still may not.
        let other = port("r-l2")?;
        let shot = four(fabric, other, "DHCP OFFER", nobody(), &offer(other));
        let report = fabric.volley(vec![shot])?;
        report.change.expect_ingress(other, &[("dhcp_server", 1)])
    })
}

fn router_allowed(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-w1")?;
    let change = |site: &mut Site| site.more = vec![(from, r#"guard = { ra = "allow" }"#)];
    with_site(fabric, change, |fabric| {
        let claim = router_advertisement(own_link_local(from), from.mac());
        let expect = ports("b-w2 b-gw b-p2")?;
        fabric.volley(vec![six(fabric, from, "RA", expect, &claim)])?;
        Ok(())
    })
}
