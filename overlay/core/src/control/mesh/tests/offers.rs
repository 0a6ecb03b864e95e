//! What nodes tell of their lanes, and what is not believed.

use super::*;
use crate::wg::lane_public;
use crate::wg::testing::secret;

fn lane(name: &str, number: u8) -> LaneOffer {
    LaneOffer {
        number,
        port: 51_820 + u16::from(number),
        key: lane_public(&secret(name), number),
    }
}

fn lanes(name: &str, up_to: u8) -> Vec<LaneOffer> {
    (1..=up_to).map(|number| lane(name, number)).collect()
}

/// n1, n2 and n3, who know each other.
fn net() -> Net {
    let mut net = Net::new(&site(""), &["n1", "n2", "n3"]);
    net.run(seconds(2));
    net
}

fn offer(net: &Net, node: usize, lanes: Vec<LaneOffer>) -> Vec<u8> {
    let boot = net.nodes[node].mesh.boot;
    Message::Offers(Offers { boot, lanes }).encode()
}

#[test]
fn who_has_one_lane_offers_nothing() {
    let net = net();
    assert!(net.nodes.iter().all(|node| node.lanes.is_empty()));
    assert_eq!(net.nodes[0].mesh.ignored(), Ignored::default());
}

#[test]
fn lanes_are_told_with_every_hello() {
    let mut net = net();
    net.nodes[1].mesh.offer(lanes("n2", 15));
    net.run(seconds(3));
    let (n2, boot) = (net.nodes[1].tables.me, net.nodes[1].mesh.boot);
    for node in [0, 2] {
        let told = &net.nodes[node].lanes;
        assert!((2..=4).contains(&told.len()), "{}", told.len());
        let right = (n2, boot, lanes("n2", 15));
        assert!(told.iter().all(|it| *it == right), "{told:?}");
    }
    assert!(net.nodes[1].lanes.is_empty());
    assert_eq!(net.nodes[0].mesh.ignored(), Ignored::default());
}

#[test]
fn a_peer_that_starts_anew_has_begun_its_lanes_anew() {
    let mut net = net();
    net.nodes[1].mesh.offer(lanes("n2", 2));
    net.run(seconds(2));
    let fabric = site("");
    let restart = |net: &mut Net, up_to| {
        net.nodes[0].lanes.clear();
        net.nodes[1] = Node::boot(net.now, "n2", &fabric);
        net.nodes[1].mesh.offer(lanes("n2", up_to));
        net.run(seconds(3));
        let boot = net.nodes[1].mesh.boot;
        let told = net.nodes[0].lanes.clone();
        assert!(told.iter().all(|it| it.1 == boot), "{told:?}");
        told.into_iter().map(|it| it.2.len()).collect::<Vec<_>>()
    };
    let counts = restart(&mut net, 1);
    assert_eq!((counts.first(), counts.last()), (Some(&2), Some(&1)));
    // With one worker it says nothing of lanes any more: that is told once.
    assert_eq!(restart(&mut net, 0), [1, 0]);
}

#[test]
fn a_key_that_somebody_else_has_is_not_believed() {
    let mut net = net();
    net.nodes[0].mesh.offer(lanes("n1", 2));
    net.nodes[1].mesh.offer(lanes("n2", 2));
    net.run(seconds(2));
    let (now, n3) = (net.now, net.nodes[2].tables.me);
    let node = LaneOffer {
        key: *boringtun::x25519::PublicKey::from(&secret("n2")).as_bytes(),
        ..lane("n3", 1)
    };
    for lie in [lane("n1", 1), lane("n2", 2), node] {
        let message = offer(&net, 2, vec![lie]);
        let before = net.nodes[0].mesh.ignored().malformed;
        net.nodes[0].mesh.handle_message(now, n3, &message);
        assert_eq!(net.nodes[0].mesh.ignored().malformed, before + 1);
    }
    net.drain();
    assert!(net.nodes[0].lanes.iter().all(|it| it.0 != n3));
    let message = offer(&net, 2, lanes("n3", 2));
    net.nodes[0].mesh.handle_message(now, n3, &message);
    net.drain();
    assert!(net.nodes[0].lanes.iter().any(|it| it.0 == n3));
}

#[test]
fn lanes_of_an_earlier_start_are_old_news() {
    let mut net = net();
    let (now, n3) = (net.now, net.nodes[2].tables.me);
    let boot = net.nodes[2].mesh.boot ^ 1;
    let lanes = lanes("n3", 1);
    let message = Message::Offers(Offers { boot, lanes }).encode();
    net.nodes[0].mesh.handle_message(now, n3, &message);
    net.drain();
    assert!(net.nodes[0].lanes.is_empty());
    assert_eq!(net.nodes[0].mesh.ignored().stale, 1);
}

#[test]
fn a_peer_that_offers_all_the_time_does_not_keep_the_workers_busy() {
    let mut net = net();
    let n3 = net.nodes[2].tables.me;
    for milli in 0..1_000 {
        let now = net.now + Duration::from_millis(milli);
        let message = offer(&net, 2, lanes("n3", 1 + u8::try_from(milli % 15).unwrap()));
        net.nodes[0].mesh.handle_message(now, n3, &message);
    }
    net.drain();
    assert_eq!(net.nodes[0].lanes.len(), 2);
}
