//! What a port's interface is to be, read once from the tables.

use skerry_policy::{Attach, Mac, Port, Tables};

use crate::port::{PortCause, PortError};

/// The longest name the kernel takes.
const NAME_MAX: usize = 15;

/// One interface, or pair of interfaces, as the tables want it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Spec {
    /// `n1/b-i1`.
    pub(crate) name: String,
    /// Bytes of IP packet; NICs keep their own.
    pub(crate) mtu: u32,
    /// The guest's address, where policy binds exactly one and the guest's end is ours to set.
    pub(crate) mac: Option<Mac>,
    /// What it is made with where that is none. A guest may change it, and keeps the change when it
    /// is adopted.
    pub(crate) first_mac: Mac,
    /// It carries tagged frames.
    pub(crate) trunk: bool,
    /// How many workers read it. One, if policy limits its rate: what counts has to be in one place.
    pub(crate) queues: usize,
    pub(crate) shape: Shape,
}

/// How the guest attaches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    /// An interface that exists.
    Nic { name: String },
    /// A TAP, here or in another namespace.
    Tap { name: String, netns: Option<String> },
    /// A pair: `near` here, `far` with the guest.
    Veth {
        near: String,
        far: String,
        netns: String,
    },
}

impl Spec {
    /// Every port of the node that has an interface here.
    pub(crate) fn all(tables: &Tables, queues: usize) -> Result<Vec<Self>, PortError> {
        let fabric = &tables.fabric;
        let node = fabric.nodes.get(tables.me.index());
        let key = node.map_or([0; 32], |it| it.key);
        let ports = tables.local.ports.iter();
        let specs = ports
            .filter_map(|id| fabric.ports.get(id.index()))
            .filter_map(|port| {
                let name = fabric.port_name(port.id);
                let shape = match Shape::read(port)? {
                    Ok(shape) => shape,
                    Err(cause) => return Some(Err(cause.on(&name))),
                };
                Some(Ok(Self {
                    name,
                    mtu: u32::from(fabric.mtu),
                    mac: shape.guest_mac(port),
                    first_mac: Mac::of_port(&key, &port.name),
                    trunk: is_trunk(tables, port),
                    queues: if port.rate.is_some() {
                        1
                    } else {
                        queues.max(1)
                    },
                    shape,
                }))
            });
        specs.collect()
    }

    /// What a new interface gets: a guest's end the guest's address. A TAP in the daemon's own
    /// namespace has one of its own, which is no guest's but where the host itself is the guest; as
    /// a bridge's port it would otherwise change the bridge's address with every life.
    pub(crate) fn born_with(&self) -> Mac {
        self.mac.unwrap_or(self.first_mac)
    }

    /// The interface names that it takes, each with the namespace; `None` for the daemon's own.
    pub(super) fn names(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let (one, other) = match &self.shape {
            Shape::Nic { name } => ((None, name), None),
            Shape::Tap { name, netns } => ((netns.as_deref(), name), None),
            Shape::Veth { near, far, netns } => ((None, near), Some((Some(netns.as_str()), far))),
        };
        let names = std::iter::once(one).chain(other);
        names.map(|(place, name)| (place, name.as_str()))
    }

    /// Whether both cannot be there at a time.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        self.names().any(|mine| other.names().any(|it| it == mine))
    }

    /// The mark of the port on its interfaces: how a later life of the daemon knows them.
    pub(crate) fn alias(&self) -> String {
        format!("{}{}", MARK, self.name)
    }
}

/// What every mark starts with.
const MARK: &str = "skerry:";

/// `IFLA_GROUP` of what we make, set in the same instant ("sker"): the mark for the moment
/// before the alias is there.
pub(crate) const GROUP: u32 = 0x736b_6572;

/// The port, of this node or another one on this machine, whose mark this is.
pub(crate) fn port_of(alias: &str) -> Option<&str> {
    alias.strip_prefix(MARK)
}

/// What the marks of this node's interfaces start with.
pub(crate) fn marks_of(node: &str) -> String {
    format!("{MARK}{node}/")
}

fn is_trunk(tables: &Tables, port: &Port) -> bool {
    let attachments = port.attachments.iter();
    attachments
        .filter_map(|id| tables.fabric.attachments.get(id.index()))
        .any(|attachment| attachment.tag.is_some())
}

impl Shape {
    /// `None` for a port without an interface here.
    fn read(port: &Port) -> Option<Result<Self, PortCause>> {
        let shape = match &port.attach {
            Attach::Edge(_) => return None,
            Attach::Nic(name) => valid(name).map(|name| Self::Nic { name }),
            Attach::Tap { name, netns } => {
                let name = name.as_deref().map_or_else(|| Ok(short(&port.name)), valid);
                let netns = netns.clone();
                name.map(|name| Self::Tap { name, netns })
            }
            Attach::Veth { name, netns } => valid(name).map(|far| Self::Veth {
                near: short(&port.name),
                far,
                netns: netns.clone(),
            }),
        };
        Some(shape)
    }

    /// A TAP in the daemon's own namespace is left alone: it may be a bridge's port, and then
    /// must not have its guest's address.
    fn guest_mac(&self, port: &Port) -> Option<Mac> {
        match (self, port.macs.as_slice()) {
            (Self::Veth { .. } | Self::Tap { netns: Some(_), .. }, &[mac]) => Some(mac),
            _ => None,
        }
    }
}

/// A name that the kernel will take.
fn valid(name: &str) -> Result<String, PortCause> {
    let printable = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'%');
    let fits = (1..=NAME_MAX).contains(&name.len()) && !matches!(name, "." | "..");
    if fits && name.bytes().all(printable) {
        Ok(name.to_owned())
    } else {
        Err(PortCause::BadName(name.to_owned()))
    }
}

/// The port's name, or its beginning and a hash of the whole where it is too long: the same in
/// every life of the daemon.
fn short(port: &str) -> String {
    if valid(port).is_ok() {
        return port.to_owned();
    }
    // FNV-1a: stable across versions, and collisions only make an error.
    let hash = port.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let head: String = port
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(NAME_MAX - 7)
        .collect();
    format!("{head}-{:06x}", hash & 0x00ff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(port: &str, expect: &str) {
        let name = short(port);
        assert_eq!(name, expect);
        assert!(valid(&name).is_ok(), "{name:?} is no interface name");
    }

    #[test]
    fn a_port_name_that_fits_is_the_interface_name() {
        check("b-i1", "b-i1");
        check("exactly15bytes_", "exactly15bytes_");
    }

    #[test]
    fn a_long_port_name_keeps_its_head_and_differs_by_its_hash() {
        check("a-very-long-port-name-1", "averylon-4d06d6");
        assert_ne!(
            short("a-very-long-port-name-1"),
            short("a-very-long-port-name-2")
        );
    }

    #[test]
    fn names_the_kernel_refuses_are_refused_first() {
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a:b",
            "a b",
            "sixteen-bytes-xx",
            "ü",
            "a%d",
        ] {
            assert!(valid(bad).is_err(), "{bad:?}");
        }
    }
}
