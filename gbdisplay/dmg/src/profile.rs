//! Where the CPU's time goes: M-cycles by address of the instruction, and of interrupt handlers
//! from their entry to their return.

use std::ops::RangeInclusive;

use crate::cpu::Did;
use crate::interrupts::Interrupt;

/// What a handler took.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Handler {
    /// Times that it returned.
    pub calls: u64,
    /// M-cycles of all of them, each from the first of its dispatch to its return.
    pub cycles: u64,
    /// M-cycles of the longest.
    pub longest: u64,
}

/// A handler that did not return yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    interrupt: Interrupt,
    /// SP after its return.
    sp: u16,
    start: u64,
}

/// Handlers within handlers that are followed.
const DEPTH: usize = 16;

/// M-cycles by address and by interrupt.
#[derive(Clone, Debug)]
pub struct Profile {
    at: Box<[u64]>,
    handlers: [Handler; 5],
    open: Vec<Open>,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self {
            at: vec![0; 0x1_0000].into(),
            handlers: [Handler::default(); 5],
            open: Vec::new(),
        }
    }

    /// M-cycles of the instructions that start in `addresses`. The dispatch of an interrupt counts
    /// as its vector's, waiting in HALT as that of the instruction after it.
    pub fn cycles_at(&self, addresses: RangeInclusive<u16>) -> u64 {
        let (from, to) = (
            usize::from(*addresses.start()),
            usize::from(*addresses.end()),
        );
        self.at.get(from..=to).unwrap_or_default().iter().sum()
    }

    /// What the handler of an interrupt took so far.
    pub const fn handler(&self, interrupt: Interrupt) -> Handler {
        self.handlers[interrupt.index() as usize]
    }

    /// What was done from `start` to `end`, by the instruction at `pc`, with SP as it is now.
    pub(crate) fn record(&mut self, did: Did, pc: u16, sp: u16, start: u64, end: u64) {
        let pc = match did {
            Did::Interrupted(interrupt) => {
                if self.open.len() < DEPTH {
                    self.open.push(Open {
                        interrupt,
                        sp: sp.wrapping_add(2),
                        start,
                    });
                }
                interrupt.vector()
            }
            Did::Returned => {
                self.close(sp, end);
                pc
            }
            Did::Ran => pc,
        };
        if let Some(cycles) = self.at.get_mut(usize::from(pc)) {
            *cycles += end - start;
        }
    }

    fn close(&mut self, sp: u16, end: u64) {
        let Some(open) = self.open.pop_if(|it| it.sp == sp) else {
            return;
        };
        let took = end - open.start;
        let handler = &mut self.handlers[usize::from(open.interrupt.index())];
        handler.calls += 1;
        handler.cycles += took;
        handler.longest = handler.longest.max(took);
    }
}
