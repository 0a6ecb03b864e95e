//! Frames as hosts might send them: honest ones, and ones with a few bytes written over.

use crate::fuzz::script::Script;
use crate::fuzz::site::GATEWAY;

/// A frame. Its addresses are mostly those that matter here.
pub(super) fn any(script: &mut Script<'_>) -> Vec<u8> {
    let kind = script.byte();
    if kind % 12 == 11 {
        let length = usize::from(script.byte());
        return script.bytes(length).to_vec();
    }
    let (destination, source) = (group_or_host(script), host(script));
    let mut frame = destination.to_vec();
    frame.extend(source);
    match kind >> 4 & 7 {
        0 => frame.extend([0x81, 0, 0, script.one_of(&[0, 10, 20, 30, 31])]),
        1 => frame.extend([0x81, 0, script.byte(), script.byte()]),
        2 => frame.extend([0x88, 0xa8, 0, 0, 0x81, 0, 0, 30]),
        3 | 4 => frame.extend([0x81, 0, 0, script.one_of(&[10, 20, 30, 31])]),
        _ => {}
    }
    match kind % 12 {
        0 | 1 => udp4(script, &mut frame, (4000, 5000)),
        2 => udp4(script, &mut frame, (68, 67)),
        3 => udp4(script, &mut frame, (67, 68)),
        4 => arp(script, &mut frame, source),
        5 => neighbour(script, &mut frame, source),
        6 => ip6(
            script,
            &mut frame,
            17,
            &[0x0f, 0xa0, 0x13, 0x88, 0, 12, 0, 0, 1, 2, 3, 4],
        ),
        7 => ip6(
            script,
            &mut frame,
            58,
            &[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        8 => extended(script, &mut frame),
        9 => group_report(script, &mut frame),
        _ => {
            frame.extend([script.byte(), script.byte()]);
            let length = usize::from(script.byte());
            frame.extend(script.bytes(length));
        }
    }
    if script.byte() & 0xf0 == 0xf0 {
        let length = usize::from(script.word()) % 1500;
        frame.resize(frame.len().max(length), 0);
    }
    script.edit(&mut frame);
    frame
}

fn host(script: &mut Script<'_>) -> [u8; 6] {
    match script.byte() {
        0..32 => GATEWAY,
        byte @ 32..=250 => [2, 0, 0, 0, 9, byte & 0xf],
        _ => script.array(),
    }
}

fn group_or_host(script: &mut Script<'_>) -> [u8; 6] {
    match script.byte() {
        0..50 => [0xff; 6],
        50..70 => [1, 0, 0x5e, 0, 0, script.byte()],
        70..90 => [0x33, 0x33, 0, 0, 0, script.byte()],
        _ => host(script),
    }
}

/// An address of one of the ports, mostly.
fn ip4(script: &mut Script<'_>) -> [u8; 4] {
    match script.byte() {
        byte @ 0..200 => [
            10,
            1 + (byte >> 7),
            0,
            [1, 10, 11, 12, 13, 15, 16, 17, 19, 20][usize::from(byte) % 10],
        ],
        200..210 => [255; 4],
        210..220 => [0; 4],
        220..240 => [192, 0, 2, 1],
        _ => script.array(),
    }
}

fn address6(script: &mut Script<'_>) -> [u8; 16] {
    let mut address = [0; 16];
    match script.byte() {
        byte @ 0..150 => {
            let host = [1, 0x11, 0x12, 0x15, 0x16, 0x17, 0x19][usize::from(byte) % 7];
            address[..6].copy_from_slice(&[0x20, 1, 0x0d, 0xb8, 0, 1]);
            address[15] = host;
        }
        byte @ 150..200 => {
            address[..2].copy_from_slice(&[0xfe, 0x80]);
            address[15] = byte & 3;
        }
        byte @ 200..230 => {
            address[..2].copy_from_slice(&[0xff, 2]);
            address[15] = byte & 3;
        }
        230..240 => {}
        _ => address = script.array(),
    }
    address
}

fn udp4(script: &mut Script<'_>, frame: &mut Vec<u8>, (from, to): (u16, u16)) {
    let length = usize::from(script.byte());
    let payload = script.bytes(length);
    let udp = u16::try_from(8 + payload.len()).expect("a short payload");
    let fragment = if script.byte() & 0xe0 == 0xe0 {
        script.word()
    } else {
        0x4000
    };
    frame.extend([8, 0, 0x45, 0]);
    frame.extend((20 + udp).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(fragment.to_be_bytes());
    frame.extend([64, 17, 0, 0]);
    frame.extend(ip4(script));
    frame.extend(ip4(script));
    for word in [from, to, udp, 0] {
        frame.extend(word.to_be_bytes());
    }
    frame.extend(payload);
}

fn arp(script: &mut Script<'_>, frame: &mut Vec<u8>, source: [u8; 6]) {
    let how = script.byte();
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1 + (how & 1)]);
    frame.extend(if how & 0xf0 == 0 {
        host(script)
    } else {
        source
    });
    frame.extend(ip4(script));
    frame.extend(host(script));
    frame.extend(ip4(script));
}

fn neighbour(script: &mut Script<'_>, frame: &mut Vec<u8>, source: [u8; 6]) {
    let how = script.byte();
    let mut icmp = vec![135 + (how & 1), 0, 0, 0, 0, 0, 0, 0];
    icmp.extend(address6(script));
    if how & 2 == 0 {
        icmp.extend([1 + (how & 1), 1]);
        icmp.extend(if how & 0xf0 == 0 {
            host(script)
        } else {
            source
        });
    }
    ip6(script, frame, 58, &icmp);
}

fn ip6(script: &mut Script<'_>, frame: &mut Vec<u8>, next: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len()).expect("a short payload");
    let [high, low] = length.to_be_bytes();
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, high, low, next, 255]);
    frame.extend(address6(script));
    frame.extend(address6(script));
    frame.extend(payload);
}

/// Extension headers and fragments in front of whatever.
fn extended(script: &mut Script<'_>, frame: &mut Vec<u8>) {
    const HEADERS: [u8; 6] = [0, 43, 44, 60, 51, 135];
    let chain: Vec<u8> = (0..script.below(5))
        .map(|_| script.one_of(&HEADERS))
        .collect();
    let last = script.one_of(&[58, 17, 6, 59]);
    let mut payload = Vec::new();
    for (at, kind) in chain.iter().enumerate() {
        let next = chain.get(at + 1).copied().unwrap_or(last);
        let fragment = if *kind == 44 { script.word() } else { 0 };
        let [high, low] = fragment.to_be_bytes();
        payload.extend([next, 0, high, low, 0, 0, 0, 0]);
    }
    let length = script.below(64);
    payload.extend(script.bytes(length));
    ip6(
        script,
        frame,
        chain.first().copied().unwrap_or(last),
        &payload,
    );
}

/// IGMP (RFC 3376): queries, reports, leaves.
fn group_report(script: &mut Script<'_>, frame: &mut Vec<u8>) {
    let kind = script.one_of(&[0x11, 0x12, 0x16, 0x17, 0x22]);
    frame.extend([8, 0, 0x46, 0, 0, 40, 0, 0, 0, 0, 1, 2, 0, 0]);
    frame.extend(ip4(script));
    frame.extend([224, 0, 0, script.byte(), 0x94, 4, 0, 0, kind, 0, 0, 0]);
    frame.extend([239, 1, 1, script.byte(), script.byte(), script.byte(), 0, 1]);
}
