//! Two nodes on one cable, with a host each.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use skerry_netns_tests::daemon::Daemon;
use skerry_netns_tests::fabric::make_key;
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::netns::Netns;
use skerry_netns_tests::tagging;
use skerry_netns_tests::topology::Node;
use skerry_netns_tests::traces;

use crate::cell::{Cell, Kind};

/// How long the nodes may take to make their ports.
const PATIENCE: Duration = Duration::from_secs(10);

/// The tag of tagged hosts.
const VID: u16 = 10;

/// Builds the cell, and lets the hosts send each other what `compare` compares.
pub(crate) fn run(cell: Cell, compare: impl FnOnce(&[Netns; 2]) -> Result<()>) -> Result<()> {
    let folder = traces::folder()?;
    let nodes = [Netns::create("n1")?, Netns::create("n2")?];
    let hosts = [Netns::create("h1")?, Netns::create("h2")?];
    let cable = cable(&nodes, cell)?;
    let keys = [
        make_key(folder.path(), "n1")?,
        make_key(folder.path(), "n2")?,
    ];
    let site = site(&hosts, &keys, &cable, cell);
    fs::write(folder.path().join("site.toml"), site)?;
    let mut daemons = Vec::new();
    for (number, netns) in (1_u8..).zip(nodes) {
        let node = Node(number);
        let switch = |on| if on { "auto" } else { "off" };
        let config = format!(
            "node = \"{node}\"\nsite = \"site.toml\"\nkey = \"{node}.key\"\n\
             control = \"{node}.sock\"\nstate = \"{node}.state\"\n\
             listen = \"[::]:51820\"\n[offload]\ntap = \"{}\"\ngso = \"{}\"\ngro = \"{}\"\n",
            switch(cell.tap),
            switch(cell.gso),
            switch(cell.gro)
        );
        fs::write(folder.path().join(format!("{node}.toml")), config)?;
        let mut daemon = Daemon::new(node, netns, folder.path());
        daemon.start()?;
        daemons.push(daemon);
    }
    let compared = attach(&hosts, cell, folder.path()).and_then(|()| compare(&hosts));
    let words: String = daemons.iter().map(Daemon::last_words).collect();
    let counters = |daemon: &Daemon| daemon.must(&["counters", "--json"]).unwrap_or_default();
    compared.with_context(|| {
        let counters: String = daemons.iter().map(counters).collect();
        format!("the nodes' last words:\n{words}{counters}")
    })?;
    for daemon in &mut daemons {
        daemon.must_run()?;
        // A sender that loses them all goes on in single segments, and arrives in the end.
        let counters = daemon.must(&["counters", "--json"])?;
        ensure!(
            !counters.contains("offload_bad"),
            "superframes of the hosts were refused:\n{counters}"
        );
        daemon.stop()?;
    }
    Ok(())
}

/// Why hosts cannot tag here, if they cannot.
pub(crate) static NO_TAGS: LazyLock<Option<String>> = LazyLock::new(|| {
    let attempt = || -> Result<()> {
        let folder = traces::folder()?;
        let netns = Netns::create("vlan")?;
        netns.ip("link add base0 type veth peer name base1")?;
        tagging::tag(&netns, "base0", VID, folder.path())
    };
    attempt().err().map(|error| format!("{error:#}"))
});

/// Joins the nodes; gives their addresses.
fn cable(nodes: &[Netns; 2], cell: Cell) -> Result<[String; 2]> {
    let mtu = cell.mtu;
    for node in nodes {
        allow_six(node)?;
    }
    let far = nodes[1].path();
    let far = far.file_name().and_then(|name| name.to_str());
    let far = far.context("a namespace without a name")?;
    nodes[0].ip(&format!(
        "link add cable mtu {mtu} type veth peer name cable mtu {mtu} netns {far}"
    ))?;
    let mut addresses = [String::new(), String::new()];
    for (end, node) in nodes.iter().enumerate() {
        let number = end + 1;
        addresses[end] = if cell.six {
            node.ip(&format!("addr add fd00::{number}/64 dev cable nodad"))?;
            format!("[fd00::{number}]:51820")
        } else {
            node.ip(&format!("addr add 192.0.2.{number}/24 dev cable"))?;
            format!("192.0.2.{number}:51820")
        };
        node.ip("link set cable up")?;
    }
    Ok(addresses)
}

fn allow_six(netns: &Netns) -> Result<()> {
    netns.enter(|| {
        for scope in ["all", "default"] {
            fs::write(format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"), "0")?;
        }
        Ok(())
    })?
}

/// One community with a host on each node, without guards: the hosts' kernels are their own.
fn site(hosts: &[Netns; 2], keys: &[String; 2], cable: &[String; 2], cell: Cell) -> String {
    let listen = |end: usize| {
        let attach = match cell.kind {
            Kind::Veth => "veth",
            Kind::Tap => "tap",
        };
        let role = if cell.tagged {
            format!("trunk = {{ {VID} = \"m.pair\" }}")
        } else {
            "as = \"m.pair\"".to_owned()
        };
        let netns = hosts[end].path();
        let netns = netns.display();
        format!("{{ {role}, attach = {{ {attach} = \"eth0\", netns = \"{netns}\" }} }}")
    };
    format!(
        "version = 1\n\
         [defaults]\nmtu = {}\n\
         [defaults.host.guard]\nmac = \"off\"\nmax_macs = 16\nip = \"off\"\n\
         [node]\n\
         n1 = {{ key = \"{}\", overlay = \"100.64.0.1\", endpoint = \"{}\" }}\n\
         n2 = {{ key = \"{}\", overlay = \"100.64.0.2\", endpoint = \"{}\" }}\n\
         [pvlan.m]\nprimary = 100\nisolated = 101\ncommunity = {{ pair = 102 }}\n\
         [port.n1]\nh1 = {}\n[port.n2]\nh2 = {}\n",
        cell.inner_mtu(),
        keys[0],
        cable[0],
        keys[1],
        cable[1],
        listen(0),
        listen(1)
    )
}

/// Waits for the ports, and gives the hosts their addresses.
fn attach(hosts: &[Netns; 2], cell: Cell, folder: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for host in hosts {
        while !host.links()?.contains(&LINK.to_owned()) {
            ensure!(Instant::now() < deadline, "a node made no port");
            sleep(Duration::from_millis(20));
        }
        allow_six(host)?;
    }
    for (end, host) in hosts.iter().enumerate() {
        let number = end + 1;
        if cell.tagged {
            tagging::tag(host, LINK, VID, folder)?;
        }
        host.ip(&format!("link set {LINK} up"))?;
        host.ip(&format!("addr add 10.1.0.{number}/24 dev {LINK}"))?;
        if cell.carries_six() {
            host.ip(&format!(
                "addr add 2001:db8:1::{number}/64 dev {LINK} nodad"
            ))?;
        }
    }
    Ok(())
}
