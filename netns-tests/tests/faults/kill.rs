//! Nodes that die without a word and come back: K01. K20 of the conformance suite kills one node
//! and looks at one stream; here every node dies in turn while everybody talks.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::daemon::Daemon;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::topology::{Node, Port};

use crate::bench::{figure, long, row};
use crate::stage::{OPEN, fresh};
use crate::talk::{everybody, talking};

/// Permitted traffic is back within this after the restart.
const BACK: Duration = Duration::from_secs(2);

pub(crate) fn trials() -> Vec<Trial> {
    vec![row(
        "K01 killed again and again, every node is back within two seconds [open]",
        || fresh(OPEN, kills),
    )]
}

fn kills(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let rounds = if long() { 100 } else { 10 };
    let (mut outages, mut frames) = (Vec::new(), 0);
    for round in 0..rounds {
        let node = Node::ALL[round % Node::ALL.len()];
        let (outage, clean) =
            one_kill(fabric, node).with_context(|| format!("kill {} of {node}", round + 1))?;
        outages.push(outage);
        frames += clean;
    }
    outages.sort_unstable();
    let (median, longest) = (outages[rounds / 2], outages[rounds - 1]);
    figure(
        "K01",
        &format!("kill -9 of every node in turn, {rounds} times"),
        &format!(
            "all permitted streams back {:.2} s (median), {:.2} s (at most) after the restart; \
             no interface left over; 0 leaks in {frames} frames",
            median.as_secs_f64(),
            longest.as_secs_f64()
        ),
    );
    ensure!(
        longest <= BACK,
        "back after {longest:?}, later than {BACK:?}"
    );
    fabric.settle()?;
    fabric.introduce()?;
    fabric.counters()?.check()
}

/// From the restart until every permitted stream of the node is whole again.
fn one_kill(fabric: &mut Fabric, node: Node) -> Result<(Duration, usize)> {
    let mut daemon = fabric.daemons.remove(node.index());
    let outcome = talking(fabric, &everybody(200)?, || {
        sleep(Duration::from_millis(200));
        daemon.kill()?;
        sleep(Duration::from_millis(200));
        let restarted = Instant::now();
        restart(fabric, &mut daemon)?;
        sleep(BACK + Duration::from_millis(200) - restarted.elapsed().min(BACK));
        Ok(restarted)
    });
    fabric.daemons.insert(node.index(), daemon);
    let (restarted, heard) = outcome?;
    let frames = heard.must_be_clean(fabric)?;
    no_orphans(fabric, node)?;
    let others = Node::ALL.into_iter().filter(|other| *other != node);
    let talks = others.flat_map(|other| {
        heard
            .between(node, other)
            .chain(heard.between(other, node))
            .collect::<Vec<_>>()
    });
    let back = |talk| {
        let back = heard.back(talk, restarted);
        back.with_context(|| format!("{} never came back", heard.name(talk)))
    };
    let backs: Result<Vec<Duration>> = talks.map(back).collect();
    let outage = backs?
        .into_iter()
        .max()
        .context("nobody talked with the node")?;
    Ok((outage, frames))
}

/// The guests' ends come back down when they were made anew; a guest brings its own up.
fn restart(fabric: &Fabric, daemon: &mut Daemon) -> Result<()> {
    daemon.start()?;
    let node = daemon.node;
    let ports = Port::all().filter(move |port| port.node() == node);
    fabric.hosts.bring_up(ports, Duration::from_secs(5))?;
    daemon.must_run()
}

/// One interface for each port and the underlay, and one at each host.
fn no_orphans(fabric: &Fabric, node: Node) -> Result<()> {
    let ports = Port::all().filter(|port| port.node() == node).count();
    let links = fabric.daemon(node).netns.links()?;
    ensure!(
        links.len() == ports + 1,
        "{node} has {links:?} for {ports} ports"
    );
    for host in fabric.hosts.iter() {
        let links = host.netns.links()?;
        ensure!(links == [LINK], "{} has {links:?}", host.port);
    }
    Ok(())
}
