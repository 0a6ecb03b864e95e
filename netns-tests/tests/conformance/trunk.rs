//! Trunks (topology T2): one interface, several segments, told apart by nothing but their tags.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::{Fabric, Options, Report};
use skerry_netns_tests::frame::{BROADCAST, with_vlan};
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::oracle::{self, Receivers};
use skerry_netns_tests::suite::{row, say};
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::reach::{must_know, port, ports, receivers_of_unicast, set, tables};
use crate::stage::shared;

/// The eleven blue access ports.
const BLUE: &str = "b-gw b-i1 b-i2 b-w1 b-d1 b-i3 b-w2 b-d2 b-p2 b-i4 b-i5";

pub(crate) fn trials(name: &'static str, options: Options) -> Vec<Trial> {
    let on = move |title: &str, check: fn(&mut Fabric) -> Result<()>| {
        row(&format!("{title} [{name}]"), move || shared(options, check))
    };
    vec![
        on(
            "X01 every ordered pair with the trunks, broadcast and unicast",
            every_pair,
        ),
        on(
            "C05 a promiscuous trunk sends under a tag that it has, and under no other",
            promiscuous,
        ),
        on(
            "C07 an isolated trunk reaches the promiscuous ports, and never itself",
            isolated,
        ),
        on(
            "X02 several hosts behind an isolated trunk do not meet through the fabric",
            behind_one_trunk,
        ),
    ]
}

/// 342 ordered pairs: the tags of a trunk count as ports. Where the sender's node knows the
/// address it goes there or nowhere; elsewhere the unicast floods among those who do not know.
fn every_pair(fabric: &mut Fabric) -> Result<()> {
    let all: Vec<Port> = fabric.ports().collect();
    let mut permitted = 0;
    for from in all.iter().copied() {
        let tables = tables(fabric)?;
        let mut shots = vec![fabric.broadcast(from)];
        for to in all.iter().copied().filter(|to| *to != from) {
            permitted += usize::from(oracle::permits(from, to));
            let expect = receivers_of_unicast(fabric, &tables, from, to);
            shots.push(fabric.unicast(from, to, expect));
        }
        fabric
            .volley(shots)
            .with_context(|| format!("from {from}"))?;
    }
    ensure!(
        (all.len(), permitted) == (19, 90),
        "{} ports, {permitted} permitted pairs",
        all.len()
    );
    say("    684 checks over 342 ordered pairs of T2, 90 permitted");
    Ok(())
}

/// Frames of a host behind a trunk, under any tag or none.
fn under(fabric: &Fabric, from: Port, vid: Option<u16>, expect: Receivers, label: &str) -> Shot {
    fabric.shot(from, label, expect, |tag| {
        let mut frame = fabric.plain(from, BROADCAST, [255; 4], tag, 0);
        frame.splice(12..16, []);
        match vid {
            Some(vid) => with_vlan(frame, vid),
            None => frame,
        }
    })
}

fn promiscuous(fabric: &mut Fabric) -> Result<()> {
    let up = port("up0#10")?;
    let expect = ports(&format!("{BLUE} dn0#30"))?;
    let shot = under(fabric, up, Some(10), expect, "VID 10");
    let report = arrives_at_guests(fabric, vec![shot.clone()])?;
    carried_tag(&report, port("dn0#30")?, &shot, 30)?;
    let nobody = |vid, label| under(fabric, up, vid, Receivers::new(), label);
    let twice = fabric.shot(up, "VID 10 behind VID 10", Receivers::new(), |tag| {
        with_vlan(fabric.plain(up, BROADCAST, [255; 4], tag, 0), 10)
    });
    let report = fabric.volley(vec![
        nobody(Some(30), "VID 30"),
        nobody(Some(4094), "VID 4094"),
        nobody(None, "untagged"),
        nobody(Some(0), "VID 0"),
        twice,
    ])?;
    report.change.expect_ingress(
        up,
        &[
            ("vlan_unmapped", 2),
            ("vlan_untagged", 2),
            ("vlan_stacked", 1),
        ],
    )?;
    // The other tag of the same interface is another private VLAN.
    let red = port("up0#20")?;
    let shot = under(
        fabric,
        red,
        Some(20),
        ports("r-gw r-i1 r-i2 r-l1 r-l2")?,
        "VID 20",
    );
    fabric.volley(vec![shot])?;
    Ok(())
}

fn isolated(fabric: &mut Fabric) -> Result<()> {
    let down = port("dn0#30")?;
    let shot = under(fabric, down, Some(30), ports("b-gw b-p2 up0#10")?, "VID 30");
    let report = arrives_at_guests(fabric, vec![shot.clone()])?;
    carried_tag(&report, port("up0#10")?, &shot, 10)?;
    // What comes back to it carries its tag.
    let gateway = port("b-gw")?;
    must_know(fabric, gateway, down)?;
    let shot = fabric.unicast(gateway, down, set(&[down]));
    let report = arrives_at_guests(fabric, vec![shot.clone()])?;
    carried_tag(&report, down, &shot, 30)
}

/// Two hosts on one isolated trunk: the fabric does not hand the frames of one to the other.
fn behind_one_trunk(fabric: &mut Fabric) -> Result<()> {
    let down = port("dn0#30")?;
    let second = [2, 0, 0, 0, 1, 0x42];
    let disguised = |to: [u8; 6], expect, label: &str| {
        fabric.shot(down, label, expect, |tag| {
            let plain = fabric.plain(down, to, [255; 4], tag, 0);
            readdressed(&plain, to, second)
        })
    };
    fabric.volley(vec![disguised(
        BROADCAST,
        ports("b-gw b-p2 up0#10")?,
        "the second host's broadcast",
    )])?;
    let report = fabric.volley(vec![disguised(
        down.mac(),
        Receivers::new(),
        "from the second host to the first",
    )])?;
    let unheard = report.change.port(down, |counters| counters.no_receiver);
    ensure!(unheard == 1, "{unheard} frames count as no_receiver");
    Ok(())
}

/// The frame with other addresses, and its tag made anew for them.
pub(crate) fn readdressed(frame: &[u8], to: [u8; 6], from: [u8; 6]) -> Vec<u8> {
    let Some(found) = skerry_netns_tests::tag::find(frame) else {
        return frame.to_vec();
    };
    let end = frame.len() - skerry_netns_tests::tag::LEN;
    let mut frame = [&to, &from, &frame[12..end]].concat();
    found.tag.append_to(&mut frame, 0);
    frame
}

/// A volley after which every guest's kernel has counted what its port sent: the probes of trunks
/// listen at the near end of the cable.
fn arrives_at_guests(fabric: &Fabric, shots: Vec<Shot>) -> Result<Report> {
    let trunks = [port("up0#10")?, port("dn0#30")?];
    let received = |port: Port| fabric.hosts.at(port).netns.received(LINK);
    let before = [received(trunks[0])?, received(trunks[1])?];
    let report = fabric.volley(shots)?;
    for (trunk, (_, before)) in trunks.into_iter().zip(before) {
        let (_, after) = received(trunk)?;
        let sent = report.change.port(trunk, |counters| counters.sent);
        ensure!(
            after - before == sent,
            "{} received {} frames, and its port sent {sent}",
            trunk.device(),
            after - before
        );
    }
    Ok(report)
}

/// The copy at a trunk is the frame that was sent, under the trunk's own tag and no other.
fn carried_tag(report: &Report, at: Port, shot: &Shot, vid: u16) -> Result<()> {
    let log = &report.logs[at.index()];
    let copies: Vec<&Vec<u8>> = log
        .seen
        .iter()
        .zip(&log.frames)
        .filter(|(seen, _)| seen.tag == shot.tag)
        .map(|(_, frame)| frame)
        .collect();
    let bare = match shot.from.vid() {
        Some(_) => [&shot.frame[..12], &shot.frame[16..]].concat(),
        None => shot.frame.clone(),
    };
    let due = with_vlan(bare, vid);
    ensure!(
        copies == [&due],
        "{at} received {copies:02x?}, not {due:02x?}"
    );
    Ok(())
}
