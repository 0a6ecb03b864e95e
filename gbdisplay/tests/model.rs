//! The cartridge and the model do the same with any bytes.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod panel;

use panel::{HASTY, Panel, Random, USUAL, payload};
use skerry_dmg::Model;
use skerry_panel_proto::Receiver;
use skerry_panel_proto::frame::Frame;

/// A console and a model that hear the same.
struct Both {
    panel: Panel,
    model: Receiver,
}

impl Both {
    fn new(model: Model) -> Self {
        Self {
            panel: Panel::new(model, USUAL),
            model: Receiver::default(),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.panel.exchange(*byte);
            self.model.handle_byte(*byte);
        }
    }

    /// Sends a frame that is not the one before again.
    fn ask(&mut self, kind: u8, payload: &[u8]) {
        let sequence = self.model.acknowledged().map_or(0, |it| (it + 1) % 16);
        self.send(Frame::new(sequence, kind, payload).unwrap().as_bytes());
        self.idle();
    }

    /// Until the console has nothing left to do.
    fn idle(&mut self) {
        for _ in 0..400 {
            self.send(&[0]);
            let left = self
                .panel
                .byte("rx_head")
                .wrapping_sub(self.panel.byte("rx_tail"));
            if left <= self.panel.byte("p_wait") && self.panel.byte("p_left") == 0 {
                return;
            }
        }
    }
}

/// Frames, most of them whole and sound, some harmed, some sent twice, with silence among them.
fn script(both: &mut Both, random: &mut Random, frames: u32) {
    both.ask(1, &[1, 3]);
    let mut sequence = 0;
    for _ in 0..frames {
        let (kind, payload) = payload(random);
        sequence = (sequence + u8::from(random.below(8) > 0)) % 16;
        let frame = Frame::new(sequence, kind, &payload).unwrap();
        let mut bytes = frame.as_bytes().to_vec();
        match random.below(16) {
            0 => {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
            }
            1 => bytes.truncate(random.below(bytes.len() as u64) as usize),
            2 => bytes.extend(random.bytes(20)),
            3 => {
                let len = random.below(bytes.len() as u64) as usize;
                both.send(&bytes[..len]);
                both.panel.wait(150_000);
                both.model.handle_silence();
            }
            _ => {}
        }
        both.send(&bytes);
        both.idle();
    }
    // What is left of a frame that was cut off is filled up, and found to be none.
    both.send(&[0; 80]);
    both.idle();
}

#[test]
fn the_cartridge_does_what_the_model_does_with_any_frames() {
    for seed in 0..40 {
        let model = if seed % 2 == 0 {
            Model::Dmg
        } else {
            Model::Cgb
        };
        let mut both = Both::new(model);
        script(&mut both, &mut Random(seed), 60);
        println!("seed {seed}");
        both.panel.assert_is(&both.model);
        assert_eq!(both.panel.machine.counters().unarmed_bytes, 0);
    }
}

#[test]
fn the_cartridge_does_what_the_model_does_with_any_bytes() {
    for seed in 0..20 {
        let mut both = Both::new(Model::Dmg);
        let mut random = Random(seed);
        both.ask(1, &[1, 3]);
        for _ in 0..60 {
            // More of the byte that begins a frame, and of small ones, than chance has.
            let len = 40;
            let bytes = random.bytes(len);
            let bytes: Vec<u8> = bytes
                .iter()
                .map(|it| match it % 4 {
                    0 => 0x5A,
                    1 => it / 16,
                    _ => *it,
                })
                .collect();
            both.send(&bytes);
            both.idle();
        }
        both.send(&[0; 80]);
        both.idle();
        println!("seed {seed}");
        both.panel.assert_is(&both.model);
    }
}

/// A host that never waits overruns the ring. Nothing of it may last.
#[test]
fn a_flood_leaves_the_cartridge_as_it_was() {
    for seed in 0..8 {
        let mut both = Both::new(Model::Dmg);
        both.panel.set_pace(HASTY);
        let mut random = Random(seed);
        both.ask(1, &[1, 3]);
        for nth in 0..400 {
            // What takes longest, one behind the other.
            let (kind, payload) = match nth % 4 {
                0 => (1, vec![1, 1 + random.byte() % 7]),
                1 => (7, [vec![0], random.bytes(40)].concat()),
                2 => (6, vec![0, 0, 0, 20, 3]),
                _ => payload(&mut random),
            };
            let frame = Frame::new(random.byte() % 16, kind, &payload).unwrap();
            for byte in frame.as_bytes() {
                both.panel.exchange(*byte);
            }
        }
        both.panel.wait(150_000);
        both.model.handle_silence();
        for receiver in 0..2 {
            // Twice, so that one of them has a new number.
            both.ask(1, &[1, 5 + receiver]);
        }
        both.ask(3, &[4, 4, b'o', b'k']);
        both.ask(8, &[4]);
        assert_eq!(both.panel.byte("epoch"), 6);
        assert_eq!(both.panel.row(4), both.model.screen().row(4));
        both.panel.assert_shows(both.model.screen());
        assert_eq!(both.panel.machine.counters().vram_drops, 0);
    }
}

#[test]
fn video_memory_gets_what_the_cartridge_keeps_and_loses_nothing() {
    for seed in 100..110 {
        let model = if seed % 2 == 0 {
            Model::Dmg
        } else {
            Model::Cgb
        };
        let mut both = Both::new(model);
        let mut random = Random(seed);
        for _ in 0..6 {
            script(&mut both, &mut random, 20);
            // Rows that blink would change again.
            both.ask(9, &[0, 0, 0, 200]);
            both.panel.wait(600_000);
            println!("seed {seed}");
            both.panel.assert_drawn();
        }
        assert_eq!(both.panel.machine.counters().vram_drops, 0);
        assert_eq!(both.panel.machine.counters().oam_drops, 0);
    }
}
