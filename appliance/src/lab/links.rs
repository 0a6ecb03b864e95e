//! The lab's own interfaces, by netlink: the underlay between the nodes, and what a guest would
//! configure on its `eth0`.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result};
use rtnetlink::{Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth};
use skerry_overlay_io::netns::Namespace;
use skerry_policy::Mac;

use crate::lab::plan::{NodePlan, PREFIX};

/// The interface of every node and host.
pub(super) const ETH0: &str = "eth0";
const BRIDGE: &str = "underlay";

/// Makes the bridge that stands for the network between the nodes.
pub(super) fn make_bridge(underlay: &Namespace) -> Result<()> {
    netlink(underlay, async |handle| {
        let bridge = LinkBridge::new(BRIDGE).up().build();
        Ok(handle.link().add(bridge).execute().await?)
    })
    .context("cannot make a bridge (is the kernel built with CONFIG_BRIDGE?)")
}

/// Plugs a node into the bridge: a veth pair whose far end becomes the node's `eth0`.
pub(super) fn plug(underlay: &Namespace, node: &Namespace, plan: &NodePlan) -> Result<()> {
    let target = std::fs::File::open(node.path())?;
    let far = format!("{}-eth0", plan.name);
    netlink(underlay, async |handle| {
        let pair = LinkVeth::new(plan.name, &far).build();
        handle.link().add(pair).execute().await?;
        let near = LinkUnspec::new_with_index(index(plan.name)?)
            .controller(index(BRIDGE)?)
            .up()
            .build();
        handle.link().change(near).execute().await?;
        let moved = LinkUnspec::new_with_index(index(&far)?)
            .name(ETH0)
            .setns_by_fd(target.as_raw_fd())
            .build();
        Ok(handle.link().change(moved).execute().await?)
    })?;
    configure(node, None, plan.underlay)
}

/// Gives `eth0` of a namespace its addresses and sets it and `lo` up.
pub(super) fn configure(namespace: &Namespace, mac: Option<Mac>, ip: Ipv4Addr) -> Result<()> {
    netlink(namespace, async |handle| {
        up(&handle, LinkUnspec::new_with_index(index("lo")?)).await?;
        let eth0 = index(ETH0)?;
        let mut link = LinkUnspec::new_with_index(eth0);
        if let Some(mac) = mac {
            link = link.address(mac.0.to_vec());
        }
        up(&handle, link).await?;
        let add = handle.address().add(eth0, IpAddr::V4(ip), PREFIX);
        Ok(add.execute().await?)
    })
}

/// Keeps a namespace to IPv4, so that the lab counts its own frames and not the kernel's
/// neighbour and multicast discovery. A kernel without IPv6 has nothing to switch off.
pub(super) fn ipv4_only(namespace: &Namespace) -> Result<()> {
    let switch = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    namespace.run(|| {
        if std::path::Path::new(switch).exists() {
            std::fs::write(switch, "1")?;
        }
        Ok(())
    })?
}

/// Whether a namespace has an `eth0` yet.
pub(super) fn has_eth0(namespace: &Namespace) -> Result<bool> {
    Ok(namespace.run(|| index(ETH0).is_ok())?)
}

async fn up(handle: &Handle, link: LinkMessageBuilder<LinkUnspec>) -> Result<()> {
    Ok(handle.link().change(link.up().build()).execute().await?)
}

/// The index of an interface in the calling thread's namespace.
fn index(name: &str) -> Result<u32> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    rustix::net::netdevice::name_to_index(&socket, name)
        .with_context(|| format!("no interface {name}"))
}

/// Runs netlink requests inside a namespace.
fn netlink<T: Send>(
    namespace: &Namespace,
    work: impl AsyncFnOnce(Handle) -> Result<T> + Send,
) -> Result<T> {
    namespace.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            let (connection, handle, _) = rtnetlink::new_connection()?;
            tokio::spawn(connection);
            work(handle).await
        })
    })?
}
