//! What the CPU is wired to. Every access takes an M-cycle: everything else advances by one, and
//! then the byte is read or written (Pan Docs, "Memory Map").

use crate::apu::Apu;
use crate::cartridge::Cartridge;
use crate::dma::Dma;
use crate::interrupts::{Interrupt, Interrupts};
use crate::joypad::Joypad;
use crate::ppu::Ppu;
use crate::serial::Serial;
use crate::timer::Timer;

/// Everything but the CPU.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    /// The registers of a CGB are there.
    color: bool,
    pub(crate) cartridge: Cartridge,
    pub(crate) interrupts: Interrupts,
    pub(crate) joypad: Joypad,
    pub(crate) serial: Serial,
    pub(crate) ppu: Ppu,
    pub(crate) apu: Apu,
    timer: Timer,
    dma: Dma,
    /// Eight banks; a DMG has two.
    wram: Box<[u8; 0x8000]>,
    /// SVBK, as written.
    wram_bank: u8,
    hram: [u8; 128],
    /// KEY1: the CPU runs at twice the speed.
    double_speed: bool,
    /// KEY1: STOP will change the speed.
    speed_armed: bool,
    /// Machine time, in dots of 4194304 Hz whatever the CPU's speed.
    now: u64,
}

impl Bus {
    pub(crate) fn new(cartridge: Cartridge, color: bool) -> Self {
        Self {
            color,
            cartridge,
            interrupts: Interrupts {
                enable: 0,
                flags: 0x01,
            },
            joypad: Joypad::new(),
            serial: Serial::new(),
            ppu: Ppu::new(color),
            apu: Apu::new(),
            timer: Timer::new(0xABCC),
            dma: Dma::new(),
            wram: Box::new([0; 0x8000]),
            wram_bank: 0,
            hram: [0; 128],
            double_speed: false,
            speed_armed: false,
            now: 0,
        }
    }

    /// Machine time in dots.
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    /// A read in an M-cycle of its own.
    pub(crate) fn read(&mut self, address: u16) -> u8 {
        self.idle();
        self.dma
            .conflict(address)
            .unwrap_or_else(|| self.load(address))
    }

    /// A write in an M-cycle of its own.
    pub(crate) fn write(&mut self, address: u16, value: u8) {
        self.idle();
        if self.dma.conflict(address).is_none() {
            self.store(address, value);
        }
    }

    /// An M-cycle without an access.
    pub(crate) fn idle(&mut self) {
        let dots: u16 = if self.double_speed { 2 } else { 4 };
        self.now += u64::from(dots);
        let (fell, timer) = self.timer.tick();
        if timer {
            self.interrupts.request(Interrupt::Timer.bit());
        }
        if self.serial.tick(self.now, fell) {
            self.interrupts.request(Interrupt::Serial.bit());
        }
        let requests = self.ppu.tick(dots);
        self.interrupts.request(requests);
        // In double speed the sequencer taps the next bit.
        self.apu.tick(dots, fell >> u8::from(self.double_speed));
        if self.dma.is_busy() {
            self.tick_dma();
        }
    }

    fn tick_dma(&mut self) {
        if let Some((source, place)) = self.dma.tick() {
            let byte = self.load(source);
            self.dma.hold(byte);
            self.ppu.load_oam(place, byte);
        }
    }

    /// Time goes by while the CPU is stopped: nothing moves.
    pub(crate) const fn stand_still(&mut self) {
        self.now += 4;
    }

    /// STOP: the divider is cleared, and a CGB changes its speed if KEY1 asks for that. True when
    /// it did, which takes a while.
    pub(crate) fn stop(&mut self) -> bool {
        let fell = self.timer.clear_divider();
        self.apu.tick(0, fell);
        let switch = std::mem::take(&mut self.speed_armed);
        self.double_speed ^= switch;
        switch
    }

    /// What the CPU would read now, were there no DMA.
    fn load(&self, address: u16) -> u8 {
        match address {
            0x8000..=0x9FFF if self.ppu.vram_is_closed() => 0xFF,
            0xFE00..=0xFEFF if self.ppu.oam_is_closed() => 0xFF,
            0xFF00..=0xFF7F => self.read_register(address),
            _ => self.peek(address),
        }
    }

    /// What is there, closed or not.
    pub(crate) fn peek(&self, address: u16) -> u8 {
        match address {
            0x0000..=0x7FFF => self.cartridge.read(address),
            0x8000..=0x9FFF => self.ppu.peek_vram(address),
            0xA000..=0xBFFF => self.cartridge.read_ram(address),
            0xC000..=0xFDFF => self.wram[self.wram_place(address) & 0x7FFF],
            0xFE00..=0xFEFF => self.ppu.peek_oam(address),
            0xFF00..=0xFF7F => self.read_register(address),
            0xFF80..=0xFFFE => self.hram[usize::from(address & 0x7F)],
            0xFFFF => self.interrupts.enable,
        }
    }

    fn store(&mut self, address: u16, value: u8) {
        match address {
            0x0000..=0x7FFF => self.cartridge.write(address, value),
            0x8000..=0x9FFF => self.ppu.write_vram(address, value),
            0xA000..=0xBFFF => self.cartridge.write_ram(address, value),
            0xC000..=0xFDFF => self.wram[self.wram_place(address) & 0x7FFF] = value,
            0xFE00..=0xFEFF => self.ppu.write_oam(address, value),
            0xFF00..=0xFF7F => self.write_register(address, value),
            0xFF80..=0xFFFE => self.hram[usize::from(address & 0x7F)] = value,
            0xFFFF => self.interrupts.enable = value,
        }
    }

    /// C000..=DFFF and its mirror. The upper half is a bank; bank 0 there is bank 1.
    fn wram_place(&self, address: u16) -> usize {
        let place = usize::from(address & 0x1FFF);
        if place < 0x1000 {
            return place;
        }
        let bank = usize::from(self.wram_bank & 7).max(1);
        bank << 12 | place & 0x0FFF
    }

    fn read_register(&self, address: u16) -> u8 {
        match address {
            0xFF00 => self.joypad.read(),
            0xFF01..=0xFF02 => self.serial.read(address, self.color),
            0xFF04..=0xFF07 => self.timer.read(address),
            0xFF0F => self.interrupts.flags | 0xE0,
            0xFF10..=0xFF3F => self.apu.read(address),
            0xFF46 => self.dma.page(),
            0xFF4D if self.color => {
                u8::from(self.double_speed) << 7 | 0x7E | u8::from(self.speed_armed)
            }
            0xFF70 if self.color => self.wram_bank | 0xF8,
            _ => self.ppu.read(address),
        }
    }

    fn write_register(&mut self, address: u16, value: u8) {
        match address {
            0xFF00 => {
                if self.joypad.write(value) {
                    self.interrupts.request(Interrupt::Joypad.bit());
                }
            }
            0xFF01..=0xFF02 => self.serial.write(address, value, self.color),
            0xFF04 => {
                let fell = self.timer.clear_divider();
                self.apu.tick(0, fell >> u8::from(self.double_speed));
            }
            0xFF05..=0xFF07 => self.timer.write(address, value),
            0xFF0F => self.interrupts.flags = value & 0x1F,
            0xFF10..=0xFF3F => self.apu.write(address, value),
            0xFF46 => self.dma.start(value),
            0xFF4D if self.color => self.speed_armed = value & 1 != 0,
            0xFF70 if self.color => self.wram_bank = value & 7,
            _ => {
                let requests = self.ppu.write(address, value);
                self.interrupts.request(requests);
            }
        }
    }
}
