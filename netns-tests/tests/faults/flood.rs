//! Floods: from strangers on the underlay (K18), and beside other people's traffic (L07).

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::counters::Snapshot;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::frame::{Arp, BROADCAST, Pair, udp4};
use skerry_netns_tests::guest::Guest;
use skerry_netns_tests::intruder::{Intruder, Missile};
use skerry_netns_tests::stream::Stream;
use skerry_netns_tests::suite::{joined, say};
use skerry_netns_tests::topology::{Node, Port};

use crate::bench::{figure, row};
use crate::stage::{GUARDED, OPEN, fresh, shared};
use crate::talk::{DRAIN, clean, converged, everybody, talking};

/// What a daemon may grow by under a flood: allocator slack, no table.
const GROWTH_KIB: u64 = 8 << 10;
/// Frames of the others that must arrive beside a flood.
const ENOUGH: usize = 200;
/// One measurement.
const WINDOW: Duration = Duration::from_secs(2);
/// Datagrams a second of the flood beside which others are measured.
const FLOOD: u32 = 20_000;
/// Frames a second of the paced bystander, slower where the machine is.
const PACES: [u32; 4] = [2_000, 1_000, 500, 250];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        row(
            "K18 floods and garbage from strangers cost no memory, and let others talk [open]",
            || shared(OPEN, strangers),
        ),
        row(
            "L07 others keep their throughput and lose nothing beside any flood [guarded]",
            || fresh(GUARDED, bystanders),
        ),
    ]
}

/// Resident memory of a daemon.
fn resident_kib(fabric: &Fabric, node: Node) -> Result<u64> {
    let pid = fabric.daemon(node).pid().context("the node does not run")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse()?)
}

fn refused(snapshot: &Snapshot, node: Node) -> u64 {
    snapshot.0[node.index()].underlay_drops.values().sum()
}

fn strangers(fabric: &mut Fabric) -> Result<()> {
    const VICTIM: Node = Node(1);
    let intruder = Intruder::plug(fabric)?;
    for (missile, what) in [
        (Missile::Garbage, "garbage of 1 to 1,400 bytes"),
        (Missile::Random, "random handshake initiations"),
        (
            Missile::Right,
            "handshake initiations with a right first MAC",
        ),
    ] {
        let before = fabric.counters()?;
        let memory = resident_kib(fabric, VICTIM)?;
        let ((thrown, took), heard) = talking(fabric, &everybody(100)?, || {
            let started = Instant::now();
            let go_on = || goes_on(fabric, started.elapsed());
            let thrown = intruder.throw(missile, &[VICTIM], None, go_on)?;
            Ok((thrown, started.elapsed().as_secs_f64()))
        })?;
        let frames = heard.must_be_clean(fabric)?;
        let after = fabric.counters()?;
        after.check()?;
        let counted = refused(&after, VICTIM) - refused(&before, VICTIM);
        let grown = resident_kib(fabric, VICTIM)?.saturating_sub(memory);
        ensure!(grown <= GROWTH_KIB, "{what}: the node grew by {grown} KiB");
        ensure!(counted > 0, "{what}: nothing was refused of {thrown}");
        let sent: u32 = heard.talks.iter().take(8).map(|(_, sent)| sent.count).sum();
        figure(
            "K18",
            &format!(
                "{what}, {:.0} a second, every source another",
                thrown as f64 / took
            ),
            &format!(
                "{frames} of {sent} frames of the others arrived, 0 leaks; {counted} datagrams \
                 counted as refused; memory +{grown} KiB"
            ),
        );
        ensure!(
            frames >= ENOUGH,
            "{what}: only {frames} frames of the others arrived"
        );
    }
    any_length(fabric, &intruder)?;
    drop(intruder);
    // The node's socket is still full of what was thrown, and nodes believe of each other what
    // was so before. Both are over by then.
    sleep(Duration::from_secs(4));
    converged(fabric, Instant::now(), Duration::from_secs(10))?;
    clean(fabric.run(), &fabric.hosts.take())?;
    fabric.introduce()
}

/// For a while; longer where the machine has not let the others say much yet.
fn goes_on(fabric: &Fabric, elapsed: Duration) -> bool {
    if elapsed < WINDOW {
        return true;
    }
    let heard: usize = fabric
        .hosts
        .iter()
        .map(|host| host.log(|log| log.seen.len()))
        .sum();
    heard < ENOUGH && elapsed < WINDOW * 10
}

/// Every kind of length, up to the longest datagram there is.
fn any_length(fabric: &Fabric, intruder: &Intruder) -> Result<()> {
    let before = fabric.counters()?;
    let memory = resident_kib(fabric, Node(2))?;
    let edges = [1_472, 1_473, 2_047, 2_048, 4_096, 9_000, 65_506, 65_507];
    let lengths: Vec<usize> = (1..200)
        .chain((200..65_507).step_by(997))
        .chain(edges)
        .collect();
    for length in &lengths {
        intruder.send(Node(2), *length)?;
        sleep(Duration::from_micros(500));
    }
    sleep(Duration::from_millis(300));
    let after = fabric.counters()?;
    after.check()?;
    let counted = refused(&after, Node(2)) - refused(&before, Node(2));
    let grown = resident_kib(fabric, Node(2))?.saturating_sub(memory);
    ensure!(
        counted == lengths.len() as u64,
        "{} datagrams were sent and {counted} refused",
        lengths.len()
    );
    ensure!(grown <= GROWTH_KIB, "the node grew by {grown} KiB");
    figure(
        "K18",
        &format!("{} datagrams of 1 to 65,507 bytes", lengths.len()),
        &format!("all counted as refused; reception goes on; memory +{grown} KiB"),
    );
    Ok(())
}

/// What is done to others beside whom the bystanders are measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attack {
    Quiet,
    Addresses,
    Arp,
    Broadcasts,
    Handshakes,
    All,
}

impl Attack {
    const EACH: [(Self, &'static str); 6] = [
        (Self::Quiet, "nothing"),
        (Self::Addresses, "20,000 source addresses from b-i1"),
        (Self::Arp, "200 ARP requests a second from b-i2"),
        (Self::Broadcasts, "10,000 broadcasts a second from b-w1"),
        (
            Self::Handshakes,
            "20,000 handshakes a second from strangers at n1 and n2",
        ),
        (Self::All, "all of these together"),
    ];

    fn has(self, part: Self) -> bool {
        self == part || self == Self::All
    }

    /// Percent of the quiet run's throughput that others must keep. Who floods and who carries
    /// share the test machine's cores, so this is a share of those too.
    fn kept(self) -> f64 {
        if self == Self::All { 20.0 } else { 45.0 }
    }
}

/// A paced stream, and a TCP stream as fast as it can: what becomes of them.
struct Measured {
    pace: u32,
    lost: u32,
    megabits: f64,
}

fn bystanders(fabric: &mut Fabric) -> Result<()> {
    fabric.introduce()?;
    fabric.await_bindings()?;
    let intruder = Intruder::plug(fabric)?;
    let mut failures = Vec::new();
    for (attack, what) in Attack::EACH {
        let (quiet, beside) = measure(fabric, &intruder, attack)?;
        let share = beside.megabits * 100.0 / quiet.megabits;
        figure(
            "L07",
            &format!("beside {what}"),
            &format!(
                "TCP of others {:.0} Mbit/s, {share:.0} % of the quiet run right before; a paced \
                 stream of {} frames a second loses {}",
                beside.megabits, beside.pace, beside.lost
            ),
        );
        if beside.lost > 0 || share < attack.kept() {
            failures.push(format!("{what}: {} lost, {share:.0} %", beside.lost));
        }
    }
    drop(intruder);
    fabric.settle()?;
    fabric.counters()?.check()?;
    ensure!(
        failures.is_empty(),
        "others suffer: {}",
        failures.join("; ")
    );
    Ok(())
}

/// Quiet and under attack, one right after the other. Slower and slower until the paced stream
/// loses nothing and TCP keeps its share: a machine that is busy with other things spoils a
/// measurement too. Where even the last one is bad, that counts.
fn measure(fabric: &Fabric, intruder: &Intruder, attack: Attack) -> Result<(Measured, Measured)> {
    let mut last = None;
    for pace in PACES {
        let quiet = once(fabric, intruder, Attack::Quiet, pace)?;
        let beside = once(fabric, intruder, attack, pace)?;
        let good = beside.lost == 0 && beside.megabits * 100.0 >= quiet.megabits * attack.kept();
        last = Some((quiet, beside));
        if good {
            break;
        }
    }
    last.context("there is no pace")
}

fn once(fabric: &Fabric, intruder: &Intruder, attack: Attack, pace: u32) -> Result<Measured> {
    let [from, to] = [Port::named("b-d1")?, Port::named("b-d2")?];
    fabric.hosts.take();
    let running = AtomicBool::new(true);
    let go_on = || running.load(Ordering::Relaxed);
    let (sent, megabits) = std::thread::scope(|scope| -> Result<_> {
        let mut attackers = Vec::new();
        if attack.has(Attack::Addresses) {
            attackers.push(scope.spawn(move || addresses(fabric, go_on)));
        }
        if attack.has(Attack::Arp) {
            attackers.push(scope.spawn(move || questions(fabric, go_on)));
        }
        if attack.has(Attack::Broadcasts) {
            attackers.push(scope.spawn(move || broadcasts(fabric, go_on)));
        }
        if attack.has(Attack::Handshakes) {
            attackers.push(scope.spawn(move || {
                let at = [Node(1), Node(2)];
                intruder.throw(Missile::Right, &at, Some(FLOOD), go_on)
            }));
        }
        sleep(Duration::from_millis(200));
        let paced = scope.spawn(move || {
            let stream = Stream {
                from,
                to,
                rate: pace,
            };
            let end = Instant::now() + WINDOW;
            stream.run(fabric, || Instant::now() < end)
        });
        let paced = joined(paced);
        // No connection within five seconds is a throughput too.
        let megabits = tcp(fabric).unwrap_or_else(|error| {
            say(&format!("    {error:#}"));
            0.0
        });
        running.store(false, Ordering::Relaxed);
        let thrown: Result<Vec<u64>> = attackers.into_iter().map(joined).collect();
        thrown?;
        Ok((paced?, megabits))
    })?;
    sleep(DRAIN);
    let logs = fabric.hosts.take();
    fabric.underlay.take().check()?;
    clean(fabric.run(), &logs)?;
    let lost = sent.lost_on_the_way(to, &logs)?;
    Ok(Measured {
        pace,
        lost,
        megabits,
    })
}

/// Between b-gw on n1 and b-i3 on n2.
fn tcp(fabric: &Fabric) -> Result<f64> {
    let server = Guest::new(fabric, Port::named("b-gw")?)?;
    let client = Guest::new(fabric, Port::named("b-i3")?)?;
    Ok(client.stream_to(&server, WINDOW)?.rate())
}

/// Frames with ever new source addresses, twenty thousand of them, again and again.
fn addresses(fabric: &Fabric, go_on: impl Fn() -> bool) -> Result<u64> {
    let from = Port::named("b-i1")?;
    let ip = Pair {
        to: [10, 1, 0, 1],
        from: from.ip(),
    };
    paced(10_000, go_on, |number| {
        let [_, _, high, low] = (number % 20_000).to_be_bytes();
        let mac = Pair {
            to: Port(0).mac(),
            from: [2, 0x66, 0, 0, high, low],
        };
        let frame = udp4(mac, ip, fabric.tag(from), 0);
        fabric.hosts.at(from).send(&frame)
    })
}

fn questions(fabric: &Fabric, go_on: impl Fn() -> bool) -> Result<u64> {
    let from = Port::named("b-i2")?;
    let mac = Pair {
        to: BROADCAST,
        from: from.mac(),
    };
    paced(200, go_on, |number| {
        let [.., last] = number.to_be_bytes();
        let question = Arp {
            operation: 1,
            sender: (from.mac(), from.ip()),
            target: ([0; 6], [10, 1, 0, last]),
        };
        fabric
            .hosts
            .at(from)
            .send(&question.frame(mac, fabric.tag(from)))
    })
}

fn broadcasts(fabric: &Fabric, go_on: impl Fn() -> bool) -> Result<u64> {
    let from = Port::named("b-w1")?;
    paced(10_000, go_on, |_| {
        let frame = fabric.plain(from, BROADCAST, [255; 4], fabric.tag(from), 0);
        fabric.hosts.at(from).send(&frame)
    })
}

/// So many a second until told to stop; gives how many it were.
fn paced(rate: u32, go_on: impl Fn() -> bool, send: impl Fn(u32) -> Result<()>) -> Result<u64> {
    let (started, mut sent) = (Instant::now(), 0);
    while go_on() {
        let due = started.elapsed().as_secs_f64() * f64::from(rate);
        // A machine that fell behind does not catch up in one burst.
        let mut burst = 0;
        while f64::from(sent) < due && burst < 200 {
            send(sent)?;
            (sent, burst) = (sent + 1, burst + 1);
        }
        sleep(Duration::from_millis(1));
    }
    Ok(u64::from(sent))
}
