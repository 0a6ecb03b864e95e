//! Faults in the Game Boy core.

use super::faults::Tests::Console;
use super::faults::{Edit, Fault};

const ALU: &str = "gbdisplay/dmg/src/cpu/alu.rs";
const BITS: &str = "gbdisplay/dmg/src/cpu/bits.rs";
const EXECUTE: &str = "gbdisplay/dmg/src/cpu/execute.rs";
const CPU: &str = "gbdisplay/dmg/src/cpu/mod.rs";
const TIMER: &str = "gbdisplay/dmg/src/timer.rs";
const SERIAL: &str = "gbdisplay/dmg/src/serial.rs";
const PPU: &str = "gbdisplay/dmg/src/ppu/mod.rs";
const REGISTERS: &str = "gbdisplay/dmg/src/ppu/registers.rs";
const OBJECT: &str = "gbdisplay/dmg/src/ppu/object.rs";
const DMA: &str = "gbdisplay/dmg/src/dma.rs";
const PROFILE: &str = "gbdisplay/dmg/src/profile.rs";

pub(super) const CONSOLE_FAULTS: [Fault; 24] = [
    Fault {
        name: "adjust decimals of 99 too",
        edits: &[Edit {
            file: ALU,
            from: "a > 0x99",
            to: "a > 0x98",
        }],
        tests: Console(""),
    },
    Fault {
        name: "carry a half too early in ADD HL",
        edits: &[Edit {
            file: ALU,
            from: "+ (value & 0x0FFF) > 0x0FFF",
            to: "+ (value & 0x0FFF) > 0x0FFE",
        }],
        tests: Console(""),
    },
    Fault {
        name: "take the flags of ADD SP from the whole sum",
        edits: &[Edit {
            file: ALU,
            from: "let full = low.overflowing_add(offset).1;",
            to: "let full = self.sp.overflowing_add(offset.into()).1;",
        }],
        tests: Console(""),
    },
    Fault {
        name: "let INC keep the half carry",
        edits: &[Edit {
            file: ALU,
            from: "flag(sum & 0x0F == 0, H)",
            to: "flag(sum & 0x1F == 0, H)",
        }],
        tests: Console(""),
    },
    Fault {
        name: "shift a sign out of SRA",
        edits: &[Edit {
            file: BITS,
            from: "5 => (value >> 1 | value & 0x80, value & 1),",
            to: "5 => (value >> 1, value & 1),",
        }],
        tests: Console(""),
    },
    Fault {
        name: "let the short rotations set Z",
        edits: &[Edit {
            file: EXECUTE,
            from: "self.r[REG_F] &= C;",
            to: "",
        }],
        tests: Console(""),
    },
    Fault {
        name: "serve interrupts at once after EI",
        edits: &[Edit {
            file: EXECUTE,
            from: "0xFB => self.ime_next = true,",
            to: "0xFB => self.ime = true,",
        }],
        tests: Console(""),
    },
    Fault {
        name: "forget the halt bug",
        edits: &[Edit {
            file: EXECUTE,
            from: "self.halt_bug = true;",
            to: "",
        }],
        tests: Console(""),
    },
    Fault {
        name: "take no time for a jump",
        edits: &[Edit {
            file: EXECUTE,
            from: "bus.idle();\n                    self.pc = address;",
            to: "self.pc = address;",
        }],
        tests: Console(""),
    },
    Fault {
        name: "write SP with its upper byte first",
        edits: &[Edit {
            file: EXECUTE,
            from: "bus.write(address, low);\n                bus.write(address.wrapping_add(1), high);",
            to: "bus.write(address.wrapping_add(1), high);\n                bus.write(address, low);",
        }],
        tests: Console(""),
    },
    Fault {
        name: "dispatch in four M-cycles",
        edits: &[Edit {
            file: CPU,
            from: "bus.idle();\n        bus.idle();\n        bus.idle();\n        let [high, low] = self.pc",
            to: "bus.idle();\n        bus.idle();\n        let [high, low] = self.pc",
        }],
        tests: Console(""),
    },
    Fault {
        name: "let POP AF set bits that do not exist",
        edits: &[Edit {
            file: CPU,
            from: "self.r[REG_F] = f & 0xF0;",
            to: "self.r[REG_F] = f;",
        }],
        tests: Console(""),
    },
    Fault {
        name: "push in the M-cycle before",
        edits: &[Edit {
            file: CPU,
            from: "bus.idle();\n        self.sp = self.sp.wrapping_sub(1);\n        bus.write(self.sp, high);\n        self.sp = self.sp.wrapping_sub(1);\n        bus.write(self.sp, low);\n    }\n\n    fn pop",
            to: "self.sp = self.sp.wrapping_sub(1);\n        bus.write(self.sp, high);\n        self.sp = self.sp.wrapping_sub(1);\n        bus.write(self.sp, low);\n        bus.idle();\n    }\n\n    fn pop",
        }],
        tests: Console(""),
    },
    Fault {
        name: "reload TIMA at once",
        edits: &[Edit {
            file: TIMER,
            from: "self.reload = Reload::Due;",
            to: "self.tima = self.tma;",
        }],
        tests: Console(""),
    },
    Fault {
        name: "let a write to DIV make no edge",
        edits: &[Edit {
            file: TIMER,
            from: "self.set_divider(0)",
            to: "std::mem::take(&mut self.divider)",
        }],
        tests: Console(""),
    },
    Fault {
        name: "shift although nothing is armed",
        edits: &[Edit {
            file: SERIAL,
            from: "self.control & (START | INTERNAL) == START\n    }",
            to: "self.control & INTERNAL == 0\n    }",
        }],
        tests: Console(""),
    },
    Fault {
        name: "keep the bits of a byte that was cut off",
        edits: &[Edit {
            file: SERIAL,
            from: "self.shifted = 0;\n        }\n    }\n\n    pub(crate) const fn unarmed_bits",
            to: "}\n    }\n\n    pub(crate) const fn unarmed_bits",
        }],
        tests: Console(""),
    },
    Fault {
        name: "interrupt although the line is high",
        edits: &[Edit {
            file: PPU,
            from: "if self.stat_line && !before {",
            to: "if self.stat_line {",
        }],
        tests: Console(""),
    },
    Fault {
        name: "let SCX cost nothing",
        edits: &[Edit {
            file: PPU,
            from: "DRAW_DOTS + u16::from(self.scx & 7)",
            to: "DRAW_DOTS",
        }],
        tests: Console(""),
    },
    Fault {
        name: "keep video memory open",
        edits: &[Edit {
            file: REGISTERS,
            from: "matches!(self.phase, Phase::Draw)",
            to: "false",
        }],
        tests: Console(""),
    },
    Fault {
        name: "lose writes without counting",
        edits: &[Edit {
            file: REGISTERS,
            from: "self.vram_drops = self.vram_drops.wrapping_add(1);",
            to: "",
        }],
        tests: Console(""),
    },
    Fault {
        name: "draw the later object over the left one",
        edits: &[Edit {
            file: OBJECT,
            from: "found.all[..found.count].sort_by_key(|it| it.x);",
            to: "",
        }],
        tests: Console(""),
    },
    Fault {
        name: "let the CPU read what it likes during DMA",
        edits: &[Edit {
            file: DMA,
            from: "held,\n            _ => None,",
            to: "None,\n            _ => None,",
        }],
        tests: Console(""),
    },
    Fault {
        name: "start a handler after its dispatch",
        edits: &[Edit {
            file: PROFILE,
            from: "                        start,\n",
            to: "                        start: end,\n",
        }],
        tests: Console(""),
    },
];
