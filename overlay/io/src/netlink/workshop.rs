//! Making the interface of one port: taking a NIC, making a TAP; veth pairs are in `pair`.

use std::collections::HashMap;
use std::io;

use super::connection::Netlink;
use super::device::{Device, End, WAS_DOWN, give_back, kernel};
use super::link::Link;
use super::managed::Managed;
use super::message;
use super::namespace::Namespace;
use super::pair::Pair;
use super::spec::{Shape, Spec};
use crate::port::{Backend, Port, PortCause, PortOptions, datalink, packet, tap};

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
    /// The ports that have, or wait for, an interface.
    pub(crate) ports: &'a HashMap<String, Managed>,
    /// What the marks of this node's interfaces start with.
    pub(crate) marks: &'a str,
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
    pub(super) fn open(&self, spec: &Spec, index: u32, name: &str) -> Result<Port, PortCause> {
        match self.options.backend {
            Backend::Packet if self.options.offload.tap.wanted() => {
                packet::open(index, spec.queues)
            }
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
                let port = tap::create(name, offload, spec.queues)?;
                (port, configure_tap(self.own, spec, name).await?)
            }
            Some(path) => {
                let namespace = Namespace::open(path)?;
                let inside = Netlink::inside(&namespace)?;
                let made = namespace.enter(|| tap::create(name, offload, spec.queues));
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
                Some(spec.born_with()),
                Some(&alias),
            ))
            .await?;
        netlink.set(message::tap_queue(index)).await?;
        netlink.set_up(index, true).await?;
        netlink.by_name(name).await?.ok_or_else(gone)
    };
    configure.await.map_err(action)
}
