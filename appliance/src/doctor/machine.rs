//! What any node needs of its machine.

use std::fs::{self, File};
use std::io;
use std::time::SystemTime;

use skerry_overlay_io::{kernel, sorts_datagrams, takes_datagrams};

use super::Finding;

/// Capabilities by their bit in `CapEff` (capabilities(7)).
const CAPABILITIES: [(u32, &str); 2] = [(12, "CAP_NET_ADMIN"), (13, "CAP_NET_RAW")];

/// The kernel without which speed is lost everywhere: UDP GRO came with 5.0 (GSO with 4.18).
const KERNEL: (u32, u32) = (5, 0);

/// Bytes of socket buffer that a burst of superframes fills.
const BUFFER: u64 = 4 << 20;

/// Descriptors that a node with a hundred ports and two workers comes to.
const FILES: u64 = 1024;

/// A clock before this has lost its time; WireGuard's handshakes (TAI64N) would be taken for
/// replays by every peer that remembers better. 2025-01-01 in seconds since 1970.
const CLOCK_FLOOR: u64 = 1_735_689_600;

/// Looks at the machine.
pub fn machine() -> Vec<Finding> {
    vec![
        release(),
        rights(),
        tun(),
        buffers("/proc/sys/net/core/rmem_max", "receive buffers"),
        buffers("/proc/sys/net/core/wmem_max", "send buffers"),
        files(),
        clock(),
        mtu(),
    ]
}

fn release() -> Finding {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    if kernel() < KERNEL {
        let fix = format!(
            "Linux {}.{} or newer brings UDP GSO and GRO",
            KERNEL.0, KERNEL.1
        );
        return Finding::poor("kernel", format!("Linux {release}"), fix);
    }
    offloads(&release, sorts_datagrams(), takes_datagrams())
}

/// `sorted`: what is read together says the same of congestion; `joins`: UDP is joined for ports.
fn offloads(release: &str, sorted: bool, joins: bool) -> Finding {
    let found = format!("Linux {release}: UDP GSO and GRO");
    match (sorted, joins) {
        (true, true) => Finding::good("kernel", format!("{found}, superframes of UDP on ports")),
        (true, false) => {
            let fix = "Linux 6.2 or newer joins UDP on its way to ports, as TCP is joined";
            Finding::poor("kernel", found, fix)
        }
        (false, _) => {
            let found =
                format!("Linux {release}: UDP GSO; its UDP GRO mixes up ECN, and is not used");
            let fix = "Linux 6.9 or newer, or 6.8.10, 6.6.31, 6.1.91, 5.15.159, 5.10.217; where a \
                       distribution has mended an older one: offload.gro = \"on\", \
                       which then hears nothing of congestion from what is joined";
            Finding::poor("kernel", found, fix)
        }
    }
}

fn rights() -> Finding {
    let missing = CAPABILITIES.iter().filter(|&&(bit, _)| !has(bit));
    let missing: Vec<&str> = missing.map(|&(_, name)| name).collect();
    if missing.is_empty() {
        return Finding::good("rights", "CAP_NET_ADMIN and CAP_NET_RAW");
    }
    let fix = "run as root, or let systemd give them (AmbientCapabilities=); `skerry lab` needs \
               neither";
    Finding::missing("rights", format!("no {}", missing.join(", ")), fix)
}

/// For [`has`]; only ports in namespaces of their own ask for it.
pub(super) const CAP_SYS_ADMIN: u32 = 21;

/// Whether this process has a capability, by its bit.
pub(super) fn has(capability: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective_capabilities(&status) & (1 << capability) != 0
}

fn effective_capabilities(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|it| u64::from_str_radix(it.trim(), 16).ok())
        .unwrap_or(0)
}

fn tun() -> Finding {
    let mut options = File::options();
    match options.read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Finding::good("tap", "/dev/net/tun opens"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let fix = "modprobe tun, or pass the device into the container; veth and nic ports \
                       work without";
            Finding::poor("tap", "/dev/net/tun is missing", fix)
        }
        Err(error) => {
            let fix = "run as root, or open the device's mode; veth and nic ports work without";
            Finding::poor("tap", format!("/dev/net/tun: {error}"), fix)
        }
    }
}

fn buffers(path: &str, what: &'static str) -> Finding {
    let size: Option<u64> = fs::read_to_string(path)
        .ok()
        .and_then(|it| it.trim().parse().ok());
    match size {
        Some(size) if size >= BUFFER => Finding::good(what, format!("up to {} KiB", size >> 10)),
        Some(size) => {
            let name = path.trim_start_matches("/proc/sys/").replace('/', ".");
            let found = format!("up to {} KiB only: bursts are lost", size >> 10);
            Finding::poor(what, found, format!("sysctl -w {name}={BUFFER}"))
        }
        // Namespaced systems hide it; nothing can be said, and nothing can be done from here.
        None => Finding::good(what, "not shown here"),
    }
}

fn files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(limit) if limit < FILES => Finding::poor(
            "open files",
            format!("at most {limit}"),
            format!("ulimit -n {FILES}, or LimitNOFILE= in the unit"),
        ),
        Some(limit) => Finding::good("open files", format!("at most {limit}")),
        None => Finding::good("open files", "unlimited"),
    }
}

fn clock() -> Finding {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = now.map(|it| it.as_secs()).unwrap_or(0);
    if seconds >= CLOCK_FLOOR {
        return Finding::good("clock", "set".to_owned());
    }
    let fix = "set the clock (timedatectl set-ntp true): peers take old handshakes for replays";
    Finding::missing("clock", "it has lost its time", fix)
}

/// The inner MTU that fits the smallest interface: what the tunnel adds is 50 bytes of Ethernet,
/// IPv4, UDP and VXLAN inside, and 60 of WireGuard, UDP and IPv4 outside.
fn mtu() -> Finding {
    let interfaces = fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten();
    let physical = interfaces.filter(|it| it.path().join("device").exists());
    let mtus = physical.filter_map(|it| {
        let mtu = fs::read_to_string(it.path().join("mtu")).ok()?;
        let mtu: u32 = mtu.trim().parse().ok()?;
        Some((mtu, it.file_name().to_string_lossy().into_owned()))
    });
    match mtus.min() {
        None => Finding::good("mtu", "no network card is shown here"),
        Some((mtu, name)) if mtu >= 1500 => {
            Finding::good("mtu", format!("{name}: {mtu}, so {} inside", mtu - 110))
        }
        Some((mtu, name)) => Finding::poor(
            "mtu",
            format!("{name}: {mtu}"),
            format!(
                "set `mtu = {}` under [defaults] in the site file",
                mtu.saturating_sub(110)
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_kernel_that_mixes_up_ecn_is_told_of() {
        let told = |sorted, joins| offloads("6.1.0", sorted, joins);
        assert_eq!(told(true, true).state, State::Good);
        assert_eq!(told(true, false).state, State::Poor);
        for joins in [false, true] {
            let finding = told(false, joins);
            assert_eq!(finding.state, State::Poor);
            assert!(finding.found.contains("ECN"), "{finding:?}");
            assert!(finding.fix.contains("6.1.91"), "{finding:?}");
        }
    }

    #[test]
    fn capabilities_are_read_from_the_process_status() {
        let status = "Name:\tskerry\nCapPrm:\t0000000000000000\nCapEff:\t0000000000003000\n";
        assert_eq!(effective_capabilities(status), 0x3000);
        assert_eq!(effective_capabilities(""), 0);
    }
}
