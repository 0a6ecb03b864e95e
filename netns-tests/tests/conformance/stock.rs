//! Stock members: the kernel's `vxlan` over a real WireGuard peer, configured by nothing but the
//! lines of `skerry peer`, as printed (`netns-tests/src/stock.rs` says what stands in for what).
//!
//! e1 is the edge of T1: its port `vx0` is isolated in blue, its home is n2 (n1, which has two
//! workers, where it is used as a user would), and it has no endpoint, so it speaks first. m1 is a member of the mesh by the bridge recipe: its guest's port
//! is isolated too, and it has an endpoint, so the others speak first.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::{Change, PeerCounters, PortCounters, Snapshot};
use skerry_netns_tests::fabric::{Fabric, make_key};
use skerry_netns_tests::frame::{self, BROADCAST};
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::machine::{Refused, Stock};
use skerry_netns_tests::netns::Netns;
use skerry_netns_tests::packet::{Receiver, Sender};
use skerry_netns_tests::site::mac;
use skerry_netns_tests::suite::{joined, row, say};
use skerry_netns_tests::tag;
use skerry_netns_tests::topology::{Node, Port};
use skerry_netns_tests::volley::Shot;

use crate::reach::{port, ports, set};
use crate::stage::{GUARDED, OPEN, fresh};

/// What the site file binds to e1's port.
const E1: [u8; 6] = [2, 0, 0, 0, 9, 1];
/// What the site file binds to m1's guest.
const M1: [u8; 6] = [2, 0, 0, 0, 10, 1];
/// The lines of the bridge recipe that need more of a kernel than the rest.
const DROPS: [&str; 2] = [
    "tc filter add dev br20101 ingress matchall action drop",
    "tc filter add dev vx20101 ingress matchall action drop",
];
/// How long a frame may take.
const ARRIVAL: Duration = Duration::from_secs(2);
/// How long two ends may take to find each other.
const MEETING: Duration = Duration::from_secs(20);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "A08 a stock edge's broadcast reaches the promiscuous ports only [stock]",
            || fresh(OPEN, |fabric| with_e1(fabric, "n2", broadcast)),
        ),
        row(
            "A09 a stock edge hears everything under its own VNI [stock]",
            || fresh(OPEN, |fabric| with_e1(fabric, "n2", unicast)),
        ),
        row(
            "F12 a stock edge's frames under another VNI reach nobody [stock]",
            || fresh(OPEN, |fabric| with_e1(fabric, "n2", foreign)),
        ),
        row(
            "A08 a stock edge is of use: ping and TCP to the gateway, nothing to neighbours [stock]",
            || fresh(GUARDED, |fabric| with_e1(fabric, "n1", plain_use)),
        ),
        row(
            "F14 a stock mesh member by the bridge recipe [stock]",
            || fresh(GUARDED, mesh_member),
        ),
    ]
}

/// The fabric with e1 added by a reload, configured as `skerry peer` prints.
fn with_e1(
    fabric: &mut Fabric,
    home: &str,
    row: fn(&mut Fabric, &Stock) -> Result<()>,
) -> Result<()> {
    let key = make_key(fabric.folder(), "e1")?;
    let mut site = fabric.site.clone();
    site.more_nodes = format!(
        "e1 = {{ key = \"{key}\", overlay = \"100.64.0.9\", stock = \"edge\", home = \"{home}\" }}\n"
    );
    site.addition = format!(
        "[port.e1]\nvx0 = {{ as = \"blue.isolated\", ip = [\"10.1.0.19\", \"2001:db8:1::19\"], \
         mac = \"{}\" }}\n",
        mac(E1)
    );
    fabric.reload(site)?;
    ensure!(!is_up(fabric, home)?, "e1/vx0 is up and nobody is there");
    let edge = join(fabric, "e1", "10.255.0.9", &[])?;
    fabric.settle()?;
    ensure!(is_up(fabric, home)?, "e1/vx0 is down");
    row(fabric, &edge)
}

/// What `skerry ports` of its home says of e1's port.
fn is_up(fabric: &Fabric, home: &str) -> Result<bool> {
    let mut daemons = fabric.daemons.iter();
    let home = daemons.find(|daemon| daemon.node.name() == home);
    let facts = home.context("no such node")?.facts("ports")?;
    let ports = facts["ports"].as_array().context("no list of ports")?;
    let port = ports.iter().find(|port| port["name"] == "e1/vx0");
    let port = port.context("e1's home does not list e1/vx0")?;
    ensure!(
        port["attach"] == "edge e1",
        "attached by {}",
        port["attach"]
    );
    port["up"].as_bool().context("neither up nor down")
}

/// Boots the machine and runs its lines; only those in `may_fail` may fail.
fn join(fabric: &Fabric, name: &str, address: &str, may_fail: &[&str]) -> Result<Stock> {
    let machine = Stock::boot(name, address, &fabric.underlay, fabric.folder())?;
    if name == "m1" {
        let guest = machine.netns.path();
        let guest = guest.file_name().unwrap_or_default().to_string_lossy();
        let guest = format!("{guest}g");
        machine.netns.ip(&format!(
            "link add g0 type veth peer name {LINK} netns {guest}"
        ))?;
    }
    let refused = machine.configure(&fabric.site_file())?;
    for Refused { line, words } in &refused {
        ensure!(
            may_fail.contains(&line.as_str()),
            "{name} cannot run a line of `skerry peer`: {line}: {words}"
        );
        say(&format!("    not run on this kernel: `{line}`: {words}"));
    }
    Ok(machine)
}

/// A frame of e1's that is judged as if it were of `b-i3`, an isolated port of the same home.
fn shot(fabric: &Fabric, to: [u8; 6], from: [u8; 6], receivers: &str, label: &str) -> Result<Shot> {
    let expect = ports(receivers)?;
    Ok(fabric.shot(port("b-i3")?, label, expect, |tag| {
        frame::experiment(to, from, tag, 20)
    }))
}

/// Sends a frame by a device of the machine: who must see it does, nobody else does, and no
/// counter and nothing in clear is left over.
fn send(fabric: &Fabric, machine: &Stock, device: &str, shot: Shot) -> Result<Change> {
    fabric.judge(&[])?;
    fabric.underlay.take();
    let before = fabric.counters()?;
    Sender::open(&machine.netns, device)?.send(&shot.frame)?;
    let shots = [shot];
    let arrived = fabric.await_copies(&shots);
    let taken = await_counters(fabric, |after| Ok(taken_in(after)? > taken_in(&before)?));
    fabric.judge(&shots)?;
    taken?;
    ensure!(arrived, "not every copy arrived");
    // What was held back comes before these, or is found by them.
    fabric.volley(Vec::new())?;
    let after = fabric.counters()?;
    after.check()?;
    Ok(Change { before, after })
}

/// Frames that came out of e1's tunnel.
fn taken_in(snapshot: &Snapshot) -> Result<u64> {
    Ok(edge_peer(snapshot)?.frames_in)
}

fn await_counters(fabric: &Fabric, done: impl Fn(&Snapshot) -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + ARRIVAL;
    while !done(&fabric.counters()?)? {
        ensure!(Instant::now() < deadline, "a frame was not counted in");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// What n2 counts about e1's port.
fn edge_port(snapshot: &Snapshot) -> Result<PortCounters> {
    let found = snapshot.0[Node(2).index()].ports.get("e1/vx0");
    found.cloned().context("n2 has no port e1/vx0")
}

/// What n2 counts about e1's tunnel.
fn edge_peer(snapshot: &Snapshot) -> Result<PeerCounters> {
    let found = snapshot.0[Node(2).index()].peers.get("e1");
    found.cloned().context("n2 has no peer e1")
}

fn broadcast(fabric: &mut Fabric, edge: &Stock) -> Result<()> {
    let frame = shot(fabric, BROADCAST, E1, "b-gw b-p2", "broadcast of e1")?;
    let change = send(fabric, edge, "vx0", frame)?;
    let (before, after) = (edge_port(&change.before)?, edge_port(&change.after)?);
    // The edge's own kernel may say something too, such as that it has IPv6.
    ensure!(
        after.delivered > before.delivered,
        "the port delivered nothing: {after:?}"
    );
    ensure!(
        after.ingress_drops == before.ingress_drops,
        "the port dropped something: {after:?}"
    );
    let to_n4 = change.after.peer(Node(2), Node(4)).copies_out;
    ensure!(to_n4 == 0, "{to_n4} copies for n4, which has no receiver");
    Ok(())
}

fn unicast(fabric: &mut Fabric, edge: &Stock) -> Result<()> {
    let gateway = port("b-gw")?;
    let listener = Receiver::open(&edge.netns)?;
    let before = edge_port(&fabric.counters()?)?;
    let shot = fabric.shot(gateway, "unicast to e1", set(&[]), |tag| {
        frame::experiment(E1, gateway.mac(), tag, 20)
    });
    let (sent, tag) = (shot.frame.clone(), shot.tag);
    let report = fabric.volley(vec![shot])?;
    let [n1, n2, n3] = [Node(1), Node(2), Node(3)];
    // One datagram for the unicast; the sentinels of b-gw and b-p2 visit everybody.
    let (to_home, elsewhere) = (
        report.change.tunnelled(n1, n2),
        report.change.tunnelled(n1, n3),
    );
    ensure!(
        to_home == elsewhere + 1,
        "{to_home} frames to n2, {elsewhere} to n3: the unicast went to more than its node"
    );
    let mut seen = Vec::new();
    let deadline = Instant::now() + ARRIVAL;
    while seen.len() < 2 {
        ensure!(Instant::now() < deadline, "e1 saw {seen:02x?} only");
        listener.wait(Duration::from_millis(50))?;
        let mut buffer = vec![0; 1 << 17];
        while let Some((packet, _)) = listener.receive(&mut buffer)? {
            if tag::find(packet).is_some_and(|found| found.tag == tag) {
                seen.push(packet.to_vec());
            }
        }
    }
    // The packet on wg0: IPv4, UDP, then VXLAN with its flag and number.
    let carried = seen.iter().find(|packet| packet.starts_with(&[0x45]));
    let header = carried.and_then(|packet| packet.get(28..36));
    ensure!(
        header == Some(&[8, 0, 0, 0, 0, 0x4e, 0x85, 0]),
        "not VNI 20101 on the edge's link: {seen:02x?}"
    );
    ensure!(
        seen.len() == 2 && seen.contains(&sent),
        "not exactly the frame on vx0: {seen:02x?}"
    );
    let after = edge_port(&fabric.counters()?)?;
    ensure!(after.sent > before.sent, "the port sent nothing: {after:?}");
    Ok(())
}

fn foreign(fabric: &mut Fabric, edge: &Stock) -> Result<()> {
    for (number, reason) in [
        (20_100, "vni_denied"),
        (20_102, "vni_denied"),
        (21_102, "vni_denied"),
        (99, "vni_unknown"),
    ] {
        edge.must(&format!(
            "ip link add evil type vxlan id {number} local 100.64.0.9 remote 100.64.0.2 \
             dstport 4789 nolearning"
        ))?;
        // So that its kernel says nothing there of its own accord.
        edge.must("ip link set evil addrgenmode none")?;
        edge.must("ip link set evil up")?;
        let label = format!("VNI {number}");
        let frame = shot(fabric, BROADCAST, E1, "", &label)?;
        let change = send(fabric, edge, "evil", frame)?;
        let (before, after) = (edge_peer(&change.before)?, edge_peer(&change.after)?);
        let count = |peer: &PeerCounters| peer.drops.get(reason).copied().unwrap_or(0);
        ensure!(
            count(&after) == count(&before) + 1,
            "{label}: not one {reason} more: {:?}, then {:?}",
            before.drops,
            after.drops
        );
        edge.must("ip link delete evil")?;
    }
    let frame = shot(fabric, BROADCAST, E1, "b-gw b-p2", "its own VNI")?;
    send(fabric, edge, "vx0", frame)?;
    Ok(())
}

/// Gives a host a kernel that uses the port's own addresses.
fn live(fabric: &Fabric, at: Port) -> Result<()> {
    let netns = &fabric.hosts.at(at).netns;
    let [a, b, c, d] = at.ip();
    netns.ip(&format!("link set {LINK} address {}", mac(at.mac())))?;
    netns.ip(&format!("addr add {a}.{b}.{c}.{d}/24 dev {LINK}"))?;
    Ok(())
}

/// Whether an answer comes to one of ten pings.
fn answers(from: &Netns, to: &str) -> Result<bool> {
    let limit = ["-c", "1", "-W", "1"];
    for _ in 0..10 {
        let mut ping = std::process::Command::new("ping");
        let ping = ping.args(limit).arg(to).stdin(std::process::Stdio::null());
        let output = from.enter(|| ping.output())?.context("no `ping`")?;
        if output.status.success() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether not one of three pings is answered.
fn silent(from: &Netns, to: &str) -> Result<bool> {
    let mut ping = std::process::Command::new("ping");
    let ping = ping
        .args(["-c", "3", "-i", "0.2", "-W", "1"])
        .arg(to)
        .stdin(std::process::Stdio::null());
    let output = from.enter(|| ping.output())?.context("no `ping`")?;
    Ok(String::from_utf8_lossy(&output.stdout).contains(" 0 received"))
}

fn plain_use(fabric: &mut Fabric, edge: &Stock) -> Result<()> {
    let [gateway, neighbour, community] = [port("b-gw")?, port("b-i3")?, port("b-w2")?];
    for host in [gateway, neighbour, community] {
        live(fabric, host)?;
    }
    ensure!(
        answers(&edge.netns, "10.1.0.1")?,
        "the gateway does not answer e1"
    );
    let hosts = |at: Port| &fabric.hosts.at(at).netns;
    ensure!(
        answers(hosts(gateway), "10.1.0.19")?,
        "e1 does not answer the gateway"
    );
    for (at, address) in [(neighbour, "10.1.0.13"), (community, "10.1.0.22")] {
        ensure!(
            answers(hosts(at), "10.1.0.1")?,
            "{at} cannot reach the gateway"
        );
        ensure!(silent(&edge.netns, address)?, "e1 reaches {at}");
        ensure!(silent(hosts(at), "10.1.0.19")?, "{at} reaches e1");
    }
    transfer(hosts(gateway), "10.1.0.1:7000", &edge.netns)?;
    transfer(&edge.netns, "10.1.0.19:7000", hosts(gateway))?;
    fabric.counters()?.check()?;
    fabric.underlay.take().check()
}

/// Eight megabytes by TCP, in packets as long as they may be, both ends kernels.
fn transfer(server: &Netns, address: &str, client: &Netns) -> Result<()> {
    const LENGTH: usize = 8 << 20;
    let address: SocketAddr = address.parse()?;
    let listener = server.enter(|| TcpListener::bind(address))??;
    let pattern: Vec<u8> = (0..=250_u8).cycle().take(LENGTH).collect();
    let limit = Some(Duration::from_secs(30));
    std::thread::scope(|scope| {
        let received = scope.spawn(|| -> Result<Vec<u8>> {
            let (mut stream, _) = listener.accept()?;
            stream.set_read_timeout(limit)?;
            let mut bytes = Vec::with_capacity(LENGTH);
            stream.read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(5));
        let sent = client.enter(connect)?.map_err(anyhow::Error::from);
        let sent = sent.and_then(|mut stream| {
            stream.set_write_timeout(limit)?;
            Ok(stream.write_all(&pattern)?)
        });
        if sent.is_err() {
            // So that nobody waits for a connection that does not come.
            drop(server.enter(|| TcpStream::connect(address)));
        }
        let received = joined(received)?;
        sent?;
        ensure!(
            received == pattern,
            "{} bytes arrived, not the {LENGTH} that were sent",
            received.len()
        );
        Ok(())
    })
}

/// m1 and its guest, which hangs on `g0` by a wire and has a kernel of its own.
fn mesh_member(fabric: &mut Fabric) -> Result<()> {
    let key = make_key(fabric.folder(), "m1")?;
    let mut site = fabric.site.clone();
    site.more_nodes = format!(
        "m1 = {{ key = \"{key}\", overlay = \"100.64.0.10\", endpoint = \"10.255.0.10:51820\", \
         stock = \"mesh\" }}\n"
    );
    site.addition = format!(
        "[port.m1]\ng0 = {{ as = \"blue.isolated\", ip = [\"10.1.0.20\"], mac = \"{}\" }}\n",
        mac(M1)
    );
    fabric.reload(site)?;
    let guest = Netns::create("m1g")?;
    let machine = join(fabric, "m1", "10.255.0.10", &DROPS)?;
    guest.ip(&format!("link set {LINK} address {} mtu 1370", mac(M1)))?;
    guest.ip(&format!("link set {LINK} up"))?;
    guest.ip(&format!("addr add 10.1.0.20/24 dev {LINK}"))?;
    await_sessions(&machine)?;
    let [gateway, isolated, community] = [port("b-gw")?, port("b-i4")?, port("b-w2")?];
    for host in [gateway, isolated, community] {
        live(fabric, host)?;
    }
    ensure!(
        answers(&guest, "10.1.0.1")?,
        "the gateway does not answer m1's guest"
    );
    let hosts = |at: Port| &fabric.hosts.at(at).netns;
    for (at, address) in [(isolated, "10.1.0.14"), (community, "10.1.0.22")] {
        ensure!(
            answers(hosts(at), "10.1.0.1")?,
            "{at} cannot reach the gateway"
        );
        ensure!(silent(&guest, address)?, "m1's guest reaches {at}");
        ensure!(silent(hosts(at), "10.1.0.20")?, "{at} reaches m1's guest");
    }
    ensure!(
        answers(hosts(gateway), "10.1.0.20")?,
        "m1's guest does not answer the gateway"
    );
    transfer(hosts(gateway), "10.1.0.1:7000", &guest)?;
    fabric.counters()?.check()?;
    fabric.underlay.take().check()
}

/// Waits until WireGuard has met every node that the lines named.
fn await_sessions(machine: &Stock) -> Result<()> {
    let deadline = Instant::now() + MEETING;
    loop {
        let shaken = machine.must("wg show wg0 latest-handshakes")?;
        let waiting = shaken.lines().filter(|line| line.ends_with("\t0")).count();
        if waiting == 0 && !shaken.trim().is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{} has not met everybody: {shaken}", machine.name);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
