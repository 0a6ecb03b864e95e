//! A host of the lab: a network namespace behind one port, with a kernel of its own kind inside,
//! a mouth (raw frames) and an ear (everything that arrives).

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use skerry_overlay_io::capture::PacketSocket;
use skerry_overlay_io::netns::Namespace;
use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::frame::{DISCARD, Heard};
use crate::lab::links::{self, ETH0};
use crate::lab::plan::{HostId, HostPlan};

/// How often an ear looks whether it is still wanted.
const NAP: Duration = Duration::from_millis(50);

/// A host whose `eth0` exists and is configured.
#[derive(Debug)]
pub(super) struct Host {
    id: HostId,
    namespace: Namespace,
    mouth: Arc<PacketSocket>,
    /// Swallows tagged datagrams, so that the host's kernel does not answer them with ICMP.
    _discard: UdpSocket,
}

impl Host {
    /// Configures `eth0` as policy says and opens the host's sockets.
    pub(super) fn set_up(id: HostId, namespace: Namespace) -> Result<Self> {
        let plan = id.plan();
        links::configure(&namespace, Some(plan.mac()), plan.ip)
            .with_context(|| format!("cannot configure {}", plan.name))?;
        let mouth = Arc::new(namespace.run(|| PacketSocket::open(ETH0))??);
        let discard = namespace.run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, DISCARD)))??;
        Ok(Self {
            id,
            namespace,
            mouth,
            _discard: discard,
        })
    }

    pub(super) const fn id(&self) -> HostId {
        self.id
    }

    pub(super) const fn plan(&self) -> &'static HostPlan {
        self.id.plan()
    }

    /// Sends a frame as it is.
    pub(super) fn send(&self, frame: &[u8]) -> Result<()> {
        let name = self.plan().name;
        self.mouth
            .send(frame)
            .with_context(|| format!("{name} cannot send"))
    }

    /// A second handle to what [`send`](Self::send) uses, for a thread.
    pub(super) fn mouth(&self) -> Arc<PacketSocket> {
        Arc::clone(&self.mouth)
    }

    /// Starts to listen to everything that arrives.
    pub(super) fn listen(&self) -> Result<Ear> {
        let socket = self.namespace.run(|| PacketSocket::open(ETH0))??;
        Ear::start(self.id, socket)
    }

    /// A TCP socket that listens on the host's address.
    pub(super) fn tcp_listen(&self, port: u16) -> Result<TcpListener> {
        let address = SocketAddr::from((self.plan().ip, port));
        Ok(self.namespace.run(|| TcpListener::bind(address))??)
    }

    /// A TCP connection to another host, by this host's kernel.
    pub(super) fn tcp_connect(&self, to: HostId, port: u16, limit: Duration) -> Result<TcpStream> {
        let address = SocketAddr::from((to.plan().ip, port));
        Ok(self
            .namespace
            .run(|| TcpStream::connect_timeout(&address, limit))??)
    }

    /// A UDP socket towards another host, by this host's kernel.
    pub(super) fn udp(&self, to: HostId, port: u16) -> Result<UdpSocket> {
        let address = SocketAddr::from((to.plan().ip, port));
        let socket = self.namespace.run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.connect(address)?;
            std::io::Result::Ok(socket)
        })??;
        Ok(socket)
    }

    /// A raw ICMP socket towards another host.
    pub(super) fn icmp(&self, to: HostId) -> Result<Socket> {
        let address = SocketAddr::from((to.plan().ip, 0));
        let socket = self.namespace.run(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
            socket.connect(&address.into())?;
            std::io::Result::Ok(socket)
        })??;
        Ok(socket)
    }
}

/// Hears everything that arrives at a host, until it is dropped.
#[derive(Debug)]
pub(super) struct Ear {
    host: HostId,
    inner: Arc<Inner>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inner {
    socket: PacketSocket,
    heard: Mutex<Vec<Heard>>,
    done: AtomicBool,
}

impl Ear {
    fn start(host: HostId, socket: PacketSocket) -> Result<Self> {
        let inner = Arc::new(Inner {
            socket,
            heard: Mutex::new(Vec::new()),
            done: AtomicBool::new(false),
        });
        let listener = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name(format!("ear-{host:?}"))
            .spawn(move || listener.keep_listening())?;
        Ok(Self {
            host,
            inner,
            thread: Some(thread),
        })
    }

    pub(super) const fn host(&self) -> HostId {
        self.host
    }

    /// Everything heard since the last call, to the last frame that has arrived by now.
    pub(super) fn take(&self) -> Result<Vec<Heard>> {
        let mut heard = self.inner.lock();
        self.inner.drain(&mut heard)?;
        Ok(std::mem::take(&mut *heard))
    }

    /// Frames that came too fast to be heard; the measurement is worth nothing unless it is 0.
    pub(super) fn missed(&self) -> Result<u32> {
        Ok(self.inner.socket.missed()?)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.inner.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed already.
            drop(thread.join());
        }
    }
}

impl Inner {
    fn keep_listening(&self) {
        while !self.done.load(Ordering::Relaxed) {
            // The interface going down ends a wait with an error; the next one tells.
            if self.socket.wait(NAP).unwrap_or(false) {
                drop(self.drain(&mut self.lock()));
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock is held while the socket is read, so that no frame is between the two.
    fn drain(&self, heard: &mut Vec<Heard>) -> Result<()> {
        let mut buffer = [0; 256];
        while let Some(length) = self.socket.receive(&mut buffer)? {
            heard.extend(buffer.get(..length).and_then(Heard::parse));
        }
        Ok(())
    }
}
