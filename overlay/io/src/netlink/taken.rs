//! Whose names the ports' interfaces would have, looked at without changing anything.

use skerry_policy::Tables;

use super::connection::Netlink;
use super::device::kernel;
use super::link::Link;
use super::namespace::Namespace;
use super::spec::{GROUP, Shape, Spec, marks_of, port_of};
use crate::port::{PortCause, PortError};

/// The ports of a node that cannot be made, since an interface of somebody else has a name that
/// theirs is to have, in the daemon's network namespace or in the guest's. A namespace that cannot
/// be entered is left out. Must be called on a tokio runtime.
///
/// # Errors
/// A name that no interface can have, or no netlink socket to be had.
pub async fn taken_names(node: &str, tables: &Tables) -> Result<Vec<PortError>, PortError> {
    let specs = Spec::all(tables, 1)?;
    let own = Netlink::own().map_err(|cause| cause.on(node))?;
    let mut taken = Vec::new();
    for spec in &specs {
        let made = !matches!(spec.shape, Shape::Nic { .. });
        for (place, name) in spec.names().filter(|_| made) {
            let link = look(&own, place, name).await;
            let stranger = link.ok().flatten().filter(|link| !is_of(node, link));
            let place = place.map_or_else(String::new, |path| format!(" in {path}"));
            taken.extend(stranger.map(|link| taken_by(name, place, &link).on(&spec.name)));
        }
    }
    Ok(taken)
}

async fn look(own: &Netlink, place: Option<&str>, name: &str) -> Result<Option<Link>, PortCause> {
    let action = kernel("look for interfaces");
    let Some(path) = place else {
        return own.by_name(name).await.map_err(action);
    };
    let inside = Netlink::inside(&Namespace::open(path)?)?;
    inside.by_name(name).await.map_err(action)
}

/// Marked as this node's, or made by it and not marked yet.
fn is_of(node: &str, link: &Link) -> bool {
    match &link.alias {
        Some(alias) => alias.starts_with(&marks_of(node)),
        None => link.group == GROUP,
    }
}

/// What to say of somebody else's interface with the name.
pub(super) fn taken_by(name: &str, place: String, by: &Link) -> PortCause {
    let name = name.to_owned();
    match by.alias.as_deref().and_then(port_of) {
        Some(port) => PortCause::NameInUse {
            name,
            place,
            port: port.to_owned(),
        },
        None => PortCause::NameTaken { name, place },
    }
}
