//! How long things take, and how long to wait for them.

/// Pictures a second of the panel, times 1000 (Pan Docs, "Rendering").
pub const PICTURES_PER_1000_SECONDS: u32 = 59_727;

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
