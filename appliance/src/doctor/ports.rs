//! What the ports of one node ask of its machine.

use std::io;
use std::path::Path;
use std::sync::Arc;

use skerry_overlay_io::netns::Namespace;
use skerry_overlay_io::taken_names;
use skerry_policy::{Attach, Fabric, NodeId, Port};

use super::Finding;
use super::machine::{CAP_SYS_ADMIN, has};

/// Looks at interfaces, namespaces and the right to enter them.
pub(super) fn ports(fabric: &Arc<Fabric>, node: &str) -> Vec<Finding> {
    let Some(me) = fabric.node_named(node) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = entering(fabric, me).into_iter().collect();
    findings.extend(absent(fabric, me));
    findings.extend(taken(fabric, me, node));
    findings
}

fn of(fabric: &Fabric, me: NodeId) -> impl Iterator<Item = &Port> {
    fabric.ports.iter().filter(move |port| port.node == me)
}

fn netns(port: &Port) -> Option<&str> {
    match &port.attach {
        Attach::Veth { netns, .. } => Some(netns),
        Attach::Tap { netns, .. } => netns.as_deref(),
        Attach::Nic(_) | Attach::Edge(_) => None,
    }
}

/// Tried out where there is a namespace to enter: it depends on who owns it.
fn entering(fabric: &Fabric, me: NodeId) -> Option<Finding> {
    let mut refused = of(fabric, me).filter_map(|port| Some((port, netns(port)?)));
    let (port, path) = refused.find(|(_, path)| match Namespace::open(Path::new(path)) {
        Ok(namespace) => namespace
            .run(|| ())
            .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied),
        Err(_) => !has(CAP_SYS_ADMIN),
    })?;
    let name = fabric.port_name(port.id);
    let found = format!("no CAP_SYS_ADMIN, which entering {path} for {name} takes");
    let fix = "run as root, or let systemd give it (AmbientCapabilities=CAP_SYS_ADMIN)";
    Some(Finding::missing("rights", found, fix))
}

/// The daemon runs without them, and waits for them.
fn absent(fabric: &Fabric, me: NodeId) -> impl Iterator<Item = Finding> {
    of(fabric, me).filter_map(|port| {
        let (found, fix) = match (&port.attach, netns(port)) {
            (Attach::Nic(nic), _) if !exists(&format!("/sys/class/net/{nic}")) => (
                format!("there is no interface {nic}"),
                "create it, or correct `nic`",
            ),
            (_, Some(path)) if !exists(path) => (
                format!("there is no network namespace at {path}"),
                "create it (ip netns add), or correct `netns`",
            ),
            _ => return None,
        };
        let name = fabric.port_name(port.id);
        Some(Finding::poor("port", format!("{name}: {found}"), fix))
    })
}

/// Interfaces of others under the names of ours.
fn taken(fabric: &Arc<Fabric>, me: NodeId, node: &str) -> Vec<Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    // Where nothing can be asked, nothing can be said.
    let Ok(runtime) = runtime else {
        return Vec::new();
    };
    let errors = match runtime.block_on(taken_names(node, &fabric.tables_for(me, 0))) {
        Ok(taken) => taken,
        Err(error) => vec![error],
    };
    let found = errors.into_iter().map(|error| error.to_string());
    found
        .map(|words| Finding::missing("port", words, "see above"))
        .collect()
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}
