//! Two sockets on the loopback interface, of either family, with what is said of congestion.

use std::time::{Duration, Instant};

use super::*;

const ALL: [Ecn; 4] = [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce];

fn pair(ip: &str, switch: Switch) -> [UdpSocket; 2] {
    let switches = OffloadSwitches {
        gso: switch,
        gro: switch,
        ..OffloadSwitches::default()
    };
    [(); 2].map(|()| UdpSocket::bind(format!("{ip}:0").parse().unwrap(), switches).unwrap())
}

/// Everything that arrives until as many datagrams have: number, length and ECN of each.
fn arrived(socket: &mut UdpSocket, datagrams: usize) -> Vec<(u8, usize, Ecn)> {
    let (mut buf, mut counters) = (vec![0; 1 << 16], ShellCounters::default());
    let (start, mut all) = (Instant::now(), Vec::new());
    while all.len() < datagrams {
        assert!(start.elapsed() < Duration::from_secs(10), "{all:?}");
        let Some(batch) = socket.recv(&mut buf, &mut counters) else {
            continue;
        };
        let each = buf[..batch.len].chunks(batch.size);
        all.extend(each.map(|it| (it[0], it.len(), batch.ecn)));
    }
    all
}

/// Batches of each kind, one behind the other.
#[track_caller]
fn check(ip: &str, switch: Switch) {
    let [mut from, mut to] = pair(ip, switch);
    let address = to.local().unwrap();
    let mut counters = ShellCounters::default();
    let mut expect = Vec::new();
    for (number, ecn) in (0..).zip([ALL, ALL].concat()) {
        // A last one that is shorter ends what the kernel joins; that alone must not.
        for len in [700, 1_000, 100] {
            let bytes = vec![number; len];
            let size = len.min(200);
            let transmit = Transmit {
                to: address,
                bytes: &bytes,
                size,
                ecn,
            };
            from.send(transmit, &mut counters);
            expect.extend(bytes.chunks(size).map(|it| (number, it.len(), ecn)));
        }
    }
    assert_eq!(arrived(&mut to, expect.len()), expect, "{ip} {switch:?}");
    assert!(from.ecn, "the kernel has taken all of them");
    assert_eq!(from.uses_gso(), switch != Switch::Off);
}

#[test]
fn what_is_said_of_congestion_arrives_over_ipv4() {
    check("127.0.0.1", Switch::Auto);
    check("127.0.0.1", Switch::Off);
}

#[test]
fn what_is_said_of_congestion_arrives_over_ipv6() {
    check("[::1]", Switch::Auto);
    check("[::1]", Switch::Off);
}

/// Where the kernel joins whatever it likes: the reads of three marked datagrams in one send, and of
/// one by itself.
fn read_mixed(gro: Switch) -> (bool, Vec<(usize, Ecn)>) {
    let switches = OffloadSwitches {
        gro,
        ..OffloadSwitches::default()
    };
    let [mut from, _] = pair("127.0.0.1", Switch::Auto);
    let mut to = UdpSocket::bind_where("127.0.0.1:0".parse().unwrap(), switches, false).unwrap();
    let (mut buf, mut counters) = (vec![0; 1 << 16], ShellCounters::default());
    let mut reads = Vec::new();
    for len in [600, 200] {
        let transmit = Transmit {
            to: to.local().unwrap(),
            bytes: &vec![7; len],
            size: 200,
            ecn: Ecn::Ce,
        };
        from.send(transmit, &mut counters);
        let (start, mut left) = (Instant::now(), len);
        while left > 0 {
            assert!(start.elapsed() < Duration::from_secs(10), "{reads:?}");
            let Some(batch) = to.recv(&mut buf, &mut counters) else {
                continue;
            };
            left -= batch.len;
            reads.push((batch.len.div_ceil(batch.size), batch.ecn));
        }
    }
    (to.uses_gro(), reads)
}

#[test]
fn a_kernel_that_mixes_up_marks_joins_nothing() {
    let one = (1, Ecn::Ce);
    assert_eq!(read_mixed(Switch::Auto), (false, vec![one; 4]));
}

#[test]
fn unless_it_is_made_to_and_then_no_mark_is_believed() {
    let reads = vec![(3, Ecn::NotEct), (1, Ecn::Ce)];
    assert_eq!(read_mixed(Switch::On), (true, reads));
}
