//! Hosts that speak under a VLAN tag: two small programs at their interface put it on what leaves
//! and take it off what comes (`tc-bpf(8)`). The kernel's stack above knows nothing of it, its
//! segmentation below has to work around it, as under a VLAN device, which not every kernel makes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::netns::Netns;

/// Sections of the object file, as `tc` is told.
const PUSH: &str = "push";
const POP: &str = "pop";

/// Offsets in `struct __sk_buff` (`linux/bpf.h`).
const VLAN_PRESENT: i16 = 20;
const VLAN_TCI: i16 = 24;
/// `BPF_FUNC_skb_vlan_push` and `_pop`.
const CALL_PUSH: i32 = 18;
const CALL_POP: i32 = 19;
/// `TC_ACT_OK` and `TC_ACT_SHOT`.
const PASS: i32 = 0;
const DROP: i32 = 2;
/// 802.1Q, in network order, as a number of a machine that puts the low byte first.
const DOT1Q: i32 = 0x0081;

/// Lets an interface send under this tag, and hear nothing under another one, or under none.
///
/// # Errors
/// The kernel runs no such programs, or `tc` is not there.
pub fn tag(netns: &Netns, link: &str, vid: u16, folder: &Path) -> Result<()> {
    let file = folder.join(format!("tag-{vid}.o"));
    fs::write(&file, object(vid))?;
    let file = file.display();
    tc(netns, &format!("qdisc add dev {link} clsact"))?;
    for (way, section) in [("egress", PUSH), ("ingress", POP)] {
        let filter =
            format!("filter add dev {link} {way} bpf direct-action obj {file} sec {section}");
        tc(netns, &filter)?;
    }
    Ok(())
}

fn tc(netns: &Netns, arguments: &str) -> Result<()> {
    let run = || {
        let words = arguments.split_whitespace();
        Command::new("tc").args(words).output()
    };
    let output = netns.enter(run)?.context("cannot run tc")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("tc {arguments}: {why}");
    }
    Ok(())
}

/// One instruction: code, destination and source register, offset, number.
const fn op(code: u8, to: u8, from: u8, offset: i16, number: i32) -> [u8; 8] {
    let [o0, o1] = offset.to_le_bytes();
    let [n0, n1, n2, n3] = number.to_le_bytes();
    [code, from << 4 | to, o0, o1, n0, n1, n2, n3]
}

const fn set(to: u8, number: i32) -> [u8; 8] {
    op(0xb7, to, 0, 0, number)
}

const fn load(to: u8, offset: i16) -> [u8; 8] {
    op(0x61, to, 1, offset, 0)
}

const fn call(function: i32) -> [u8; 8] {
    op(0x85, 0, 0, 0, function)
}

const EXIT: [u8; 8] = op(0x95, 0, 0, 0, 0);

/// The context is in register 1, and stays there for the call.
fn push(vid: u16) -> Vec<u8> {
    [
        set(2, DOT1Q),
        set(3, vid.into()),
        call(CALL_PUSH),
        set(0, PASS),
        EXIT,
    ]
    .concat()
}

fn pop(vid: u16) -> Vec<u8> {
    [
        load(2, VLAN_PRESENT),
        // If there is none: past the call, to the drop.
        op(0x15, 2, 0, 6, 0),
        load(2, VLAN_TCI),
        op(0x57, 2, 0, 0, 0xfff),
        op(0x55, 2, 0, 3, vid.into()),
        call(CALL_POP),
        set(0, PASS),
        EXIT,
        set(0, DROP),
        EXIT,
    ]
    .concat()
}

/// A section of an ELF file.
struct Section {
    name: &'static str,
    kind: usize,
    flags: usize,
    bytes: Vec<u8>,
    /// Of the symbols: the section of their names, the first that is not local, and their size.
    link: usize,
    info: usize,
    entry: usize,
}

impl Section {
    const fn new(name: &'static str, kind: usize, flags: usize, bytes: Vec<u8>) -> Self {
        Self {
            name,
            kind,
            flags,
            bytes,
            link: 0,
            info: 0,
            entry: 0,
        }
    }
}

/// Every name in the file, where both tables look for it.
const NAMES: &[u8] = b"\0push\0pop\0license\0.symtab\0.strtab\0";

fn name(text: &str) -> usize {
    let mut found = NAMES.windows(text.len() + 1);
    let is_it = |it: &[u8]| it.starts_with(text.as_bytes()) && it.ends_with(b"\0");
    found.position(is_it).unwrap_or(0)
}

/// A relocatable file for the machine "BPF": a section and a symbol for each program.
fn object(vid: u16) -> Vec<u8> {
    let (push, pop) = (push(vid), pop(vid));
    let mut symbols = vec![0; 24];
    for (section, (text, length)) in (1_u16..).zip([(PUSH, push.len()), (POP, pop.len())]) {
        // A function, for all to see.
        symbols.extend(word(name(text)));
        symbols.extend([0x12, 0]);
        symbols.extend(section.to_le_bytes());
        symbols.extend([0, length].into_iter().flat_map(long));
    }
    elf(&[
        Section::new(PUSH, 1, 6, push),
        Section::new(POP, 1, 6, pop),
        Section::new("license", 1, 3, b"GPL\0".to_vec()),
        Section {
            link: 5,
            info: 1,
            entry: 24,
            ..Section::new(".symtab", 2, 0, symbols)
        },
        Section::new(".strtab", 3, 0, NAMES.to_vec()),
    ])
}

/// The file: its header, what is in the sections, and the table of them (elf(5)).
fn elf(sections: &[Section]) -> Vec<u8> {
    const HEADER: usize = 64;
    let (mut body, mut table) = (Vec::new(), vec![0; HEADER]);
    for it in sections {
        table.extend([word(name(it.name)), word(it.kind)].concat());
        let place = [it.flags, 0, HEADER + body.len(), it.bytes.len()];
        table.extend(place.into_iter().flat_map(long));
        table.extend([word(it.link), word(it.info)].concat());
        table.extend([8, it.entry].into_iter().flat_map(long));
        body.extend(&it.bytes);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([1, 0, 247, 0, 1, 0, 0, 0]);
    file.extend([0, 0, HEADER + body.len()].into_iter().flat_map(long));
    file.extend([0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0, 6, 0, 5, 0]);
    [file, body, table].concat()
}

fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn long(number: usize) -> [u8; 8] {
    u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes()
}
