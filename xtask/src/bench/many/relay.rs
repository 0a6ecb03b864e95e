//! The least that a switch in a program can do: a frame is read from one TAP and written to
//! another, which its address names. It knows nothing, learns nothing, checks nothing and counts
//! nothing, so what it costs is what the kernel does for anybody.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::{MaybeUninit, zeroed};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use nix::libc;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// The header in front of every frame.
const HEADER: usize = 10;

/// As many as a worker of Skerry is told of at once.
const EVENTS: usize = 64;

/// Which of them there are.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Relay {
    /// TAPs `p0`, `p1` and so on, made here.
    pub(super) ports: u32,
    /// Hosts behind all of them, as many behind each. The last four bytes of a MAC address say which
    /// one it is of.
    pub(super) hosts: u32,
}

impl Relay {
    /// Works until it is killed.
    pub(crate) fn run(self) -> Result<()> {
        ensure!(self.ports > 0 && self.hosts >= self.ports, "no hosts");
        let ports: Vec<File> = (0..self.ports).map(open).collect::<Result<_>>()?;
        set_up(self.ports)?;
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        for (nth, port) in ports.iter().enumerate() {
            let data = EventData::new_u64(u64::try_from(nth)?);
            epoll::add(&poll, port, data, EventFlags::IN)?;
        }
        let mut frame = vec![0; 1 << 16];
        loop {
            let mut events = [MaybeUninit::<epoll::Event>::uninit(); EVENTS];
            let (ready, _) = epoll::wait(&poll, &mut events, None)?;
            for event in ready {
                let port = ports.get(usize::try_from(event.data.u64())?);
                self.pass_one(&ports, port.context("no such port")?, &mut frame)?;
            }
        }
    }

    /// Whatever has no receiver here goes nowhere.
    fn pass_one(self, ports: &[File], from: &File, frame: &mut [u8]) -> Result<()> {
        let mut header = [0; HEADER];
        let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(frame)];
        let read = match (&mut &*from).read_vectored(&mut parts) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("cannot read a TAP"),
        };
        let frame = frame.get(..read.saturating_sub(HEADER)).unwrap_or_default();
        let to = self.port_of(frame).and_then(|port| ports.get(port));
        if let Some(mut to) = to {
            let parts = [IoSlice::new(&header), IoSlice::new(frame)];
            to.write_vectored(&parts).context("cannot write a TAP")?;
        }
        Ok(())
    }

    /// The port of the host that a frame is for.
    fn port_of(self, frame: &[u8]) -> Option<usize> {
        let host = u32::from_be_bytes(*frame.get(2..)?.first_chunk()?);
        let port = u64::from(host) * u64::from(self.ports) / u64::from(self.hosts);
        usize::try_from(port).ok()
    }
}

/// Makes a TAP, which lives as long as the file.
fn open(port: u32) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.custom_flags(libc::O_NONBLOCK);
    let tap = options.open("/dev/net/tun").context("there are no TAPs")?;
    // SAFETY: ifreq is integers and unions of them, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(format!("p{port}").bytes()) {
        *to = libc::c_char::try_from(from)?;
    }
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags)?;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which is what the pointer names.
    let made = unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if made != 0 {
        return Err(io::Error::last_os_error()).context("cannot make a TAP");
    }
    Ok(tap)
}

/// Sets all of them up, in one call of `ip`.
fn set_up(ports: u32) -> Result<()> {
    let mut ip = Command::new("ip");
    ip.args(["-batch", "-"]).stdin(Stdio::piped());
    let mut ip = ip.spawn().context("cannot run ip")?;
    let words: String = (0..ports)
        .map(|port| format!("link set p{port} up\n"))
        .collect();
    // Dropped afterwards, so that it ends.
    let mut stdin = ip.stdin.take().context("ip takes no words")?;
    stdin.write_all(words.as_bytes())?;
    drop(stdin);
    if !ip.wait()?.success() {
        bail!("ip set up no TAPs");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::many::frame::frame;
    use crate::bench::many::layout::Layout;

    #[test]
    fn a_frame_goes_where_its_receiver_is() {
        for layout in Layout::all() {
            let relay = Relay {
                ports: layout.ports(),
                hosts: layout.hosts(),
            };
            let mut talk = layout.talk();
            for _ in 0..layout.hosts() {
                let (from, to) = talk.turn();
                let (from, to) = (layout.host(from), layout.host(to));
                let port = usize::try_from(to.port).ok();
                assert_eq!(relay.port_of(&frame(from, to)), port, "{layout}");
            }
        }
    }
}
