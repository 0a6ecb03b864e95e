//! A connection to somebody: how many there are, how long one lasts whose other end is gone, and how
//! much waits in it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// How many there may be; others wait until one ends.
const CONNECTIONS_MAX: usize = 64;
/// For how long somebody may be here who looks on at nothing: he takes the place of others.
const VISIT: Duration = Duration::from_secs(10);
/// How long the other end's kernel may leave unanswered what was sent to it, in milliseconds, have no
/// room for more, or be silent when asked whether it is there: then it has no place any more. One
/// whose program stands still comes to that when its buffers are full.
const GONE_MS: u32 = 5_000;
/// How long nothing has been heard before it is asked.
const ASKED_AFTER: Duration = Duration::from_secs(2);
/// How much may wait to be sent, in bytes; the kernel takes it twice. About five pictures: one who is
/// slow is shown what there is, not what there was.
const WAITING_MAX: usize = 16 << 10;

/// Lets people in while there is room.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Self { listener, places }
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Nobody closes the semaphore, so there is a place in the end.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (tcp, address) = Listener::accept(&mut self.listener).await;
        // Where the kernel refuses, it lasts as long as the kernel likes.
        let _refused = bound(&tcp);
        let connection = Connection {
            tcp,
            visit: Some(Box::pin(sleep(VISIT))),
            stay: Stay::default(),
            _place: place,
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Sets the bounds of what the kernel does.
fn bound(tcp: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_tcp_user_timeout(tcp, GONE_MS)?;
    sockopt::set_tcp_keepidle(tcp, ASKED_AFTER)?;
    sockopt::set_tcp_keepintvl(tcp, ASKED_AFTER)?;
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_socket_send_buffer_size(tcp, WAITING_MAX)
}

/// Says that whoever has a connection looks on, and may keep it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stay(Arc<AtomicBool>);

impl Stay {
    pub(super) fn for_long(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Door>> for Stay {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().stay.clone()
    }
}

/// A place, and whoever has it.
#[derive(Debug)]
pub(super) struct Connection {
    tcp: TcpStream,
    /// Until he must go, unless he looks on: however much he has said, and whatever he was answered.
    visit: Option<Pin<Box<Sleep>>>,
    stay: Stay,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Fails when the visit is over. Whoever asks is woken then.
    fn poll_visit(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.stay.0.load(Ordering::Relaxed) {
            self.visit = None;
        }
        let visit = self.visit.as_mut();
        if visit.is_some_and(|it| it.as_mut().poll(context).is_ready()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_visit(context)?;
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_visit(context)?;
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
