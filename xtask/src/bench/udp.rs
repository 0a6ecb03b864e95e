//! How many packets a second get through before more than one in a thousand is lost.

use anyhow::Result;

use crate::bench::fabric::{Fabric, RECEIVER};
use crate::bench::figures::Udp;
use crate::bench::measure::{Durations, Report};
use crate::bench::namespaces::{Namespaces, Place};

/// Percent that may be lost.
const LOSS: f64 = 0.1;

/// Packets a second of the first try, and how often it is doubled at most: beyond, the program that
/// sends is at its end.
const FIRST: f64 = 10_000.0;
const DOUBLINGS: u32 = 6;
/// How often the space between the last good rate and the first bad one is halved.
const HALVINGS: u32 = 3;

/// The highest rate found, at which one of two tries lost little enough. Payloads of `length` bytes.
pub(super) fn most(
    fabric: &Fabric,
    namespaces: &Namespaces,
    durations: &Durations,
    length: u32,
) -> Result<Udp> {
    let once = |rate| once(fabric, namespaces, durations, (length, rate));
    // Where programs and hosts share the CPUs, any of them is in the way now and then.
    let attempt = |rate| match once(rate)? {
        udp if udp.loss > LOSS => once(rate),
        udp => Ok(udp),
    };
    let (mut good, mut best, mut bad) = (0.0, None, None);
    let mut rate = FIRST;
    for _ in 0..DOUBLINGS {
        let udp = attempt(rate)?;
        // The sender may be unable to go faster: then this is all there is to find out.
        let saturated = udp.pps < rate * 0.9;
        if udp.loss > LOSS {
            bad = Some(rate);
            break;
        }
        (good, best) = (rate, Some(udp));
        if saturated {
            break;
        }
        rate *= 2.0;
    }
    if let Some(mut bad) = bad {
        for _ in 0..HALVINGS {
            let rate = f64::midpoint(good, bad);
            let udp = attempt(rate)?;
            if udp.loss > LOSS {
                bad = rate;
            } else {
                (good, best) = (rate, Some(udp));
            }
        }
    }
    Ok(best.unwrap_or(Udp::NONE))
}

fn once(
    fabric: &Fabric,
    namespaces: &Namespaces,
    durations: &Durations,
    (length, rate): (u32, f64),
) -> Result<Udp> {
    let seconds = durations.udp;
    let bits = rate * f64::from(length) * 8.0;
    let mut client = namespaces.bounded(Place::Sender, "iperf3", seconds + 10);
    client.args(["--json", "--udp", "--client", RECEIVER, "--time"]);
    client.args([&seconds.to_string(), "--length", &length.to_string()]);
    client.args(["--bitrate", &format!("{bits:.0}")]);
    // Ten times as often as it is used to, so in smaller bursts.
    client.args(["--pacing-timer", "100"]);
    let report = Report::of(fabric, &mut client)?;
    let sum = |key| report.sum("sum_received", key);
    let arrived = sum("packets")? - sum("lost_packets")?;
    Ok(Udp {
        pps: arrived / sum("seconds")?,
        loss: sum("lost_percent")?,
        per_frame: report.per_frame(arrived),
    })
}
