//! `pnet`'s datalink as a port: slower, and without a word about offloads, so the device must
//! finish every frame itself while the port is open.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use pnet::datalink::linux::{Config, channel};
use pnet::datalink::{Channel, DataLinkReceiver, DataLinkSender, NetworkInterface};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use skerry_overlay::{FRAME_MAX, Frame, Offload, Refused, Segments};

use super::offload::Switched;
use super::{Capabilities, Port, PortCause, Queue, RxHalf, Superframes, TxHalf};
use crate::switch::Switch;
use crate::sys;

/// The backend's name.
pub(crate) const NAME: &str = "datalink";

/// Opens an interface of the calling thread's namespace and switches its offloads off until the
/// port closes.
///
/// # Errors
/// No CAP_NET_RAW, or the interface went away.
pub(crate) fn open(index: u32, name: &str) -> Result<Port, PortCause> {
    let switched =
        Switched::off(name).map_err(kernel("switch the offloads of the interface off"))?;
    let device = Interface {
        index,
        name: name.to_owned(),
    };
    let (socket, sender, receiver) = device.channel(Ear::Untagged).map_err(|error| match error
        .raw_os_error()
    {
        Some(libc::EPERM) => PortCause::Permission("open a packet socket"),
        _ => kernel("open the interface with pnet")(error),
    })?;
    let queue = Queue {
        rx: Box::new(Receiver {
            socket,
            receiver,
            _switched: switched,
        }),
        tx: Box::new(Sender {
            device,
            sender,
            buffer: vec![0; FRAME_MAX].into_boxed_slice(),
        }),
    };
    Ok(Port {
        queues: vec![queue],
        capabilities: Capabilities {
            backend: NAME,
            superframes: Superframes::None,
        },
        up: false,
        since: None,
    })
}

/// The far end of a veth hands its frames over as its own offloads say: it must have none. It
/// goes away with the port, so nothing is restored.
pub(crate) fn finish_frames(name: &str) -> Result<(), PortCause> {
    let switched = Switched::off(name).map_err(kernel("switch the offloads of the far end off"))?;
    switched.keep();
    Ok(())
}

fn kernel(action: &'static str) -> impl Fn(io::Error) -> PortCause {
    move |source| PortCause::Kernel { action, source }
}

#[derive(Clone, Debug)]
struct Interface {
    index: u32,
    name: String,
}

/// What a socket hears.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ear {
    /// Frames without a tag. The kernel takes tags out, and pnet cannot see that there was one:
    /// a tagged frame would look untagged, so it is dropped here.
    Untagged,
    /// Nothing: for writing only.
    Deaf,
}

/// A socket of ours, and pnet's two ends of it.
type Open = (OwnedFd, Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>);

impl Interface {
    fn channel(&self, ear: Ear) -> io::Result<Open> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
        sys::set_int(
            socket.as_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            1,
        )?;
        sys::attach_filter(socket.as_fd(), &mut ear.filter())?;
        let config = Config {
            read_buffer_size: FRAME_MAX,
            write_buffer_size: 0,
            read_timeout: Some(Duration::ZERO),
            write_timeout: Some(Duration::ZERO),
            // pnet closes it, also when it fails.
            socket_fd: Some(socket.try_clone()?.into_raw_fd()),
            ..Config::default()
        };
        let interface = NetworkInterface {
            name: self.name.clone(),
            description: String::new(),
            index: self.index,
            mac: None,
            ips: Vec::new(),
            flags: 0,
        };
        match channel(&interface, config)? {
            Channel::Ethernet(sender, receiver) => Ok((socket, sender, receiver)),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Ear {
    fn filter(self) -> Vec<libc::sock_filter> {
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        // SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT of linux/filter.h.
        const TAG_PRESENT: u32 = 0xffff_f000 + 48;
        const LOAD: u16 = 0x20;
        const JUMP_IF_EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        match self {
            Self::Deaf => vec![step(RETURN, 0, 0, 0)],
            Self::Untagged => vec![
                step(LOAD, 0, 0, TAG_PRESENT),
                step(JUMP_IF_EQUAL, 0, 1, 0),
                step(RETURN, 0, 0, u32::MAX),
                step(RETURN, 0, 0, 0),
            ],
        }
    }
}

struct Receiver {
    socket: OwnedFd,
    receiver: Box<dyn DataLinkReceiver>,
    _switched: Switched,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl RxHalf for Receiver {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<Option<(usize, Offload)>> {
        let frame = match self.receiver.next() {
            Ok(frame) => frame,
            Err(error) if nothing_yet(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let room = buf
            .get_mut(..frame.len())
            .ok_or(io::ErrorKind::InvalidData)?;
        room.copy_from_slice(frame);
        Ok(Some((frame.len(), Offload::NONE)))
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn nothing_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

struct Sender {
    device: Interface,
    sender: Box<dyn DataLinkSender>,
    buffer: Box<[u8]>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl TxHalf for Sender {
    fn send(&mut self, frame: Frame<'_>) -> Result<(), Refused> {
        // The core has checked the offload header, so this cannot fail for a frame it sends.
        let mut segments = Segments::new(frame).map_err(|_| Refused::Down)?;
        while let Some(len) = segments.next_into(&mut self.buffer) {
            let finished = self.buffer.get(..len).ok_or(Refused::Down)?;
            match self.sender.send_to(finished, None) {
                Some(Ok(())) => {}
                Some(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(Refused::Full);
                }
                Some(Err(error)) => return Err(super::refusal(&error)),
                None => return Err(Refused::Down),
            }
        }
        Ok(())
    }

    /// It was opened where superframes were not wanted, and cannot take any.
    fn switch(&mut self, _superframes: Switch) -> Superframes {
        Superframes::None
    }

    fn superframes(&self) -> Superframes {
        Superframes::None
    }

    fn duplicate(&self) -> io::Result<Box<dyn TxHalf>> {
        let (_, sender, _) = self.device.channel(Ear::Deaf)?;
        Ok(Box::new(Self {
            device: self.device.clone(),
            sender,
            buffer: vec![0; FRAME_MAX].into_boxed_slice(),
        }))
    }
}
