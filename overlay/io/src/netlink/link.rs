//! What netlink says about one interface.

use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use skerry_policy::Mac;

/// The parts of a link message that the ports depend on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Link {
    /// Its number in its namespace: never given out twice while the namespace lives.
    pub(crate) index: u32,
    pub(crate) name: String,
    /// `IFLA_IFALIAS`: whose it is, if it is ours.
    pub(crate) alias: Option<String>,
    /// `IFLA_GROUP`.
    pub(crate) group: u32,
    pub(crate) mac: Option<Mac>,
    /// For a veth: the index of the other end, in the other end's namespace.
    pub(crate) peer: Option<u32>,
    /// Set up by its administrator.
    pub(crate) up: bool,
    /// Up, and so is whatever it is connected to.
    pub(crate) carrier: bool,
}

impl From<LinkMessage> for Link {
    fn from(message: LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
            ..Self::default()
        };
        for attribute in message.attributes {
            link.read(attribute);
        }
        link
    }
}

impl Link {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a link has dozens of attributes, and more with every kernel"
    )]
    fn read(&mut self, attribute: LinkAttribute) {
        match attribute {
            LinkAttribute::IfName(name) => self.name = name,
            LinkAttribute::IfAlias(alias) if !alias.is_empty() => self.alias = Some(alias),
            LinkAttribute::Group(group) => self.group = group,
            LinkAttribute::Address(bytes) => self.mac = bytes.try_into().ok().map(Mac),
            LinkAttribute::Link(peer) => self.peer = Some(peer),
            _ => {}
        }
    }
}
