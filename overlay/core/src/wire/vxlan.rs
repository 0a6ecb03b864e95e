//! The VXLAN header (RFC 7348 section 5).

use skerry_policy::Vni;

use crate::reason::DropReason;

/// The IANA port.
pub(crate) const PORT: u16 = 4789;
/// Bytes of the header.
pub(crate) const LEN: usize = 8;
/// The I flag: the VNI is valid.
const FLAG_VNI: u8 = 0x08;

/// The number and the frame of a VXLAN packet.
///
/// Demands the I flag alone and zero reserved bits: stricter than RFC 7348 section 5 ("ignored on
/// receipt"), the same as the kernel, so that no side channel crosses a private VLAN.
///
/// # Errors
/// The reason to drop it for.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Vni, &[u8]), DropReason> {
    let (header, inner) = bytes
        .split_first_chunk::<LEN>()
        .ok_or(DropReason::VxlanShort)?;
    let [flags, r0, r1, r2, a, b, c, r3] = *header;
    if [flags, r0, r1, r2, r3] != [FLAG_VNI, 0, 0, 0, 0] {
        return Err(DropReason::VxlanFlags);
    }
    let vni = Vni::new(u32::from_be_bytes([0, a, b, c])).ok_or(DropReason::VniUnknown)?;
    Ok((vni, inner))
}

/// The header that goes before a frame of this segment.
pub(crate) const fn header(vni: Vni) -> [u8; LEN] {
    let [_, a, b, c] = vni.get().to_be_bytes();
    [FLAG_VNI, 0, 0, 0, a, b, c, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: Result<u32, DropReason>) {
        assert_eq!(
            parse(bytes).map(|(vni, _)| vni.get()),
            expect,
            "{bytes:02x?}"
        );
    }

    #[test]
    fn only_the_vni_flag_may_be_set() {
        check(&[8, 0, 0, 0, 1, 2, 3, 0], Ok(0x0001_0203));
        check(&[8, 0, 0, 0, 0, 0, 0, 0], Err(DropReason::VniUnknown));
        for flags in [0x00, 0x88, 0x09, 0x0c, 0xff] {
            check(&[flags, 0, 0, 0, 1, 2, 3, 0], Err(DropReason::VxlanFlags));
        }
        for reserved in [1, 2, 3, 7] {
            let mut bytes = [8, 0, 0, 0, 1, 2, 3, 0];
            bytes[reserved] = 1;
            check(&bytes, Err(DropReason::VxlanFlags));
        }
        check(&[8, 0, 0, 0, 1, 2, 3], Err(DropReason::VxlanShort));
    }

    #[test]
    fn what_is_written_is_read() {
        let vni = Vni::new(20_101).unwrap();
        assert_eq!(parse(&header(vni)), Ok((vni, &[][..])));
    }
}
