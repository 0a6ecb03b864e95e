//! What can be heard of the cartridge.

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

use panel::USUAL;
use panel::desk::Desk;
use skerry_dmg::Model;
use skerry_panel_proto::Op;

const RATE: u32 = 48_000;

/// What sounds from now on: milliseconds of it in so many, and its pitch in hertz where it sounds.
fn listen(desk: &mut Desk, ms: u64) -> (u64, u64) {
    desk.panel.machine.take_audio();
    desk.run(ms * 1_000);
    let samples = desk.panel.machine.take_audio();
    let loud: Vec<&[i16]> = samples.chunks(48).filter(|it| is_loud(it)).collect();
    let rises = |it: &&[i16]| {
        it.windows(2)
            .filter(|it| it[1] > it[0].saturating_add(2_000))
            .count()
    };
    let rises: usize = loud.iter().map(rises).sum();
    let pitch = if loud.is_empty() {
        0
    } else {
        rises * 1_000 / loud.len()
    };
    (loud.len() as u64, pitch as u64)
}

/// True if a millisecond of samples moves.
fn is_loud(samples: &[i16]) -> bool {
    let (least, most) = (samples.iter().min(), samples.iter().max());
    least
        .zip(most)
        .is_some_and(|(least, most)| i32::from(*most) - i32::from(*least) > 1_000)
}

/// A desk that has been quiet for a while.
fn desk() -> Desk {
    let mut desk = Desk::new(Model::Dmg, USUAL);
    desk.panel.machine.set_audio_rate(RATE);
    assert_eq!(listen(&mut desk, 500).0, 0, "nobody asked for a sound");
    desk
}

#[test]
fn a_tick_and_a_notice_are_heard_once() {
    // Pictures of 16.7 ms: three, and fifteen.
    for (pattern, least, most) in [(1, 40, 70), (2, 220, 280)] {
        let mut desk = desk();
        desk.push(&Op::Beep(pattern));
        let (loud, pitch) = listen(&mut desk, 900);
        println!("figure: beep {pattern}: {loud} ms of {pitch} Hz");
        assert!((least..=most).contains(&loud), "{loud} ms");
        assert!((600..1_400).contains(&pitch), "{pitch} Hz");
        assert_eq!(listen(&mut desk, 900).0, 0);
    }
}

#[test]
fn an_alarm_goes_on_until_it_is_stopped() {
    let mut desk = desk();
    desk.push(&Op::Beep(3));
    for _ in 0..4 {
        let (loud, _) = listen(&mut desk, 1_000);
        assert!((300..600).contains(&loud), "{loud} ms");
    }
    desk.push(&Op::Beep(0));
    desk.run(50_000);
    assert_eq!(listen(&mut desk, 900).0, 0);
}
