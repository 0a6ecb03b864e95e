//! What the running kernel can do, where nothing but its version tells.

/// Superframes of UDP in a `virtio_net_hdr`, and `TUN_F_USO4` and `USO6`, since Linux 6.2.
const DATAGRAMS: (u32, u32) = (6, 2);

/// Major and minor number of the running kernel; zero where it has none.
pub fn kernel() -> (u32, u32) {
    numbers(&rustix::system::uname().release().to_string_lossy())
}

/// Whether ports take superframes of UDP. A packet socket does not say so: one that is refused shows
/// it, and by then it is lost.
pub fn takes_datagrams() -> bool {
    kernel() >= DATAGRAMS
}

fn numbers(release: &str) -> (u32, u32) {
    let mut numbers = release
        .split(['.', '-'])
        .map(|it| it.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_two_numbers() {
        for (release, expect) in [
            ("6.18.5", (6, 18)),
            ("6.2-rc1", (6, 2)),
            ("5.14.0-503.el9.x86_64", (5, 14)),
            ("6", (6, 0)),
            ("new", (0, 0)),
        ] {
            assert_eq!(numbers(release), expect, "{release}");
        }
        assert!((6, 1) < DATAGRAMS && DATAGRAMS < (6, 10));
        assert!(kernel() > (0, 0));
    }
}
