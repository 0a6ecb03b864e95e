//! Kernel modules from an unpacked package, in the order in which they can be loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use memchr::memmem;

/// Where a module's own description says which others it needs.
const DEPENDS: &[u8] = b"\0depends=";

/// Every module of a package, by name. In names `-` and `_` are one letter, as for `modprobe`.
#[derive(Debug)]
pub(super) struct Modules(BTreeMap<String, PathBuf>);

impl Modules {
    /// Looks through `lib/modules/<version>/kernel`.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub(super) fn find(folder: &Path) -> Result<Self> {
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(&folder).with_context(|| format!("no modules in {folder:?}"))?;
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ext| ext == "ko")
                    && let Some(name) = path.file_stem().and_then(|name| name.to_str())
                {
                    found.insert(plain(name), path.clone());
                }
            }
        }
        Ok(Self(found))
    }

    /// The modules that are wanted and those they need, needed ones first, with their content.
    ///
    /// # Errors
    /// When there is no module of a name.
    pub(super) fn closure(&self, wanted: &[&str]) -> Result<Vec<(String, Vec<u8>)>> {
        let (mut known, mut order) = (BTreeSet::new(), Vec::new());
        for name in wanted {
            self.add(&plain(name), &mut known, &mut order)?;
        }
        Ok(order)
    }

    fn add(
        &self,
        name: &str,
        known: &mut BTreeSet<String>,
        order: &mut Vec<(String, Vec<u8>)>,
    ) -> Result<()> {
        if !known.insert(name.to_owned()) {
            return Ok(());
        }
        let path = self.0.get(name);
        let path = path.with_context(|| format!("the kernel has no module {name}"))?;
        let content = fs::read(path).with_context(|| format!("{path:?} cannot be read"))?;
        for needed in needs(&content) {
            self.add(&needed, known, order)?;
        }
        order.push((name.to_owned(), content));
        Ok(())
    }
}

/// What a module says it needs (`depends=` in its section `.modinfo`).
fn needs(module: &[u8]) -> Vec<String> {
    let Some(start) = memmem::find(module, DEPENDS) else {
        return Vec::new();
    };
    let list = module.get(start + DEPENDS.len()..).unwrap_or_default();
    let list = list.split(|byte| *byte == 0).next().unwrap_or_default();
    let names = String::from_utf8_lossy(list);
    names
        .split(',')
        .filter(|name| !name.is_empty())
        .map(plain)
        .collect()
}

fn plain(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_names_what_it_needs() {
        let module = b"\x7fELF..\0license=GPL\0depends=udp_tunnel,ip6-udp-tunnel\0name=vxlan\0";
        assert_eq!(needs(module), ["udp_tunnel", "ip6_udp_tunnel"]);
        assert!(needs(b"\0license=GPL\0depends=\0name=veth\0").is_empty());
        assert!(needs(b"").is_empty());
    }

    #[test]
    fn needed_modules_come_first_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, needs: &str| {
            let path = folder.path().join(name);
            fs::write(path, format!("\0depends={needs}\0")).unwrap();
        };
        write("a-1.ko", "b,c");
        write("b.ko", "c");
        write("c.ko", "");
        let modules = Modules::find(folder.path()).unwrap();
        let names = |order: Vec<(String, Vec<u8>)>| -> Vec<String> {
            order.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(
            names(modules.closure(&["a_1", "c"]).unwrap()),
            ["c", "b", "a_1"]
        );
        modules.closure(&["absent"]).unwrap_err();
    }
}
