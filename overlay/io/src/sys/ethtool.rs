//! `SIOCETHTOOL`, for the offloads of a device (`linux/ethtool.h`).

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{check, if_name};

/// What can be read and set by one number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Feature {
    /// Flags of the device, among them large receive offload and VLAN tags.
    Flags,
    /// Generic receive offload.
    GenericReceive,
    /// Generic segmentation.
    GenericSegmentation,
    /// TCP segmentation.
    TcpSegmentation,
    /// Checksums of what is sent.
    TransmitChecksum,
}

impl Feature {
    /// The commands that get and set it. All of them carry a `struct ethtool_value`, which the
    /// ioctl below relies on.
    const fn commands(self) -> (u32, u32) {
        match self {
            Self::Flags => (0x25, 0x26),
            Self::GenericReceive => (0x2b, 0x2c),
            Self::GenericSegmentation => (0x23, 0x24),
            Self::TcpSegmentation => (0x1e, 0x1f),
            Self::TransmitChecksum => (0x16, 0x17),
        }
    }
}

/// Reads a feature of an interface.
pub(crate) fn get(socket: BorrowedFd<'_>, interface: &str, feature: Feature) -> io::Result<u32> {
    ioctl(socket, interface, feature.commands().0, 0)
}

/// Sets a feature of an interface.
pub(crate) fn set(
    socket: BorrowedFd<'_>,
    interface: &str,
    feature: Feature,
    value: u32,
) -> io::Result<()> {
    ioctl(socket, interface, feature.commands().1, value).map(drop)
}

/// `ETHTOOL_GSTRINGS`, `ETHTOOL_GSSET_INFO` and `ETHTOOL_SFEATURES`.
const GET_STRINGS: u32 = 0x1b;
const GET_SET_INFO: u32 = 0x37;
const SET_FEATURES: u32 = 0x3b;

/// `ETH_SS_FEATURES`: the set of strings that has the features' names.
const FEATURE_NAMES: u32 = 4;

/// `ETH_GSTRING_LEN`, in 32-bit words.
const NAME: usize = 32 / 4;

/// More features than this no kernel has; one that says so is not believed.
const FEATURES_MAX: u32 = 1024;

/// Switches off what goes by these names (`ethtool -k`). Names that the kernel does not know, and
/// features that the device does not let go of, are passed over.
pub(crate) fn switch_off(
    socket: BorrowedFd<'_>,
    interface: &str,
    unwanted: &[&str],
) -> io::Result<()> {
    let names = feature_names(socket, interface)?;
    // struct ethtool_set_features_block: which bits are meant, and what they are to be.
    let mut blocks = vec![[0_u32; 2]; names.len().div_ceil(32)];
    for (index, name) in names.iter().enumerate() {
        let wanted = !unwanted.contains(&name.as_str());
        if let (Some([valid, _]), false) = (blocks.get_mut(index / 32), wanted) {
            *valid |= 1 << (index % 32);
        }
    }
    let mut request = vec![SET_FEATURES, length(blocks.len())?];
    request.extend(blocks.iter().flatten());
    ioctl_words(socket, interface, &mut request)
}

/// The names of all features, in the order of their bits.
fn feature_names(socket: BorrowedFd<'_>, interface: &str) -> io::Result<Vec<String>> {
    let [m0, m1] = {
        let [a, b, c, d, e, f, g, h] = (1_u64 << FEATURE_NAMES).to_ne_bytes();
        [[a, b, c, d], [e, f, g, h]].map(u32::from_ne_bytes)
    };
    // struct ethtool_sset_info: command, reserved, a mask of sets in 64 bits, their sizes.
    let mut info = [GET_SET_INFO, 0, m0, m1, 0];
    ioctl_words(socket, interface, &mut info)?;
    let [.., count] = info;
    if count > FEATURES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // struct ethtool_gstrings: command, set, number of strings, strings.
    let mut strings = vec![GET_STRINGS, FEATURE_NAMES, count];
    let header = strings.len();
    let words = usize::try_from(count).unwrap_or_default() * NAME;
    strings.resize(header + words, 0);
    ioctl_words(socket, interface, &mut strings)?;
    let names = strings.get(header..).unwrap_or_default().chunks_exact(NAME);
    Ok(names.map(text).collect())
}

/// A string that ends with a zero, out of words.
fn text(words: &[u32]) -> String {
    let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
    let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn length(count: usize) -> io::Result<u32> {
    u32::try_from(count).map_err(io::Error::other)
}

/// `struct ethtool_value` of `linux/ethtool.h`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// A command whose structure is all 32-bit words, the first of them the command itself.
fn ioctl_words(socket: BorrowedFd<'_>, interface: &str, words: &mut [u32]) -> io::Result<()> {
    // SAFETY: ifreq is integers and unions of them, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name = if_name(interface)?;
    request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
    // SAFETY: SIOCETHTOOL reads the ifreq, and reads and writes the structure of the command that
    // its pointer names, which lives here. How long that is says a number in it that the callers
    // above have made room for: one size after the mask of one set, and as many strings as the
    // kernel has said that the set has, which is a constant of the kernel.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) })?;
    Ok(())
}

fn ioctl(socket: BorrowedFd<'_>, interface: &str, command: u32, data: u32) -> io::Result<u32> {
    let mut value = EthtoolValue { command, data };
    // SAFETY: ifreq is integers and unions of them, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name = if_name(interface)?;
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: SIOCETHTOOL reads the ifreq and, for the commands of `Feature`, reads and writes
    // the eight bytes of the struct ethtool_value that its pointer names; both live here.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) })?;
    Ok(value.data)
}
