//! What the running kernel can do, where nothing but its version tells.

/// Superframes of UDP in a `virtio_net_hdr`, and `TUN_F_USO4` and `USO6`, since Linux 6.2.
const DATAGRAMS: (u32, u32) = (6, 2);

/// `UDP_GRO` joins no datagrams that say different things of congestion (ECN), since Linux 6.9 ("net:
/// gro: add flush check in udp_gro_receive_segment"), and in older series since these releases.
const SORTED: (u32, u32) = (6, 9);
const SORTED_STABLE: [(u32, u32, u32); 5] = [
    (5, 10, 217),
    (5, 15, 159),
    (6, 1, 91),
    (6, 6, 31),
    (6, 8, 10),
];

/// Major and minor number of the running kernel; zero where it has none.
pub fn kernel() -> (u32, u32) {
    let (major, minor, _) = release();
    (major, minor)
}

fn release() -> (u32, u32, u32) {
    numbers(&rustix::system::uname().release().to_string_lossy())
}

/// Whether datagrams that are read together say the same of congestion. No trial shows it: the
/// loopback interface joins nothing by itself.
pub fn sorts_datagrams() -> bool {
    sorts(release())
}

fn sorts((major, minor, patch): (u32, u32, u32)) -> bool {
    let mended =
        |&(of, series, since): &(u32, u32, u32)| (major, minor) == (of, series) && patch >= since;
    (major, minor) >= SORTED || SORTED_STABLE.iter().any(mended)
}

/// Whether ports take superframes of UDP. A packet socket does not say so: one that is refused shows
/// it, and by then it is lost.
pub fn takes_datagrams() -> bool {
    kernel() >= DATAGRAMS
}

fn numbers(release: &str) -> (u32, u32, u32) {
    let mut numbers = release
        .split(['.', '-'])
        .map(|it| it.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_numbers() {
        for (release, expect) in [
            ("6.18.5", (6, 18, 5)),
            ("6.2-rc1", (6, 2, 0)),
            ("5.14.0-503.el9.x86_64", (5, 14, 0)),
            ("6.1.0-18-amd64", (6, 1, 0)),
            ("6", (6, 0, 0)),
            ("new", (0, 0, 0)),
        ] {
            assert_eq!(numbers(release), expect, "{release}");
        }
        assert!((6, 1) < DATAGRAMS && DATAGRAMS < (6, 10));
        assert!(kernel() > (0, 0));
    }
    #[test]
    fn it_is_known_which_kernels_mix_up_ecn() {
        for (release, expect) in [
            ("6.18.5", true),
            ("6.9.0", true),
            ("6.8.9", false),
            ("6.8.10", true),
            ("6.7.12", false),
            ("6.6.31-1-lts", true),
            ("6.6.30", false),
            ("6.1.91", true),
            ("6.1.0-18-amd64", false),
            ("5.15.159", true),
            ("5.15.0-105-generic", false),
            ("5.10.217", true),
            ("5.4.300", false),
        ] {
            assert_eq!(sorts(numbers(release)), expect, "{release}");
        }
    }
}
