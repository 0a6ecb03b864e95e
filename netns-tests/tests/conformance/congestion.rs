//! Row X27: a router of the underlay that is congested marks datagrams, and the hosts' kernels hear
//! of it (RFC 6040).

use std::time::Duration;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::guest::Guest;
use skerry_netns_tests::relay::{Fault, Relay, Share};
use skerry_netns_tests::suite::say;
use skerry_netns_tests::topology::Node;

use crate::reach::port;
use crate::stage::guarded;

const SEED: u64 = 0x0001_6040;
/// How long a stream takes.
const STREAM: Duration = Duration::from_secs(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![guarded(
        "X27 a mark of a congested underlay reaches the kernel of the host",
        marked,
    )]
}

fn marked(fabric: &mut Fabric) -> Result<()> {
    let client = Guest::new(fabric, port("b-w1")?)?;
    let server = Guest::new(fabric, port("b-w2")?)?;
    let relay = Relay::start(fabric, SEED)?;
    let marks = Fault {
        mark: Share::percent(100),
        ..Fault::GOOD
    };
    relay.set(Node(1), Node(2), marks);
    // The hosts know nothing of ECN yet, so that nothing may be marked.
    client.stream_to(&server, STREAM)?;
    let (silent, done) = (server.marked()?, relay.take());
    ensure!(
        (silent, done.marked) == (0, 0),
        "{silent} packets and {} datagrams were marked before anybody asked for it",
        done.marked
    );
    for guest in [&client, &server] {
        guest.ask_for_ecn(true)?;
    }
    client.stream_to(&server, STREAM)?;
    let (heard, done) = (server.marked()?, relay.take());
    ensure!(
        done.marked > 0 && heard > 0,
        "of {} datagrams marked the host heard {heard} times",
        done.marked
    );
    ensure!(done.lost == 0, "the relay lost {}", done.lost);
    for guest in [&client, &server] {
        guest.ask_for_ecn(false)?;
    }
    say(&format!(
        "    X27 {} datagrams marked, {heard} marks heard",
        done.marked
    ));
    fabric.counters()?.check()
}
