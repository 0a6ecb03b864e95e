//! T1 with one machine more: a guest with a kernel of its own, whose network card hangs on the
//! underlay. Rows share it, one member at a time.

use std::fs;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use skerry_netns_tests::daemon::binary;
use skerry_netns_tests::fabric::{Fabric, Options, make_key};
use skerry_netns_tests::hosts::LINK;
use skerry_netns_tests::site::{self, Attach, Guards};
use skerry_netns_tests::stock::{Kind, Member};
use skerry_netns_tests::suite::say;
use skerry_netns_tests::topology::{Node, Port, Vlan};
use skerry_netns_tests::vm::{self, Contents, Image, Vm};

use crate::selftests;

/// The underlay's link to the guest.
const TAP: &str = "n9";
/// How long one script in the guest may take.
pub(crate) const SCRIPT: Duration = Duration::from_secs(90);
/// How long a member may take until its guest reaches the gateway.
const MEETING: Duration = Duration::from_secs(60);

const MODULES: [&str; 16] = [
    "virtio_pci",
    "virtio_net",
    "virtio_console",
    "veth",
    "bridge",
    "vxlan",
    "wireguard",
    "sch_ingress",
    "cls_matchall",
    "cls_flower",
    "act_gact",
    "act_mirred",
    "act_tunnel_key",
    "nf_tables",
    "vrf",
    "tun",
];
const PROGRAMS: [&str; 8] = ["ip", "bridge", "tc", "wg", "nft", "ping", "jq", "mausezahn"];

/// The fabric with its guest.
#[derive(Debug)]
pub(crate) struct World {
    /// First, so that it ends first.
    pub(crate) vm: Vm,
    pub(crate) fabric: Fabric,
    /// The member's public key.
    pub(crate) key: String,
    private: String,
}

static SHARED: Mutex<Option<World>> = Mutex::new(None);

/// Runs a row with a member that has joined by the printed lines.
pub(crate) fn with(
    member: Member,
    row: impl FnOnce(&mut World, Member) -> Result<()>,
) -> Result<()> {
    alone(|world| {
        world.join(member)?;
        row(world, member)
    })
}

/// Runs a row with a guest that is no member of anything.
pub(crate) fn alone(row: impl FnOnce(&mut World) -> Result<()>) -> Result<()> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    // A row that fails leaves nothing that the next one could trust.
    let mut world = shared.take().map_or_else(World::start, Ok)?;
    let done = world.leave().and_then(|()| row(&mut world));
    let words = world.fabric.last_words();
    done.with_context(|| format!("the daemons' last words:\n{words}"))?;
    *shared = Some(world);
    Ok(())
}

/// Ends the world that rows share.
pub(crate) fn close() -> Result<()> {
    let world = SHARED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(world) = world else { return Ok(()) };
    drop(world.vm);
    world.fabric.close()
}

impl World {
    fn start() -> Result<Self> {
        let fabric = Fabric::start(Options {
            attach: Attach::Veth,
            guards: Guards::On,
            age: "300s",
            hostile: false,
            trunks: false,
        })?;
        fabric.underlay.add_tap(TAP)?;
        let image = Image::build(&Contents {
            modules: MODULES.to_vec(),
            programs: PROGRAMS.to_vec(),
            files: files()?,
        })?;
        let mut vm = Vm::start(&image, &fabric.underlay.netns, TAP, fabric.folder())?;
        say(&format!(
            "figure: Linux {} answers {:.1} s after the start of QEMU",
            vm.kernel,
            vm.boot.as_secs_f64()
        ));
        vm.must("mkdir -p /etc/wireguard; ip link set lo up", SCRIPT)?;
        let key = make_key(fabric.folder(), Member::NAME)?;
        let private = fs::read_to_string(fabric.folder().join(format!("{}.key", Member::NAME)))?;
        Ok(Self {
            vm,
            fabric,
            key,
            private,
        })
    }

    /// The hosts of T1 get network stacks with their own addresses, so that they answer. Again
    /// after every reload: a port of another MTU is a new interface.
    fn give_addresses(&self) -> Result<()> {
        for host in self.fabric.hosts.iter() {
            let (port, netns) = (host.port, &host.netns);
            let [a, b, c, d] = port.ip();
            netns.ip(&format!(
                "link set {LINK} address {}",
                site::mac(port.mac())
            ))?;
            netns.ip(&format!("addr replace {a}.{b}.{c}.{d}/24 dev {LINK}"))?;
            if port.vlan() == Vlan::Blue {
                netns.enter(|| {
                    let knob = format!("/proc/sys/net/ipv6/conf/{LINK}/disable_ipv6");
                    fs::write(knob, "0").context("a host cannot have IPv6")
                })??;
                let ip = Ipv6Addr::from(port.ip6());
                netns.ip(&format!("addr replace {ip}/64 dev {LINK} nodad"))?;
            }
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        self.vm.must(LEAVE, SCRIPT)?;
        Ok(())
    }

    /// Puts a member into the site file, and its lines into the guest.
    fn join(&mut self, member: Member) -> Result<()> {
        let mut site = self.fabric.site.clone();
        site.edition += 1;
        site.addition = member.tables(&self.key);
        self.fabric.reload(site)?;
        self.fabric.settle()?;
        self.give_addresses()?;
        let file = self.fabric.site_file();
        let recipe = member.recipe(file.to_str().context("a path that is not text")?)?;
        let prepare = format!(
            "cat >/etc/wireguard/wg0.key <<'END'\n{}\nEND\n{MACHINE}{}",
            self.private.trim(),
            if member.kind == Kind::Edge { "" } else { GUEST }
        );
        self.vm.must(&prepare, SCRIPT)?;
        let run = format!(
            "cat >/tmp/recipe <<'END'\n{recipe}\nEND\nip netns exec stock sh -ex /tmp/recipe\n"
        );
        self.vm.must(&run, SCRIPT)?;
        self.meet(member)
    }

    /// Waits until the guest reaches everyone it may talk with: handshakes with each node, and the
    /// announcements of the new policy, take their time.
    fn meet(&mut self, member: Member) -> Result<()> {
        let started = Instant::now();
        let both = |port: &Port| member.reaches(*port) && member.hears(*port);
        for port in Port::all().filter(|port| port.vlan() == Vlan::Blue && both(port)) {
            let ip = port.ip().map(|byte| byte.to_string()).join(".");
            let ping = in_guest(member, &format!("ping -c 1 -W 1 {ip}"));
            while self.vm.run(&ping, SCRIPT)?.code != 0 {
                ensure!(
                    started.elapsed() < MEETING,
                    "no {port} after {MEETING:?}; n1 counts:\n{}\nin the guest:\n{}",
                    self.fabric.daemon(Node(1)).must(&["counters"])?,
                    self.vm.run(STATE, SCRIPT)?.text
                );
            }
        }
        Ok(())
    }
}

/// A command as the guest behind the member would run it.
pub(crate) fn in_guest(member: Member, command: &str) -> String {
    let (namespace, _) = member.guest();
    format!("ip netns exec {namespace} {command}")
}

/// The product, and the scripts of the kernel, inside the guest.
fn files() -> Result<Vec<(String, PathBuf)>> {
    let scripts = vm::folder().join("forwarding");
    let scripts = selftests::SCRIPTS.map(|name| (format!("selftests/{name}"), scripts.join(name)));
    let mut files = vec![("usr/sbin/skerry".to_owned(), binary()?)];
    files.extend(scripts);
    Ok(files)
}

/// The namespaces of the member before, and everything in them. The card comes back by itself.
const LEAVE: &str = "
for name in guest stock; do
    [ -e /run/netns/$name ] && ip netns delete $name
done
tries=0
until ip link show eth0 >/dev/null 2>&1; do
    tries=$((tries + 1)); [ $tries -lt 50 ] || exit 1; sleep 0.1
done
";

/// The stock machine: its network card, its address on the underlay, its way out.
const MACHINE: &str = "
ip netns add stock
ip link set eth0 netns stock
ip -n stock link set lo up
ip -n stock addr add 10.255.0.9/24 dev eth0
ip -n stock link set eth0 up
ip -n stock route add default via 10.255.0.1
";

/// The guest behind its interface eth1.
const GUEST: &str = "
ip netns add guest
ip -n stock link add eth1 type veth peer name eth0 netns guest
ip -n guest link set eth0 address 02:00:00:00:01:29 mtu 1370
ip -n guest addr add 10.1.0.41/24 dev eth0
ip -n guest addr add 2001:db8:1::29/64 dev eth0 nodad
ip -n guest link set eth0 up
";

/// What a failure wants to know.
const STATE: &str = "
ip netns exec stock wg show
ip -n stock route
ip -n stock -d link
ip netns exec stock bridge fdb
ip -n guest neigh
";
