//! Faults in the panel: its assembler, its protocol, its cartridge and the host's end of the link.

use super::faults::Tests::{Assembler, Cartridge, Host, Protocol};
use super::faults::{Edit, Fault};

const EXPR: &str = "gbdisplay/asm/src/expr.rs";
const EMIT: &str = "gbdisplay/asm/src/emit.rs";
const IMAGE: &str = "gbdisplay/asm/src/image.rs";
const PARSER: &str = "gbdisplay/proto/src/parser.rs";
const RECEIVER: &str = "gbdisplay/proto/src/receiver.rs";
const STATUS: &str = "gbdisplay/proto/src/status.rs";
const ROM_PARSER: &str = "gbdisplay/firmware/parser.s";
const ROM_SCREEN: &str = "gbdisplay/firmware/screen.s";
const ROM_MAP: &str = "gbdisplay/firmware/map.s";
const ROM_WATCHDOG: &str = "gbdisplay/firmware/watchdog.s";
const ROM_BEEP: &str = "gbdisplay/firmware/beep.s";
const FLIGHT: &str = "gbdisplay/src/link/flight.rs";
const HEALTH: &str = "gbdisplay/src/link/health.rs";

pub(super) const PANEL_FAULTS: [Fault; 16] = [
    Fault {
        name: "let a subtraction associate to the right",
        edits: &[Edit {
            file: EXPR,
            from: "self.expression(strength, depth)?;",
            to: "self.expression(strength - 1, depth)?;",
        }],
        tests: Assembler(""),
    },
    Fault {
        name: "let a short jump reach a byte too far",
        edits: &[Edit {
            file: EMIT,
            from: "(-128..=127).contains(&distance)",
            to: "(-128..=128).contains(&distance)",
        }],
        tests: Assembler(""),
    },
    Fault {
        name: "let pieces of code overlap",
        edits: &[Edit {
            file: IMAGE,
            from: "Some(Some(first)) => return Err(Refused::Taken(at, *first)),",
            to: "Some(Some(_)) => {}",
        }],
        tests: Assembler(""),
    },
    Fault {
        name: "take what noise swallowed for lost",
        edits: &[Edit {
            file: PARSER,
            from: "self.remove(1);\n                        return Some(Found::Broken);",
            to: "self.remove(body + OVERHEAD);\n                        return Some(Found::Broken);",
        }],
        tests: Protocol(""),
    },
    Fault {
        name: "do again what was sent again",
        edits: &[Edit {
            file: RECEIVER,
            from: "if !is_new && !is_hello {",
            to: "if false {",
        }],
        tests: Protocol(""),
    },
    Fault {
        name: "believe a status that was told once",
        edits: &[Edit {
            file: STATUS,
            from: "(agrees && self.run == SETTLED)",
            to: "((agrees || true) && self.run == SETTLED)",
        }],
        tests: Protocol(""),
    },
    Fault {
        name: "believe a line that was in order for half a rotation",
        edits: &[Edit {
            file: STATUS,
            from: "pub const SETTLED: u8 = 16;",
            to: "pub const SETTLED: u8 = 4;",
        }],
        tests: Protocol(""),
    },
    Fault {
        name: "have the cartridge do again what was sent again",
        edits: &[Edit {
            file: ROM_PARSER,
            from: "        ldh a,(op_new)\n        or a\n        ret z\n",
            to: "",
        }],
        tests: Cartridge("link", "loses_nothing_and_doubles_nothing"),
    },
    Fault {
        name: "have the cartridge skip what noise swallowed",
        edits: &[Edit {
            file: ROM_PARSER,
            from: "1$:     ldh a,(p_frame)",
            to: "1$:     ld a,e",
        }],
        tests: Cartridge("model", "the_cartridge_does"),
    },
    Fault {
        name: "copy rows while lines are drawn",
        edits: &[Edit {
            file: "gbdisplay/firmware/start.s",
            from: "ld a,#7\n        ldh (lines),a",
            to: "ld a,#10\n        ldh (lines),a",
        }],
        tests: Cartridge("link", "stays_out_of_the_picture"),
    },
    Fault {
        name: "forget a row that changed while it was copied",
        edits: &[Edit {
            file: ROM_SCREEN,
            from: "6$:     ld a,l\n        ldh (row_next),a\n",
            to: "6$:     ld a,l\n        ldh (row_next),a\n        ld (hl),#0\n",
        }],
        tests: Cartridge("model", "video_memory"),
    },
    Fault {
        name: "let a map end a column too late",
        edits: &[Edit {
            file: ROM_MAP,
            from: "        cp #COLUMNS+1\n",
            to: "        cp #COLUMNS+2\n",
        }],
        tests: Cartridge("model", "the_cartridge_does"),
    },
    Fault {
        name: "have the watchdog leave the port alone",
        edits: &[Edit {
            file: ROM_WATCHDOG,
            from: "        call link_ready\n",
            to: "",
        }],
        tests: Cartridge("link", "a_slip_on_a_slow_line"),
    },
    Fault {
        name: "let an alarm end",
        edits: &[Edit {
            file: ROM_BEEP,
            from: "        .dw beep_alarm\n",
            to: "        .dw 0\n",
        }],
        tests: Cartridge("sound", "an_alarm"),
    },
    Fault {
        name: "never send a frame again",
        edits: &[Edit {
            file: FLIGHT,
            from: "        self.restart();\n        if",
            to: "        if true {\n            return Waiting::No;\n        }\n        if",
        }],
        tests: Host("over_a_bad_line"),
    },
    Fault {
        name: "notice a pulled cable too late",
        edits: &[Edit {
            file: HEALTH,
            from: "self.odd_for(now_us) < DOWN_US",
            to: "self.odd_for(now_us) < DOWN_US * 3",
        }],
        tests: Host("a_cable_that_is_pulled"),
    },
];
