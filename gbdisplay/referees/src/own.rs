//! The core, driven by a script.

use anyhow::Result;
use skerry_dmg::{CYCLES_PER_FRAME, Machine, Model};

use crate::picture::Picture;
use crate::script::{Answers, CYCLES_PER_BIT, CYCLES_PER_BYTE, Deed, IDLE, Line, Script};

/// Runs a ROM in the core.
///
/// # Errors
/// The core does not take the ROM.
pub fn run(rom: &[u8], model: Model, script: &Script) -> Result<Answers> {
    let mut machine = Machine::new(rom, model)?;
    let mut answers = Answers::default();
    for line in script.lines() {
        match *line {
            Line::At(cycle, deed) => {
                machine.run_until(cycle);
                obey(&mut machine, deed, &mut answers);
            }
            Line::Wait(address, frames) => {
                for _ in 0..frames {
                    if machine.peek(address) != 0 {
                        break;
                    }
                    machine.run(CYCLES_PER_FRAME);
                }
                answers.bytes.push(machine.peek(address));
            }
        }
    }
    Ok(answers)
}

fn obey(machine: &mut Machine, deed: Deed, answers: &mut Answers) {
    match deed {
        Deed::Byte(byte) => exchange(machine, byte, answers),
        Deed::Idle => exchange(machine, IDLE, answers),
        Deed::Keys(keys) => machine.set_keys(keys),
        Deed::Frame => answers.frames.push(Picture::of(machine.frame())),
        Deed::Peek(address) => answers.bytes.push(machine.peek(address)),
    }
}

fn exchange(machine: &mut Machine, byte: u8, answers: &mut Answers) {
    machine.link_send(byte, CYCLES_PER_BIT);
    machine.run(CYCLES_PER_BYTE);
    answers.replies.extend(machine.link_reply());
}
