//! How single values of the node file are read. `None` means: not what the key expects.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use skerry_overlay_io::{Backend, Switch};
use toml::de::DeValue;

use super::WORKERS_MAX;

/// Longest name of a node, so that it fits file names with room for endings.
const NAME_MAX: usize = 63;

/// A node's name: it becomes part of file names, so nothing that could leave the folder.
pub(super) fn name(value: &DeValue<'_>) -> Option<String> {
    let name = value.as_str()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let good =
        (1..=NAME_MAX).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain);
    good.then(|| name.to_owned())
}

pub(super) fn path(value: &DeValue<'_>) -> Option<PathBuf> {
    let path = value.as_str()?;
    let good = !path.is_empty() && !path.contains('\0');
    good.then(|| PathBuf::from(path))
}

pub(super) fn socket(value: &DeValue<'_>) -> Option<SocketAddr> {
    value.as_str()?.parse().ok()
}

/// `Some(None)` is "auto".
pub(super) fn workers(value: &DeValue<'_>) -> Option<Option<u16>> {
    if value.as_str() == Some("auto") {
        return Some(None);
    }
    let number = value.as_integer()?;
    let number = u16::from_str_radix(number.as_str(), number.radix()).ok()?;
    (1..=WORKERS_MAX).contains(&number).then_some(Some(number))
}

pub(super) fn flag(value: &DeValue<'_>) -> Option<bool> {
    value.as_bool()
}

pub(super) fn backend(value: &DeValue<'_>) -> Option<Backend> {
    match value.as_str()? {
        "auto" | "packet" => Some(Backend::Packet),
        "datalink" => Some(Backend::Datalink),
        _ => None,
    }
}

pub(super) fn switch(value: &DeValue<'_>) -> Option<Switch> {
    match value.as_str()? {
        "auto" => Some(Switch::Auto),
        "on" => Some(Switch::On),
        "off" => Some(Switch::Off),
        _ => None,
    }
}

pub(super) fn age(value: &DeValue<'_>) -> Option<Duration> {
    let age = crate::duration::parse(value.as_str()?)?;
    let day = Duration::from_secs(24 * 3600);
    (Duration::from_secs(1)..=day).contains(&age).then_some(age)
}
