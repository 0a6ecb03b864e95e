//! How the site file points at things: `blue.web`, `n3/up0#20`, `udp/53`.

use std::fmt;

use crate::id::Vid;

/// `blue.isolated`: a private VLAN and one of its segments.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SegmentRef {
    /// The private VLAN.
    pub pvlan: String,
    /// `promiscuous`, `isolated`, or a community.
    pub segment: String,
}

impl SegmentRef {
    /// `None` unless it is two names with a dot between.
    pub fn parse(text: &str) -> Option<Self> {
        let (pvlan, segment) = text.split_once('.')?;
        let good = !pvlan.is_empty() && !segment.is_empty() && !segment.contains('.');
        good.then(|| Self {
            pvlan: pvlan.to_owned(),
            segment: segment.to_owned(),
        })
    }
}

impl fmt::Display for SegmentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pvlan, self.segment)
    }
}

/// `n1/b-w1` or, for one tag of a trunk, `n3/up0#20`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PortRef {
    /// The node.
    pub node: String,
    /// The port.
    pub port: String,
    /// The tag, on a trunk.
    pub tag: Option<Vid>,
}

impl PortRef {
    /// `None` unless it is `node/port` or `node/port#tag`.
    pub fn parse(text: &str) -> Option<Self> {
        let (node, rest) = text.split_once('/')?;
        let (port, tag) = match rest.split_once('#') {
            Some((port, tag)) => (port, Some(parse_vid(tag)?)),
            None => (rest, None),
        };
        let good = !node.is_empty() && !port.is_empty() && !port.contains('/');
        good.then(|| Self {
            node: node.to_owned(),
            port: port.to_owned(),
            tag,
        })
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.port)?;
        match self.tag {
            Some(tag) => write!(f, "#{tag}"),
            None => Ok(()),
        }
    }
}

/// A tag written in decimal, without a sign or leading zeros.
pub(crate) fn parse_vid(text: &str) -> Option<Vid> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain
        .then(|| text.parse().ok().and_then(Vid::new))
        .flatten()
}

/// What runs on top of IP.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Protocol {
    /// ICMP and ICMPv6.
    Icmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// `udp/53`, `tcp`, `icmp`: a protocol and, where there is one, the port that is called.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Flow {
    /// What runs on top of IP.
    pub protocol: Protocol,
    /// The destination port; any when absent.
    pub port: Option<u16>,
}

impl Flow {
    /// `None` unless it is `tcp`, `udp`, either with `/port` (1..=65535), or `icmp`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.split_once('/') {
            Some((name, port)) => (name, Some(parse_port(port)?)),
            None => (text, None),
        };
        let protocol = match name {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "icmp" if port.is_none() => Protocol::Icmp,
            _ => return None,
        };
        Some(Self { protocol, port })
    }

    /// Does this rule let that flow pass?
    pub fn covers(self, flow: Self) -> bool {
        self.protocol == flow.protocol && (self.port.is_none() || self.port == flow.port)
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.then(|| text.parse().ok()).flatten();
    port.filter(|&port| port != 0)
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.protocol {
            Protocol::Icmp => "icmp",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        })?;
        match self.port {
            Some(port) => write!(f, "/{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_prints_as_it_was_written() {
        for text in ["n1/b-w1", "n3/up0#20"] {
            let read = PortRef::parse(text).map(|it| it.to_string());
            assert_eq!(read.as_deref(), Some(text));
        }
        for text in ["udp/53", "tcp", "icmp", "tcp/65535"] {
            let read = Flow::parse(text).map(|it| it.to_string());
            assert_eq!(read.as_deref(), Some(text));
        }
        let read = SegmentRef::parse("blue.web").map(|it| it.to_string());
        assert_eq!(read.as_deref(), Some("blue.web"));
    }

    #[test]
    fn what_is_not_a_reference_is_refused() {
        for text in [
            "n1", "/a", "a/", "a/b#", "a/b#0", "a/b#4095", "a/b#+1", "a/b#010", "a/b/c",
        ] {
            assert_eq!(PortRef::parse(text), None, "{text}");
        }
        for text in ["udp/0", "udp/65536", "udp/+1", "icmp/1", "sctp", "", "udp/"] {
            assert_eq!(Flow::parse(text), None, "{text}");
        }
        for text in ["blue", ".x", "x.", "a.b.c", ""] {
            assert_eq!(SegmentRef::parse(text), None, "{text}");
        }
    }
}
