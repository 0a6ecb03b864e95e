//! What the actor knows about one port.

use super::device::Device;
use super::repair::Repair;
use super::spec::Spec;

/// A port of the current or the coming tables.
#[derive(Debug)]
pub(crate) struct Managed {
    pub(crate) spec: Spec,
    /// `None` while its interface is gone.
    pub(crate) present: Option<Present>,
    pub(crate) repair: Repair,
}

/// An interface that is there.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) device: Device,
    /// Frames pass.
    pub(crate) up: bool,
}

impl Managed {
    /// Its interface, if it is there.
    pub(crate) fn device(&self) -> Option<&Device> {
        self.present.as_ref().map(|present| &present.device)
    }

    /// Whether its interface is this one.
    pub(crate) fn is_at(&self, place: Option<&str>, index: u32) -> bool {
        let here = |device: &Device| device.index == index && device.place.as_deref() == place;
        self.device().is_some_and(here)
    }
}
