//! Row D18: a port sends as fast as the policy lets it, and no faster.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use skerry_netns_tests::fabric::Fabric;
use skerry_netns_tests::site::Site;
use skerry_netns_tests::stream::Stream;
use skerry_netns_tests::suite::{row, say};
use skerry_netns_tests::topology::Port;

use crate::control_traffic::with_site;
use crate::reach::port;
use crate::stage::{GUARDED, shared};

pub(crate) fn trials() -> Vec<Trial> {
    vec![row(
        "D18 a port sends as fast as its rate, and no faster [guarded]",
        || shared(GUARDED, paced),
    )]
}

/// The row's limit, as the site file has it.
const RATE: f64 = 50_000_000.0;
/// What a bucket holds when full, in seconds.
const BURST: f64 = 0.05;
/// Bytes of a frame: headers, tag and padding up to the port's MTU.
const FRAME: usize = 1_404;

/// The upper limit holds always, over the whole time. The lower one holds while neither sender nor
/// node is kept from its work for longer than the bucket lasts, so on a busy machine the best half
/// second of several attempts counts.
fn paced(fabric: &mut Fabric) -> Result<()> {
    let from = port("b-i1")?;
    let limited = |site: &mut Site| {
        site.more = vec![(from, r#"rate = "50Mbit""#)];
    };
    with_site(fabric, limited, |fabric| {
        let mut slow: f64 = 0.0;
        for _ in 0..5 {
            let rate = measure(fabric, from)?;
            if rate >= RATE * 0.95 {
                say(&format!(
                    "    D18 {:.1} Mbit/s passed of 80 offered",
                    rate / 1e6
                ));
                return Ok(());
            }
            slow = slow.max(rate);
        }
        anyhow::bail!("only {:.1} Mbit/s passed of 80 offered", slow / 1e6)
    })
}

/// Bits a second of Ethernet bytes that arrived of 80 Mbit/s, in the best half second.
fn measure(fabric: &Fabric, from: Port) -> Result<f64> {
    let gateway = port("b-gw")?;
    fabric.hosts.take();
    let before = fabric.counters()?;
    let started = Instant::now();
    let end = started + Duration::from_secs(2);
    let rate = 80_000_000 / (8 * FRAME);
    let stream = Stream {
        from,
        to: gateway,
        rate: u32::try_from(rate)?,
    };
    let padding = FRAME
        - fabric
            .plain(from, gateway.mac(), gateway.ip(), fabric.tag(from), 0)
            .len();
    let sent = stream.run_as(
        fabric,
        || Instant::now() < end,
        |tag| fabric.plain(from, gateway.mac(), gateway.ip(), tag, padding),
    )?;
    let change = fabric.await_sent(&before, &[(from, sent.count)])?;
    let logs = fabric.hosts.take();
    change.after.check()?;
    let heard = sent.heard_at(&logs);
    ensure!(heard == [gateway], "heard at {heard:?}");
    let arrived = sent.in_log(&logs[gateway.index()]).offsets;
    let dropped = change.ingress(from, "rate");
    let frames = u64::try_from(arrived.len())?;
    ensure!(
        dropped > 0 && frames + dropped == u64::from(sent.count),
        "of {} frames {frames} arrived and {dropped} were dropped by rate: {:?}",
        sent.count,
        change.ingress_drops(from)
    );
    let last = arrived.last().map_or(started, |(_, at)| *at);
    let took = (last - started).as_secs_f64();
    let passed = (bits(arrived.len()) - RATE * BURST) / took;
    ensure!(
        passed <= RATE * 1.05,
        "{:.1} Mbit/s passed where 50 are the limit",
        passed / 1e6
    );
    Ok(best_half_second(&arrived))
}

fn bits(frames: usize) -> f64 {
    f64::from(u32::try_from(frames * FRAME * 8).unwrap_or(u32::MAX))
}

/// Bits a second in the half second, counted from any arrival, in which most frames arrived.
fn best_half_second(arrived: &[(u32, Instant)]) -> f64 {
    const HALF: Duration = Duration::from_millis(500);
    let within = |(at, (_, from)): (usize, &(u32, Instant))| {
        let until = *from + HALF;
        arrived[at..].partition_point(|(_, time)| *time < until)
    };
    let most = arrived.iter().enumerate().map(within).max();
    bits(most.unwrap_or(0)) / HALF.as_secs_f64()
}
