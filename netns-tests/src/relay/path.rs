//! One direction between two nodes: packets and the time go in, packets come out.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::datagram::{self, PAYLOAD};
use super::fault::{Done, Fault};
use super::random::Random;

/// A packet held back waits so long for the later ones that are to overtake it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Packets that may wait; more go on at once.
const WAITING: usize = 20_000;

/// One direction.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) fault: Fault,
    pub(super) done: Done,
    random: Random,
    /// Datagrams that entered the path and were not held back.
    passed: u64,
    /// By the count of later ones after which they go on, and a number that makes it unique.
    held: BTreeMap<(u64, u64), (Instant, Vec<u8>)>,
    delayed: VecDeque<(Instant, Vec<u8>)>,
}

impl Path {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            fault: Fault::GOOD,
            done: Done::default(),
            random: Random::new(seed),
            passed: 0,
            held: BTreeMap::new(),
            delayed: VecDeque::new(),
        }
    }

    /// Takes a packet that came, and gives out what goes on because of it.
    pub(super) fn take(&mut self, now: Instant, packet: &[u8], out: &mut impl FnMut(&[u8])) {
        self.done.came += 1;
        let fault = self.fault;
        if fault.cut {
            self.done.cut += 1;
        } else if fault
            .largest
            .is_some_and(|most| datagram::ip_length(packet) > most)
        {
            self.done.too_long += 1;
        } else if !datagram::is_datagram(packet) {
            // ARP and the like: a path that loses them is a path that is cut.
            self.send(now, packet, out);
        } else if self.random.happens(fault.loss) {
            self.done.lost += 1;
        } else {
            let mut packet = packet.to_vec();
            datagram::without_checksum(&mut packet);
            self.damage(&mut packet);
            if self.random.happens(fault.mark) && datagram::mark(&mut packet) {
                self.done.marked += 1;
            }
            self.order(now, packet, out);
        }
    }

    /// Gives out what has waited long enough.
    pub(super) fn release(&mut self, now: Instant, out: &mut impl FnMut(&[u8])) {
        while let Some((due, _)) = self.delayed.front() {
            if *due > now {
                break;
            }
            if let Some((_, packet)) = self.delayed.pop_front() {
                self.done.went += 1;
                out(&packet);
            }
        }
        let late = |(held, _): &(Instant, Vec<u8>)| now.duration_since(*held) >= PATIENCE;
        while self
            .held
            .first_key_value()
            .is_some_and(|(_, held)| late(held))
        {
            if let Some((_, (_, packet))) = self.held.pop_first() {
                self.done.let_go += 1;
                self.send(now, &packet, out);
            }
        }
    }

    /// When something may be due.
    pub(super) fn due(&self) -> Option<Instant> {
        let held = self.held.first_key_value();
        let held = held.map(|(_, (since, _))| *since + PATIENCE);
        let delayed = self.delayed.front().map(|(due, _)| *due);
        held.into_iter().chain(delayed).min()
    }

    fn damage(&mut self, packet: &mut Vec<u8>) {
        let payload = packet.len() - PAYLOAD;
        if payload == 0 {
            return;
        }
        if self.random.happens(self.fault.flip) {
            let bit = self.random.below(payload * 8);
            packet[PAYLOAD + bit / 8] ^= 1 << (bit % 8);
            self.done.flipped += 1;
        }
        if self.random.happens(self.fault.truncate) {
            datagram::truncate(packet, self.random.below(payload));
            self.done.truncated += 1;
        }
    }

    /// Holds a datagram back, or lets it pass, and with it those that enough have overtaken.
    fn order(&mut self, now: Instant, packet: Vec<u8>, out: &mut impl FnMut(&[u8])) {
        if self.random.happens(self.fault.reorder) && self.held.len() < WAITING {
            let after = self.passed + self.fault.distance;
            self.held.insert((after, self.done.came), (now, packet));
            return;
        }
        self.passed += 1;
        if self.random.happens(self.fault.duplicate) {
            self.done.duplicated += 1;
            self.send(now, &packet, out);
        }
        self.send(now, &packet, out);
        let passed = self.passed;
        while self
            .held
            .first_key_value()
            .is_some_and(|((after, _), _)| *after <= passed)
        {
            if let Some((_, (_, packet))) = self.held.pop_first() {
                self.done.overtaken += 1;
                self.send(now, &packet, out);
            }
        }
    }

    fn send(&mut self, now: Instant, packet: &[u8], out: &mut impl FnMut(&[u8])) {
        let delay = self.fault.delay;
        let waits = !delay.is_zero() || !self.delayed.is_empty();
        if waits && self.delayed.len() < WAITING {
            self.delayed.push_back((now + delay, packet.to_vec()));
        } else {
            self.done.went += 1;
            out(packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::datagram::tests::datagram;
    use super::super::random::Share;
    use super::*;

    fn number(packet: &[u8]) -> u32 {
        u32::from_be_bytes(packet[PAYLOAD..PAYLOAD + 4].try_into().unwrap())
    }

    /// What comes out of a path for so many datagrams that go in.
    fn run(fault: Fault, count: u32) -> (Vec<Vec<u8>>, Done) {
        let (mut path, mut out, now) = (Path::new(5), Vec::new(), Instant::now());
        path.fault = fault;
        for index in 0..count {
            path.take(now, &datagram(index, 64), &mut |packet| {
                out.push(packet.to_vec());
            });
        }
        path.release(now + PATIENCE, &mut |packet| out.push(packet.to_vec()));
        (out, path.done)
    }

    #[test]
    fn a_good_path_passes_everything_in_order() {
        let (out, done) = run(Fault::GOOD, 1000);
        assert!(out.iter().map(|packet| number(packet)).eq(0..1000));
        assert_eq!((done.came, done.went), (1000, 1000));
    }

    #[test]
    fn what_is_cut_lost_or_too_long_does_not_come_out_and_is_counted() {
        assert_eq!(run(Fault::CUT, 10).1.cut, 10);
        let short = Fault {
            largest: Some(60),
            ..Fault::GOOD
        };
        assert_eq!(run(short, 10).1.too_long, 10);
        let lossy = Fault {
            loss: Share::percent(30),
            ..Fault::GOOD
        };
        let (out, done) = run(lossy, 10_000);
        assert_eq!(done.lost + out.len() as u64, 10_000);
        assert!((2_700..3_300).contains(&done.lost), "{done:?}");
    }

    #[test]
    fn a_duplicate_follows_its_first() {
        let (out, done) = run(
            Fault {
                duplicate: Share::percent(100),
                ..Fault::GOOD
            },
            3,
        );
        let numbers: Vec<u32> = out.iter().map(|packet| number(packet)).collect();
        assert_eq!(numbers, [0, 0, 1, 1, 2, 2]);
        assert_eq!((done.duplicated, done.went), (3, 6));
    }

    #[test]
    fn one_bit_is_flipped_and_it_is_one_of_the_payload() {
        let (out, done) = run(
            Fault {
                flip: Share::percent(100),
                ..Fault::GOOD
            },
            50,
        );
        assert_eq!(done.flipped, 50);
        for (index, packet) in out.iter().enumerate() {
            let sent = datagram(u32::try_from(index).unwrap(), 64);
            let bits: u32 = sent
                .iter()
                .zip(packet)
                .map(|(a, b)| (a ^ b).count_ones())
                .sum();
            assert_eq!((bits, &sent[..PAYLOAD]), (1, &packet[..PAYLOAD]));
        }
    }

    #[test]
    fn exactly_as_many_overtake_a_datagram_as_were_asked_for() {
        let fault = Fault {
            reorder: Share::percent(2),
            distance: 100,
            ..Fault::GOOD
        };
        let (out, done) = run(fault, 5_000);
        let numbers: Vec<u32> = out.iter().map(|packet| number(packet)).collect();
        assert_eq!(numbers.len(), 5_000);
        assert!(done.overtaken > 50, "{done:?}");
        let mut newest = 0;
        let behind: Vec<u32> = numbers[..numbers.len() - usize::try_from(done.let_go).unwrap()]
            .iter()
            .filter_map(|number| {
                newest = newest.max(*number);
                (newest > *number).then_some(newest - number)
            })
            .collect();
        // Others may be held back meanwhile: the distance in numbers is a little larger.
        assert_eq!(behind.len() as u64, done.overtaken);
        assert!(
            behind.iter().all(|far| (100..120).contains(far)),
            "{behind:?}"
        );
    }

    #[test]
    fn a_delayed_packet_waits_and_keeps_its_place() {
        let (mut path, now, mut out) = (Path::new(1), Instant::now(), Vec::new());
        path.fault.delay = Duration::from_millis(20);
        path.take(now, &datagram(1, 8), &mut |packet| out.push(number(packet)));
        path.fault.delay = Duration::ZERO;
        path.take(now, &datagram(2, 8), &mut |packet| out.push(number(packet)));
        path.release(now + Duration::from_millis(19), &mut |packet| {
            out.push(number(packet));
        });
        assert!(out.is_empty());
        path.release(now + Duration::from_millis(20), &mut |packet| {
            out.push(number(packet));
        });
        assert_eq!(out, [1, 2]);
    }
}
