//! Round trips between two hosts, by ICMP echo through their real kernels (RFC 792).

use std::io::{ErrorKind, Read as _};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use socket2::Socket;

use crate::lab::frame::checksum;
use crate::lab::plan::{HostId, cast};
use crate::lab::world::World;

const PINGS: u16 = 400;
/// The first round trips resolve addresses and warm caches; they are not measured.
const WARM_UP: u16 = 20;
const PATIENCE: Duration = Duration::from_secs(1);
const IDENTIFIER: [u8; 2] = [0x5c, 0x59];

/// Round-trip times between two hosts.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) pings: u16,
    pub(super) lost: u16,
    pub(super) p50_us: u128,
    pub(super) p99_us: u128,
    pub(super) max_us: u128,
}

/// Measures on one node and across two.
pub(super) fn measure(world: &mut World) -> Result<Vec<Latency>> {
    let pairs = [
        (cast::WEB_NEAR, cast::GATEWAY),
        (cast::WEB_NEAR, cast::WEB_FAR),
    ];
    let mut all = Vec::new();
    for (from, to) in pairs {
        let latency = between(world, from, to)?;
        world.story.verdict(
            latency.lost == 0,
            format!(
                "latency     {} to {}  p50 {} µs, p99 {} µs, {} pings, {} lost",
                latency.from,
                latency.to,
                latency.p50_us,
                latency.p99_us,
                latency.pings,
                latency.lost
            ),
        );
        all.push(latency);
    }
    Ok(all)
}

fn between(world: &mut World, from: HostId, to: HostId) -> Result<Latency> {
    let socket = world.host(from)?.icmp(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let what = format!("pinging {} from {}", to.plan().name, from.plan().name);
    let mut times = Vec::new();
    for sequence in 0..WARM_UP + PINGS {
        world.interrupt.check()?;
        world.story.waiting(&what);
        let time = ping(&socket, sequence)?;
        if sequence >= WARM_UP {
            times.extend(time);
        }
    }
    times.sort_unstable();
    Ok(Latency {
        from: from.plan().port(),
        to: to.plan().port(),
        pings: PINGS,
        lost: PINGS - u16::try_from(times.len())?,
        p50_us: quantile(&times, 50),
        p99_us: quantile(&times, 99),
        max_us: quantile(&times, 100),
    })
}

/// One round trip; `None` when no answer came.
fn ping(socket: &Socket, sequence: u16) -> Result<Option<Duration>> {
    let start = Instant::now();
    socket.send(&request(sequence))?;
    let mut packet = [0; 256];
    while start.elapsed() < PATIENCE {
        match (&*socket).read(&mut packet) {
            Ok(length) => {
                let packet = packet.get(..length).unwrap_or_default();
                if is_reply(packet, sequence) {
                    return Ok(Some(start.elapsed()));
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // A signal; the caller looks whether it means to stop.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// An echo request of the usual 56 bytes of data.
fn request(sequence: u16) -> Vec<u8> {
    let mut packet = vec![8, 0, 0, 0];
    packet.extend(IDENTIFIER);
    packet.extend(sequence.to_be_bytes());
    packet.resize(8 + 56, 0);
    let sum = checksum(&packet).to_be_bytes();
    packet.splice(2..4, sum);
    packet
}

/// A raw socket shows the IPv4 header as well.
fn is_reply(packet: &[u8], sequence: u16) -> bool {
    let header = packet
        .first()
        .map_or(0, |first| usize::from(first & 0x0f) * 4);
    let Some(&[kind, _, _, _, i0, i1, s0, s1]) = packet.get(header..).and_then(<[u8]>::first_chunk)
    else {
        return false;
    };
    kind == 0 && [i0, i1] == IDENTIFIER && [s0, s1] == sequence.to_be_bytes()
}

/// The smallest time that `percent` of the sorted times do not exceed, in microseconds.
fn quantile(sorted: &[Duration], percent: usize) -> u128 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0, Duration::as_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_nearest_rank() {
        let times: Vec<_> = (1..=200).map(Duration::from_micros).collect();
        for (percent, expect) in [(50, 100), (99, 198), (100, 200)] {
            assert_eq!(quantile(&times, percent), expect, "p{percent}");
        }
        assert_eq!(quantile(&[], 50), 0);
        assert_eq!(quantile(&times[..1], 99), 1);
    }

    #[test]
    fn only_the_answer_to_the_request_is_a_reply() {
        let request = request(0x1234);
        assert_eq!(checksum(&request), 0);
        let packet = |kind: u8| {
            let mut packet = vec![0x45];
            packet.resize(20, 0);
            packet.extend(&request);
            packet[20] = kind;
            packet
        };
        assert!(is_reply(&packet(0), 0x1234));
        assert!(!is_reply(&packet(0), 0x1235));
        assert!(!is_reply(&packet(8), 0x1234), "a request");
        assert!(!is_reply(&[], 0x1234));
    }
}
