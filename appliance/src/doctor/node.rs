//! What one node file asks of its machine.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use skerry_overlay::LANES;
use skerry_policy::{Severity, Source};

use super::Finding;
use super::ports::ports;
use crate::control_socket::Client;
use crate::family;
use crate::identity;
use crate::key::Key;
use crate::node_config::NodeConfig;

/// Looks at everything that a node file names.
pub fn node(config: &NodeConfig) -> Vec<Finding> {
    let key = Key::read(&config.key);
    let mut findings = vec![
        match &key {
            Ok(_) => Finding::good("key", config.key.display().to_string()),
            Err(error) => Finding::missing("key", error.to_string(), "see above"),
        },
        listen(config),
        state(config),
    ];
    findings.extend(metrics(config));
    findings.extend(site(config, key.ok().as_ref()));
    findings
}

/// Nobody else may have the port; a running daemon of this node may. The ports of other workers
/// than the first are good to have.
fn listen(config: &NodeConfig) -> Finding {
    let running = Client::connect(&config.control).is_ok();
    let fix = "stop who has it (ss -lunp), or change `listen` in the node file";
    match UdpSocket::bind(config.listen) {
        Ok(_first) => match others(config) {
            Ok(free) => Finding::good("listen", format!("UDP {} is free{free}", config.listen)),
            Err(words) => Finding::poor("listen", words, fix),
        },
        Err(_) if running => Finding::good("listen", "the daemon of this node runs"),
        Err(error) => Finding::missing("listen", format!("UDP {}: {error}", config.listen), fix),
    }
}

/// Whether worker k will have the port k above the first one's.
fn others(config: &NodeConfig) -> Result<String, String> {
    let count = config.workers.min(LANES.into());
    let first = config.listen.port();
    for worker in 1..count {
        let taken = |why: &dyn std::fmt::Display| {
            format!("the UDP port of worker {worker}: {why}; its frames will go through worker 0")
        };
        let port = first.checked_add(worker);
        let port = port.ok_or_else(|| taken(&"ports end at 65535"))?;
        let at = SocketAddr::new(config.listen.ip(), if first == 0 { 0 } else { port });
        UdpSocket::bind(at).map_err(|error| taken(&format_args!("{at}: {error}")))?;
    }
    Ok(match count {
        0 | 1 => String::new(),
        count => format!(", and those of {} more workers", count - 1),
    })
}

/// The same for the metrics' address, where there is one.
fn metrics(config: &NodeConfig) -> Option<Finding> {
    let address = config.metrics?;
    Some(match TcpListener::bind(address) {
        Ok(_listener) => Finding::good("metrics", format!("TCP {address} is free")),
        Err(_) if Client::connect(&config.control).is_ok() => {
            Finding::good("metrics", "the daemon of this node runs")
        }
        Err(error) => Finding::missing(
            "metrics",
            format!("TCP {address}: {error}"),
            "stop who has it (ss -ltnp), or change `metrics` in the node file",
        ),
    })
}

fn state(config: &NodeConfig) -> Finding {
    let dir = config.state.display();
    // The nearest folder that exists decides whether the rest can be made.
    let named = |it: &&Path| !it.as_os_str().is_empty();
    let folders = config.state.ancestors().filter(named);
    // A relative path ends where the node file lies.
    let mut folders = folders.chain([Path::new(".")]);
    let existing = folders.find(|it| it.exists());
    let writable = existing.map(|it| rustix::fs::access(it, rustix::fs::Access::WRITE_OK));
    match writable {
        Some(Ok(())) => Finding::good("state", dir.to_string()),
        Some(Err(error)) => Finding::missing(
            "state",
            format!("{dir}: {}", io::Error::from(error)),
            "make it writable, or change `state` in the node file",
        ),
        None => Finding::missing("state", dir.to_string(), "change `state` in the node file"),
    }
}

fn site(config: &NodeConfig, key: Option<&Key>) -> Vec<Finding> {
    let name = config.site.display().to_string();
    let text = match crate::file::read_site(&config.site) {
        Ok(text) => text,
        Err(error) => {
            return vec![Finding::missing(
                "site file",
                format!("{error:#}"),
                "write it",
            )];
        }
    };
    let checked = skerry_policy::check(&Source { name, text });
    let Some(fabric) = checked.fabric else {
        let errors = checked
            .diagnostics
            .iter()
            .filter(|it| it.severity == Severity::Error);
        let found = format!("{} error(s)", errors.count());
        let fix = format!("skerry check {}", config.site.display());
        return vec![Finding::missing("site file", found, fix)];
    };
    let mut findings = vec![Finding::good("site file", "V1-V6 hold")];
    if let Some(key) = key {
        findings.push(match identity::find(&fabric, &config.node, &key.public()) {
            Ok(_) => Finding::good("identity", config.node.clone()),
            Err(error) => Finding::missing("identity", error.to_string(), "see above"),
        });
    }
    let me = fabric.node_named(&config.node);
    if let Some(words) = me.and_then(|me| family::mismatch(config.listen, &fabric, me)) {
        findings.push(Finding::poor(
            "listen",
            words,
            "change `listen` in the node file",
        ));
    }
    findings.extend(ports(&fabric, &config.node));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_all_workers_are_looked_at() {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let config = |listen: &str, workers: u16| {
            let text = format!(
                "node = 'n1'\nsite = 's'\nkey = 'k'\nlisten = '{listen}'\nworkers = {workers}\n"
            );
            NodeConfig::parse(&text, Path::new("")).unwrap()
        };
        let below = format!("127.0.0.1:{}", port - 1);
        assert_eq!(others(&config(&below, 1)), Ok(String::new()));
        let words = others(&config(&below, 2)).unwrap_err();
        assert!(
            words.contains("worker 1") && words.contains("worker 0"),
            "{words}"
        );
        let words = others(&config("127.0.0.1:65535", 2)).unwrap_err();
        assert!(words.contains("65535"), "{words}");
        assert!(
            others(&config("127.0.0.1:0", 3))
                .unwrap()
                .contains("2 more")
        );
    }
}
