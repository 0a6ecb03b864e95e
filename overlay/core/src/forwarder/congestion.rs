//! What a tunnel's header says of congestion is taken over by what comes out of it (RFC 6040 section
//! 4.2), and there are two around a frame: the datagram's, which routers of the underlay mark, and
//! the carrying packet's inside.

use crate::frame::ETH_HEADER;
use crate::reason::DropReason;
use crate::wire::carrier::Carried;
use crate::wire::ecn::Ecn;
use crate::wire::vxlan;

/// Marks the frame in a packet out of a tunnel, whose datagram said this, as both headers want it.
///
/// # Errors
/// [`DropReason::Congestion`] if there is a mark that it cannot carry.
pub(super) fn take_over(datagram: Ecn, packet: &mut [u8]) -> Result<(), DropReason> {
    let carrier = Ecn::of_packet(packet);
    if is_silent(datagram) && is_silent(carrier) {
        return Ok(());
    }
    let carrier = datagram.onto(carrier).ok_or(DropReason::Congestion)?;
    // Anything else is refused for what it is, or goes no further.
    let Some(at) = frame_at(packet) else {
        return Ok(());
    };
    let frame = packet.get_mut(at..).unwrap_or_default();
    let inner = Ecn::of_frame(frame);
    let said = carrier.onto(inner).ok_or(DropReason::Congestion)?;
    if said != inner
        && let Some(packet) = frame.get_mut(ETH_HEADER..)
    {
        // One that is cut short is refused as malformed.
        said.write(packet);
    }
    Ok(())
}

/// It changes nothing, whatever is inside.
const fn is_silent(outer: Ecn) -> bool {
    matches!(outer, Ecn::NotEct | Ecn::Ect0)
}

/// Where the frame begins in a packet that carries one.
fn frame_at(packet: &[u8]) -> Option<usize> {
    let carried = Carried::parse(packet).ok()?;
    (carried.port == vxlan::PORT).then_some(carried.start + vxlan::LEN)
}
