//! Who reaches a stock member's guest and whom it reaches: asked of network stacks, and of frames.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use skerry_netns_tests::site;
use skerry_netns_tests::stock::Member;
use skerry_netns_tests::suite::say;
use skerry_netns_tests::topology::{Port, Vlan};

use crate::count;
use crate::world::{World, in_guest};

/// Echo requests to each address, from each side.
const PINGS: u32 = 3;
/// The suite's mark in a ping: the underlay is searched for it ([`skerry_netns_tests::tag`]).
const PATTERN: &str = "5b53c66bd552e75d";
/// What the pings of both sides may take together.
const LIMIT: Duration = Duration::from_secs(40);

/// Every blue port, and one red one that must hear nothing at all.
fn ports() -> impl Iterator<Item = Port> + Clone {
    Port::all().filter(|port| port.vlan() == Vlan::Blue || port.name() == "r-gw")
}

fn addresses(port: Port) -> [String; 2] {
    let [a, b, c, d] = port.ip();
    let ip6 = Ipv6Addr::from(port.ip6()).to_string();
    [format!("{a}.{b}.{c}.{d}"), ip6]
}

impl World {
    /// Pings in both directions with IPv4 and IPv6, and a look at every frame of both sides:
    /// exactly those that the roles permit.
    pub(crate) fn reaches_as_its_role_says(&mut self, member: Member) -> Result<()> {
        let started = Instant::now();
        self.fabric.hosts.take();
        self.fabric.underlay.take();
        count::from_now(
            &mut self.vm,
            member,
            ports().map(|port| site::mac(port.mac())),
        )?;
        let answered = self.guest_pings(member)?;
        let replied = self.hosts_ping()?;
        let wrong: Vec<String> = ports()
            .filter(|port| port.vlan() == Vlan::Blue)
            .flat_map(|port| {
                let both = member.reaches(port) && member.hears(port);
                let out = addresses(port)
                    .into_iter()
                    .filter(|ip| answered.get(ip) != Some(&both))
                    .map(move |ip| format!("{port} answers at {ip}: {}", !both));
                let back = replied
                    .iter()
                    .filter(move |(from, _, ok)| *from == port && *ok != both);
                let back =
                    back.map(move |(_, ip, ok)| format!("{port} gets replies of {ip}: {ok}"));
                out.chain(back).collect::<Vec<_>>()
            })
            .collect();
        ensure!(wrong.is_empty(), "{}", wrong.join("; "));
        self.frames_are_as_roles_say(member)?;
        let traffic = self.fabric.underlay.take();
        traffic.check()?;
        let yes = answered.values().filter(|yes| **yes).count();
        say(&format!(
            "figure: {:?} {:?}: {yes} of {} addresses answer {PINGS} pings, and the other way \
             round, {:.1} s",
            member.kind,
            member.role,
            answered.len(),
            started.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// The guest pings every blue address at once: address to whether all pings came back.
    pub(crate) fn guest_pings(&mut self, member: Member) -> Result<BTreeMap<String, bool>> {
        let all: Vec<String> = ports()
            .filter(|port| port.vlan() == Vlan::Blue)
            .flat_map(addresses)
            .collect();
        let ping = in_guest(member, &format!("ping -q -c {PINGS} -i 0.3 -W 2 $ip"));
        let script = format!(
            "for ip in {}; do\n\
             ({ping} >/dev/null 2>&1 && echo yes $ip || echo no $ip) &\n\
             done\nwait\n",
            all.join(" ")
        );
        let text = self.vm.must(&script, LIMIT)?;
        let answers: BTreeMap<String, bool> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(yes, ip)| (ip.to_owned(), yes == "yes"))
            .collect();
        ensure!(answers.len() == all.len(), "pings got lost: {text}");
        Ok(answers)
    }

    /// Every blue host pings both addresses of the guest: whether all came back.
    fn hosts_ping(&self) -> Result<Vec<(Port, &'static str, bool)>> {
        let blue = ports().filter(|port| port.vlan() == Vlan::Blue);
        let pairs = blue.flat_map(|port| [(port, Member::IP), (port, Member::IP6)]);
        thread::scope(|scope| {
            let pings: Vec<_> = pairs
                .map(|(port, ip)| scope.spawn(move || Ok((port, ip, self.host_pings(port, ip)?))))
                .collect();
            pings
                .into_iter()
                .map(|ping| {
                    ping.join()
                        .unwrap_or_else(|_| anyhow::bail!("a ping panicked"))
                })
                .collect()
        })
    }

    /// Whether a host's own `ping` gets every reply, its payload marked.
    pub(crate) fn host_pings(&self, port: Port, ip: &str) -> Result<bool> {
        let count = PINGS.to_string();
        let mut ping = Command::new("ping");
        ping.args([
            "-q", "-c", &count, "-i", "0.3", "-W", "2", "-p", PATTERN, ip,
        ]);
        ping.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = self.fabric.hosts.at(port).netns.enter(|| ping.status())?;
        let status = status.context("`ping` cannot be run: install the package iputils-ping")?;
        Ok(status.success())
    }

    /// Not one frame more than the roles permit, at either end: replies say nothing about that.
    fn frames_are_as_roles_say(&mut self, member: Member) -> Result<()> {
        let counted = count::so_far(&mut self.vm, member)?;
        let logs = self.fabric.hosts.take();
        let mut wrong = Vec::new();
        for port in ports() {
            let sent = logs[port.index()]
                .others
                .iter()
                .filter(|frame| frame.get(6..12) == Some(&Member::MAC))
                .count();
            if (sent > 0) != member.reaches(port) {
                wrong.push(format!("{sent} frames of the guest are seen at {port}"));
            }
            let heard = counted.get(&site::mac(port.mac())).copied();
            let heard = heard.with_context(|| format!("no counter for {port}"))?;
            if (heard > 0) != member.hears(port) {
                wrong.push(format!("{heard} frames of {port} are seen at the guest"));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("; "));
        Ok(())
    }
}
