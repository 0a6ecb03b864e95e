//! TAP: the kernel's virtual Ethernet card, the device end of which is a file.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use skerry_overlay::{Frame, Offload, Refused};

use super::shared::Shared;
use super::vnet;
use super::whole::Whole;
use super::{Capabilities, Port, PortCause, Queue, RxHalf, Superframes, TxHalf};
use crate::switch::Switch;
use crate::sys;

/// Length of the header before every frame, as the ioctl wants it.
const HEADER: libc::c_int = 10;
const _: () = assert!(vnet::HEADER == 10, "the two lengths are one");

/// Every offload that the core can finish. The mask is the device's, not the descriptor's, and
/// outlives it: it is always set, also to nothing.
const OFFLOADS: libc::c_uint =
    libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;

/// UDP superframes, since Linux 6.2.
const USO: libc::c_uint = libc::TUN_F_USO4 | libc::TUN_F_USO6;

/// Makes a TAP of this name in the calling thread's network namespace. It lives as long as the
/// port; the kernel removes it when the last descriptor closes, however the process ends.
///
/// With several queues, each for a worker, the kernel keeps a flow on the queue that its other
/// direction was written to last (the flow table of the tun driver), and chooses by a hash before
/// that and after a pause of three seconds. What worker k reads leaves in lane k and is opened by
/// worker k of the other node, which writes it to its queue k; so the answers come from queue k
/// there and arrive at worker k here. The two ends agree without a word, and no flow changes its
/// lane while it is under way.
///
/// # Errors
/// The name is taken, the device is missing or closed, no CAP_NET_ADMIN, or an offload that is
/// switched `on` is missing.
pub(crate) fn create(name: &str, offload: Switch, queues: usize) -> Result<Port, PortCause> {
    let mut flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    if queues > 1 {
        flags |= libc::IFF_MULTI_QUEUE;
    }
    // The first makes the device, and must not find one; the others join it.
    let (first, superframes) = open_queue(name, flags | libc::IFF_TUN_EXCL, offload)?;
    let mut port = Port {
        queues: vec![queue(first, superframes)],
        capabilities: Capabilities {
            backend: "tap",
            superframes,
        },
        up: false,
        since: None,
    };
    for _ in 1..queues {
        let (file, superframes) = open_queue(name, flags, offload)?;
        port.queues.push(queue(file, superframes));
    }
    Ok(port)
}

/// Header and offloads are the device's and not the queue's, and say the same every time.
fn open_queue(
    name: &str,
    flags: libc::c_int,
    offload: Switch,
) -> Result<(File, Superframes), PortCause> {
    let file = open_device()?;
    sys::tun_set_interface(file.as_fd(), name, flags).map_err(|error| refused(name, error))?;
    sys::tun_set_header(file.as_fd(), HEADER).map_err(|source| PortCause::Kernel {
        action: "set the header length of the TAP",
        source,
    })?;
    let superframes = set_offloads(file.as_fd(), offload)?;
    Ok((file, superframes))
}

fn queue(file: File, superframes: Superframes) -> Queue {
    let file = Shared::from(OwnedFd::from(file));
    Queue {
        rx: Box::new(Reader(file.clone())),
        tx: Box::new(Writer::new(file, superframes)),
    }
}

fn open_device() -> Result<File, PortCause> {
    let mut options = File::options();
    options.read(true).write(true);
    options.custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    options.open("/dev/net/tun").map_err(|error| {
        if error.kind() == io::ErrorKind::PermissionDenied {
            PortCause::TunDenied(error)
        } else {
            // No file, or (ENODEV, ENXIO) the file without the driver behind it.
            PortCause::TunMissing
        }
    })
}

fn refused(name: &str, error: io::Error) -> PortCause {
    match error.raw_os_error() {
        Some(libc::EPERM) => PortCause::Permission("make a TAP"),
        Some(libc::EBUSY | libc::EEXIST) => PortCause::NameTaken {
            name: name.to_owned(),
            place: String::new(),
        },
        Some(libc::EINVAL) => PortCause::BadName(name.to_owned()),
        _ => PortCause::Kernel {
            action: "make a TAP",
            source: error,
        },
    }
}

/// Offers what is wanted, and says which superframes will come and may be written.
fn set_offloads(tap: BorrowedFd<'_>, switch: Switch) -> Result<Superframes, PortCause> {
    let error = |source| PortCause::Kernel {
        action: "set the offloads of the TAP",
        source,
    };
    let set = |mask, superframes| sys::tun_set_offload(tap, mask).map(|()| superframes);
    let nothing = || set(0, Superframes::None).map_err(error);
    if !switch.wanted() {
        return nothing();
    }
    let attempt = set(OFFLOADS | USO, Superframes::All);
    match attempt.or_else(|_| set(OFFLOADS, Superframes::Tcp)) {
        Ok(superframes) => Ok(superframes),
        Err(source) if switch == Switch::On => Err(PortCause::Offload(source)),
        Err(_) => nothing(),
    }
}

/// One side of a TAP: reads and writes of one descriptor do not disturb each other. In a cache line
/// of its own, as the other side is.
#[derive(Debug)]
#[repr(align(64))]
struct Reader(Shared);

impl RxHalf for Reader {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<Option<(usize, Offload)>> {
        let mut header = [0; vnet::HEADER];
        let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(buf)];
        let len = match rustix::io::readv(&self.0, &mut parts) {
            Ok(len) => len,
            Err(error) => return super::unread(error.into()),
        };
        let len = len
            .checked_sub(vnet::HEADER)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let offload = vnet::parse(header, len).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Some((len, offload)))
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The other side.
#[derive(Debug)]
#[repr(align(64))]
struct Writer {
    file: Shared,
    whole: Whole,
}

impl Writer {
    fn new(file: Shared, superframes: Superframes) -> Self {
        let whole = Whole::new(superframes);
        Self { file, whole }
    }
}

impl TxHalf for Writer {
    fn send(&mut self, frame: Frame<'_>) -> Result<(), Refused> {
        // The tun driver has had faults with frames shorter than their header (CVE-2026-46320).
        if frame.bytes.len() < skerry_overlay::ETH_HEADER {
            return Err(Refused::Down);
        }
        let file = &self.file;
        self.whole.send(frame, |frame| {
            let header = vnet::emit(frame);
            let parts = [IoSlice::new(&header), IoSlice::new(frame.bytes)];
            rustix::io::writev(file, &parts)?;
            Ok(())
        })
    }

    fn switch(&mut self, superframes: Switch) -> Superframes {
        let before = self.whole.takes();
        let in_use = set_offloads(self.file.as_fd(), superframes).unwrap_or_else(|error| {
            tracing::warn!(%error, "a TAP goes on as it was");
            before
        });
        self.whole = Whole::new(in_use);
        in_use
    }

    fn superframes(&self) -> Superframes {
        self.whole.takes()
    }

    fn duplicate(&self) -> io::Result<Box<dyn TxHalf>> {
        let superframes = self.whole.takes();
        Ok(Box::new(Self::new(self.file.clone(), superframes)))
    }
}
