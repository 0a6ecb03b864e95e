//! Every instruction form, by the table of opcodes.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use skerry_asm::{Source, assemble};

/// A form of each opcode of the first table, in the order of the opcodes; `-` where there is
/// none, `=` where only the second table begins.
///
/// Operands are those that `operands` below stands for.
const FIRST: &str = "
nop|ld bc,#N|ld (bc),a|inc bc|inc b|dec b|ld b,#n|rlca
ld (N),sp|add hl,bc|ld a,(bc)|dec bc|inc c|dec c|ld c,#n|rrca
stop|ld de,#N|ld (de),a|inc de|inc d|dec d|ld d,#n|rla
jr T|add hl,de|ld a,(de)|dec de|inc e|dec e|ld e,#n|rra
jr nz,T|ld hl,#N|ld (hl+),a|inc hl|inc h|dec h|ld h,#n|daa
jr z,T|add hl,hl|ld a,(hl+)|dec hl|inc l|dec l|ld l,#n|cpl
jr nc,T|ld sp,#N|ld (hl-),a|inc sp|inc (hl)|dec (hl)|ld (hl),#n|scf
jr c,T|add hl,sp|ld a,(hl-)|dec sp|inc a|dec a|ld a,#n|ccf
ld b,@|ld c,@|ld d,@|ld e,@|ld h,@|ld l,@|ld (hl),@|ld a,@
add a,@|adc a,@|sub a,@|sbc a,@|and a,@|xor a,@|or a,@|cp a,@
ret nz|pop bc|jp nz,N|jp N|call nz,N|push bc|add a,#n|rst 0x00
ret z|ret|jp z,N|=|call z,N|call N|adc a,#n|rst 0x08
ret nc|pop de|jp nc,N|-|call nc,N|push de|sub a,#n|rst 0x10
ret c|reti|jp c,N|-|call c,N|-|sbc a,#n|rst 0x18
ldh (n),a|pop hl|ldh (c),a|-|-|push hl|and a,#n|rst 0x20
add sp,#s|jp (hl)|ld (N),a|-|-|-|xor a,#n|rst 0x28
ldh a,(n)|pop af|ldh a,(c)|di|-|push af|or a,#n|rst 0x30
ldhl sp,#s|ld sp,hl|ld a,(N)|ei|-|-|cp a,#n|rst 0x38";

const REGISTERS: [&str; 8] = ["b", "c", "d", "e", "h", "l", "(hl)", "a"];
const SECOND: [&str; 11] = [
    "rlc", "rrc", "rl", "rr", "sla", "sra", "swap", "srl", "bit", "res", "set",
];

/// The text of every form and its bytes.
fn forms() -> Vec<(String, Vec<u8>)> {
    let mut forms = Vec::new();
    let mut opcode = 0_u8;
    for cell in FIRST.trim().split(['|', '\n']) {
        let spread: Vec<String> = if cell.contains('@') {
            let with = |register: &&str| cell.replace('@', register);
            REGISTERS.iter().map(with).collect()
        } else {
            vec![cell.to_owned()]
        };
        for form in spread {
            if form == "ld (hl),(hl)" {
                forms.push(("halt".to_owned(), vec![0x76]));
            } else if form != "-" && form != "=" {
                forms.push(operands(&form, opcode));
            }
            opcode = opcode.wrapping_add(1);
        }
    }
    assert_eq!(opcode, 0, "the table has 256 cells");
    for opcode in 0..=255_u8 {
        forms.push((second(opcode), vec![0xCB, opcode]));
    }
    forms
}

/// A form of the second table.
fn second(opcode: u8) -> String {
    let register = REGISTERS[usize::from(opcode & 7)];
    let bit = opcode >> 3 & 7;
    match usize::from(opcode >> 6) {
        0 => format!("{} {register}", SECOND[usize::from(bit)]),
        which => format!("{} {bit},{register}", SECOND[7 + which]),
    }
}

/// Fills in values: a word, a byte, a signed byte, a target.
fn operands(form: &str, opcode: u8) -> (String, Vec<u8>) {
    let (name, rest) = form.split_once(' ').unwrap_or((form, ""));
    let (rest, tail): (String, Vec<u8>) = if rest.contains('N') {
        (rest.replace('N', "0xBEEF"), vec![0xEF, 0xBE])
    } else if rest.contains('T') {
        (rest.replace('T', ".-5"), vec![0xF9])
    } else if rest.contains("#s") {
        (rest.replace("#s", "#-3"), vec![0xFD])
    } else if rest.contains("#n") || rest.contains("(n)") {
        let rest = rest.replace("#n", "#0x5A").replace("(n)", "(0x5A)");
        (rest, vec![0x5A])
    } else if name == "stop" {
        (rest.to_owned(), vec![0])
    } else {
        (rest.to_owned(), Vec::new())
    };
    let text = format!("{name} {rest}").trim_end().to_owned();
    (text, [vec![opcode], tail].concat())
}

#[test]
fn there_are_five_hundred_forms() {
    let forms = forms();
    assert_eq!(forms.len(), 500);
    let mut texts: Vec<&String> = forms.iter().map(|(text, _)| text).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 500, "no two look the same");
}

#[test]
fn every_form_is_the_bytes_of_the_table() {
    for (form, bytes) in forms() {
        check(&form, &bytes);
    }
}

#[test]
fn the_accumulator_need_not_be_named() {
    for (form, bytes) in forms() {
        for name in ["add", "adc", "sub", "sbc", "and", "xor", "or", "cp"] {
            if let Some(operand) = form.strip_prefix(&format!("{name} a,")) {
                check(&format!("{name} {operand}"), &bytes);
            }
        }
    }
}

#[test]
fn a_high_address_may_be_written_whole() {
    check("ldh (0xFF47),a", &[0xE0, 0x47]);
    check("ldh a,(0xFF00+0x44)", &[0xF0, 0x44]);
}

#[test]
fn the_number_of_a_bit_and_of_a_reset_may_look_like_values() {
    check("bit #7,(hl)", &[0xCB, 0x7E]);
    check("rst #0x38", &[0xFF]);
}

#[test]
fn operators_bind_as_documented() {
    let minus_five = 0_u8.wrapping_sub(5);
    check(".db 100-10-1, 64/4/2, 7%4*2", &[89, 8, 6]);
    check(".db 1+2*3, (1+2)*3, 1<<2+1, 0x80>>3", &[7, 9, 8, 0x10]);
    check(".db 1|2&4^6, 6&3, 1^3", &[3, 2, 2]);
    check(
        ".db -5, ~0x0F&0xFF, -(3-5), 'x, 0b101",
        &[minus_five, 0xF0, 2, b'x', 5],
    );
    check(
        ".db <0x1234, >0x1234, <0x12FF+1-1, >0x1200+1",
        &[0x34, 0x12, 0xFF, 0x13],
    );
    check(".dw ., .+1, 0x1234", &[0x50, 0x01, 0x53, 0x01, 0x34, 0x12]);
    check(".ascii /a;b/", b"a;b");
}

#[track_caller]
fn check(statement: &str, expect: &[u8]) {
    let text = format!(" .area _ROM (ABS)\n .org 0x150\n {statement}\n");
    let source = Source {
        name: "form",
        text: &text,
    };
    let program = assemble(&[source], &[]).unwrap_or_else(|errors| panic!("{errors}"));
    let bytes = &program.image.bytes()[0x150..0x150 + expect.len() + 1];
    assert_eq!(bytes, [expect, &[0xFF]].concat(), "{statement}");
    assert_eq!(program.image.used(), expect.len(), "{statement}");
}

/// What somebody else's assembler makes of the same text.
#[cfg(feature = "referees")]
mod referee {
    use super::{assemble, forms};
    use crate::sdas;
    use skerry_asm::{Header, Source};

    #[test]
    fn sdasgb_makes_the_same_of_every_form() {
        let mut text = " .area _ROM (ABS)\n .org 0x100\n nop\n jp 0x150\n .org 0x150\n".to_owned();
        for (form, _) in forms() {
            text.push_str(&format!(" {form}\n"));
        }
        check(&text);
    }

    #[test]
    fn sdasgb_reads_data_and_expressions_the_same_way() {
        check(include_str!("sdas/expressions.s"));
    }

    #[track_caller]
    fn check(text: &str) {
        let sources = [Source { name: "a.s", text }];
        let program = assemble(&sources, &[]).unwrap_or_else(|errors| panic!("{errors}"));
        let header = Header {
            title: "REFEREE",
            colour: true,
        };
        let ours = program.image.rom(&header).unwrap();
        let theirs = sdas::rom(&sources, &header);
        let pairs = ours.iter().zip(&theirs).enumerate();
        let differing: Vec<_> = pairs.filter(|(_, (a, b))| a != b).collect();
        assert!(
            differing.is_empty(),
            "address, ours, theirs: {differing:x?}"
        );
        assert_eq!(ours.len(), theirs.len());
    }
}

#[cfg(feature = "referees")]
mod sdas;
