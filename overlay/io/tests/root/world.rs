//! A machine of its own for one test, with guests in namespaces.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use rtnetlink::LinkUnspec;
use rustix::mount::{MountPropagationFlags, mount_change};
use skerry_overlay_io::capture::PacketSocket;
use skerry_overlay_io::netns::{self, Namespace};
use skerry_overlay_io::{Port, PortManager, PortOptions};
use skerry_policy::{NodeId, Source, Tables};
use x25519_dalek::{PublicKey, StaticSecret};

/// How long anything may take before the test is red.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The machine.
pub(crate) struct World {
    dir: tempfile::TempDir,
}

/// Runs a test on a machine of its own.
pub(crate) fn on_a_machine<F: Future<Output = ()>>(test: impl FnOnce(World) -> F + Send) {
    let uid = rustix::process::getuid();
    assert!(
        uid.is_root(),
        "this test makes interfaces: run it as root (`cargo xtask test`)"
    );
    std::thread::scope(|scope| {
        let machine = scope.spawn(|| {
            netns::leave_host(false).expect("a network namespace for the test");
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            mount_change("/", private).expect("private mounts");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let dir = tempfile::tempdir().unwrap();
            runtime.unwrap().block_on(async {
                set_up("lo").await;
                test(World { dir }).await;
            });
        });
        if let Err(panic) = machine.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

impl World {
    /// A guest's namespace.
    pub(crate) fn guest(&self, name: &str) -> Guest {
        let namespace = Namespace::create(&self.path(name)).unwrap();
        Guest { namespace }
    }

    /// Where the namespace of a guest is, or would be.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Tables of n1 with these ports: lines as in `[port.n1]`, where `@name` is a guest's path.
    pub(crate) fn tables(&self, ports: &[&str]) -> Arc<Tables> {
        self.generation(1, ports)
    }

    /// The same for a later generation.
    pub(crate) fn generation(&self, generation: u64, ports: &[&str]) -> Arc<Tables> {
        let site = self.site(&[("n1", None, ports)]);
        tables(&site, 0, generation)
    }

    /// A site file with these nodes: name, endpoint, ports.
    pub(crate) fn site(&self, nodes: &[(&str, Option<&str>, &[&str])]) -> String {
        let mut text = String::from("version = 1\n[node]\n");
        for (number, (name, endpoint, _)) in (1u8..).zip(nodes) {
            let key = PublicKey::from(&secret(number));
            let key = base64(key.as_bytes());
            let endpoint = endpoint
                .map(|at| format!(", endpoint = \"{at}\""))
                .unwrap_or_default();
            text += &format!(
                "{name} = {{ key = \"{key}\", overlay = \"100.64.0.{number}\"{endpoint} }}\n"
            );
        }
        text += "[pvlan.blue]\nprimary = 100\ncommunity = { web = 101, db = 102 }\nhairpin = \"permit\"\n";
        for (name, _, ports) in nodes {
            text += &format!("[port.{name}]\n");
            for port in *ports {
                let dir = format!("{}/", self.dir.path().display());
                text += &format!("{}\n", port.replace('@', &dir));
            }
        }
        text
    }
}

/// The key of the node with this number.
pub(crate) fn secret(number: u8) -> StaticSecret {
    StaticSecret::from([number; 32])
}

/// What a node runs under a site file.
pub(crate) fn tables(site: &str, node: u32, generation: u64) -> Arc<Tables> {
    let source = Source {
        name: "site.toml".to_owned(),
        text: site.to_owned(),
    };
    let checked = skerry_policy::check(&source);
    let fabric = checked
        .fabric
        .unwrap_or_else(|| panic!("{site}\n{:#?}", checked.diagnostics));
    Arc::new(fabric.tables_for(NodeId(node), generation))
}

/// A port of the private VLAN that reaches every other port made here.
pub(crate) fn veth(name: &str, guest: &str) -> String {
    format!(
        "{name} = {{ as = \"blue.promiscuous\", attach = {{ veth = \"eth0\", netns = \"@{guest}\" }} }}"
    )
}

/// The same with a TAP.
pub(crate) fn tap(name: &str, guest: &str) -> String {
    format!(
        "{name} = {{ as = \"blue.promiscuous\", attach = {{ tap = \"eth0\", netns = \"@{guest}\" }} }}"
    )
}

fn base64(bytes: &[u8; 32]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A namespace with somebody's host in it.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) namespace: Namespace,
}

impl Guest {
    /// Runs something inside.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.run(work).unwrap()
    }

    /// A raw socket on the guest's interface.
    pub(crate) fn socket(&self, device: &str) -> PacketSocket {
        self.run(|| PacketSocket::open(device)).unwrap()
    }

    /// Netlink inside.
    pub(crate) fn netlink<T: Send>(&self, work: impl AsyncFnOnce() -> T + Send) -> T {
        self.run(|| block_on(work()))
    }

    /// Gives an interface an address, and sets it and `lo` up.
    pub(crate) fn address(&self, device: &str, ip: Ipv4Addr) {
        self.netlink(async || {
            set_up("lo").await;
            add_address(device, ip).await;
            set_up(device).await;
        });
    }

    /// What an interface looks like, if it is there.
    pub(crate) fn link(&self, device: &str) -> Option<Seen> {
        self.netlink(async || link(device).await)
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

/// An interface as netlink shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) index: u32,
    pub(crate) up: bool,
    pub(crate) promiscuous: bool,
    pub(crate) mtu: u32,
    pub(crate) mac: Vec<u8>,
    pub(crate) alias: Option<String>,
    pub(crate) addresses: Vec<IpAddr>,
}

/// An interface of the calling thread's namespace.
pub(crate) async fn link(device: &str) -> Option<Seen> {
    use futures_util::TryStreamExt;
    use netlink_packet_route::address::AddressAttribute;
    use netlink_packet_route::link::{LinkAttribute, LinkFlags};
    let handle = handle();
    let message = handle
        .link()
        .get()
        .match_name(device.to_owned())
        .execute()
        .try_next()
        .await
        .ok()??;
    let flags = message.header.flags;
    let mut seen = Seen {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up),
        ..Seen::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::Mtu(mtu) => seen.mtu = mtu,
            LinkAttribute::Address(mac) => seen.mac = mac,
            LinkAttribute::IfAlias(alias) if !alias.is_empty() => seen.alias = Some(alias),
            LinkAttribute::Promiscuity(count) => seen.promiscuous = count > 0,
            _ => {}
        }
    }
    let addresses = handle
        .address()
        .get()
        .set_link_index_filter(seen.index)
        .execute();
    for address in addresses.try_collect::<Vec<_>>().await.ok()? {
        seen.addresses
            .extend(
                address
                    .attributes
                    .into_iter()
                    .filter_map(|attribute| match attribute {
                        AddressAttribute::Address(ip) => Some(ip),
                        _ => None,
                    }),
            );
    }
    Some(seen)
}

/// Netlink in the calling thread's namespace.
pub(crate) fn handle() -> rtnetlink::Handle {
    let (connection, handle, _) = rtnetlink::new_connection().unwrap();
    tokio::spawn(connection);
    handle
}

pub(crate) async fn index(device: &str) -> u32 {
    link(device)
        .await
        .unwrap_or_else(|| panic!("no interface {device}"))
        .index
}

pub(crate) async fn set_up(device: &str) {
    let up = LinkUnspec::new_with_index(index(device).await).up().build();
    handle().link().set(up).execute().await.unwrap();
}

pub(crate) async fn set_down(device: &str) {
    let down = LinkUnspec::new_with_index(index(device).await)
        .down()
        .build();
    handle().link().set(down).execute().await.unwrap();
}

pub(crate) async fn delete(device: &str) {
    handle()
        .link()
        .del(index(device).await)
        .execute()
        .await
        .unwrap();
}

pub(crate) async fn rename(device: &str, name: &str) {
    let renamed = LinkUnspec::new_with_index(index(device).await)
        .name(name)
        .build();
    handle().link().set(renamed).execute().await.unwrap();
}

/// A veth pair of the test's own.
pub(crate) async fn make_pair(one: &str, other: &str) {
    let pair = rtnetlink::LinkVeth::new(one, other).build();
    handle().link().add(pair).execute().await.unwrap();
}

pub(crate) async fn add_address(device: &str, ip: Ipv4Addr) {
    let add = handle().address().add(index(device).await, ip.into(), 24);
    add.execute().await.unwrap();
}

/// Every interface of the calling thread's namespace but `lo`, by name.
pub(crate) async fn names() -> Vec<String> {
    use futures_util::TryStreamExt;
    use netlink_packet_route::link::LinkAttribute;
    let links: Vec<_> = handle().link().get().execute().try_collect().await.unwrap();
    let attributes = links.into_iter().flat_map(|link| link.attributes);
    let names = attributes.filter_map(|attribute| match attribute {
        LinkAttribute::IfName(name) if name != "lo" => Some(name),
        _ => None,
    });
    names.collect()
}

/// The manager of node n1.
pub(crate) async fn manager() -> PortManager {
    manager_with(PortOptions::default()).await
}

pub(crate) async fn manager_with(options: PortOptions) -> PortManager {
    PortManager::start("n1", options).await.unwrap()
}

/// The one port of tables that list one.
pub(crate) async fn only_port(manager: &mut PortManager, tables: &Arc<Tables>) -> Port {
    let mut ports = manager.prepare(tables).await.unwrap();
    assert_eq!(ports.len(), 1, "{ports:?}");
    ports.remove(0).1
}

/// Waits for a condition without holding the runtime.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(
            start.elapsed() < PATIENCE,
            "after {PATIENCE:?} still not: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
