//! Rows B: what the address table does to unicasts.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::{Fabric, Options};
use skerry_netns_tests::frame::{BROADCAST, NOBODY, Pair, experiment, udp4};
use skerry_netns_tests::oracle::{self, Receivers};
use skerry_netns_tests::site::Guards;
use skerry_netns_tests::suite::row;
use skerry_netns_tests::topology::{Node, Port};
use skerry_netns_tests::underlay::sealed_length;
use skerry_netns_tests::volley::Shot;

use crate::reach::{must_know, port, ports, set};
use crate::stage::{FORGETFUL, OPEN, fresh, shared};

pub(crate) fn trials(name: &'static str, options: Options) -> Vec<Trial> {
    vec![
        row(
            &format!("B01 an unknown unicast floods like a broadcast [{name}]"),
            move || shared(options, unknown),
        ),
        row(
            &format!("B02 a learned unicast is one datagram to one node [{name}]"),
            move || shared(options, learned),
        ),
        row(
            &format!("B07 one address in two private VLANs serves both [{name}]"),
            move || fresh(options, twins),
        ),
    ]
}

/// Rows that only make sense where addresses may move and age.
pub(crate) fn unguarded() -> Vec<Trial> {
    vec![
        row("B03 a forgotten address is flooded to again [open]", || {
            fresh(FORGETFUL, forgotten)
        }),
        row(
            "B05 an address moves when its old place is silent, not before [open]",
            || fresh(OPEN, moved),
        ),
    ]
}

fn unknown(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-w1")?;
    let shot = fabric.shot(from, "unknown unicast", ports("b-w2 b-gw b-p2")?, |tag| {
        fabric.plain(from, NOBODY, [192, 0, 2, 1], tag, 0)
    });
    fabric.volley(vec![shot])?;
    Ok(())
}

fn learned(fabric: &mut Fabric) -> Result<()> {
    let [from, to] = [port("b-gw")?, port("b-i3")?];
    must_know(fabric, from, to)?;
    let shot = fabric.shot(from, "long unicast", set(&[to]), |tag| {
        fabric.plain(from, to.mac(), to.ip(), tag, 1200)
    });
    let length = sealed_length(shot.frame.len());
    let report = fabric.volley(vec![shot])?;
    let carriers = report.traffic.carriers(length);
    let expected = [((Node(1), Node(2)), 1)].into();
    ensure!(
        carriers == expected,
        "datagrams went {carriers:?}, not {expected:?}"
    );
    Ok(())
}

fn forgotten(fabric: &mut Fabric) -> Result<()> {
    let [from, to] = [port("b-gw")?, port("b-i3")?];
    fabric.introduce()?;
    must_know(fabric, from, to)?;
    fabric.volley(vec![fabric.unicast(from, to, set(&[to]))])?;
    let limit = Instant::now() + Duration::from_secs(10);
    // Every node forgets by its own clock, and one that knows better does not flood.
    for node in Node::ALL {
        while fabric.known(node, to)?.is_some() {
            ensure!(
                Instant::now() < limit,
                "{node} knows b-i3, silent for 10 s, where 3 s are the limit"
            );
            sleep(Duration::from_millis(100));
        }
    }
    fabric.volley(vec![fabric.unicast(from, to, oracle::all_others(from))])?;
    Ok(())
}

/// A frame with a stranger's source address.
fn disguised(fabric: &Fabric, from: Port, as_mac: [u8; 6], to: [u8; 6], expect: Receivers) -> Shot {
    fabric.shot(
        from,
        "with another source address",
        expect,
        |tag| match fabric.options.guards {
            Guards::Off => experiment(to, as_mac, tag, 0),
            Guards::On => {
                let target = if to == BROADCAST {
                    [255; 4]
                } else {
                    peer_ip(from)
                };
                udp4(
                    Pair { to, from: as_mac },
                    Pair {
                        to: target,
                        from: from.ip(),
                    },
                    tag,
                    0,
                )
            }
        },
    )
}

/// Where the twins' friends live: b-w2 writes to b-w1, r-gw to r-l1.
fn peer_ip(from: Port) -> [u8; 4] {
    let [a, b, c, _] = from.ip();
    [a, b, c, if from.name() == "b-w2" { 21 } else { 31 }]
}

fn moved(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    let [old, new, gateway] = [port("b-i3")?, port("b-i4")?, port("b-gw")?];
    fabric.volley(vec![fabric.broadcast(old)])?;
    let refused = disguised(fabric, new, old.mac(), BROADCAST, Receivers::new());
    let report = fabric.volley(vec![refused])?;
    report.change.expect_ingress(new, &[("mac_move", 1)])?;
    fabric.volley(vec![fabric.unicast(gateway, old, set(&[old]))])?;

    // Five seconds of silence free an address (private VLAN part 3.2).
    sleep(Duration::from_millis(5_500));
    let taken = disguised(fabric, new, old.mac(), BROADCAST, oracle::flooded(new));
    fabric.volley(vec![taken])?;
    fabric.volley(vec![fabric.unicast(gateway, old, set(&[new]))])?;
    Ok(())
}

fn twins(fabric: &mut Fabric) -> Result<()> {
    let shared_mac = [0x02, 0, 0, 0, 0x77, 0x01];
    let [blue, red] = [port("b-w1")?, port("r-l1")?];
    for twin in [blue, red] {
        fabric.volley(vec![disguised(
            fabric,
            twin,
            shared_mac,
            BROADCAST,
            oracle::flooded(twin),
        )])?;
    }
    let [friend, gateway] = [port("b-w2")?, port("r-gw")?];
    for (from, to) in [(friend, blue), (gateway, red)] {
        let shot = disguised(fabric, from, from.mac(), shared_mac, set(&[to]));
        fabric.volley(vec![shot])?;
    }
    for twin in [blue, red] {
        fabric.volley(vec![disguised(
            fabric,
            twin,
            shared_mac,
            BROADCAST,
            oracle::flooded(twin),
        )])?;
    }
    Ok(())
}
