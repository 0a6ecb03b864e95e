//! Rows G: groups, their members and their queriers.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::{Fabric, Options};
use skerry_netns_tests::frame::{MDNS, Pair, udp4, udp6};
use skerry_netns_tests::message::{
    Packet6, group4_mac, group6_mac, igmp, igmp3, link_group, mld, mld2, pim_hello,
};
use skerry_netns_tests::oracle::Receivers;
use skerry_netns_tests::suite::row;
use skerry_netns_tests::topology::Port;
use skerry_netns_tests::volley::Shot;

use crate::control_traffic::{own_link_local, with_site};
use crate::reach::{port, ports};
use crate::stage::{GUARDED, fresh, shared};

/// Guards on, in a fabric that these rows share with no others: a querier is remembered for
/// minutes, and until there is one every group floods.
const LISTENING: Options = Options {
    age: "299s",
    ..GUARDED
};

/// A group that nobody's protocol owns, per family.
const GROUP: [u8; 4] = [239, 1, 1, 1];
/// What the workers of a node need to tell each other who listens.
const REPLICATION: Duration = Duration::from_millis(300);
/// A member that leaves is given this long to be contradicted.
const LEAVING: Duration = Duration::from_millis(2_500);

pub(crate) fn trials() -> Vec<Trial> {
    let on = |title: &str, check: fn(&mut Fabric) -> Result<()>| {
        row(&format!("{title} [guarded]"), move || {
            shared(LISTENING, check)
        })
    };
    vec![
        on(
            "G01 groups of the link reach every port that may hear the sender",
            link_groups,
        ),
        on("G07 all nodes are all ports", all_nodes),
        on(
            "X14 without a querier a group floods, and a host cannot be one",
            rogue,
        ),
        on("G04 a report reaches querier ports only", reports),
        on(
            "G02 a group's data reaches its members and the queriers",
            members,
        ),
        on("X15 a join never widens who may hear whom", never_wider),
        on(
            "X16 a member that leaves is left alone two seconds later",
            leaving,
        ),
        row(
            "X17 a port joins as many groups as it may, and no more [guarded]",
            || fresh(LISTENING, group_limit),
        ),
    ]
}

/// ff05::1:5 and the like: a group beyond the link.
fn site_group(last: u8) -> [u8; 16] {
    let mut group = link_group(last);
    (group[1], group[13]) = (5, 1);
    group
}

fn data4(fabric: &Fabric, from: Port, group: [u8; 4], expect: Receivers, label: &str) -> Shot {
    let mac = Pair {
        to: group4_mac(group),
        from: from.mac(),
    };
    let ip = Pair {
        to: group,
        from: from.ip(),
    };
    fabric.shot(from, label, expect, |tag| udp4(mac, ip, tag, 0))
}

fn data6(fabric: &Fabric, from: Port, group: [u8; 16], expect: Receivers, label: &str) -> Shot {
    let mac = Pair {
        to: group6_mac(group),
        from: from.mac(),
    };
    let ip = Pair {
        to: group,
        from: from.ip6(),
    };
    fabric.shot(from, label, expect, |tag| udp6(mac, ip, tag, 0))
}

/// An IGMP message of a host: 0x11 asks, 0x16 joins, 0x17 leaves.
fn say4(fabric: &Fabric, from: Port, kind: u8, group: [u8; 4], expect: Receivers) -> Shot {
    let (packet, to) = igmp(from.ip(), kind, group);
    let mac = Pair {
        to,
        from: from.mac(),
    };
    let label = format!("IGMP {kind:#x}");
    fabric.shot(from, &label, expect, |tag| packet.frame(mac, tag))
}

fn say6(fabric: &Fabric, from: Port, message: (Packet6, [u8; 6]), expect: Receivers) -> Shot {
    let (packet, to) = message;
    let mac = Pair {
        to,
        from: from.mac(),
    };
    fabric.shot(from, "MLD", expect, |tag| packet.frame(mac, tag))
}

fn nobody() -> Receivers {
    Receivers::new()
}

fn link_groups(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let expect = || ports("b-gw b-p2");
    ensure!(
        group4_mac([224, 0, 0, 251]) == MDNS,
        "the address of 224.0.0.251"
    );
    fabric.volley(vec![
        data4(fabric, from, [224, 0, 0, 251], expect()?, "224.0.0.251"),
        data6(fabric, from, link_group(0xfb), expect()?, "ff02::fb"),
    ])?;
    Ok(())
}

fn all_nodes(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-gw")?;
    let expect = ports("b-p2 b-i1 b-i2 b-w1 b-d1 b-i3 b-w2 b-d2 b-i4 b-i5")?;
    fabric.volley(vec![data6(fabric, from, link_group(1), expect, "ff02::1")])?;
    Ok(())
}

/// Nobody has asked yet, but for hosts.
fn rogue(fabric: &mut Fabric) -> Result<()> {
    let [host, gateway] = [port("b-i1")?, port("b-gw")?];
    let report = fabric.volley(vec![
        say4(fabric, host, 0x11, [0; 4], nobody()),
        say4(fabric, host, 0x11, GROUP, nobody()),
        say6(
            fabric,
            host,
            mld(own_link_local(host), 130, [0; 16]),
            nobody(),
        ),
    ])?;
    report
        .change
        .expect_ingress(host, &[("rogue_querier", 3)])?;
    let everybody = || fabric.flooded(gateway);
    fabric.volley(vec![
        data4(fabric, gateway, GROUP, everybody(), "239.1.1.1, no querier"),
        data6(
            fabric,
            gateway,
            site_group(1),
            everybody(),
            "ff05::1:0:1, no querier",
        ),
    ])?;
    // A report has nobody to go to.
    let report = fabric.volley(vec![say4(fabric, host, 0x16, [239, 9, 9, 9], nobody())])?;
    let unheard = report.change.port(host, |counters| counters.no_receiver);
    ensure!(unheard == 1, "{unheard} reports count as no_receiver");
    Ok(())
}

/// b-p2 asks, over IPv4 and IPv6; it is a querier port from then on.
fn ask(fabric: &Fabric) -> Result<()> {
    let querier = port("b-p2")?;
    let everybody = || fabric.flooded(querier);
    fabric.volley(vec![
        say4(fabric, querier, 0x11, [0; 4], everybody()),
        say6(
            fabric,
            querier,
            mld(own_link_local(querier), 130, [0; 16]),
            everybody(),
        ),
    ])?;
    Ok(())
}

fn join(fabric: &Fabric, members: &[&str]) -> Result<()> {
    let mut shots = Vec::new();
    for name in members {
        let from = port(name)?;
        let querier = || ports("b-p2");
        let (v3, to) = igmp3(from.ip(), &[GROUP]);
        let mac = Pair {
            to,
            from: from.mac(),
        };
        shots.push(say4(fabric, from, 0x16, GROUP, querier()?));
        shots.push(fabric.shot(from, "IGMPv3 report", querier()?, |tag| v3.frame(mac, tag)));
        let local = own_link_local(from);
        shots.push(say6(
            fabric,
            from,
            mld(local, 131, site_group(1)),
            querier()?,
        ));
        shots.push(say6(fabric, from, mld2(local, site_group(1)), querier()?));
    }
    fabric.volley(shots)?;
    Ok(())
}

fn reports(fabric: &mut Fabric) -> Result<()> {
    ask(fabric)?;
    join(fabric, &["b-i1", "b-w2"])
}

fn members(fabric: &mut Fabric) -> Result<()> {
    ask(fabric)?;
    join(fabric, &["b-i1", "b-w2"])?;
    // Who says hello as a router does is not asked for its groups either.
    let pretender = port("b-i2")?;
    let (hello, to) = pim_hello(pretender.ip());
    let mac = Pair {
        to,
        from: pretender.mac(),
    };
    let expect = ports("b-gw b-p2")?;
    fabric.volley(vec![
        fabric.shot(pretender, "PIM hello", expect, |tag| hello.frame(mac, tag)),
    ])?;
    sleep(REPLICATION);
    let gateway = port("b-gw")?;
    let expect = || ports("b-i1 b-w2 b-p2");
    fabric.volley(vec![
        data4(fabric, gateway, GROUP, expect()?, "239.1.1.1"),
        data6(fabric, gateway, site_group(1), expect()?, "ff05::1:0:1"),
        data4(
            fabric,
            gateway,
            [239, 2, 2, 2],
            ports("b-p2")?,
            "a group of nobody",
        ),
    ])?;
    // Link groups go on flooding.
    link_groups(fabric)
}

/// Members of other segments joined the same group, and hear nothing that they may not hear.
fn never_wider(fabric: &mut Fabric) -> Result<()> {
    ask(fabric)?;
    join(fabric, &["b-i1", "b-i3", "b-w2", "b-d2"])?;
    sleep(REPLICATION);
    let [web, isolated] = [port("b-w1")?, port("b-i4")?];
    fabric.volley(vec![
        data4(
            fabric,
            web,
            GROUP,
            ports("b-w2 b-p2")?,
            "239.1.1.1 from b-w1",
        ),
        data6(
            fabric,
            web,
            site_group(1),
            ports("b-w2 b-p2")?,
            "ff05::1:0:1 from b-w1",
        ),
        data4(
            fabric,
            isolated,
            GROUP,
            ports("b-p2")?,
            "239.1.1.1 from b-i4",
        ),
    ])?;
    // The same group in another private VLAN is another group, and has no querier.
    let red = port("r-gw")?;
    fabric.volley(vec![data4(
        fabric,
        red,
        GROUP,
        fabric.flooded(red),
        "239.1.1.1 from r-gw",
    )])?;
    Ok(())
}

fn leaving(fabric: &mut Fabric) -> Result<()> {
    ask(fabric)?;
    join(fabric, &["b-i1", "b-i3", "b-w2", "b-d2"])?;
    let [gateway, leaver, keeper] = [port("b-gw")?, port("b-i1")?, port("b-w2")?];
    let querier = || ports("b-p2");
    fabric.volley(vec![
        say4(fabric, leaver, 0x17, GROUP, querier()?),
        say6(
            fabric,
            leaver,
            mld(own_link_local(leaver), 132, site_group(1)),
            querier()?,
        ),
        say4(fabric, keeper, 0x17, GROUP, querier()?),
        say6(
            fabric,
            keeper,
            mld(own_link_local(keeper), 132, site_group(1)),
            querier()?,
        ),
    ])?;
    // Another host behind the same port still listens, and says so.
    join(fabric, &["b-w2"])?;
    sleep(LEAVING);
    let expect = || ports("b-w2 b-i3 b-d2 b-p2");
    fabric.volley(vec![
        data4(
            fabric,
            gateway,
            GROUP,
            expect()?,
            "239.1.1.1 after the leave",
        ),
        data6(
            fabric,
            gateway,
            site_group(1),
            expect()?,
            "ff05::1:0:1 after the leave",
        ),
    ])?;
    Ok(())
}

fn group_limit(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let from = port("b-i1")?;
    let few = |site: &mut skerry_netns_tests::site::Site| {
        site.more = vec![(from, "guard = { max_groups = 2 }")];
    };
    with_site(fabric, few, |fabric| {
        ask(fabric)?;
        let querier = || ports("b-p2");
        let joins = |last, expect| say4(fabric, from, 0x16, [239, 3, 3, last], expect);
        // Two workers read the port, and reports of different groups may overtake each other.
        fabric.volley(vec![joins(1, querier()?), joins(2, querier()?)])?;
        let report = fabric.volley(vec![joins(3, nobody()), joins(1, querier()?)])?;
        report.change.expect_ingress(from, &[("group_limit", 1)])
    })
}
