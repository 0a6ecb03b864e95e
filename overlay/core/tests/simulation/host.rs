//! A guest: a smoltcp stack on a port, and the conversations it is in.

use std::collections::VecDeque;

use skerry_overlay::Time;
use skerry_policy::Mac;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, Icmpv4Packet, Icmpv4Repr, IpAddress, IpCidr,
};

/// A stack asks for one neighbour a second (smoltcp's limit). Its clock runs so much faster than
/// the simulation's that a host can find everybody within the ten seconds it has.
const HASTE: u64 = 8;
/// Where every host answers, over UDP and over TCP.
const ECHO: u16 = 7;
/// No path is ever believed to carry less, whatever was lost of its probes, so that no segment size
/// is lowered on the way: what arrives is what was sent.
const MTU: usize = 1130;
/// Between two tries of a question over ICMP or UDP, of the stack's own time.
const AGAIN: u64 = 4_000;

/// How two hosts talk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    Ping4,
    Udp4,
    Udp6,
    Tcp4,
    Tcp6,
}

pub(crate) const HOWS: [How; 5] = [How::Ping4, How::Udp4, How::Udp6, How::Tcp4, How::Tcp6];

/// One conversation, begun here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    pub(crate) to: usize,
    pub(crate) how: How,
    pub(crate) done: bool,
    socket: SocketHandle,
    address: IpAddress,
    words: [u8; 8],
    again: u64,
}

/// A stack and its wire.
pub(crate) struct Host {
    interface: Interface,
    wire: Wire,
    sockets: SocketSet<'static>,
    echo: SocketHandle,
    listeners: Vec<SocketHandle>,
    pub(crate) talks: Vec<Talk>,
    next_port: u16,
    /// When the stack wants to be polled; `None` while nothing is due.
    pub(crate) due: Option<Time>,
}

impl Host {
    pub(crate) fn new(mac: Mac, ip4: std::net::Ipv4Addr, ip6: std::net::Ipv6Addr) -> Self {
        let mut wire = Wire::default();
        let hardware = HardwareAddress::Ethernet(EthernetAddress(mac.0));
        let mut interface = Interface::new(Config::new(hardware), &mut wire, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(ip4.into(), 24)).unwrap();
            addresses.push(IpCidr::new(ip6.into(), 64)).unwrap();
        });
        let mut sockets = SocketSet::new(Vec::new());
        let mut echo = udp_socket();
        echo.bind(ECHO).unwrap();
        let echo = sockets.add(echo);
        Self {
            interface,
            wire,
            sockets,
            echo,
            listeners: Vec::new(),
            talks: Vec::new(),
            next_port: 40_000,
            due: None,
        }
    }

    /// One more conversation over TCP may be begun with this host.
    pub(crate) fn listen(&mut self) {
        let mut listener = tcp_socket();
        listener.listen(ECHO).unwrap();
        self.listeners.push(self.sockets.add(listener));
    }

    /// Begins to talk.
    pub(crate) fn talk(&mut self, now: Time, to: usize, how: How, address: IpAddress) {
        self.next_port += 1;
        let port = self.next_port;
        let socket = match how {
            How::Ping4 => {
                let mut socket = icmp::Socket::new(icmp_buffer(), icmp_buffer());
                socket.bind(icmp::Endpoint::Ident(port)).unwrap();
                self.sockets.add(socket)
            }
            How::Udp4 | How::Udp6 => {
                let mut socket = udp_socket();
                socket.bind(port).unwrap();
                self.sockets.add(socket)
            }
            How::Tcp4 | How::Tcp6 => {
                let mut socket = tcp_socket();
                let context = self.interface.context();
                socket.connect(context, (address, ECHO), port).unwrap();
                self.sockets.add(socket)
            }
        };
        let mut words = *b"talk....";
        words[4..6].copy_from_slice(&port.to_be_bytes());
        words[6..].copy_from_slice(&u16::try_from(to).unwrap().to_be_bytes());
        self.talks.push(Talk {
            to,
            how,
            done: false,
            socket,
            address,
            words,
            again: 0,
        });
        self.due = Some(now);
    }

    /// Ends every conversation, however it stands, and forgets them.
    pub(crate) fn hang_up(&mut self) {
        for talk in std::mem::take(&mut self.talks) {
            self.sockets.remove(talk.socket);
        }
        for listener in std::mem::take(&mut self.listeners) {
            self.sockets.remove(listener);
        }
    }

    /// A frame arrives.
    pub(crate) fn hear(&mut self, now: Time, frame: Vec<u8>) {
        self.wire.received.push_back(frame);
        self.due = Some(now);
    }

    /// Lets the stack work; what it sends is returned.
    pub(crate) fn poll(&mut self, now: Time) -> VecDeque<Vec<u8>> {
        let instant = stack_time(now);
        for _ in 0..4 {
            self.interface
                .poll(instant, &mut self.wire, &mut self.sockets);
            self.answer();
            for at in 0..self.talks.len() {
                self.go_on(at, instant);
            }
        }
        let next = self.interface.poll_at(instant, &self.sockets);
        let unanswered = |talk: &&Talk| !talk.done && talk.again > 0;
        let again = self.talks.iter().filter(unanswered).map(|it| it.again);
        let next = next.map(|at| u64::try_from(at.total_millis()).unwrap());
        let next = next.into_iter().chain(again).min();
        self.due = next.map(|at| Time(at.saturating_mul(1_000_000 / HASTE)).max(Time(now.0 + 1)));
        std::mem::take(&mut self.wire.sent)
    }

    fn answer(&mut self) {
        let echo = self.sockets.get_mut::<udp::Socket<'_>>(self.echo);
        while let Ok((words, from)) = echo.recv() {
            let words = words.to_vec();
            // A full queue loses it; it is asked again.
            let _sent = echo.send_slice(&words, from.endpoint);
        }
        for &listener in &self.listeners {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(listener);
            let mut words = [0; 64];
            while let Ok(len @ 1..) = socket.recv_slice(&mut words) {
                let _sent = socket.send_slice(&words[..len]);
            }
            if socket.state() == tcp::State::CloseWait {
                socket.close();
            }
        }
    }

    fn go_on(&mut self, at: usize, instant: Instant) {
        let talk = &mut self.talks[at];
        if talk.done {
            return;
        }
        let now = u64::try_from(instant.total_millis()).unwrap();
        match talk.how {
            How::Tcp4 | How::Tcp6 => {
                let socket = self.sockets.get_mut::<tcp::Socket<'_>>(talk.socket);
                if talk.again == 0 && socket.can_send() {
                    let _sent = socket.send_slice(&talk.words);
                    talk.again = u64::MAX;
                }
                let mut words = [0; 8];
                if socket.can_recv() && socket.recv_slice(&mut words) == Ok(words.len()) {
                    talk.done = words == talk.words;
                    socket.close();
                }
            }
            How::Udp4 | How::Udp6 => {
                let socket = self.sockets.get_mut::<udp::Socket<'_>>(talk.socket);
                if talk.again <= now {
                    talk.again = now + AGAIN;
                    let _sent = socket.send_slice(&talk.words, (talk.address, ECHO));
                }
                if let Ok((words, _)) = socket.recv() {
                    talk.done |= words == talk.words;
                }
            }
            How::Ping4 => {
                let socket = self.sockets.get_mut::<icmp::Socket<'_>>(talk.socket);
                if talk.again <= now {
                    talk.again = now + AGAIN;
                    let _sent = socket.send_slice(&ping(&talk.words), talk.address);
                }
                if let Ok((answer, _)) = socket.recv() {
                    talk.done |= answer.ends_with(&talk.words);
                }
            }
        }
    }
}

fn ping(words: &[u8; 8]) -> Vec<u8> {
    let repr = Icmpv4Repr::EchoRequest {
        ident: u16::from_be_bytes([words[4], words[5]]),
        seq_no: 1,
        data: words,
    };
    let mut bytes = vec![0; repr.buffer_len()];
    let mut packet = Icmpv4Packet::new_unchecked(&mut bytes);
    repr.emit(&mut packet, &ChecksumCapabilities::default());
    bytes
}

fn stack_time(now: Time) -> Instant {
    Instant::from_millis(i64::try_from(now.0 / (1_000_000 / HASTE)).unwrap())
}

fn udp_socket() -> udp::Socket<'static> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 512]);
    udp::Socket::new(buffer(), buffer())
}

fn tcp_socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; 256]);
    tcp::Socket::new(buffer(), buffer())
}

fn icmp_buffer() -> icmp::PacketBuffer<'static> {
    icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 256])
}

/// The stack's end of the cable.
#[derive(Debug, Default)]
struct Wire {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sent<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU + 14;
        capabilities
    }
}

struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Sent<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}
