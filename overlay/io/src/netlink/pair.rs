//! Making, or adopting, a veth pair: the near end is the port, the far end the guest's.

use std::io;

use super::connection::Netlink;
use super::device::{Device, End, kernel};
use super::link::Link;
use super::message;
use super::namespace::Namespace;
use super::spec::{GROUP, Spec, port_of};
use super::taken::taken_by;
use super::workshop::{Made, Workshop};
use crate::port::{PortCause, datalink, offload};

/// A veth pair in the making.
pub(crate) struct Pair<'a> {
    pub(crate) workshop: &'a Workshop<'a>,
    pub(crate) spec: &'a Spec,
    pub(crate) near: &'a str,
    pub(crate) far: &'a str,
    pub(crate) namespace: &'a Namespace,
    pub(crate) inside: &'a Netlink,
}

impl Pair<'_> {
    /// Makes or adopts it, configures it and opens the port.
    pub(crate) async fn make(&self) -> Result<Made, PortCause> {
        if let Some((near, far)) = self.survivor().await? {
            return self.finish(&near, &far, true).await;
        }
        self.clear_far().await?;
        self.clear_near().await?;
        let fd = self.namespace.raw_fd();
        let mac = self.spec.born_with();
        let veth = message::veth(self.near, self.far, fd, self.spec.mtu, mac);
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
            let place = format!(" in {}", self.namespace.path());
            return Err(taken_by(self.far, place, &link));
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
            return Err(taken_by(self.near, String::new(), &link));
        }
        let gone = self.workshop.own.delete(link.index).await;
        gone.map_err(kernel("remove a veth pair of an earlier life"))
    }

    /// Marked as this port's, or as one's that this node had in an earlier life and has no more, or
    /// caught by a crash between its making and its marking.
    fn is_ours(&self, link: &Link) -> bool {
        let Some(alias) = &link.alias else {
            return link.group == GROUP;
        };
        let has = |port: &str| self.workshop.ports.contains_key(port);
        let left = alias.starts_with(self.workshop.marks) && !port_of(alias).is_some_and(has);
        left || *alias == self.spec.alias()
    }

    async fn finish(&self, near: &Link, far: &Link, adopted: bool) -> Result<Made, PortCause> {
        let own = self.workshop.own;
        let configure = async {
            let alias = Some(self.spec.alias());
            let alias = alias.as_deref();
            own.set(message::change(
                near.index,
                Some(message::NEAR_MTU),
                None,
                alias,
            ))
            .await?;
            let mac = self.spec.mac.filter(|&mac| far.mac != Some(mac));
            self.inside
                .set(message::change(far.index, Some(self.spec.mtu), mac, alias))
                .await?;
            estrange(own, near.index).await?;
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
        self.keep_untold_inside();
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

    /// A guest's own tunnels and SCTP would come in superframes that are dropped. Whoever switches
    /// them on again in the guest harms the guest alone, and so does a kernel that refuses.
    fn keep_untold_inside(&self) {
        let switched = self.namespace.enter(|| {
            let action = "switch superframes of tunnels off at the far end";
            offload::cut_untold(self.far).map_err(kernel(action))
        });
        if let Err(error) = switched {
            tracing::warn!(port = self.spec.name, %error, "TCP inside a guest's tunnel may be lost");
        }
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

/// Takes the near end from the host. An interface of less than 1,280 bytes has no IPv6 (RFC 8200
/// section 5), nor has any in a kernel without: then there is nothing to take of that.
async fn estrange(own: &Netlink, index: u32) -> io::Result<()> {
    match own.set(message::estrange(index, true)).await {
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            own.set(message::estrange(index, false)).await
        }
        done => done,
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
