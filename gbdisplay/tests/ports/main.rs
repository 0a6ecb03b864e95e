//! Adapters played by the tests, each with a console behind it: what goes over the serial port, the
//! socket, and what happens when they go away.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod serial;

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use skerry_dmg::{Keys, Machine, Model};
use skerry_gbdisplay::ROM;
use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::{Panel, What};
use skerry_gbdisplay::port::{Bgb, Desk, Emulated, News, Port, Replug, Speed, Spi};

/// Longer than anything takes, even on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(60);

/// A console that keeps to the clock on the wall, and never stands still while it is clocked.
struct Console {
    machine: Machine,
    start: Instant,
    keys: Receiver<Keys>,
    rows: Sender<Vec<u8>>,
}

impl Console {
    fn exchange(&mut self, byte: u8) -> u8 {
        for keys in self.keys.try_iter() {
            self.machine.set_keys(keys);
        }
        let wall = self.start.elapsed().as_micros() * 1_048_576 / 1_000_000;
        self.machine.run_until(u64::try_from(wall).unwrap());
        self.machine.link_send(byte, 8);
        self.machine.run(157);
        let row = (0x9800..0x9814).map(|at| self.machine.peek(at)).collect();
        // The test may have ended.
        drop(self.rows.send(row));
        self.machine.link_reply().unwrap()
    }
}

/// The test's end of a console.
struct Hand {
    keys: Sender<Keys>,
    rows: Receiver<Vec<u8>>,
}

fn console() -> (Console, Hand) {
    let (keys, held) = channel();
    let (rows, seen) = channel();
    let console = Console {
        machine: Machine::new(ROM, Model::Dmg).unwrap(),
        start: Instant::now(),
        keys: held,
        rows,
    };
    (console, Hand { keys, rows: seen })
}

/// Has a panel at a port show its first page, then press SELECT, then show its second.
#[track_caller]
fn check(port: impl Port, hand: &Hand) {
    let mut desk = Desk::new(Panel::new(Pages::built_in().unwrap()), port);
    let start = Instant::now();
    let (mut demo, mut facts_us, mut row, mut told) = (Demo::default(), 0, vec![0; 20], None);
    for (title, key) in [("OVERVIEW", Keys::SELECT), ("PORTS   ", Keys::NONE)] {
        while row[..8] != *title.as_bytes() {
            assert!(
                start.elapsed() < PATIENCE,
                "{row:?}, {:?}",
                desk.session.link()
            );
            let now_us = desk.port.now_us();
            if now_us >= facts_us {
                facts_us = now_us + 250_000;
                desk.session.handle_facts(now_us, demo.facts());
            }
            desk.step().unwrap();
            row = hand.rows.try_iter().last().unwrap_or(row);
            while let Some(event) = desk.session.poll_event() {
                if let What::Navigated { page, .. } = event.what {
                    told = Some(page);
                }
            }
        }
        hand.keys.send(key).unwrap();
    }
    assert_eq!(told.as_deref(), Some("ports"));
}

#[test]
fn an_spi_device_that_is_missing_is_told() {
    let error = Spi::open(Path::new("/dev/no-such-spidev")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let error = Spi::open(Path::new("/dev/null")).unwrap_err();
    assert!(error.raw_os_error().is_some(), "{error}");
}

/// What an emulator does that listens: it answers bytes, and talks of its time and state.
fn emulator(listener: &TcpListener, version: u8, mut console: Console) -> io::Result<()> {
    let (mut wire, _) = listener.accept()?;
    wire.set_nodelay(true)?;
    wire.write_all(&[1, 1, 4, version, 0, 0, 0, 0])?;
    let mut packet = [0; 8];
    wire.read_exact(&mut packet)?;
    assert_eq!(packet, [1, 1, 4, 0, 0, 0, 0, 0]);
    let (mut last, mut count) = (0, 0_u32);
    loop {
        wire.read_exact(&mut packet)?;
        let time = u32::from_le_bytes(packet[4..].try_into().unwrap());
        match packet[0] {
            104 => {
                assert_eq!(packet[2], 0x81);
                assert!(time >= last, "time goes on");
                last = time;
                count += 1;
                noise(&mut wire, count)?;
                let unarmed = console.machine.counters().unarmed_bytes;
                let answer = console.exchange(packet[1]);
                if console.machine.counters().unarmed_bytes == unarmed {
                    wire.write_all(&[105, answer, 0x80, 0, 0, 0, 0, 0])?;
                } else {
                    wire.write_all(&[106, 1, 0, 0, 0, 0, 0, 0])?;
                }
            }
            106 | 108 => {}
            other => panic!("{other}"),
        }
    }
}

/// What may come in between: a state, a time, a key, and a byte with the emulator's own clock.
fn noise(wire: &mut TcpStream, count: u32) -> io::Result<()> {
    match count % 64 {
        1 => wire.write_all(&[108, 1, 0, 0, 0, 0, 0, 0]),
        2 => wire.write_all(&[106, 0, 0, 0, 9, 9, 9, 9]),
        3 => wire.write_all(&[101, 8, 0, 0, 0, 0, 0, 0]),
        4 => wire.write_all(&[104, 0x55, 0x81, 0, 0, 0, 0, 0]),
        _ => Ok(()),
    }
}

#[test]
fn a_console_in_another_emulator_is_painted_and_its_keys_come() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (console, hand) = console();
    thread::spawn(move || emulator(&listener, 0, console));
    check(Bgb::connect(&address).unwrap(), &hand);
}

#[test]
fn an_emulator_of_another_version_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || emulator(&listener, 9, console().0));
    let error = Bgb::connect(&address).unwrap_err().to_string();
    assert!(error.contains("another version"), "{error}");
}

#[test]
fn an_emulator_that_talks_and_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || -> io::Result<()> {
        let (mut wire, _) = listener.accept()?;
        wire.write_all(&[1, 1, 4, 0, 0, 0, 0, 0])?;
        // What time it is, a byte now and then.
        for byte in [106, 0, 0, 0, 0, 0, 0, 0].iter().cycle() {
            wire.write_all(&[*byte])?;
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    });
    let mut port = Bgb::connect(&address).unwrap();
    let (told, wait) = channel();
    thread::spawn(move || told.send(port.exchange(&[0], &mut Vec::new())));
    let error = wait.recv_timeout(PATIENCE / 3).unwrap().unwrap_err();
    assert!(
        matches!(
            error.kind(),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
        ),
        "{error}"
    );
}

/// A port that fails after so many exchanges.
struct Frail(Emulated, u32);

impl Port for Frail {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        self.1 = self.1.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        self.0.exchange(sent, received)
    }
    fn wait(&mut self, us: u64) {
        self.0.wait(us);
    }
    fn now_us(&mut self) -> u64 {
        self.0.now_us()
    }
    fn batch(&self) -> usize {
        self.0.batch()
    }
}

#[test]
fn an_adapter_that_went_away_is_opened_again() {
    let mut opened = 0;
    let open = move || -> io::Result<Box<dyn Port>> {
        opened += 1;
        match opened {
            // At first it is still gone.
            2 | 3 => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(Box::new(Frail(
                Emulated::new(Model::Dmg, Speed::Real).unwrap(),
                500,
            ))),
        }
    };
    let mut desk = Desk::new(
        Panel::new(Pages::built_in().unwrap()),
        Replug::new(open).unwrap(),
    );
    let start = Instant::now();
    // A console that takes its time is told as down before it is up; on a busy machine it may.
    let (mut is_up, mut ups, mut downs) = (false, 0, 0);
    while ups < 2 {
        assert!(start.elapsed() < PATIENCE, "{ups} {downs}");
        desk.step().unwrap();
        while let Some(event) = desk.session.poll_event() {
            let was_up = is_up;
            let is_down = matches!(event.what, What::Down(_));
            is_up = event.what == What::Up || is_up && !is_down;
            ups += i32::from(is_up && !was_up);
            downs += i32::from(was_up && !is_up);
        }
    }
    assert_eq!(downs, 1);
    let news: Vec<News> = std::iter::from_fn(|| desk.port.take_news()).collect();
    let failed = |why: &str| News::Failed(why.to_owned());
    let expect = [
        failed("broken pipe"),
        failed("entity not found"),
        News::Back,
    ];
    assert_eq!(news, expect);
    let failed = Replug::new(|| Err(io::ErrorKind::NotFound.into()));
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::NotFound);
}
