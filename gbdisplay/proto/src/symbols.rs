//! The numbers that the cartridge shares, as symbols of its assembler.

use crate::chart::{CHARTS, HEIGHT_MAX, HISTORY};
use crate::frame::{LEN_MAX, LEN_MIN, SEQUENCES, SYNC};
use crate::op::{BEEPS, TILES_MAX, kind};
use crate::screen::{COLUMNS, ROWS};
use crate::{EPOCH_MAX, VERSION, tiles, timing};

/// Names and values.
pub const SYMBOLS: [(&str, u8); 35] = [
    ("P_SYNC", SYNC),
    ("P_LEN_MIN", LEN_MIN),
    ("P_LEN_MAX", LEN_MAX),
    ("P_SEQUENCES", SEQUENCES),
    ("P_VERSION", VERSION),
    ("P_EPOCH_MAX", EPOCH_MAX),
    ("P_BATCH", timing::BATCH),
    ("P_WATCHDOG", timing::WATCHDOG_PICTURES),
    ("P_STALE", timing::STALE_PICTURES),
    ("OP_HELLO", kind::HELLO),
    ("OP_BEAT", kind::BEAT),
    ("OP_MAP", kind::MAP),
    ("OP_FILL", kind::FILL),
    ("OP_TILE", kind::TILE),
    ("OP_CHART", kind::CHART),
    ("OP_CHART_PUSH", kind::CHART_PUSH),
    ("OP_CURSOR", kind::CURSOR),
    ("OP_BLINK", kind::BLINK),
    ("OP_BEEP", kind::BEEP),
    ("OP_PALETTE", kind::PALETTE),
    ("TILES_MAX", TILES_MAX),
    ("BEEPS", BEEPS),
    ("ROWS", ROWS),
    ("COLUMNS", COLUMNS),
    ("CHARTS", CHARTS),
    ("CHART_HEIGHT_MAX", HEIGHT_MAX),
    ("CHART_HISTORY", HISTORY),
    ("T_OWN", tiles::OWN),
    ("T_BLANK", tiles::BLANK),
    ("T_BARS", tiles::BARS),
    ("T_BAR_LEVELS", tiles::BAR_LEVELS),
    ("T_ICONS", tiles::ICONS),
    ("T_SIGNS", tiles::SIGNS),
    ("T_CURSOR", tiles::CURSOR),
    ("CURSOR_OFF", crate::CURSOR_OFF),
];
