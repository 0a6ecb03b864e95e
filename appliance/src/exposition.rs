//! The Prometheus text page (exposition format 0.0.4).

use std::fmt::Write;

use skerry_overlay::DropReason;

use crate::view::{Counters, Drops, PeerCounters, PortCounters, Status};

/// Every metric of a node.
pub fn page(counters: &Counters, status: &Status) -> String {
    let mut page = Page::default();
    ports(&mut page, counters);
    peers(&mut page, counters);
    policy(&mut page, counters, status);
    page.text
}

fn ports(page: &mut Page, counters: &Counters) {
    page.family(
        "skerry_port_frames_total",
        "counter",
        "Frames in from and out to a port.",
    );
    each_port(page, counters, |page, labels, port| {
        page.value(&[labels, &[("direction", "in")]], port.frames_in);
        page.value(&[labels, &[("direction", "out")]], port.sent);
    });
    page.family(
        "skerry_port_bytes_total",
        "counter",
        "Bytes of those frames.",
    );
    each_port(page, counters, |page, labels, port| {
        page.value(&[labels, &[("direction", "in")]], port.bytes_in);
        page.value(&[labels, &[("direction", "out")]], port.bytes_out);
    });
    let help = "What became of frames that were not dropped.";
    page.family("skerry_port_outcomes_total", "counter", help);
    each_port(page, counters, |page, labels, port| {
        page.value(&[labels, &[("outcome", "delivered")]], port.delivered);
        page.value(&[labels, &[("outcome", "answered")]], port.answered);
        page.value(&[labels, &[("outcome", "no_receiver")]], port.no_receiver);
    });
    let help = "Frames and copies dropped at a port, by the one reason each has.";
    page.family("skerry_port_drops_total", "counter", help);
    each_port(page, counters, |page, labels, port| {
        let watched = |reason: DropReason| !reason.is_of_tunnels();
        for (reason, n) in drops(watched, [&port.ingress_drops, &port.egress_drops]) {
            page.value(&[labels, &[("reason", &reason)]], n);
        }
    });
    let help = "Frames routed between hosts by way of the gateway.";
    page.family("skerry_port_hairpin_routed_total", "counter", help);
    each_port(page, counters, |page, labels, port| {
        page.value(&[labels], port.hairpin_routed);
    });
    let help = "Frames that a peering let pass into another private VLAN.";
    page.family("skerry_port_peering_pass_total", "counter", help);
    each_port(page, counters, |page, labels, port| {
        page.value(&[labels], port.peering_pass);
    });
    let help = "Frames of a port marked, rather than dropped, in a queue grown too long (ECN).";
    page.family("skerry_port_marked_total", "counter", help);
    each_port(page, counters, |page, labels, port| {
        page.value(&[labels], port.marked);
    });
}

type Labels<'a> = [(&'a str, &'a str)];

fn each_port(
    page: &mut Page,
    counters: &Counters,
    mut write: impl FnMut(&mut Page, &Labels<'_>, &PortCounters),
) {
    for (name, port) in &counters.ports {
        write(page, &[("port", name), ("segment", &port.segment)], port);
    }
}

fn peers(page: &mut Page, counters: &Counters) {
    page.family(
        "skerry_peer_frames_total",
        "counter",
        "Frames in from and out to a node.",
    );
    each_peer(page, counters, |page, labels, peer| {
        page.value(&[labels, &[("direction", "in")]], peer.frames_in);
        page.value(&[labels, &[("direction", "out")]], peer.frames_out);
    });
    page.family(
        "skerry_peer_bytes_total",
        "counter",
        "Bytes of those frames.",
    );
    each_peer(page, counters, |page, labels, peer| {
        page.value(&[labels, &[("direction", "in")]], peer.bytes_in);
        page.value(&[labels, &[("direction", "out")]], peer.bytes_out);
    });
    let help = "Frames dropped between this node and another, by the one reason each has.";
    page.family("skerry_peer_drops_total", "counter", help);
    each_peer(page, counters, |page, labels, peer| {
        for (reason, n) in drops(DropReason::is_of_tunnels, [&peer.drops, &peer.egress_drops]) {
            page.value(&[labels, &[("reason", &reason)]], n);
        }
    });
    page.family(
        "skerry_peer_handshakes_total",
        "counter",
        "WireGuard handshakes completed.",
    );
    each_peer(page, counters, |page, labels, peer| {
        page.value(&[labels], peer.handshakes);
    });
    let help = "Addresses a node said are at its ports, and that somebody else has.";
    page.family("skerry_peer_claims_refused_total", "counter", help);
    each_peer(page, counters, |page, labels, peer| {
        page.value(&[labels], peer.claims_refused);
    });
    let help = "Control messages that were too long, or more than a node has to say.";
    page.family("skerry_peer_control_refused_total", "counter", help);
    each_peer(page, counters, |page, labels, peer| {
        page.value(&[labels], peer.control_refused);
    });
    let help = "Frames of a node marked, rather than dropped, in a queue grown too long (ECN).";
    page.family("skerry_peer_marked_total", "counter", help);
    each_peer(page, counters, |page, labels, peer| {
        page.value(&[labels], peer.marked);
    });
    let help = "Seconds since the last handshake; absent before the first.";
    page.family("skerry_peer_last_handshake_seconds", "gauge", help);
    each_peer(page, counters, |page, labels, peer| {
        if let Some(seconds) = peer.last_handshake_s {
            page.value(&[labels], seconds);
        }
    });
    let help = "Round trip of the control protocol inside the tunnel.";
    page.family("skerry_peer_rtt_seconds", "gauge", help);
    each_peer(page, counters, |page, labels, peer| {
        if let Some(microseconds) = peer.rtt_us {
            page.seconds(labels, microseconds);
        }
    });
}

fn each_peer(
    page: &mut Page,
    counters: &Counters,
    mut write: impl FnMut(&mut Page, &Labels<'_>, &PeerCounters),
) {
    for (name, peer) in &counters.peers {
        write(page, &[("peer", name)], peer);
    }
}

fn policy(page: &mut Page, counters: &Counters, status: &Status) {
    let help = "Always 1; the label says which release runs.";
    page.family("skerry_build_info", "gauge", help);
    page.value(&[&[("version", &status.version)]], 1);
    let help = "Datagrams that belong to no node, by reason.";
    page.family("skerry_underlay_drops_total", "counter", help);
    for (reason, n) in &counters.underlay_drops {
        page.value(&[&[("reason", reason)]], *n);
    }
    page.family(
        "skerry_policy_generation",
        "gauge",
        "The generation that every worker runs.",
    );
    page.value(&[], counters.generation);
    let help = "Site files refused since the start; the running generation was untouched.";
    page.family("skerry_policy_rejected_total", "counter", help);
    page.value(&[], status.policy_rejected);
    let help = "1 when every node runs the same policy as this one.";
    page.family("skerry_policy_converged", "gauge", help);
    page.value(&[], u64::from(status.converged));
    page.family(
        "skerry_degraded",
        "gauge",
        "Things that are not as they should be.",
    );
    page.value(&[], status.degraded.len() as u64);
    page.family("skerry_ports", "gauge", "Ports of this node, by link.");
    page.value(&[&[("link", "up")]], status.ports_up as u64);
    let down = status.ports.saturating_sub(status.ports_up);
    page.value(&[&[("link", "down")]], down as u64);
}

/// The sum of both, with the watched violations at 0 where there were none: a series that begins
/// above 0 has not increased, as far as Prometheus can see, and the first burst would raise no
/// alarm.
fn drops(watched: impl Fn(DropReason) -> bool, of: [&Drops; 2]) -> Drops {
    let reasons = DropReason::ALL.iter();
    let watched = reasons.filter(|it| it.is_violation() && watched(**it));
    let mut sum: Drops = watched.map(|it| (it.name().to_owned(), 0)).collect();
    for (reason, n) in of.into_iter().flatten() {
        *sum.entry(reason.clone()).or_default() += n;
    }
    sum
}

/// A page under construction.
#[derive(Debug, Default)]
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    /// Starts a family: all samples of one name stand together.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.family = name;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn value(&mut self, labels: &[&Labels<'_>], value: u64) {
        self.sample(labels, format_args!("{value}"));
    }

    /// Prometheus counts time in seconds.
    fn seconds(&mut self, labels: &Labels<'_>, microseconds: u64) {
        let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
        self.sample(&[labels], format_args!("{seconds}.{rest:06}"));
    }

    fn sample(&mut self, labels: &[&Labels<'_>], value: std::fmt::Arguments<'_>) {
        let pairs = labels.iter().flat_map(|it| it.iter());
        let pairs: Vec<String> = pairs.map(|(name, value)| label(name, value)).collect();
        let name = self.family;
        if pairs.is_empty() {
            self.line(format_args!("{name} {value}\n"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}\n", pairs.join(",")));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.text.write_fmt(line).unwrap_or_default();
    }
}

fn label(name: &str, value: &str) -> String {
    let value = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let port = PortCounters {
            segment: "blue.isolated".into(),
            frames_in: 9,
            sent: 4,
            peering_pass: 2,
            marked: 3,
            ingress_drops: Drops::from([("pvlan_deny".into(), 3)]),
            ..PortCounters::default()
        };
        let peer = PeerCounters {
            rtt_us: Some(210),
            marked: 5,
            ..PeerCounters::default()
        };
        let counters = Counters {
            generation: 7,
            ports: [("n1/b-i1".to_owned(), port)].into(),
            peers: [("n2".to_owned(), peer)].into(),
            ..Counters::default()
        };
        let status = Status {
            version: "1.2.3".to_owned(),
            ..Status::default()
        };
        page(&counters, &status)
    }

    #[test]
    fn the_names_that_dashboards_use_are_there() {
        let page = sample();
        let lines = [
            r#"skerry_port_frames_total{port="n1/b-i1",segment="blue.isolated",direction="in"} 9"#,
            r#"skerry_port_frames_total{port="n1/b-i1",segment="blue.isolated",direction="out"} 4"#,
            r#"skerry_port_drops_total{port="n1/b-i1",segment="blue.isolated",reason="pvlan_deny"} 3"#,
            r#"skerry_peer_rtt_seconds{peer="n2"} 0.000210"#,
            r#"skerry_build_info{version="1.2.3"} 1"#,
            r#"skerry_port_peering_pass_total{port="n1/b-i1",segment="blue.isolated"} 2"#,
            r#"skerry_port_marked_total{port="n1/b-i1",segment="blue.isolated"} 3"#,
            r#"skerry_peer_marked_total{peer="n2"} 5"#,
            "skerry_policy_generation 7",
            "skerry_policy_rejected_total 0",
        ];
        for line in lines {
            assert!(page.lines().any(|it| it == line), "no {line} in:\n{page}");
        }
    }

    /// `increase()` sees nothing of a counter that was not there before it rose.
    #[test]
    fn what_an_alarm_is_made_of_is_there_before_it_happens() {
        let page = sample();
        let of = |family: &str, reason: &str| {
            let lines = page.lines().filter(|it| it.starts_with(family));
            let label = format!("reason=\"{reason}\"}} ");
            let values = lines.filter_map(|it| Some(it.split_once(&label)?.1));
            values.collect::<Vec<_>>()
        };
        for reason in [
            "mac_spoof",
            "arp_spoof",
            "ip_spoof",
            "nd_spoof",
            "ra_guard",
            "dhcp_server",
            "dhcp_spoof",
            "rogue_querier",
            "icmp_redirect",
            "hairpin_up",
            "hairpin_down",
            "peering_deny",
        ] {
            assert_eq!(of("skerry_port_drops_total", reason), ["0"], "{reason}");
            assert!(of("skerry_peer_drops_total", reason).is_empty(), "{reason}");
        }
        assert_eq!(of("skerry_port_drops_total", "pvlan_deny"), ["3"]);
        for reason in ["vni_denied", "outer_src", "peer_mac_spoof"] {
            assert_eq!(of("skerry_peer_drops_total", reason), ["0"], "{reason}");
            assert!(of("skerry_port_drops_total", reason).is_empty(), "{reason}");
        }
        assert!(of("skerry_port_drops_total", "rate").is_empty());
    }

    /// What `promtool check metrics` looks at: help and type once per family, before its samples;
    /// counters end in `_total`; families are not interleaved.
    #[test]
    fn every_family_is_declared_once_before_its_samples() {
        let page = sample();
        let mut seen = Vec::new();
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(!seen.contains(&name), "{name} twice:\n{page}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                seen.push(name);
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap();
                assert_eq!(Some(&name), seen.last(), "{line}");
            }
        }
        assert!(page.ends_with('\n'));
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(label("a", "x\"y\\z\n"), r#"a="x\"y\\z\n""#);
    }
}
