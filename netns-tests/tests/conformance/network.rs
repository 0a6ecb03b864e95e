//! Rows F10 and F11: a network that invents and repeats.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{BROADCAST, checksum};
use skerry_netns_tests::injector::{Carriage, VXLAN};
use skerry_netns_tests::packet::Sender;
use skerry_netns_tests::suite::row;
use skerry_netns_tests::topology::Node;
use skerry_netns_tests::underlay::sealed_length;

use crate::inject::{OWN, honest};
use crate::reach::port;
use crate::stage::{GUARDED, shared};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row("F10 nobody listens for plaintext VXLAN [guarded]", || {
            shared(GUARDED, plaintext)
        }),
        row(
            "F11 a recorded datagram is refused the second time [guarded]",
            || shared(GUARDED, replayed),
        ),
    ]
}

/// Datagrams that a node refused without knowing the sender.
pub(crate) fn foreign(fabric: &Fabric, node: Node, reason: &str) -> Result<u64> {
    let counters = fabric.counters()?;
    let drops = &counters.0[node.index()].underlay_drops;
    Ok(drops.get(reason).copied().unwrap_or(0))
}

pub(crate) fn await_foreign(fabric: &Fabric, node: Node, reason: &str, due: u64) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(2);
    loop {
        let counted = foreign(fabric, node, reason)?;
        if counted >= due {
            ensure!(
                counted == due,
                "{node} counts {counted} {reason}, not {due}"
            );
            return Ok(());
        }
        ensure!(
            Instant::now() < limit,
            "{node} counts {counted} {reason}, not {due}"
        );
        sleep(Duration::from_millis(10));
    }
}

/// From a stranger on the underlay, to a port where nothing listens.
fn plaintext(fabric: &mut Fabric) -> Result<()> {
    let stranger = crate::malformed::stranger(fabric)?;
    let socket = stranger.enter(|| UdpSocket::bind("0.0.0.0:0"))??;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    for node in Node::ALL {
        let from = port("b-i5")?;
        let frame = honest(from, fabric.tag(from));
        let header = Carriage::honest(Node(4), node, OWN).header;
        socket.connect((node.underlay().as_str(), VXLAN))?;
        socket.send(&[&header, frame.as_slice()].concat())?;
        // The kernel itself says that nobody is there (RFC 1122 section 4.1.3.1).
        let answer = socket.recv(&mut [0; 16]).map_err(|error| error.kind());
        ensure!(
            answer == Err(ErrorKind::ConnectionRefused),
            "{node}: port {VXLAN} answers {answer:?}"
        );
    }
    drop(stranger);
    sleep(Duration::from_millis(20));
    fabric.underlay.take();
    fabric.volley(Vec::new())?;
    Ok(())
}

/// Whoever sits on the underlay records a frame from n2 to n1 and sends it again.
fn replayed(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-w2")?;
    let shot = fabric.shot(from, "recorded", fabric.flooded(from), |tag| {
        fabric.plain(from, BROADCAST, [255; 4], tag, 1_111)
    });
    let length = sealed_length(shot.frame.len());
    let report = fabric.volley(vec![shot])?;
    let recorded = report.traffic.samples.get(&(Node(2), Node(1), length));
    let mut recorded = recorded.context("the datagram was not recorded")?.clone();
    // The kernel leaves checksums on a veth to the receiver; none at all is right too (RFC 768).
    recorded[40..42].copy_from_slice(&[0, 0]);
    let (once, strange) = (
        foreign(fabric, Node(1), "wg_replay")?,
        foreign(fabric, Node(3), "wg_auth")?,
    );
    Sender::open(&fabric.underlay.netns, "n1")?.send(&recorded)?;
    await_foreign(fabric, Node(1), "wg_replay", once + 1)?;
    // To a node that it was not for, it is nothing at all.
    let mac = fabric.daemon(Node(3)).netns.ip("-br link show eth0")?;
    let mac = mac
        .split_whitespace()
        .nth(2)
        .context("eth0 has no address")?;
    for (place, byte) in recorded.iter_mut().zip(mac.split(':')) {
        *place = u8::from_str_radix(byte, 16)?;
    }
    readdress(&mut recorded, Node(3));
    Sender::open(&fabric.underlay.netns, "n3")?.send(&recorded)?;
    await_foreign(fabric, Node(3), "wg_auth", strange + 1)?;
    fabric.volley(Vec::new())?;
    Ok(())
}

/// Another destination in the IPv4 header, and its checksum.
fn readdress(packet: &mut [u8], to: Node) {
    packet[33] = to.0;
    packet[24..26].fill(0);
    let sum = checksum(&packet[14..34], 0);
    packet[24..26].copy_from_slice(&sum.to_be_bytes());
}
