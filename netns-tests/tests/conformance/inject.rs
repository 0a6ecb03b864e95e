//! Rows F: a node with a valid key that lies.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::Drops;
use skerry_netns_tests::fabric::{Fabric, Injected, Report};
use skerry_netns_tests::frame::{BROADCAST, NOBODY, Pair, udp4, with_vlan};
use skerry_netns_tests::injector::Carriage;
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::suite::row;
use skerry_netns_tests::tag::Tag;
use skerry_netns_tests::topology::{Node, Port};

use crate::network::{await_foreign, foreign};
use crate::reach::{port, set};
use crate::stage::{HOSTILE, fresh, shared};

/// n4's only segment.
pub(crate) const OWN: u32 = 20_101;

pub(crate) fn trials() -> Vec<Trial> {
    let hostile = |title: &str, check: fn(&mut Fabric) -> Result<()>| {
        row(&format!("{title} [hostile]"), move || {
            shared(HOSTILE, check)
        })
    };
    vec![
        hostile("F01 a node does not speak as the router", |fabric| {
            refused_numbers(fabric, &[(20_100, "vni_denied")])
        }),
        hostile(
            "F02 a node speaks neither for others nor for nobody",
            |fabric| {
                let numbers = [
                    (20_102, "vni_denied"),
                    (21_101, "vni_denied"),
                    (99, "vni_unknown"),
                ];
                refused_numbers(fabric, &numbers)
            },
        ),
        hostile(
            "F03 its own segment reaches the promiscuous ports, and no one else",
            own_segment,
        ),
        hostile(
            "F06 VXLAN with any other bit than the one is refused",
            flags,
        ),
        hostile("F07 a tag inside the tunnel is refused", inner_tags),
        hostile(
            "X18 a node speaks from its own overlay address, in VXLAN",
            carriages,
        ),
        hostile(
            "X19 a node cannot use addresses that live elsewhere",
            addresses,
        ),
        hostile(
            "X20 what comes from one node never goes on to another",
            onwards,
        ),
        row(
            "F15 a node whose key is removed is not heard again [hostile]",
            || fresh(HOSTILE, expelled),
        ),
    ]
}

/// A broadcast that n4's port could have sent.
pub(crate) fn honest(port: Port, tag: Tag) -> Vec<u8> {
    spoken(port.mac(), BROADCAST, port, [255; 4], tag)
}

fn spoken(from: [u8; 6], to: [u8; 6], port: Port, ip: [u8; 4], tag: Tag) -> Vec<u8> {
    let ip = Pair {
        to: ip,
        from: port.ip(),
    };
    udp4(Pair { to, from }, ip, tag, 0)
}

fn nobody() -> Receivers {
    Receivers::new()
}

/// What a node counts about n4, and nothing else of it.
fn must_drop(report: &Report, at: Node, expected: &[(&str, u64)]) -> Result<()> {
    let (before, after) = (&report.change.before, &report.change.after);
    let old = before.peer(at, Node(4)).drops;
    let grown: Drops = after
        .peer(at, Node(4))
        .drops
        .into_iter()
        .map(|(reason, count)| {
            let before = old.get(&reason).copied().unwrap_or(0);
            (reason, count - before)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    let expected: Drops = expected
        .iter()
        .map(|(reason, count)| ((*reason).to_owned(), *count))
        .collect();
    ensure!(
        grown == expected,
        "{at} dropped {grown:?} of n4, not {expected:?}"
    );
    Ok(())
}

/// To every node, and nobody hears it.
fn refused_numbers(fabric: &mut Fabric, numbers: &[(u32, &str)]) -> Result<()> {
    let targets = [Node(1), Node(2), Node(3)];
    let mut frames = Vec::new();
    for to in targets {
        for (vni, _) in numbers {
            frames.push(fabric.injected(to, *vni, &format!("VNI {vni}"), nobody(), honest)?);
        }
    }
    let report = fabric.inject(&frames)?;
    let mut drops = Drops::new();
    for (_, reason) in numbers {
        *drops.entry((*reason).to_owned()).or_default() += 1;
    }
    let drops: Vec<(&str, u64)> = drops.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    targets
        .into_iter()
        .try_for_each(|at| must_drop(&report, at, &drops))
}

fn own_segment(fabric: &mut Fabric) -> Result<()> {
    let frames = [
        fabric.injected(Node(1), OWN, "to n1", set(&[port("b-gw")?]), honest)?,
        fabric.injected(Node(2), OWN, "to n2", nobody(), honest)?,
        fabric.injected(Node(3), OWN, "to n3", set(&[port("b-p2")?]), honest)?,
    ];
    let report = fabric.inject(&frames)?;
    for at in [Node(1), Node(2), Node(3)] {
        must_drop(&report, at, &[])?;
    }
    let unheard = |snapshot: &skerry_netns_tests::counters::Snapshot| {
        snapshot.peer(Node(2), Node(4)).no_receiver
    };
    let (before, after) = (
        unheard(&report.change.before),
        unheard(&report.change.after),
    );
    ensure!(
        after == before + 1,
        "n2 counts {} frames without a receiver",
        after - before
    );
    Ok(())
}

fn flags(fabric: &mut Fabric) -> Result<()> {
    let mut frames = Vec::new();
    let mut with = |fabric: &Fabric, place: usize, value: u8| -> Result<()> {
        let mut frame = fabric.injected(Node(1), OWN, "another header", nobody(), honest)?;
        frame.carriage.header[place] = value;
        frames.push(frame);
        Ok(())
    };
    for value in [0x88, 0x00, 0x09, 0x0c, 0xff] {
        with(fabric, 0, value)?;
    }
    for reserved in [1, 2, 3, 7] {
        with(fabric, reserved, 1)?;
    }
    let report = fabric.inject(&frames)?;
    must_drop(&report, Node(1), &[("vxlan_flags", 9)])
}

fn inner_tags(fabric: &mut Fabric) -> Result<()> {
    let tagged = |vid: u16| move |port: Port, tag: Tag| with_vlan(honest(port, tag), vid);
    let stacked = |port: Port, tag: Tag| {
        let mut frame = with_vlan(with_vlan(honest(port, tag), 7), 9);
        frame[12..14].copy_from_slice(&[0x88, 0xa8]);
        frame
    };
    let frames = [
        fabric.injected(Node(1), OWN, "802.1Q", nobody(), tagged(100))?,
        fabric.injected(Node(1), OWN, "VID 0", nobody(), tagged(0))?,
        fabric.injected(Node(1), OWN, "QinQ", nobody(), stacked)?,
    ];
    let report = fabric.inject(&frames)?;
    must_drop(&report, Node(1), &[("inner_vlan", 3)])
}

fn carriages(fabric: &mut Fabric) -> Result<()> {
    let with = |change: fn(&mut Carriage)| -> Result<Injected> {
        let mut frame = fabric.injected(Node(1), OWN, "another carriage", nobody(), honest)?;
        change(&mut frame.carriage);
        Ok(frame)
    };
    let frames = [
        with(|it| it.source = [100, 64, 0, 2])?,
        with(|it| it.source = [192, 0, 2, 1])?,
        with(|it| it.destination = [100, 64, 0, 3])?,
        with(|it| it.port = 8472)?,
    ];
    let report = fabric.inject(&frames)?;
    must_drop(&report, Node(1), &[("outer_src", 3), ("vxlan_short", 1)])
}

/// The gateway's bound address, addresses pinned at other nodes, and more addresses than the port
/// of n4 may have.
fn addresses(fabric: &mut Fabric) -> Result<()> {
    let as_if = |victim: Port| {
        fabric.injected(
            Node(1),
            OWN,
            &format!("as {victim}"),
            nobody(),
            |port, tag| spoken(victim.mac(), BROADCAST, port, [255; 4], tag),
        )
    };
    let mut frames = vec![
        as_if(port("b-gw")?)?,
        as_if(port("b-i1")?)?,
        as_if(port("b-w2")?)?,
    ];
    frames.push(fabric.injected(
        Node(1),
        OWN,
        "one address too many",
        nobody(),
        |port, tag| spoken([6, 0x66, 0, 0, 0, 1], BROADCAST, port, [255; 4], tag),
    )?);
    let report = fabric.inject(&frames)?;
    must_drop(&report, Node(1), &[("peer_mac_spoof", 3), ("mac_limit", 1)])?;
    // What is for the owner still reaches it.
    let [gateway, victim] = [port("b-gw")?, port("b-w2")?];
    fabric.volley(vec![fabric.unicast(gateway, victim, set(&[victim]))])?;
    Ok(())
}

/// n2 knows that the gateway is at n1, and n3 that nobody has this address.
fn onwards(fabric: &mut Fabric) -> Result<()> {
    let gateway = port("b-gw")?;
    let frames = [
        fabric.injected(
            Node(2),
            OWN,
            "to b-gw by way of n2",
            nobody(),
            |port, tag| spoken(port.mac(), gateway.mac(), port, gateway.ip(), tag),
        )?,
        fabric.injected(
            Node(2),
            OWN,
            "to nobody by way of n2",
            nobody(),
            |port, tag| spoken(port.mac(), NOBODY, port, [192, 0, 2, 1], tag),
        )?,
    ];
    let report = fabric.inject(&frames)?;
    must_drop(&report, Node(2), &[("split_horizon", 1)])
}

fn expelled(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    fabric.await_bindings()?;
    fabric.usurp(Node(4))?;
    let gateway = port("b-gw")?;
    let heard = |fabric: &Fabric| {
        fabric.injected(Node(1), OWN, "while it is listed", set(&[gateway]), honest)
    };
    fabric.inject(&[heard(fabric)?])?;

    let listed = fabric.site.clone();
    let mut without = listed.clone();
    (without.expelled, without.edition) = (Some(Node(4)), listed.edition + 1);
    fabric.reload(without)?;
    let before = foreign(fabric, Node(1), "wg_auth")?;
    let frame = fabric.injected(Node(1), OWN, "after it is removed", nobody(), honest)?;
    let edition = fabric.edition()?;
    let mut injector = fabric.injector.take().context("nobody is hostile")?;
    for to in [Node(1), Node(2), Node(3)] {
        injector.send(to, &frame.carriage.packet(edition, &frame.shot.frame))?;
    }
    await_foreign(fabric, Node(1), "wg_auth", before + 1)?;
    let again = injector.meet(Node(1));
    fabric.injector = Some(injector);
    ensure!(again.is_err(), "a key that was removed still shakes hands");
    fabric.volley(Vec::new())?;
    fabric.counters()?.check()
}
