//! Every key of the node file. The reader knows no other list: a key that is not here is refused
//! (N001), so the reference made from this table cannot miss one.

use skerry_policy::Key;

const fn key(
    path: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        meaning,
    }
}

const SWITCH: &str = "\"auto\" | \"on\" | \"off\"";

/// Every key, in the order of the reference. Paths in it are relative to the node file's folder.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("node", "node name", "required", "This machine's name in the site file: 1 to 63 letters, digits, `-`, `_` and `.`."),
    key("site", "path", "required", "The site file."),
    key("key", "path", "required", "The private key, as `skerry keygen` makes it; nobody but its owner may read it."),
    key("listen", "\"address:port\"", "\"0.0.0.0:51820\"", "Where the WireGuard socket listens; `[::]` means both families."),
    key("control", "path", "\"/run/skerry/<node>.sock\"", "The control socket."),
    key("state", "path", "\"/var/lib/skerry/<node>\"", "The folder of accepted site files; one daemon at a time."),
    key("metrics", "\"address:port\"", "not served", "Where metrics are served to Prometheus, at /metrics."),
    key("workers", "\"auto\" | 1..=64", "\"auto\"", "Worker threads; \"auto\" is one. Worker k listens k ports above `listen`."),
    key("pin", "boolean", "true", "Whether each of several workers stays on a processor of its own."),
    key("backend", "\"auto\" | \"packet\" | \"datalink\"", "\"auto\"", "How interfaces that exist, and veth pairs, are opened: AF_PACKET, or the portable way."),
    key("fdb", "table", "see its keys", "The MAC address table."),
    key("fdb.age", "\"1s\"..=\"24h\"", "\"300s\"", "After how long a silent address is forgotten."),
    key("offload", "table", "see its keys", "What may be left to the kernel: if it works, always, or never."),
    key("offload.tap", SWITCH, "\"auto\"", "Superframes and checksums on ports."),
    key("offload.gso", SWITCH, "\"auto\"", "Several datagrams a call on the way out."),
    key("offload.gro", SWITCH, "\"auto\"", "Several datagrams a call on the way in."),
];

/// What the value of a key looks like.
pub(super) fn kind(path: &str) -> &'static str {
    let key = KEYS.iter().find(|key| key.path == path);
    key.map_or("nothing", |key| key.kind)
}

/// The keys of a table; `""` is the file itself, others end with a dot.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static str> {
    let keys = KEYS
        .iter()
        .filter_map(move |key| key.path.strip_prefix(table));
    keys.filter(|key| !key.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_their_own_keys() {
        assert_eq!(keys_of("fdb.").collect::<Vec<_>>(), ["age"]);
        assert_eq!(
            keys_of("offload.").collect::<Vec<_>>(),
            ["tap", "gso", "gro"]
        );
        assert_eq!(keys_of("").next(), Some("node"));
        assert!(keys_of("").all(|key| !key.contains('.')));
    }
}
