//! Making, adopting, configuring and removing the interfaces of one port.

use std::io;

use super::connection::Netlink;
use super::link::Link;
use super::message;
use super::namespace::Namespace;
use super::spec::{GROUP, Shape, Spec};
use crate::port::{self, Backend, Port, PortCause, PortOptions, datalink, packet, tap};

/// Follows the mark on a NIC that was down before Skerry took it.
const WAS_DOWN: &str = " was down";

/// The interface that a port is opened on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Device {
    /// Its index in its namespace.
    pub(crate) index: u32,
    /// Path of its namespace; `None` for the daemon's own.
    pub(crate) place: Option<String>,
    /// What becomes of it in the end.
    end: End,
}

/// What becomes of an interface when the port goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// We made it.
    Delete,
    /// A NIC that was up when it was taken.
    Keep,
    /// A NIC that was down when it was taken.
    SetDown,
}

/// A port with its interface.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) device: Device,
    pub(crate) port: Port,
    /// It was there already, from an earlier life.
    pub(crate) adopted: bool,
}

/// What making an interface needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workshop<'a> {
    pub(crate) own: &'a Netlink,
    pub(crate) options: PortOptions,
    /// The links of the daemon's namespace, read a moment ago.
    pub(crate) links: &'a [Link],
}

impl Workshop<'_> {
    /// Makes or adopts the interface, configures it, sets it up and opens the port.
    ///
    /// # Errors
    /// Nothing is left behind.
    pub(crate) async fn make(&self, spec: &Spec) -> Result<Made, PortCause> {
        match &spec.shape {
            Shape::Nic { name } => self.take_nic(spec, name).await,
            Shape::Tap { name, netns } => self.make_tap(spec, name, netns.as_deref()).await,
            Shape::Veth { near, far, netns } => {
                let namespace = Namespace::open(netns)?;
                let inside = Netlink::inside(&namespace)?;
                let pair = Pair {
                    workshop: self,
                    spec,
                    near,
                    far,
                    namespace: &namespace,
                    inside: &inside,
                };
                pair.make().await
            }
        }
    }

    async fn take_nic(&self, spec: &Spec, name: &str) -> Result<Made, PortCause> {
        let find = || async {
            self.own
                .by_name(name)
                .await
                .map_err(kernel("look for the interface"))
        };
        let missing = || PortCause::NicMissing(name.to_owned());
        let link = find().await?.ok_or_else(missing)?;
        let mark = format!("{}{WAS_DOWN}", spec.alias());
        let end = match link.alias.as_deref() {
            Some(alias) if alias == mark => End::SetDown,
            _ if link.up => End::Keep,
            _ => End::SetDown,
        };
        // The mark survives a crash of the daemon; a NIC that has an alias of its own keeps it.
        if end == End::SetDown && link.alias.is_none() {
            let change = message::change(link.index, None, None, Some(&mark));
            self.own
                .set(change)
                .await
                .map_err(kernel("mark the interface"))?;
        }
        let device = Device {
            index: link.index,
            place: None,
            end,
        };
        match self.open_nic(spec, &device, name).await {
            Ok(port) => Ok(Made {
                device,
                port,
                adopted: false,
            }),
            Err(cause) => {
                give_back(self.own, &device).await;
                Err(cause)
            }
        }
    }

    async fn open_nic(&self, spec: &Spec, device: &Device, name: &str) -> Result<Port, PortCause> {
        let up = self.own.set_up(device.index, true).await;
        up.map_err(kernel("set the interface up"))?;
        let mut port = self.open(spec, device.index, name)?;
        let link = self
            .own
            .by_name(name)
            .await
            .map_err(kernel("look at the interface"))?;
        port.up = link.is_some_and(|link| link.carrier);
        Ok(port)
    }

    /// Opens an interface of the daemon's own namespace.
    fn open(&self, spec: &Spec, index: u32, name: &str) -> Result<Port, PortCause> {
        match self.options.backend {
            Backend::Packet if self.options.offload.tap.wanted() => packet::open(index),
            Backend::Packet | Backend::Datalink if spec.trunk => Err(PortCause::TrunkOnDatalink),
            Backend::Packet | Backend::Datalink => datalink::open(index, name),
        }
    }

    async fn make_tap(
        &self,
        spec: &Spec,
        name: &str,
        netns: Option<&str>,
    ) -> Result<Made, PortCause> {
        let offload = self.options.offload.tap;
        let (mut port, link) = match netns {
            None => {
                let port = tap::create(name, offload)?;
                (port, configure_tap(self.own, spec, name).await?)
            }
            Some(path) => {
                let namespace = Namespace::open(path)?;
                let inside = Netlink::inside(&namespace)?;
                let made = namespace.enter(|| tap::create(name, offload));
                let port = made.map_err(|cause| cause.inside(path))?;
                (port, configure_tap(&inside, spec, name).await?)
            }
        };
        port.up = link.carrier;
        Ok(Made {
            device: Device {
                index: link.index,
                place: netns.map(str::to_owned),
                end: End::Delete,
            },
            port,
            adopted: false,
        })
    }
}

/// A failure is undone by the caller's dropping the TAP.
async fn configure_tap(netlink: &Netlink, spec: &Spec, name: &str) -> Result<Link, PortCause> {
    let action = kernel("configure the TAP");
    let configure = async {
        let gone = || io::Error::from_raw_os_error(libc::ENODEV);
        let index = netlink.by_name(name).await?.ok_or_else(gone)?.index;
        let alias = spec.alias();
        netlink
            .set(message::change(
                index,
                Some(spec.mtu),
                spec.mac,
                Some(&alias),
            ))
            .await?;
        netlink.set(message::tap_queue(index)).await?;
        netlink.set_up(index, true).await?;
        netlink.by_name(name).await?.ok_or_else(gone)
    };
    configure.await.map_err(action)
}

/// A veth pair in the making.
struct Pair<'a> {
    workshop: &'a Workshop<'a>,
    spec: &'a Spec,
    near: &'a str,
    far: &'a str,
    namespace: &'a Namespace,
    inside: &'a Netlink,
}

impl Pair<'_> {
    async fn make(&self) -> Result<Made, PortCause> {
        if let Some((near, far)) = self.survivor().await? {
            return self.finish(&near, &far, true).await;
        }
        self.clear_far().await?;
        self.clear_near().await?;
        let fd = self.namespace.raw_fd();
        let veth = message::veth(self.near, self.far, fd, self.spec.mtu, self.spec.mac);
        let own = self.workshop.own;
        own.add(veth).await.map_err(kernel("make a veth pair"))?;
        let near = self.find(own, self.near).await?;
        let made = match self.find(self.inside, self.far).await {
            Ok(far) => self.finish(&near, &far, false).await,
            Err(cause) => Err(cause),
        };
        if made.is_err() {
            // The first failure is the one to tell.
            own.delete(near.index).await.ok();
        }
        made
    }

    /// The pair that an earlier life of the daemon made, whole and as the tables want it.
    async fn survivor(&self) -> Result<Option<(Link, Link)>, PortCause> {
        let alias = self.spec.alias();
        let mine = |link: &&Link| link.alias.as_deref() == Some(alias.as_str());
        let Some(near) = self.workshop.links.iter().find(mine) else {
            return Ok(None);
        };
        let far = self.look(self.inside, self.far).await?;
        let far = far.filter(|far| far.peer == Some(near.index) && near.peer == Some(far.index));
        if let Some(far) = far {
            return Ok(Some((near.clone(), far)));
        }
        // Half of a pair, or a pair to another place: its guest is another one now.
        let gone = self.workshop.own.delete(near.index).await;
        gone.map_err(kernel("remove a veth pair of an earlier life"))?;
        Ok(None)
    }

    /// Refuses to touch somebody else's interface in the guest's namespace.
    async fn clear_far(&self) -> Result<(), PortCause> {
        let Some(link) = self.look(self.inside, self.far).await? else {
            return Ok(());
        };
        if !self.is_ours(&link) {
            return Err(PortCause::NameTaken {
                name: self.far.to_owned(),
                place: format!(" in {}", self.namespace.path()),
            });
        }
        let gone = self.inside.delete(link.index).await;
        gone.map_err(kernel("remove a veth pair of an earlier life"))
    }

    /// The same in the daemon's.
    async fn clear_near(&self) -> Result<(), PortCause> {
        let Some(link) = self.look(self.workshop.own, self.near).await? else {
            return Ok(());
        };
        if !self.is_ours(&link) {
            return Err(PortCause::NameTaken {
                name: self.near.to_owned(),
                place: String::new(),
            });
        }
        let gone = self.workshop.own.delete(link.index).await;
        gone.map_err(kernel("remove a veth pair of an earlier life"))
    }

    /// Marked as this port's, or caught by a crash between its making and its marking.
    fn is_ours(&self, link: &Link) -> bool {
        match &link.alias {
            Some(alias) => *alias == self.spec.alias(),
            None => link.group == GROUP,
        }
    }

    async fn finish(&self, near: &Link, far: &Link, adopted: bool) -> Result<Made, PortCause> {
        let own = self.workshop.own;
        let configure = async {
            let alias = Some(self.spec.alias());
            let alias = alias.as_deref();
            own.set(message::change(
                near.index,
                Some(self.spec.mtu),
                None,
                alias,
            ))
            .await?;
            let mac = self.spec.mac.filter(|&mac| far.mac != Some(mac));
            self.inside
                .set(message::change(far.index, Some(self.spec.mtu), mac, alias))
                .await?;
            own.set(message::estrange(near.index)).await?;
            silence_ipv6(&near.name);
            if !adopted {
                // Afterwards it is up to the guest.
                self.inside.set_up(far.index, true).await?;
            }
            own.set_up(near.index, true).await
        };
        configure.await.map_err(kernel("configure the veth pair"))?;
        let mut port = self.workshop.open(self.spec, near.index, &near.name)?;
        if port.capabilities.backend == datalink::NAME {
            self.namespace.enter(|| datalink::finish_frames(self.far))?;
        }
        port.up = self.find(own, &near.name).await?.carrier;
        Ok(Made {
            device: Device {
                index: near.index,
                place: None,
                end: End::Delete,
            },
            port,
            adopted,
        })
    }

    async fn look(&self, netlink: &Netlink, name: &str) -> Result<Option<Link>, PortCause> {
        netlink
            .by_name(name)
            .await
            .map_err(kernel("look for interfaces"))
    }

    async fn find(&self, netlink: &Netlink, name: &str) -> Result<Link, PortCause> {
        let gone = || kernel("look at the veth pair")(io::Error::from_raw_os_error(libc::ENODEV));
        self.look(netlink, name).await?.ok_or_else(gone)
    }
}

/// Without IPv6 on the near end the host's stack neither says nor hears anything there. A kernel
/// without IPv6, or a container with a read-only `/proc/sys`, is content with the rest.
fn silence_ipv6(name: &str) {
    let path = format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6");
    if let Err(error) = std::fs::write(&path, "1") {
        tracing::debug!(%path, %error, "IPv6 stays on; it has no address there");
    }
}

/// Removes an interface that was made, gives a NIC back as it was.
pub(crate) async fn remove(own: &Netlink, device: &Device) {
    let removed = match (device.end, device.place.as_deref()) {
        (End::Keep | End::SetDown, _) => return give_back(own, device).await,
        (End::Delete, None) => own.delete(device.index).await,
        (End::Delete, Some(path)) => {
            match Namespace::open(path).and_then(|ns| Netlink::inside(&ns)) {
                Ok(inside) => inside.delete(device.index).await,
                // A namespace that is gone took its interfaces with it.
                Err(_) => Ok(()),
            }
        }
    };
    if let Err(error) = removed {
        tracing::warn!(index = device.index, %error, "an interface could not be removed");
    }
}

async fn give_back(own: &Netlink, device: &Device) {
    if device.end != End::SetDown {
        return;
    }
    let down = own.set_up(device.index, false).await;
    let back = match down {
        Ok(()) => {
            own.set(message::change(device.index, None, None, Some("")))
                .await
        }
        Err(error) => Err(error),
    };
    match back {
        Err(error) if error.raw_os_error() != Some(libc::ENODEV) => {
            tracing::warn!(index = device.index, %error, "a NIC could not be given back");
        }
        Ok(()) | Err(_) => {}
    }
}

/// Wraps what the kernel said; a lack of rights has its own words.
pub(crate) fn kernel(action: &'static str) -> impl Fn(io::Error) -> PortCause {
    move |source| match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => PortCause::Permission(action),
        _ => PortCause::Kernel { action, source },
    }
}

/// Removes an interface that an earlier life marked, or gives the NIC back that it took.
pub(crate) async fn sweep(own: &Netlink, link: &Link) {
    let nic = link
        .alias
        .as_deref()
        .is_some_and(|alias| alias.ends_with(WAS_DOWN));
    let device = Device {
        index: link.index,
        place: None,
        end: if nic { End::SetDown } else { End::Delete },
    };
    remove(own, &device).await;
}

/// The interface as it is now; `None` when it is gone, with its namespace or without it.
pub(crate) async fn look(own: &Netlink, device: &Device) -> io::Result<Option<Link>> {
    match device.place.as_deref() {
        None => own.by_index(device.index).await,
        Some(path) => match Namespace::open(path).and_then(|ns| Netlink::inside(&ns)) {
            Ok(inside) => inside.by_index(device.index).await,
            Err(_) => Ok(None),
        },
    }
}

/// Whether it is there; in doubt it is.
pub(crate) async fn exists(own: &Netlink, device: &Device) -> bool {
    !matches!(look(own, device).await, Ok(None))
}
