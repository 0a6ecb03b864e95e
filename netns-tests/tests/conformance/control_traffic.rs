//! Control traffic of layer 3 that a host must not send: router advertisements, DHCP, redirects,
//! and what hides it (private VLAN part 4).

use anyhow::Result;
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{BROADCAST, Pair, ethernet, with_vlan};
use skerry_netns_tests::message::{
    FRAGMENT, NO_NEXT, OPTIONS, Packet4, Packet6, dhcp, dhcp6, group6_mac, link_group, link_local,
    redirect4, redirect6, router_advertisement, udp4, udp6,
};
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::site::Site;
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::bench::row;
use crate::reach::{port, ports, set};
use crate::stage::{GUARDED, shared};

pub(crate) fn trials() -> Vec<Trial> {
    let on = |title: &str, check: fn(&mut Fabric) -> Result<()>| {
        row(&format!("{title} [guarded]"), move || {
            shared(GUARDED, check)
        })
    };
    vec![
        on(
            "D10 a host is no DHCP server, for IPv4 nor IPv6",
            dhcp_server,
        ),
        on(
            "D12 a host is no router, however it hides the claim",
            router,
        ),
        on("X03 a priority tag hides nothing behind it", stacked),
        on(
            "X04 a frame with a length instead of a type is refused",
            wrapped,
        ),
        on("X05 a tiny first fragment hides no ports", tiny_fragments),
        on(
            "X06 a header chain is whole and known, or it is refused",
            chains,
        ),
        on(
            "X07 a community keeps its router and its DHCP server outside",
            community,
        ),
        on("X08 nobody is told to go direct", redirects),
        on(
            "X09 a DHCP client asks for its own address only",
            dhcp_client,
        ),
        on(
            "X10 where the policy says so, a host is a DHCP server",
            dhcp_allowed,
        ),
        on(
            "X11 where the policy says so, a host is a router",
            router_allowed,
        ),
    ]
}

fn nobody() -> Receivers {
    Receivers::new()
}

/// Where a host's link-local address ends.
pub(crate) fn own_link_local(port: Port) -> [u8; 16] {
    link_local(port.ip()[3])
}

/// An IPv4 packet of a host for everybody.
fn four(fabric: &Fabric, from: Port, label: &str, expect: Receivers, packet: &Packet4) -> Shot {
    let mac = Pair {
        to: BROADCAST,
        from: from.mac(),
    };
    fabric.shot(from, label, expect, |tag| packet.frame(mac, tag))
}

/// An IPv6 packet of a host for the group it names.
fn six(fabric: &Fabric, from: Port, label: &str, expect: Receivers, packet: &Packet6) -> Shot {
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

fn offer(from: Port) -> Packet4 {
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

/// CVE-2021-27853 and its relatives (VU#855201): a host strips more tags than a guard looks behind.
fn stacked(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let stack = |label, outer: u16, tags: &[u16]| {
        fabric.shot(from, label, nobody(), |tag| {
            let plain = fabric.plain(from, BROADCAST, [255; 4], tag, 0);
            let mut frame = tags.iter().fold(plain, |frame, vid| with_vlan(frame, *vid));
            frame[12..14].copy_from_slice(&outer.to_be_bytes());
            frame
        })
    };
    let report = fabric.volley(vec![
        stack("VID 0 twice", 0x8100, &[0, 0]),
        stack("88A8 with VID 0 before 8100 with VID 0", 0x88a8, &[0, 0]),
        stack("VID 0 before VID 100", 0x8100, &[100, 0]),
        stack("VID 0 three times", 0x8100, &[0, 0, 0]),
    ])?;
    report.change.expect_ingress(from, &[("vlan_stacked", 4)])
}

/// CVE-2021-27861: LLC and SNAP around an IPv4 packet, which some hosts take off.
fn wrapped(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let wrap = |label, priority: bool| {
        fabric.shot(from, label, nobody(), |tag| {
            let plain = fabric.plain(from, BROADCAST, [255; 4], tag, 0);
            let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &plain[14..]].concat();
            let length = u16::try_from(snap.len()).unwrap_or(0);
            let mut frame = ethernet(BROADCAST, from.mac(), length);
            frame.extend_from_slice(&snap);
            if priority { with_vlan(frame, 0) } else { frame }
        })
    };
    let report = fabric.volley(vec![
        wrap("LLC/SNAP", false),
        wrap("LLC/SNAP behind VID 0", true),
    ])?;
    report.change.expect_ingress(from, &[("llc", 2)])
}

/// RFC 1858: what a filter decides by must be in the first fragment.
fn tiny_fragments(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-w1")?;
    let whole = offer(from);
    let tiny = |protocol: u8, bytes: usize| {
        let mut packet = whole.clone();
        packet.protocol = protocol;
        packet.fragment = (true, 0);
        packet.body.truncate(bytes);
        packet
    };
    let report = fabric.volley(vec![
        four(fabric, from, "no byte of UDP", nobody(), &tiny(17, 0)),
        four(fabric, from, "four bytes of UDP", nobody(), &tiny(17, 4)),
        four(fabric, from, "seven bytes of UDP", nobody(), &tiny(17, 7)),
        four(fabric, from, "sixteen bytes of TCP", nobody(), &tiny(6, 16)),
        four(fabric, from, "four bytes of ICMP", nobody(), &tiny(1, 4)),
    ])?;
    report.change.expect_ingress(from, &[("frag_bad", 5)])?;
    // The ports are there, so the guard behind this one decides.
    let report = fabric.volley(vec![four(
        fabric,
        from,
        "an OFFER cut in two",
        nobody(),
        &tiny(17, 8),
    )])?;
    report.change.expect_ingress(from, &[("dhcp_server", 1)])
}

/// RFC 7113 section 3 and RFC 7112: no first fragment without the whole chain.
fn chains(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let plain = router_advertisement(own_link_local(from), from.mac());
    let chain = |headers: Vec<(u8, Vec<u8>)>, last: u8, body: Vec<u8>| Packet6 {
        chain: headers,
        last,
        body,
        ..plain.clone()
    };
    let first = || (FRAGMENT, vec![0, 0, 1, 0, 0, 0x5b, 0x5d]);
    let long = || (OPTIONS, vec![3, 1, 28, 0, 0, 0, 0]);
    let report = fabric.volley(vec![
        six(
            fabric,
            from,
            "a first fragment that ends inside its options",
            nobody(),
            &chain(vec![first(), long()], 58, Vec::new()),
        ),
        six(
            fabric,
            from,
            "a first fragment without the start of ICMP",
            nobody(),
            &chain(vec![first()], 58, Vec::new()),
        ),
        six(
            fabric,
            from,
            "an unknown next header",
            nobody(),
            &chain(Vec::new(), 253, plain.body.clone()),
        ),
        six(
            fabric,
            from,
            "an unknown next header behind options",
            nobody(),
            &chain(
                vec![(OPTIONS, vec![0, 1, 4, 0, 0, 0, 0])],
                254,
                plain.body.clone(),
            ),
        ),
    ])?;
    report.change.expect_ingress(from, &[("v6_chain", 4)])?;
    // A chain that says itself that it has ended is whole.
    let ended = chain(Vec::new(), NO_NEXT, Vec::new());
    let expect = ports("b-gw b-p2")?;
    fabric.volley(vec![six(fabric, from, "no next header", expect, &ended)])?;
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
