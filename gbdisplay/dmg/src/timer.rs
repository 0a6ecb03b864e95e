//! The divider and the timer that taps it (Pan Docs, "Timer and Divider Registers" and "Timer
//! obscure behaviour").
//!
//! TIMA does not count time: it counts falling edges of one bit of the divider, ANDed with TAC's
//! enable bit. So a write to DIV or TAC can make an edge, and TIMA then counts once more.

/// What happens around an overflow of TIMA.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reload {
    Idle,
    /// TIMA overflowed in this M-cycle and reads 0; a write to it calls the reload off.
    Due,
    /// TIMA is loaded from TMA in this M-cycle; a write to it is lost.
    Loading,
}

/// DIV, TIMA, TMA, TAC.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    /// Counts dots of the CPU's clock; DIV is its upper byte.
    divider: u16,
    tima: u8,
    tma: u8,
    tac: u8,
    reload: Reload,
}

impl Timer {
    /// As the boot ROM leaves it.
    pub(crate) const fn new(divider: u16) -> Self {
        Self {
            divider,
            tima: 0,
            tma: 0,
            tac: 0,
            reload: Reload::Idle,
        }
    }

    /// One M-cycle. Says which bits of the divider fell, and whether TIMA's interrupt is due.
    pub(crate) fn tick(&mut self) -> (u16, bool) {
        let interrupt = self.reload == Reload::Due;
        self.reload = if interrupt {
            self.tima = self.tma;
            Reload::Loading
        } else {
            Reload::Idle
        };
        (self.set_divider(self.divider.wrapping_add(4)), interrupt)
    }

    /// A write to DIV clears the whole divider; says which bits fell.
    pub(crate) fn clear_divider(&mut self) -> u16 {
        self.set_divider(0)
    }

    fn set_divider(&mut self, divider: u16) -> u16 {
        let fell = self.divider & !divider;
        self.divider = divider;
        if fell & self.tap() != 0 {
            self.count();
        }
        fell
    }

    /// The bit of the divider whose falling edge TIMA counts; none while the timer is off.
    const fn tap(&self) -> u16 {
        match self.tac & 7 {
            4 => 1 << 9,
            5 => 1 << 3,
            6 => 1 << 5,
            7 => 1 << 7,
            _ => 0,
        }
    }

    fn count(&mut self) {
        self.tima = self.tima.wrapping_add(1);
        if self.tima == 0 {
            self.reload = Reload::Due;
        }
    }

    /// FF04..=FF07.
    pub(crate) const fn read(&self, address: u16) -> u8 {
        match address & 3 {
            0 => self.divider.to_be_bytes()[0],
            1 => self.tima,
            2 => self.tma,
            _ => self.tac | 0xF8,
        }
    }

    /// FF05..=FF07; DIV is cleared by [`Self::clear_divider`].
    pub(crate) fn write(&mut self, address: u16, value: u8) {
        match address & 3 {
            1 => self.write_tima(value),
            2 => {
                self.tma = value;
                if self.reload == Reload::Loading {
                    self.tima = value;
                }
            }
            3 => {
                let before = self.divider & self.tap() != 0;
                self.tac = value & 7;
                if before && self.divider & self.tap() == 0 {
                    self.count();
                }
            }
            _ => {}
        }
    }

    fn write_tima(&mut self, value: u8) {
        if self.reload != Reload::Loading {
            self.tima = value;
            self.reload = Reload::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMA: u16 = 0xFF05;
    const TMA: u16 = 0xFF06;
    const TAC: u16 = 0xFF07;

    fn run(timer: &mut Timer, cycles: u32) -> u32 {
        (0..cycles).map(|_| u32::from(timer.tick().1)).sum()
    }

    /// `cycles` of TAC's fastest clock from a cleared divider.
    #[track_caller]
    fn check(tac: u8, cycles: u32, tima: u8) {
        let mut timer = Timer::new(0);
        timer.write(TAC, tac);
        run(&mut timer, cycles);
        assert_eq!(timer.read(TIMA), tima, "TAC {tac} after {cycles} M-cycles");
    }

    #[test]
    fn every_clock_has_its_period() {
        check(5, 3, 0);
        check(5, 4, 1);
        check(6, 15, 0);
        check(6, 16, 1);
        check(7, 63, 0);
        check(7, 64, 1);
        check(4, 255, 0);
        check(4, 256, 1);
        check(3, 256, 0);
    }

    #[test]
    fn a_reload_comes_one_cycle_after_the_overflow() {
        let mut timer = Timer::new(0);
        timer.write(TAC, 5);
        timer.write(TIMA, 0xFF);
        timer.write(TMA, 0x55);
        assert_eq!(run(&mut timer, 4), 0);
        assert_eq!(timer.read(TIMA), 0);
        assert_eq!(run(&mut timer, 1), 1);
        assert_eq!(timer.read(TIMA), 0x55);
        timer.write(TIMA, 1);
        assert_eq!(timer.read(TIMA), 0x55, "a write in the cycle of the load");
        timer.write(TMA, 0x66);
        assert_eq!(timer.read(TIMA), 0x66, "TMA passes through");
    }

    #[test]
    fn a_write_in_the_cycle_of_the_overflow_calls_it_off() {
        let mut timer = Timer::new(0);
        timer.write(TAC, 5);
        timer.write(TIMA, 0xFF);
        run(&mut timer, 4);
        timer.write(TIMA, 7);
        assert_eq!(run(&mut timer, 1), 0);
        assert_eq!(timer.read(TIMA), 7);
    }

    #[test]
    fn clearing_the_divider_or_stopping_the_timer_can_count() {
        let mut timer = Timer::new(0);
        timer.write(TAC, 5);
        run(&mut timer, 2);
        assert_eq!(timer.clear_divider(), 8);
        assert_eq!(timer.read(TIMA), 1);
        run(&mut timer, 2);
        timer.write(TAC, 1);
        assert_eq!(timer.read(TIMA), 2);
    }
}
