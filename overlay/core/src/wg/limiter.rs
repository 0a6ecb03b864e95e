//! What a handshake passes before any Diffie-Hellman is done for it.

use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use boringtun::noise::TunnResult;
use boringtun::noise::rate_limiter::RateLimiter;
use boringtun::x25519::PublicKey;
use rustc_hash::FxBuildHasher;

use crate::bucket::Bucket;
use crate::sink::{Sink, Transmit};
use crate::time::Time;
use crate::wire::ecn::Ecn;

/// Handshakes a second from everyone together, before cookies are asked for.
const GATE_PER_SECOND: u64 = 512;
/// Cookies a second for strangers: sealing and sending one costs more than refusing the handshake.
const COOKIES_PER_SECOND: u32 = 1_024;
/// The second MAC of a handshake that was sent without a cookie (WireGuard paper, section 5.4.4).
const NO_COOKIE: [u8; 16] = [0; 16];
/// Handshakes a second from one source, and for how long it may run ahead of that.
const SOURCE_PER_SECOND: u64 = 50;
const SOURCE_BURST: Duration = Duration::from_secs(2);
/// Sources remembered. A newcomer takes the place of another with a full bucket, so a flood
/// from many sources cannot lock anyone out; it meets the cookie gate instead.
const SOURCES: usize = 1024;

const COOKIE_REPLY: usize = 64;

/// A source, and what it has used of its rate.
#[derive(Clone, Copy)]
struct Source {
    network: IpAddr,
    bucket: Bucket,
}

/// How a handshake fared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Admission {
    Granted,
    /// Answered with a cookie: the source has to show that it can receive.
    Cookie,
    Refused,
}

/// The gate in front of all lanes of a worker.
pub(super) struct Limiter {
    /// Checks only the first MAC: never under load. The lanes use it too, since whatever reaches
    /// them has passed here.
    open: Arc<RateLimiter>,
    gate: RateLimiter,
    reset: Time,
    /// Cookies sent since then.
    cookies: u32,
    sources: Vec<Option<Source>>,
    seed: u32,
}

impl Limiter {
    pub(super) fn new(public: &PublicKey, seed: u32) -> Self {
        Self {
            open: Arc::new(RateLimiter::new(public, u64::MAX)),
            gate: RateLimiter::new(public, GATE_PER_SECOND),
            reset: Time(0),
            cookies: 0,
            sources: vec![None; SOURCES],
            seed,
        }
    }

    /// What boringtun's tunnels are given: a shared limiter would never reset itself, and a
    /// second count of the same handshakes would halve the limit.
    pub(super) fn for_lanes(&self) -> Arc<RateLimiter> {
        Arc::clone(&self.open)
    }

    /// Decides on a handshake message: first MAC, then the source's bucket, then cookies. In a flood
    /// strangers share a budget of cookies; where a peer was heard last (`expected`) is none. That
    /// is a look at every peer, and so is only asked for once the budget is spent.
    pub(super) fn admit(
        &mut self,
        now: Time,
        from: SocketAddr,
        handshake: &[u8],
        expected: impl FnOnce() -> bool,
        sink: &mut impl Sink,
    ) -> Admission {
        let mut reply = [0; COOKIE_REPLY];
        let source = Some(from.ip());
        if self
            .open
            .verify_packet(source, handshake, &mut reply)
            .is_err()
        {
            return Admission::Refused;
        }
        if !self.spend(now, from.ip()) {
            return Admission::Refused;
        }
        if now.since(self.reset) >= Duration::from_secs(1) {
            self.gate.reset_count();
            self.reset = now;
            self.cookies = 0;
        }
        let spent = self.cookies >= COOKIES_PER_SECOND && handshake.ends_with(&NO_COOKIE);
        if spent && !expected() {
            return Admission::Refused;
        }
        match self.gate.verify_packet(source, handshake, &mut reply) {
            Ok(_) => Admission::Granted,
            Err(TunnResult::WriteToNetwork(cookie)) => {
                self.cookies = self.cookies.saturating_add(1);
                sink.transmit(Transmit {
                    to: from,
                    size: cookie.len(),
                    bytes: cookie,
                    ecn: Ecn::NotEct,
                });
                Admission::Cookie
            }
            Err(_) => Admission::Refused,
        }
    }

    fn spend(&mut self, now: Time, from: IpAddr) -> bool {
        let network = network_of(from);
        let [a, b, ..] = FxBuildHasher.hash_one((self.seed, network)).to_be_bytes();
        let slot = usize::from(u16::from_be_bytes([a, b])) % SOURCES;
        let Some(slot) = self.sources.get_mut(slot) else {
            return false;
        };
        let newcomer = Source {
            network,
            bucket: Bucket::new(SOURCE_PER_SECOND, SOURCE_BURST),
        };
        let source = slot.get_or_insert(newcomer);
        if source.network != network {
            *source = newcomer;
        }
        source.bucket.take_all(now, 1)
    }
}

/// A whole IPv6 /64 is one source: any host may use all of its addresses.
fn network_of(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(&PublicKey::from([9; 32]), 1)
    }

    fn admitted(limiter: &mut Limiter, now: Time, source: &str, tries: usize) -> usize {
        let source = source.parse().unwrap();
        (0..tries).filter(|_| limiter.spend(now, source)).count()
    }

    #[test]
    fn a_source_gets_its_burst_and_then_its_rate() {
        let mut limiter = limiter();
        assert_eq!(admitted(&mut limiter, Time(0), "192.0.2.1", 1000), 100);
        let later = Time(0) + Duration::from_secs(1);
        assert_eq!(admitted(&mut limiter, later, "192.0.2.1", 1000), 50);
        let hour = Time(0) + Duration::from_secs(3600);
        assert_eq!(admitted(&mut limiter, hour, "192.0.2.1", 1000), 100);
    }

    #[test]
    fn one_source_does_not_cost_another() {
        let mut limiter = limiter();
        admitted(&mut limiter, Time(0), "192.0.2.1", 1000);
        assert_eq!(admitted(&mut limiter, Time(0), "192.0.2.2", 1000), 100);
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let mut limiter = limiter();
        assert_eq!(admitted(&mut limiter, Time(0), "2001:db8::1", 60), 60);
        assert_eq!(admitted(&mut limiter, Time(0), "2001:db8::2", 60), 40);
        assert_eq!(admitted(&mut limiter, Time(0), "2001:db8:0:1::2", 60), 60);
    }

    #[test]
    fn many_sources_take_no_more_memory_and_lock_nobody_out() {
        let mut limiter = limiter();
        for host in 0..100_000_u32 {
            let source = IpAddr::V4((0x0a00_0000 + host).into());
            assert!(limiter.spend(Time(0), source), "{source}");
        }
        assert_eq!(limiter.sources.len(), SOURCES);
    }

    #[test]
    fn strangers_share_a_budget_of_cookies_and_peers_do_not() {
        use boringtun::noise::Tunn;
        use boringtun::x25519::StaticSecret;
        let me = PublicKey::from(&StaticSecret::from([9; 32]));
        let mut limiter = Limiter::new(&me, 1);
        let mut tunn = Tunn::new(StaticSecret::from([7; 32]), me, None, None, 1, None);
        let mut room = [0; 256];
        let TunnResult::WriteToNetwork(init) = tunn.format_handshake_initiation(&mut room, false)
        else {
            panic!("no initiation")
        };
        let mut sink = crate::wg::testing::Wire::default();
        let (mut told, mut looked) = ([0; 3], 0);
        for host in 0..4_000_u32 {
            let source = SocketAddr::new(IpAddr::V4((0x0a00_0000 + host).into()), 1);
            let expected = || {
                looked += 1;
                false
            };
            told[match limiter.admit(Time(1), source, init, expected, &mut sink) {
                Admission::Granted => 0,
                Admission::Cookie => 1,
                Admission::Refused => 2,
            }] += 1;
        }
        let gate = usize::try_from(GATE_PER_SECOND).unwrap();
        let cookies = usize::try_from(COOKIES_PER_SECOND).unwrap();
        assert_eq!(told, [gate, cookies, 4_000 - gate - cookies]);
        assert_eq!(
            looked, told[2],
            "peers are looked through for no other handshake"
        );
        let peer = "10.9.0.1:1".parse().unwrap();
        let admission = limiter.admit(Time(2), peer, init, || true, &mut sink);
        assert_eq!(admission, Admission::Cookie);
        let later = Time(0) + Duration::from_secs(2);
        let stranger = "10.9.0.2:1".parse().unwrap();
        // The gate goes by a clock of its own; the budget of cookies is new.
        let admission = limiter.admit(later, stranger, init, || false, &mut sink);
        assert_eq!(admission, Admission::Cookie);
    }
}
