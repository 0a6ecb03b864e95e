//! No ROM and no input makes the core panic, hang, or lose time.

#![allow(clippy::tests_outside_test_module, reason = "the whole file is a test")]

use proptest::prelude::*;
use skerry_dmg::{CYCLES_PER_FRAME, Keys, Machine, Model};

/// Opcodes after which nothing happens any more: STOP, and those that do not exist.
const ENDS: [u8; 12] = [
    0x10, 0xD3, 0xDB, 0xDD, 0xE3, 0xE4, 0xEB, 0xEC, 0xED, 0xF4, 0xFC, 0xFD,
];

/// Random bytes as a ROM that the core accepts; mostly without those that end everything.
fn rom() -> impl Strategy<Value = Vec<u8>> {
    let bytes = proptest::collection::vec(any::<u8>(), 0x8000);
    (bytes, any::<u8>(), 0..4u8).prop_map(|(mut bytes, color, ends)| {
        if ends > 0 {
            for byte in bytes.iter_mut().filter(|it| ENDS.contains(it)) {
                *byte = 0xFB;
            }
        }
        bytes[0x143] = color;
        bytes[0x147] = 0;
        bytes
    })
}

/// Something that a host does.
#[derive(Clone, Debug)]
enum Deed {
    Run(u64),
    Frame,
    Keys(u8),
    Bit(bool),
    Byte(u8, u32),
    Audio(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..2 * CYCLES_PER_FRAME).prop_map(Deed::Run),
        Just(Deed::Frame),
        any::<u8>().prop_map(Deed::Keys),
        any::<bool>().prop_map(Deed::Bit),
        (any::<u8>(), 0..200u32).prop_map(|(byte, period)| Deed::Byte(byte, period)),
        any::<u32>().prop_map(Deed::Audio),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_bytes_run(
        rom in rom(),
        deeds in proptest::collection::vec(deed(), 1..40),
        color in any::<bool>(),
    ) {
        let model = if color { Model::Cgb } else { Model::Dmg };
        let mut machine = Machine::new(&rom, model).unwrap();
        machine.start_profile();
        for deed in deeds {
            let before = machine.cycle();
            match deed {
                Deed::Run(cycles) => {
                    machine.run(cycles);
                    let passed = machine.cycle() - before;
                    // The longest instruction has six M-cycles.
                    prop_assert!((cycles..cycles + 7).contains(&passed), "{passed} for {cycles}");
                }
                Deed::Frame => {
                    machine.run_frame();
                    prop_assert!(machine.cycle() - before < 2 * CYCLES_PER_FRAME + 7);
                }
                Deed::Keys(keys) => machine.set_keys(Keys::from_bits(keys)),
                Deed::Bit(bit) => {
                    machine.link_clock(bit);
                }
                Deed::Byte(byte, period) => machine.link_send(byte, period),
                Deed::Audio(rate) => machine.set_audio_rate(rate),
            }
        }
        let profile = machine.profile().unwrap();
        let profiled = profile.cycles_at(0..=0xFFFF);
        prop_assert_eq!(profiled, machine.cycle());
    }

    #[test]
    fn any_bytes_are_a_rom_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..0x400)) {
        prop_assert!(Machine::new(&bytes, Model::Dmg).is_err());
    }
}
