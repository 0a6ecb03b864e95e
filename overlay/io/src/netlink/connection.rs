//! Two sockets per watched namespace: one asks, one listens. An answer must not be lost because
//! link events filled the socket (`ENOBUFS` drops answers too).

use std::io;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_sys::AsyncSocket;
use rtnetlink::{Handle, LinkGetRequest, LinkUnspec, MulticastGroup};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::link::Link;
use super::namespace::Namespace;
use crate::port::PortCause;

/// Bytes of link events that may wait for the actor before the kernel drops them.
const EVENT_BUFFER: libc::c_int = 1 << 20;

/// How often a dump that the kernel interrupted is asked for again.
const DUMPS: usize = 5;

/// Asks and orders, in one namespace.
#[derive(Debug)]
pub(crate) struct Netlink {
    handle: Handle,
    task: JoinHandle<()>,
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Netlink {
    /// In the daemon's own namespace.
    pub(crate) fn own() -> Result<Self, PortCause> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(no_socket)?;
        let task = tokio::spawn(connection);
        Ok(Self { handle, task })
    }

    /// In another one.
    pub(crate) fn inside(namespace: &Namespace) -> Result<Self, PortCause> {
        namespace.enter(Self::own)
    }

    /// The interface of this name.
    pub(crate) async fn by_name(&self, name: &str) -> io::Result<Option<Link>> {
        one(self.handle.link().get().match_name(name.to_owned())).await
    }

    /// The interface with this index.
    pub(crate) async fn by_index(&self, index: u32) -> io::Result<Option<Link>> {
        one(self.handle.link().get().match_index(index)).await
    }

    /// Every interface of the namespace.
    pub(crate) async fn all(&self) -> io::Result<Vec<Link>> {
        let mut attempt = 1;
        loop {
            let dump = self.handle.link().get().execute();
            match dump.map_ok(Link::from).try_collect().await {
                Ok(links) => return Ok(links),
                Err(_) if attempt < DUMPS => attempt += 1,
                Err(error) => return Err(to_io(error)),
            }
        }
    }

    /// Makes an interface; fails if its name is taken.
    pub(crate) async fn add(&self, message: LinkMessage) -> io::Result<()> {
        self.handle
            .link()
            .add(message)
            .execute()
            .await
            .map_err(to_io)
    }

    /// Changes an interface.
    pub(crate) async fn set(&self, message: LinkMessage) -> io::Result<()> {
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(to_io)
    }

    /// Sets an interface up or down.
    pub(crate) async fn set_up(&self, index: u32, up: bool) -> io::Result<()> {
        let message = LinkUnspec::new_with_index(index);
        self.set(if up { message.up() } else { message.down() }.build())
            .await
    }

    /// Removes an interface; content when it is gone already.
    pub(crate) async fn delete(&self, index: u32) -> io::Result<()> {
        match self.handle.link().del(index).execute().await {
            Err(error) if errno(&error) != Some(libc::ENODEV) => Err(to_io(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// The answer to a question about one interface.
async fn one(request: LinkGetRequest) -> io::Result<Option<Link>> {
    match request.execute().try_next().await {
        Ok(message) => Ok(message.map(Link::from)),
        Err(error) if errno(&error) == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(to_io(error)),
    }
}

/// What happened to the links of one namespace.
#[derive(Debug)]
pub(crate) enum Change {
    /// It is new, or something about it is.
    Link(Link),
    /// It was deleted, or moved to another namespace.
    Gone(u32),
    /// The kernel dropped events.
    Overrun,
}

/// A change, and where: the path of the namespace, `None` for the daemon's own.
pub(crate) type Notice = (Option<String>, Change);

/// Listens to one namespace for as long as it lives.
#[derive(Debug)]
pub(crate) struct Watch {
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Watch {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Watch {
    /// The daemon's own namespace.
    pub(crate) fn own(notices: mpsc::Sender<Notice>) -> Result<Self, PortCause> {
        Self::start(None, notices)
    }

    /// Another one. The namespace stays alive as long as it is watched.
    pub(crate) fn inside(
        namespace: &Namespace,
        path: &str,
        notices: mpsc::Sender<Notice>,
    ) -> Result<Self, PortCause> {
        namespace.enter(|| Self::start(Some(path.to_owned()), notices))
    }

    fn start(place: Option<String>, notices: mpsc::Sender<Notice>) -> Result<Self, PortCause> {
        let (mut connection, _, mut messages) =
            rtnetlink::new_multicast_connection(&[MulticastGroup::Link]).map_err(no_socket)?;
        let socket = connection.socket_mut().socket_mut();
        socket.set_rx_buf_sz(EVENT_BUFFER).map_err(no_socket)?;
        let forward = async move {
            while let Some((message, _)) = messages.next().await {
                let Some(change) = read(message.payload) else {
                    continue;
                };
                if notices.send((place.clone(), change)).await.is_err() {
                    return;
                }
            }
        };
        Ok(Self {
            tasks: [tokio::spawn(connection), tokio::spawn(forward)],
        })
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "netlink says much; links are all that is asked for"
)]
pub(super) fn read(payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<Change> {
    match payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(message)) => {
            Some(Change::Link(Link::from(message)))
        }
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(message)) => {
            Some(Change::Gone(message.header.index))
        }
        NetlinkPayload::Overrun(_) => Some(Change::Overrun),
        _ => None,
    }
}

fn no_socket(source: io::Error) -> PortCause {
    PortCause::Kernel {
        action: "open a netlink socket",
        source,
    }
}

/// The kernel's error number, where there is one.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other variants carry no error number"
)]
fn errno(error: &rtnetlink::Error) -> Option<i32> {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(|code| -code.get()),
        _ => None,
    }
}

fn to_io(error: rtnetlink::Error) -> io::Error {
    match errno(&error) {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(error),
    }
}
