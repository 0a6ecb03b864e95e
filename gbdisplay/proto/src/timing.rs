//! How long things take, and how long to wait for them.

/// After so many pictures without a byte the panel forgets a byte or a frame that was cut off:
/// 67 ms.
pub const WATCHDOG_PICTURES: u8 = 4;
/// How long the host is silent to make that happen, in microseconds. Longer by more than half,
/// since the panel counts whole pictures.
pub const SILENCE_US: u64 = 120_000;

/// After so many pictures without a good frame the panel says that what it shows is stale: 1.5 s.
pub const STALE_PICTURES: u8 = 90;
/// A host with nothing to say sends a beat this often, in microseconds: three may be lost.
pub const BEAT_US: u64 = 400_000;

/// The panel begins to check a frame when so many bytes of it have come; so an answer is at most
/// this many bytes of work late.
pub const BATCH: u8 = 8;

/// How long the host waits for an acknowledgement before it sends a frame again, in microseconds:
/// the longest thing that the panel may be at, a chart of forty values, takes 7 ms.
pub const ACK_US: u64 = 10_000;
/// And at least so many bytes, on a slow line.
pub const ACK_BYTES: u32 = 24;
/// How much longer it waits for that of a greeting, for which the panel clears everything first.
pub const GREETING_US: u64 = 30_000;
/// And at least so many bytes: the epoch, which is told once in sixteen, must be told twice.
pub const GREETING_BYTES: u32 = 48;
/// After so many times in vain the host is silent, for the watchdog.
pub const SENDS_MAX: u32 = 6;
/// After so long without a status that is believed the host is silent too, in microseconds.
pub const NOISE_US: u64 = 60_000;
/// After so long without a status that is believed the link is down, in microseconds.
pub const DOWN_US: u64 = 300_000;
