//! The targets.

/// One program of `overlay/fuzz`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Bytes of the longest input.
    pub(crate) longest: usize,
}

const fn target(name: &'static str, longest: usize) -> Target {
    Target { name, longest }
}

/// Every target, in order of name.
pub(crate) const TARGETS: [Target; 17] = [
    target("arp", 64),
    target("auxdata", 160),
    target("carrier", 512),
    target("control", 1_300),
    target("ethernet", 64),
    target("fdb", 512),
    target("forwarder", 1_024),
    target("gro", 1_024),
    target("gso", 1_024),
    target("ip", 512),
    target("nd", 256),
    target("netlink", 2_048),
    target("panel_frames", 512),
    target("panel_status", 128),
    target("site", 4_096),
    target("vnet", 1_024),
    target("wireguard", 512),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../overlay/fuzz/src/bin");
        let entries = std::fs::read_dir(folder).expect("the programs");
        let mut programs: Vec<String> = entries
            .map(|entry| entry.expect("a file").path())
            .map(|path| {
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        programs.sort();
        assert_eq!(programs, TARGETS.map(|it| it.name));
    }
}
