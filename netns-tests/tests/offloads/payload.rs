//! What the hosts send each other, and whether it arrives as it was sent.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::socket::{setsockopt, sockopt};
use skerry_netns_tests::netns::Netns;
use skerry_netns_tests::suite::{joined, say};

use crate::cell::Cell;

/// Bytes of TCP each way.
const BYTES: usize = 2 << 20;
/// UDP: sends, and datagrams that each stands for.
const SENDS: usize = 60;
const DATAGRAMS: usize = 12;
/// Of the datagrams, how many percent have to arrive: what a busy machine loses is not the point
/// here, what arrives is.
const ENOUGH: usize = 70;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long bytes may go on coming: single segments of what should be superframes arrive, too.
const TRICKLE: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_millis(500);
const PORT: u16 = 7_000;

/// TCP both ways at once and UDP each way, over every family that the cell carries.
pub(crate) fn compare(hosts: &[Netns; 2], link: &str, cell: Cell) -> Result<()> {
    let mut families = vec![["10.1.0.1", "10.1.0.2"]];
    if cell.carries_six() {
        families.push(["2001:db8:1::1", "2001:db8:1::2"]);
    }
    for [first, second] in families {
        let (first, second): (IpAddr, IpAddr) = (first.parse()?, second.parse()?);
        tcp(hosts, second).with_context(|| format!("TCP to {second}"))?;
        let [one, other] = hosts;
        for (from, to, address) in [(one, other, second), (other, one, first)] {
            udp(from, to, address, cell).with_context(|| format!("UDP to {address}"))?;
        }
    }
    let (bytes, packets) = hosts[1].received(link)?;
    let average = bytes / packets.max(1);
    let longest = u64::from(cell.inner_mtu()) + 14;
    ensure!(
        cell.tap || average <= longest,
        "frames of {average} bytes on average, though superframes are off"
    );
    // Jumbo frames are long enough for nobody to join many.
    let joined = cell.tap && cell.gso && cell.gro && cell.mtu <= 1500;
    ensure!(
        !joined || average > longest,
        "frames of {average} bytes on average: no superframe arrives"
    );
    say(&format!(
        "    {cell}: {bytes} bytes in {packets} frames at the second host"
    ));
    Ok(())
}

/// A stream without period in any length that an offload could confuse it by.
fn pattern(seed: u32, len: usize) -> Vec<u8> {
    let word = |at: u32| (at ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(13);
    (0..)
        .flat_map(|at| word(at).to_le_bytes())
        .take(len)
        .collect()
}

/// Bytes both ways at once, to an address of the second host.
pub(crate) fn tcp(hosts: &[Netns; 2], to: IpAddr) -> Result<()> {
    let address = SocketAddr::from((to, PORT));
    let listener = hosts[1].enter(|| TcpListener::bind(address))??;
    let client = connect(&hosts[0], address)?;
    let (server, _) = listener.accept()?;
    std::thread::scope(|scope| {
        let ends = [(client, 1, 2), (server, 2, 1)];
        let ends = ends.map(|(stream, mine, theirs)| {
            scope.spawn(move || -> Result<()> {
                let reading = stream.try_clone()?;
                let writing = scope.spawn(move || write(stream, mine));
                let read = read(reading, theirs);
                joined(writing)?;
                read
            })
        });
        for end in ends {
            joined(end)?;
        }
        Ok(())
    })
}

/// Once the nodes have met.
fn connect(from: &Netns, to: SocketAddr) -> Result<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let attempt = || TcpStream::connect_timeout(&to, Duration::from_secs(1));
        match from.enter(attempt)? {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn write(mut stream: TcpStream, seed: u32) -> Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&pattern(seed, BYTES))?;
    Ok(stream.shutdown(Shutdown::Write)?)
}

fn read(mut stream: TcpStream, seed: u32) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut received, mut part) = (Vec::with_capacity(BYTES), vec![0; 1 << 16]);
    let start = Instant::now();
    loop {
        match stream.read(&mut part)? {
            0 => break,
            length => received.extend_from_slice(&part[..length]),
        }
        ensure!(
            start.elapsed() < TRICKLE,
            "a trickle: {} bytes of {BYTES} after {TRICKLE:?}",
            received.len()
        );
    }
    let expect = pattern(seed, BYTES);
    let wrong = received.iter().zip(&expect).position(|(a, b)| a != b);
    ensure!(
        wrong.is_none() && received.len() == BYTES,
        "{} bytes arrived of {BYTES}, the first wrong one at {wrong:?}",
        received.len()
    );
    Ok(())
}

/// Datagrams of the longest length that fits, many in a send, the last of each shorter.
fn udp(from: &Netns, to: &Netns, address: IpAddr, cell: Cell) -> Result<()> {
    let headers = if address.is_ipv6() { 48 } else { 28 };
    // The kernel takes no superframe beyond 64 KiB.
    let size = (usize::from(cell.inner_mtu()) - headers).min(65_000 / DATAGRAMS);
    let receiver = to.enter(|| UdpSocket::bind((address, PORT)))??;
    setsockopt(&receiver, sockopt::RcvBufForce, &(8 << 20))?;
    receiver.set_read_timeout(Some(QUIET))?;
    let any = if address.is_ipv6() {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let sender = from.enter(|| UdpSocket::bind(any))??;
    setsockopt(&sender, sockopt::UdpGsoSegment, &i32::try_from(size)?)?;
    let last = size / 2;
    let arrived = std::thread::scope(|scope| {
        let hearing = scope.spawn(|| hear(&receiver, size, last));
        for send in 0..SENDS {
            let numbers = send * DATAGRAMS..(send + 1) * DATAGRAMS;
            let bytes: Vec<u8> = numbers.flat_map(|it| datagram(it, size, last)).collect();
            sender.send_to(&bytes, (address, PORT))?;
            std::thread::sleep(Duration::from_millis(1));
        }
        joined(hearing)
    })?;
    let all = SENDS * DATAGRAMS;
    if arrived < all {
        say(&format!(
            "    {} of {all} datagrams were lost",
            all - arrived
        ));
    }
    ensure!(
        arrived * 100 >= all * ENOUGH,
        "{arrived} datagrams of {all} arrived"
    );
    Ok(())
}

/// The number, then bytes that go with it.
fn datagram(number: usize, size: usize, last: usize) -> Vec<u8> {
    let is_last = number % DATAGRAMS == DATAGRAMS - 1;
    let seed = u32::try_from(number).unwrap_or(0);
    let mut bytes = seed.to_le_bytes().to_vec();
    let len = if is_last { last } else { size };
    bytes.extend(pattern(seed, len - bytes.len()));
    bytes
}

/// Reads until nothing comes any more; gives how many different datagrams came.
fn hear(receiver: &UdpSocket, size: usize, last: usize) -> Result<usize> {
    let mut seen = BTreeSet::new();
    let mut room = vec![0; 65_536];
    loop {
        let len = match receiver.recv(&mut room) {
            Ok(len) => len,
            Err(error) if is_quiet(&error) => return Ok(seen.len()),
            Err(error) => return Err(error.into()),
        };
        let bytes = &room[..len];
        let Some(number) = bytes.first_chunk() else {
            bail!("a datagram of {len} bytes");
        };
        let number = usize::try_from(u32::from_le_bytes(*number))?;
        ensure!(
            number < SENDS * DATAGRAMS && bytes == datagram(number, size, last),
            "datagram {number} of {len} bytes is not as it was sent"
        );
        ensure!(seen.insert(number), "datagram {number} came twice");
    }
}

fn is_quiet(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
