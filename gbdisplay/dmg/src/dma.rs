//! OAM DMA (Pan Docs, "OAM DMA Transfer"): 160 bytes, one in each M-cycle.

/// The transfer behind FF46.
#[derive(Clone, Debug)]
pub(crate) struct Dma {
    /// What FF46 reads back.
    page: u8,
    /// M-cycles until the transfer that was asked for starts; 0 when none was.
    starts_in: u8,
    /// Upper byte of the running transfer's source.
    source: u8,
    /// Bytes copied so far; [`LENGTH`] when nothing runs.
    copied: u8,
    /// The byte on the bus, while a transfer holds it.
    held: Option<u8>,
}

const LENGTH: u8 = 160;

impl Dma {
    pub(crate) const fn new() -> Self {
        Self {
            page: 0xFF,
            starts_in: 0,
            source: 0,
            copied: LENGTH,
            held: None,
        }
    }

    pub(crate) const fn page(&self) -> u8 {
        self.page
    }

    /// Asks for a transfer; one that runs goes on until the new one starts.
    pub(crate) const fn start(&mut self, page: u8) {
        self.page = page;
        self.starts_in = 2;
    }

    /// Whether a tick would do anything.
    pub(crate) const fn is_busy(&self) -> bool {
        self.starts_in > 0 || self.copied < LENGTH || self.held.is_some()
    }

    /// One M-cycle: where to read from and which place of OAM to write.
    pub(crate) const fn tick(&mut self) -> Option<(u16, u8)> {
        if self.starts_in > 0 {
            self.starts_in -= 1;
            if self.starts_in == 0 {
                // What lies behind E000 is the mirror of work RAM, to its end.
                self.source = if self.page >= 0xE0 {
                    self.page - 0x20
                } else {
                    self.page
                };
                self.copied = 0;
            }
        }
        if self.copied == LENGTH {
            self.held = None;
            return None;
        }
        let place = self.copied;
        self.copied += 1;
        Some((u16::from_be_bytes([self.source, place]), place))
    }

    pub(crate) const fn hold(&mut self, byte: u8) {
        self.held = Some(byte);
    }

    /// What the CPU reads at `address` instead of what is there: the transfer owns OAM, and the bus
    /// that it reads from.
    pub(crate) const fn conflict(&self, address: u16) -> Option<u8> {
        match (self.held, address) {
            (None, _) | (_, 0xFF00..) => None,
            (_, 0xFE00..) => Some(0xFF),
            (held, _) if is_video(address) == is_video(self.source_address()) => held,
            _ => None,
        }
    }

    const fn source_address(&self) -> u16 {
        u16::from_be_bytes([self.source, 0])
    }
}

const fn is_video(address: u16) -> bool {
    matches!(address, 0x8000..=0x9FFF)
}
