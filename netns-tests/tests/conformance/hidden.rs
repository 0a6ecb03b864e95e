//! What hides a frame's contents from whoever looks: stacked tags, LLC, tiny fragments, long
//! header chains (private VLAN part 4).

use anyhow::Result;
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{BROADCAST, ethernet, with_vlan};
use skerry_netns_tests::message::{FRAGMENT, NO_NEXT, OPTIONS, Packet6, router_advertisement};

use crate::control_traffic::{four, nobody, offer, own_link_local, six};
use crate::reach::{port, ports};
use crate::stage::guarded;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        guarded("X03 a priority tag hides nothing behind it", stacked),
        guarded(
            "X04 a frame with a length instead of a type is refused",
            wrapped,
        ),
        guarded("X05 a tiny first fragment hides no ports", tiny_fragments),
        guarded(
            "X06 a header chain is whole and known, or it is refused",
            chains,
        ),
    ]
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
