//! Frames that hosts make: honest ones of every kind, to everybody and nobody.

use std::time::Duration;

use skerry_policy::Mac;

use crate::hostile;
use crate::tag::{self, BROADCAST, GROUP4, GROUP6, Tag};
use crate::world::{Event, World};

impl World {
    /// A host's turn to make frames.
    pub(crate) fn chat(&mut self, port: usize) {
        let mean = u64::try_from(self.plan.chat.as_micros()).unwrap();
        if self.hosts[port].is_none() {
            hostile::speak(self, port);
        } else if self.live_since.is_some() {
            self.next_partner(port);
        } else {
            self.any_frame(port);
        }
        let mean = if self.live_since.is_some() {
            mean.min(200_000)
        } else {
            mean
        };
        let next = Duration::from_micros(self.rng.within(mean / 2..mean + mean / 2));
        self.push(next, Event::Chat(port));
    }

    fn payload(&mut self, port: usize) -> Vec<u8> {
        self.sequence += 1;
        let tag = Tag {
            run: self.ledger.run,
            port: u16::try_from(port).unwrap(),
            sequence: self.sequence,
        };
        let filler = match self.rng.within(0..20) {
            0 => 1_200,
            1..5 => self.rng.within(0..600),
            _ => self.rng.within(0..60),
        };
        tag.payload(u16::try_from(filler).unwrap())
    }

    /// A tagged frame of no protocol.
    pub(crate) fn tagged(&mut self, port: usize, to: Mac) -> Vec<u8> {
        let payload = self.payload(port);
        tag::plain(self.site.mac(port), to, &payload)
    }

    /// To everybody it may reach, one after the other.
    fn next_partner(&mut self, port: usize) {
        let policy = &self.site.versions[self.version()];
        let may = |&to: &usize| policy.permits(port, to);
        let partners: Vec<usize> = (0..self.site.ports.len()).filter(may).collect();
        for _ in 0..2 {
            if let Some(&to) = partners.get(self.round[port] % partners.len().max(1)) {
                self.round[port] += 1;
                let frame = self.tagged(port, self.site.mac(to));
                self.send(port, frame, None);
            }
        }
    }

    fn any_frame(&mut self, port: usize) {
        let other = self.rng.below(self.site.ports.len());
        let (mac, ip) = (self.site.mac(port), self.site.ip4(port));
        let neighbours = self.site.ports[other].pvlan == self.site.ports[port].pvlan;
        let frame = match self.rng.within(0..100) {
            0..15 => self.tagged(port, BROADCAST),
            15..20 => self.tagged(port, GROUP4),
            20..25 => self.tagged(port, GROUP6),
            25..30 => {
                let nobody = self.nobody();
                self.tagged(port, nobody)
            }
            30..60 => self.tagged(port, self.site.mac(other)),
            60..66 => {
                let payload = self.payload(port);
                tag::udp4((mac, GROUP4), (ip, [224, 0, 0, 251].into()), &payload)
            }
            66..86 if neighbours && other != port => self.udp_to(port, other),
            86..92 => return self.by_the_gateway(port, other),
            _ => {
                let none = Mac([0; 6]);
                tag::arp((mac, BROADCAST), 1, (mac, ip), (none, ip))
            }
        };
        self.send(port, frame, None);
    }

    fn udp_to(&mut self, port: usize, other: usize) -> Vec<u8> {
        let payload = self.payload(port);
        let link = (self.site.mac(port), self.site.mac(other));
        if self.rng.chance(500) {
            let ip = (self.site.ip4(port), self.site.ip4(other));
            tag::udp4(link, ip, &payload)
        } else {
            let ip = (self.site.ip6(port), self.site.ip6(other));
            tag::udp6(link, ip, &payload)
        }
    }

    /// What a router would be given for another host, and what it would pass on.
    fn by_the_gateway(&mut self, port: usize, other: usize) {
        let pvlan = self.site.ports[port].pvlan;
        let gateway = self.site.gateway(pvlan);
        if self.site.ports[other].pvlan != pvlan || other == port || other == gateway {
            return;
        }
        let payload = self.payload(port);
        let (mac, ip) = (self.site.mac(port), self.site.ip4(port));
        if port != gateway {
            let link = (mac, self.site.mac(gateway));
            let frame = tag::udp4(link, (ip, self.site.ip4(other)), &payload);
            return self.send(port, frame, Some(other));
        }
        let hosts = 0..self.site.ports.len();
        let hosts: Vec<usize> = hosts
            .filter(|&it| it != port && it != other && self.site.ports[it].pvlan == pvlan)
            .collect();
        if hosts.is_empty() {
            return;
        }
        let source = *self.rng.pick(&hosts);
        let link = (mac, self.site.mac(other));
        let ip = (self.site.ip4(source), self.site.ip4(other));
        self.send(port, tag::udp4(link, ip, &payload), Some(source));
    }
}
