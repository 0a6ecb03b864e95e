//! Which nodes cannot be heard, or spoken to, on the address that a node listens on.

use std::net::SocketAddr;

use skerry_policy::{Fabric, NodeId};

/// Peers that are named before the rest is counted.
const NAMED: usize = 3;

/// What is wrong with `listen`, and what would be right: the site gives an endpoint of a family
/// that it does not take. The default takes IPv4 only.
pub fn mismatch(listen: SocketAddr, fabric: &Fabric, me: NodeId) -> Option<String> {
    let both = listen.is_ipv6() && listen.ip().is_unspecified();
    let is_lost = |it: &SocketAddr| !both && it.is_ipv6() != listen.is_ipv6();
    let lost: Vec<_> = fabric
        .nodes
        .iter()
        .filter(|node| node.endpoint.as_ref().is_some_and(is_lost))
        .collect();
    let peers: Vec<_> = lost
        .iter()
        .filter(|node| node.id != me)
        .map(|node| node.name.as_str())
        .collect();
    let family = if listen.is_ipv6() { "IPv4" } else { "IPv6" };
    let own =
        (peers.len() < lost.len()).then(|| "nobody reaches this node at its endpoint".to_owned());
    let others = (!peers.is_empty()).then(|| format!("there is no way to {}", named(&peers)));
    let effects: Vec<_> = own.into_iter().chain(others).collect();
    let port = listen.port();
    (!lost.is_empty()).then(|| {
        format!(
            "listen = \"{listen}\" takes no {family}, so {}; \"[::]:{port}\" takes both",
            effects.join(", and ")
        )
    })
}

/// The first few, and how many more there are.
fn named(peers: &[&str]) -> String {
    match peers.get(..NAMED) {
        Some(first) if peers.len() > NAMED => {
            format!("{} and {} more", first.join(", "), peers.len() - NAMED)
        }
        Some(_) | None => peers.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use skerry_policy::{Source, check};

    use super::*;

    /// Six nodes; the first two have IPv6 endpoints, the next three IPv4, the last none.
    fn fabric() -> Arc<Fabric> {
        let mut text = String::from("version = 1\n");
        for number in 1..=6_u8 {
            let endpoint = match number {
                1 | 2 => format!("endpoint = '[2001:db8::{number}]:51820'\n"),
                3..=5 => format!("endpoint = '192.0.2.{number}:51820'\n"),
                _ => String::new(),
            };
            let key = BASE64_STANDARD.encode([number; 32]);
            text += &format!(
                "[node.n{number}]\nkey = '{key}'\noverlay = '10.0.0.{number}'\n{endpoint}"
            );
        }
        let checked = check(&Source {
            name: "site.toml".into(),
            text,
        });
        checked
            .fabric
            .unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
    }

    #[track_caller]
    fn words(listen: &str, me: &str) -> String {
        let fabric = fabric();
        let me = fabric.node_named(me).unwrap();
        mismatch(listen.parse().unwrap(), &fabric, me).unwrap_or_default()
    }

    #[test]
    fn both_families_lose_nobody() {
        assert_eq!(words("[::]:51820", "n1"), "");
        assert_eq!(words("[::]:51820", "n3"), "");
    }

    #[test]
    fn a_node_whose_own_endpoint_is_of_the_other_family_is_told_so() {
        assert_eq!(
            words("0.0.0.0:51820", "n1"),
            "listen = \"0.0.0.0:51820\" takes no IPv6, so nobody reaches this node at its endpoint, \
             and there is no way to n2; \"[::]:51820\" takes both"
        );
    }

    #[test]
    fn peers_of_the_other_family_are_named_and_then_counted() {
        assert_eq!(
            words("0.0.0.0:51820", "n6"),
            "listen = \"0.0.0.0:51820\" takes no IPv6, so there is no way to n1, n2; \"[::]:51820\" \
             takes both"
        );
        let all = ["a", "b", "c", "d", "e"];
        assert_eq!(named(&all), "a, b, c and 2 more");
        assert_eq!(named(&all[..3]), "a, b, c");
    }

    #[test]
    fn one_address_of_ipv6_takes_no_ipv4() {
        let words = words("[2001:db8::1]:51820", "n1");
        assert!(words.contains("takes no IPv4"), "{words}");
        assert!(words.contains("n3, n4, n5;"), "{words}");
    }
}
