//! What is said of a wrong text: every cause, where it stands, and all of them at once.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use proptest::prelude::*;
use skerry_asm::{Source, assemble};

const START: &str = " .area _ROM (ABS)\n .org 0x150\n";

/// `line:column: cause` of everything that is wrong with a text behind `START`, whose first line
/// counts as 1.
fn errors(text: &str) -> Vec<String> {
    let text = format!("{START}{text}");
    let source = Source {
        name: "a.s",
        text: &text,
    };
    let errors = assemble(&[source], &[("GIVEN", 7)]).map_or_else(|it| it.0, |_| Vec::new());
    let tell = |it: &skerry_asm::Error| format!("{}:{}: {}", it.line - 2, it.column, it.cause);
    errors.iter().map(tell).collect()
}

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(errors(text), [expect], "{text}");
}

#[test]
fn words_that_mean_nothing() {
    check(" lda a", "1:2: there is no instruction `lda`");
    check(" .byte 1", "1:2: there is no directive `.byte`");
    check("x: ld a,#1 @", "1:12: '@' means nothing here");
    check(" ld a,#0xG", "1:8: `0xG` is not a number");
    check(" ld a,#1x$", "1:8: `1x$` is not a number");
    check(" .ascii \"x", "1:9: this text has no end");
    check(" .ascii /x\\n/", "1:9: '\\\\' means nothing here");
    check(" ld a,#'", "1:8: this text has no end");
}

#[test]
fn operands_that_an_instruction_does_not_take() {
    check(" ld b,(0x1234)", "1:2: `ld` does not take these operands");
    check(" ld (hl),(hl)", "1:2: `ld` does not take these operands");
    check(" nop a", "1:2: `nop` does not take these operands");
    check(" push sp", "1:2: `push` does not take these operands");
    check(" jr (hl)", "1:2: `jr` does not take these operands");
    check(
        " ld a,(sp)",
        "1:10: one of bc, de and hl was expected, not `)`",
    );
    check(
        " ld a,(b)",
        "1:9: an address, or a pair to go through was expected, not `)`",
    );
    check(
        " ld a,",
        "1:7: a number or a name was expected, not the end of the line",
    );
    check(
        " ld a,(hl",
        "1:10: `)` was expected, not the end of the line",
    );
    check(
        " ld a,b c",
        "1:9: the end of the line was expected, not `c`",
    );
    check(
        " .db",
        "1:5: a number or a name was expected, not the end of the line",
    );
    check(
        " .ascii",
        "1:8: a text was expected, not the end of the line",
    );
    check(
        " 5",
        "1:2: an instruction, a directive or a name was expected, not `5`",
    );
    check(" #: nop", "1:2: a label was expected, not `#`");
    check(" ld a,#a", "1:8: `a` is the name of a register");
    check("hl: nop", "1:1: `hl` is the name of a register");
    check("sp = 5", "1:1: `sp` is the name of a register");
}

#[test]
fn values_that_do_not_fit() {
    check(" ld a,#256", "1:8: 256 is not a byte (-128 to 255)");
    check(" ld a,#-129", "1:8: -129 is not a byte (-128 to 255)");
    check(
        " ld hl,#65536",
        "1:9: 65536 is not a word (-32768 to 65535)",
    );
    check(
        " add sp,#128",
        "1:10: 128 is not a signed byte (-128 to 127)",
    );
    check(" bit 8,a", "1:6: 8 is not the number of a bit (0 to 7)");
    check(" rst 0x04", "1:6: 4 is not a multiple of 8 (0 to 56)");
    check(
        " ldh (0x1FF),a",
        "1:7: 511 is not an address from 0xFF00 on, or its low byte (65280 to 65535)",
    );
    check(" .db 1, 300", "1:9: 300 is not a byte (-128 to 255)");
    check(" .db 1/0", "1:7: this divides by zero");
    check(" .db 1%(GIVEN-7)", "1:7: this divides by zero");
    check(" .db 1<<40", "1:7: a number here is too large");
    check(
        " .dw 0x7FFFFFFFFFFFFFFF+1",
        "1:24: a number here is too large",
    );
    check(" .ds -1", "1:6: -1 is not a length (0 to 65536)");
    check(" .org 0x10000", "1:7: 65536 is not an address (0 to 65535)");
}

#[test]
fn jumps_reach_from_128_back_to_127_ahead() {
    let none: [&str; 0] = [];
    assert_eq!(errors("x: .ds 126\n jr x"), none);
    check("x: .ds 127\n jr x", "2:5: this jump goes -129 bytes far");
    assert_eq!(errors(" jr x\n .ds 127\nx: nop"), none);
    check(
        " jr x\n .ds 128\nx: nop",
        "1:5: this jump goes 128 bytes far",
    );
}

#[test]
fn names() {
    check(" ld a,(nowhere)", "1:8: `nowhere` is not defined");
    check(" jr 1$", "1:5: `1$` is not defined");
    check("1$: nop\nx: jr 1$", "2:7: `1$` is not defined");
    check(
        "x: nop\nx: nop",
        "2:1: `x` is defined twice, first at a.s:3",
    );
    check(
        "1$: nop\n1$: nop",
        "2:1: `1$` is defined twice, first at a.s:3",
    );
    check("x = 1\nx = 1", "2:5: `x` is defined twice, first at a.s:3");
    check(
        "GIVEN = 1",
        "1:9: `GIVEN` is defined twice, first at the caller",
    );
    check(
        " .ds x\nx = 1",
        "1:6: `x` is not known yet, and the layout depends on it",
    );
}

#[test]
fn places() {
    check(
        " nop\n .org 0x150\n nop",
        "3:1: 0x0150 is taken already, by a.s:3",
    );
    check(" .org 0x8000\n nop", "2:1: 0x8000 is not in the ROM");
    check(" .org 0xFFFF\n .ds 2", "2:6: 0x10001 is not in the ROM");
    check(" .area _X (REL)", "1:11: this area is not absolute");
    check(
        " .area",
        "1:7: the name of an area was expected, not the end of the line",
    );
    check(
        " .area _X (ABS)\n nop",
        "2:1: nobody said at what address this goes",
    );
    check(
        " .area _X (ABS)\nx:",
        "2:1: nobody said at what address this goes",
    );
}

#[test]
fn repeats() {
    check(" .rept 2\n nop", "1:1: this repeat has no end");
    check(" nop\n .endm", "2:1: this ends nothing");
    check(
        " .rept 3\n foo\n .endm",
        "2:2: there is no instruction `foo`",
    );
    let deep = " .rept 1\n".repeat(9) + &" .endm\n".repeat(9);
    check(&deep, "9:1: this is nested too deep");
    let many = " .rept 60000\n .rept 60000\n .endm\n .endm\n";
    check(many, "2:1: repeats make too many lines of this");
    check(
        &format!(" .db {}1{}", "(".repeat(40), ")".repeat(40)),
        "1:22: this is nested too deep",
    );
}

#[test]
fn everything_is_told_at_once_and_nothing_that_follows_from_it() {
    let text = "x: foo\n ld a,#nowhere\ny = nothing\n ld a,#y\n jr far\n .ds 200\nfar: ld a,#x*y";
    let expect = [
        "1:4: there is no instruction `foo`",
        "2:8: `nowhere` is not defined",
        "3:5: `nothing` is not known yet, and the layout depends on it",
    ];
    assert_eq!(errors(text), expect);
}

#[test]
fn an_error_shows_the_line_and_a_way_out() {
    let text = format!("{START}\tld\ta,#300 ; too large\n");
    let source = Source {
        name: "panel.s",
        text: &text,
    };
    let told = assemble(&[source], &[]).unwrap_err().to_string();
    let expect = "\
panel.s:3:8: error: 300 is not a byte (-128 to 255)
  | \tld\ta,#300 ; too large
  | \t  \t   ^
  = give it such a value; `<` and `>` take one byte of a larger one
1 error";
    assert_eq!(told, expect);
}

#[test]
fn files_are_one_text_and_errors_name_the_right_one() {
    let first = Source {
        name: "1.s",
        text: " .area _R (ABS)\n .org 0x150\nx: nop",
    };
    let second = Source {
        name: "2.s",
        text: " jr x\n foo",
    };
    let errors = assemble(&[first, second], &[]).unwrap_err();
    let [error] = errors.0.as_slice() else {
        panic!("{errors}");
    };
    assert_eq!((error.file.as_str(), error.line), ("2.s", 2));
}

/// Pieces that get further than random characters do.
const PIECES: [&str; 48] = [
    "\n",
    "\n",
    "\n",
    " ",
    ":",
    "=",
    "ld ",
    "jr ",
    "a",
    "hl",
    "(hl+)",
    "(",
    ")",
    "#",
    ",",
    "1$",
    "x",
    "y",
    ".",
    "-",
    "+",
    "*",
    "/",
    "%",
    "<",
    ">",
    "<<",
    ">>",
    "~",
    "0xFFFF",
    "9223372036854775807",
    "0",
    ".db ",
    ".dw ",
    ".ds ",
    ".org ",
    ".area _R (ABS)\n",
    ".rept ",
    ".endm\n",
    ".ascii ",
    "\"",
    "'",
    ".equ ",
    ";",
    "bit ",
    "rst ",
    "ldh ",
    "é",
];

proptest! {
    #[test]
    fn any_text_is_assembled_or_refused(text in ".{0,200}") {
        let source = Source { name: "any", text: &text };
        drop(assemble(&[source], &[]));
    }

    #[test]
    fn any_pieces_are_assembled_or_refused(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..80),
    ) {
        let text = format!("{START}{}", pieces.concat());
        let source = Source { name: "any", text: &text };
        if let Err(errors) = assemble(&[source], &[("x", 3)]) {
            prop_assert!(!errors.0.is_empty());
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}
