//! Ways past the tunnel of a stock member. Each is closed by lines that `skerry peer` prints, and
//! each row opens it again at its end, to show that nothing else had closed it.

use std::net::UdpSocket;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::frame::ethernet;
use skerry_netns_tests::site;
use skerry_netns_tests::stock::{Kind, Member};
use skerry_netns_tests::suite::row;
use skerry_netns_tests::topology::{Node, Role};

use crate::count;
use crate::world::{self, SCRIPT, World, in_guest};

/// Who is tried: its guest hears the promiscuous ports and no others.
const MEMBER: Member = Member {
    kind: Kind::Bridge,
    role: Role::Isolated,
};
/// The primary of blue, under which it hears them.
const VNI: u32 = 20100;
/// The sender inside: nobody, so that no other frame is taken for this one.
const FORGED: [u8; 6] = [2, 0, 0, 0, 0x66, 1];
/// What a way that is open may take to show it.
const OPEN: Duration = Duration::from_secs(10);

pub(crate) fn trials() -> Vec<Trial> {
    let on = |title: &str, check: fn(&mut World) -> Result<()>| {
        row(title, move || world::with(MEMBER, |world, _| check(world)))
    };
    vec![
        on(
            "F14 bridge recipe: takes no VXLAN beside the tunnel",
            strangers_are_refused,
        ),
        on(
            "F14 bridge recipe: sends nothing in clear without its tunnel",
            nothing_leaves_in_clear,
        ),
        on(
            "F14 bridge recipe: the guest does not reach the machine",
            machine_is_closed,
        ),
    ]
}

/// VXLAN of another machine of the underlay, with a frame for the guest.
fn clear_vxlan() -> Vec<u8> {
    let [_, high, mid, low] = VNI.to_be_bytes();
    let mut packet = vec![8, 0, 0, 0, high, mid, low, 0];
    packet.extend(ethernet(Member::MAC, FORGED, 0x88b5));
    packet.resize(8 + 60, 0);
    packet
}

fn strangers_are_refused(world: &mut World) -> Result<()> {
    let packet = clear_vxlan();
    // The gateway's own node is no better than others, when it comes beside the tunnel.
    for node in [Node(4), Node(1)] {
        let heard = heard_of(world, node, &packet)?;
        ensure!(heard == 0, "{heard} frames in clear from {node} arrive");
    }
    in_stock(world, "nft delete table inet skerry")?;
    let started = Instant::now();
    while heard_of(world, Node(4), &packet)? == 0 {
        ensure!(
            started.elapsed() < OPEN,
            "without the firewall nothing arrives either: the row shows nothing"
        );
    }
    Ok(())
}

/// Sends the packet from a node's machine, and counts the frames that the guest hears of it.
fn heard_of(world: &mut World, from: Node, packet: &[u8]) -> Result<u64> {
    let mac = site::mac(FORGED);
    count::from_now(&mut world.vm, MEMBER, std::iter::once(mac.clone()))?;
    send(world, from, packet)?;
    sleep(Duration::from_millis(500));
    let counted = count::so_far(&mut world.vm, MEMBER)?;
    counted.get(&mac).copied().context("no counter")
}

fn send(world: &World, from: Node, packet: &[u8]) -> Result<()> {
    world.fabric.daemon(from).netns.enter(|| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        for _ in 0..10 {
            socket.send_to(packet, (Member::UNDERLAY, 4789))?;
        }
        Ok(())
    })?
}

fn nothing_leaves_in_clear(world: &mut World) -> Result<()> {
    in_stock(world, "ip link set wg0 down")?;
    let (answered, clear) = pings(world)?;
    ensure!(answered == 0, "{answered} hosts answer without a tunnel");
    ensure!(
        clear == 0,
        "{clear} datagrams of VXLAN in clear on the underlay"
    );
    in_stock(world, "ip route flush type blackhole")?;
    let (_, clear) = pings(world)?;
    ensure!(
        clear > 0,
        "without the blackhole routes nothing leaves either: the row shows nothing"
    );
    Ok(())
}

/// The guest asks for every host: how many answer, and how much VXLAN the underlay sees.
fn pings(world: &mut World) -> Result<(usize, usize)> {
    world.fabric.underlay.take();
    let answers = world.guest_pings(MEMBER)?;
    let answered = answers.values().filter(|yes| **yes).count();
    Ok((answered, world.fabric.underlay.take().vxlan.len()))
}

fn machine_is_closed(world: &mut World) -> Result<()> {
    let own = [Member::OVERLAY, Member::UNDERLAY];
    for ip in own {
        let route = in_guest(MEMBER, &format!("ip route replace {ip}/32 dev eth0"));
        world.vm.must(&route, SCRIPT)?;
    }
    for ip in own {
        ensure!(!answers(world, ip)?, "the machine answers at {ip}");
    }
    in_stock(world, "tc filter del dev br20101 ingress")?;
    // The machine's way back to its guest: a careless administrator's.
    in_stock(world, "ip addr add 10.1.0.99/24 dev br20101")?;
    for ip in own {
        ensure!(
            answers(world, ip)?,
            "without the filter nobody answers at {ip} either: the row shows nothing"
        );
    }
    Ok(())
}

fn answers(world: &mut World, ip: &str) -> Result<bool> {
    let ping = in_guest(MEMBER, &format!("ping -q -c 2 -i 0.3 -W 1 {ip}"));
    Ok(world.vm.run(&ping, SCRIPT)?.code == 0)
}

fn in_stock(world: &mut World, command: &str) -> Result<()> {
    let script = format!("ip netns exec stock {command}");
    world.vm.must(&script, SCRIPT).map(drop)
}
