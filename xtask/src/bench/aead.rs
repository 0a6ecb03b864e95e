//! The yardstick: what the cipher alone costs on this machine at this moment.

use std::time::Duration;

use anyhow::{Result, anyhow};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustix::time::{ClockId, clock_gettime};

/// Bytes that are sealed at once, about what a full frame becomes.
pub(super) const LENGTH: usize = 1420;

/// How long it is measured for, in CPU time.
const WINDOW: Duration = Duration::from_millis(100);

/// CPU nanoseconds that ring takes to seal 1,420 bytes with ChaCha20-Poly1305.
pub(super) fn seal_ns() -> Result<f64> {
    let wrong = |_| anyhow!("ring refuses to seal");
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).map_err(wrong)?);
    let mut bytes = [1; LENGTH];
    let (start, mut count) = (cpu(), 0_u64);
    loop {
        for _ in 0..256 {
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&count.to_le_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut bytes);
            let _tag = std::hint::black_box(tag.map_err(wrong)?);
            count += 1;
        }
        let spent = cpu() - start;
        if spent >= WINDOW {
            return Ok(spent.as_nanos() as f64 / count as f64);
        }
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
