//! A host with a kernel's own network stack: real connections through the fabric.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::fabric::Fabric;
use crate::hosts::LINK;
use crate::netns::Netns;
use crate::site::mac;
use crate::topology::Port;

/// Where the guests listen.
const PORT: u16 = 7_000;
/// Bytes of one write.
const CHUNK: usize = 32 << 10;

/// A port whose host has addresses. Dropping it takes them away again.
#[derive(Debug)]
pub struct Guest<'a> {
    port: Port,
    netns: &'a Netns,
}

impl<'a> Guest<'a> {
    /// Gives the port's host its own MAC and IPv4 address.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn new(fabric: &'a Fabric, port: Port) -> Result<Self> {
        let netns = &fabric.hosts.at(port).netns;
        let [a, b, c, d] = port.ip();
        netns.ip(&format!("link set {LINK} address {}", mac(port.mac())))?;
        netns.ip(&format!("addr add {a}.{b}.{c}.{d}/24 dev {LINK}"))?;
        Ok(Self { port, netns })
    }

    /// Sends to another guest over TCP for this long, and gives when each part arrived, in bytes.
    ///
    /// # Errors
    /// When there is no connection within five seconds.
    pub fn stream_to(&self, other: &Guest<'_>, length: Duration) -> Result<Transfer> {
        let address = SocketAddr::from((Ipv4Addr::from(other.port.ip()), PORT));
        let listener = other.netns.enter(|| TcpListener::bind(address))??;
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(5));
        let client = self.netns.enter(connect)?.context("no TCP connection")?;
        client.set_write_timeout(Some(Duration::from_millis(200)))?;
        let (server, _) = listener.accept()?;
        server.set_read_timeout(Some(Duration::from_millis(200)))?;
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || receive(server, length));
            send(client, length)?;
            reading
                .join()
                .unwrap_or_else(|_| bail!("a thread panicked"))
        })
    }
}

impl Guest<'_> {
    /// Sends one datagram of so many bytes again and again until it arrives, and gives how often.
    ///
    /// # Errors
    /// When none of twenty arrives.
    pub fn tell(&self, other: &Guest<'_>, length: usize) -> Result<usize> {
        let address = SocketAddr::from((Ipv4Addr::from(other.port.ip()), PORT));
        let server = other.netns.enter(|| UdpSocket::bind(address))??;
        server.set_read_timeout(Some(Duration::from_millis(100)))?;
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let client = self.netns.enter(|| UdpSocket::bind(any))??;
        let mut buffer = vec![0; length + 1];
        for tries in 1..=20 {
            client.send_to(&vec![0x55; length], address)?;
            if server.recv(&mut buffer).is_ok_and(|got| got == length) {
                return Ok(tries);
            }
        }
        bail!("no datagram of {length} bytes arrives");
    }

    /// Whether TCP of its kernel asks for explicit congestion notification (RFC 3168).
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn ask_for_ecn(&self, asks: bool) -> Result<()> {
        // 2 is what Linux begins with: it answers with ECN if it is asked.
        let value = if asks { "1" } else { "2" };
        self.netns
            .enter(|| std::fs::write("/proc/sys/net/ipv4/tcp_ecn", value))??;
        Ok(())
    }

    /// Packets that its kernel got with a mark of congestion.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn marked(&self) -> Result<u64> {
        let read = || std::fs::read_to_string("/proc/thread-self/net/netstat");
        let text = self.netns.enter(read)??;
        let mut lines = text.lines().filter(|line| line.starts_with("IpExt:"));
        let (names, values) = (lines.next(), lines.next());
        let (names, values) = names.zip(values).context("no IpExt in netstat")?;
        let at = names.split(' ').position(|name| name == "InCEPkts");
        let value = at.and_then(|at| values.split(' ').nth(at));
        Ok(value.context("no InCEPkts in netstat")?.parse()?)
    }

    /// What its kernel knows of the way to another guest.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn route_to(&self, other: &Guest<'_>) -> Result<String> {
        let address = Ipv4Addr::from(other.port.ip());
        self.netns.ip(&format!("route get {address}"))
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        // An interface that is gone has no addresses either.
        drop(self.netns.ip(&format!("addr flush dev {LINK}")));
    }
}

/// What arrived of a stream.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// When the stream began.
    pub began: Instant,
    /// When each part was read, and its bytes.
    pub parts: Vec<(Instant, usize)>,
    /// When the reader gave up.
    pub ended: Instant,
}

impl Transfer {
    /// Megabits a second from beginning to end.
    pub fn rate(&self) -> f64 {
        let bytes: usize = self.parts.iter().map(|(_, bytes)| bytes).sum();
        let took = self.ended.duration_since(self.began).as_secs_f64();
        8.0 * f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) * 1024.0 / took / 1e6
    }

    /// The longest time in which nothing arrived, from a moment on.
    pub fn stall(&self, since: Instant) -> Duration {
        let times = self
            .parts
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| *at > since);
        let times: Vec<Instant> = std::iter::once(since)
            .chain(times)
            .chain([self.ended])
            .collect();
        let gaps = times.windows(2).map(|pair| pair[1].duration_since(pair[0]));
        gaps.max().unwrap_or_default()
    }
}

fn send(mut client: TcpStream, length: Duration) -> Result<()> {
    let (chunk, end) = (vec![0x55; CHUNK], Instant::now() + length);
    while Instant::now() < end {
        match client.write(&chunk) {
            Ok(_) => {}
            // The path is cut, or slow; the connection lives.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn receive(mut server: TcpStream, length: Duration) -> Result<Transfer> {
    let began = Instant::now();
    let (mut buffer, mut parts) = (vec![0; 256 << 10], Vec::new());
    while began.elapsed() < length {
        match server.read(&mut buffer) {
            Ok(0) => break,
            Ok(bytes) => parts.push((Instant::now(), bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let ended = Instant::now();
    Ok(Transfer {
        began,
        parts,
        ended,
    })
}
