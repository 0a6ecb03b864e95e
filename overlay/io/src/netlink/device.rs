//! The interface of one port: what it is, how it is looked at, and what becomes of it.

use std::io;

use super::connection::Netlink;
use super::link::Link;
use super::message;
use super::namespace::Namespace;
use crate::port::PortCause;

/// Follows the mark on a NIC that was down before Skerry took it.
pub(crate) const WAS_DOWN: &str = " was down";

/// The interface that a port is opened on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Device {
    /// Its index in its namespace.
    pub(crate) index: u32,
    /// Path of its namespace; `None` for the daemon's own.
    pub(crate) place: Option<String>,
    /// What becomes of it in the end.
    pub(super) end: End,
}

/// What becomes of an interface when the port goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// We made it.
    Delete,
    /// A NIC that was up when it was taken.
    Keep,
    /// A NIC that was down when it was taken.
    SetDown,
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

pub(super) async fn give_back(own: &Netlink, device: &Device) {
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
