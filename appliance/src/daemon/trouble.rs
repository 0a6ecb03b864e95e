//! What is not as it should be: the reasons for `degraded`.

use std::collections::BTreeMap;

/// Open troubles, each by the thing that is in trouble. Bounded by the number of ports and
/// workers.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    open: BTreeMap<About, String>,
}

/// What is in trouble.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum About {
    /// The site file named in the node file is not what runs.
    SiteFile,
    /// The node file was not, or not wholly, obeyed when it was read again.
    NodeFile,
    /// The running generation is not on disk.
    Store,
    /// An unconfirmed generation cannot be taken back.
    Confirm,
    /// Somebody cannot be reached on the address that the node listens on.
    Listen,
    /// A worker has no UDP port of its own.
    Lane(usize),
    /// A port, by name.
    Port(String),
}

impl Trouble {
    /// Notes a trouble, in place of an older one about the same thing.
    pub(super) fn note(&mut self, about: About, words: impl Into<String>) {
        self.open.insert(about, words.into());
    }

    /// The trouble about this thing, if there is one.
    pub(super) fn about(&self, about: &About) -> Option<&str> {
        self.open.get(about).map(String::as_str)
    }

    /// It is over.
    pub(super) fn clear(&mut self, about: &About) {
        self.open.remove(about);
    }

    /// Forgets ports that are no more.
    pub(super) fn keep_ports(&mut self, listed: impl Fn(&str) -> bool) {
        self.open.retain(|about, _| match about {
            About::Port(name) => listed(name),
            About::SiteFile
            | About::NodeFile
            | About::Store
            | About::Confirm
            | About::Listen
            | About::Lane(_) => true,
        });
    }

    /// The reasons, in a fixed order.
    pub(super) fn reasons(&self) -> Vec<String> {
        self.open.values().cloned().collect()
    }
}
