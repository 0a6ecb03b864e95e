//! A run of `skerry lab --panel` and everything that was said in it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{folder, run, skerry};
use crate::picture::Picture;

/// What the daemon had counted: as it told the panel, or the test.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// When it told the panel.
    pub(crate) wall_us: u64,
    /// When the panel had it, by its own clock.
    pub(crate) at_us: u64,
    /// When it did so before.
    since_us: Option<u64>,
    /// Bytes from a port's guest and to it.
    pub(crate) bytes: BTreeMap<String, u64>,
    /// Hairpins that were dropped, where any were.
    pub(crate) hairpins: BTreeMap<String, u64>,
}

impl Counted {
    fn of(line: &Value) -> Self {
        let counters = line.get("counters").unwrap_or(line);
        let ports = counters["ports"].as_object().unwrap();
        let number = |it: &Value| it.as_u64().unwrap();
        let bytes = |it: &Value| number(&it["bytes_in"]) + number(&it["bytes_out"]);
        let hairpins = ports.iter().filter_map(|(name, it)| {
            let count = it["ingress_drops"].get("hairpin_up").map(number);
            count.map(|it| (name.clone(), it))
        });
        Self {
            wall_us: line["wall_us"].as_u64().unwrap_or(0),
            at_us: line["at_us"].as_u64().unwrap_or(0),
            since_us: line["since_us"].as_u64(),
            bytes: ports
                .iter()
                .map(|(name, it)| (name.clone(), bytes(it)))
                .collect(),
            hairpins: hairpins.collect(),
        }
    }

    /// The panel has them one after the other: it was not too late for one between them.
    pub(crate) fn follows(&self, old: &Self) -> bool {
        self.since_us == Some(old.wall_us)
    }

    /// How many hairpins of a port were dropped.
    pub(crate) fn hairpins_of(&self, port: &str) -> u64 {
        let count = self.hairpins.get(&format!("n1/{port}"));
        count.copied().unwrap_or(0)
    }

    /// What passed a port since then, in megabits a second.
    pub(crate) fn rate_since(&self, old: &Self, port: &str) -> f64 {
        let port = format!("n1/{port}");
        let bits = 8 * (self.bytes[&port] - old.bytes[&port]);
        // Bits a microsecond are megabits a second.
        bits as f64 / (self.wall_us - old.wall_us) as f64
    }
}

/// What was said, in order.
#[derive(Debug)]
pub(crate) enum Line {
    /// What the daemon told the panel.
    Counted(Counted),
    /// What it told the test.
    Asked(Counted),
    /// What was to be seen.
    Picture(Picture),
    /// A guest tried a hairpin.
    Attack { from: String, wall_us: u64 },
    /// A was pressed at an alert.
    Acknowledged { alert: u64, after_ms: u64 },
    /// Something else happened.
    Other,
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) lines: Vec<Line>,
    arrived: Vec<Instant>,
}

/// Ends the lab, whose daemons and namespaces end with it, however the test ends.
struct Lab(Child);

impl Drop for Lab {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Run {
    /// Shows the ports for so long, pressing those keys. Asks the daemon itself each time that an
    /// alert was acknowledged.
    pub(crate) fn of(presses: &[&str], time: Duration) -> Self {
        let dir = folder(&[]);
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let mut command = skerry();
        command.args(["lab", "--panel", "--json", "--trace", "--page", "ports"]);
        command.args(["--seconds", &time.as_secs().to_string()]);
        command.args(presses.iter().flat_map(|it| ["--press", it]));
        command.current_dir(dir.path()).stdin(Stdio::null());
        let mut lab = Lab(command.stdout(Stdio::piped()).stderr(log).spawn().unwrap());
        let mut this = Self {
            lines: Vec::new(),
            arrived: Vec::new(),
        };
        // It ends by itself, and with it what it says.
        for text in BufReader::new(lab.0.stdout.take().unwrap()).lines() {
            let line = Line::of(&serde_json::from_str(&text.unwrap()).unwrap());
            let is_acknowledged = matches!(line, Line::Acknowledged { .. });
            this.push(line);
            if is_acknowledged {
                this.push(Line::Asked(ask(dir.path(), lab.0.id())));
            }
        }
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert_eq!(lab.0.wait().unwrap().code(), Some(0), "{log}");
        this
    }

    fn push(&mut self, line: Line) {
        self.lines.push(line);
        self.arrived.push(Instant::now());
    }

    /// When the test read a line.
    pub(crate) fn arrived(&self, line: usize) -> Instant {
        self.arrived[line]
    }

    fn all<'a, T>(
        &'a self,
        pick: impl Fn(&'a Line) -> Option<T>,
    ) -> impl Iterator<Item = (usize, T)> {
        let lines = self.lines.iter().enumerate();
        lines.filter_map(move |(at, line)| Some((at, pick(line)?)))
    }

    pub(crate) fn counted(&self) -> impl Iterator<Item = (usize, &Counted)> {
        self.all(|it| {
            if let Line::Counted(it) = it {
                Some(it)
            } else {
                None
            }
        })
    }

    pub(crate) fn asked(&self) -> impl Iterator<Item = (usize, &Counted)> {
        self.all(|it| {
            if let Line::Asked(it) = it {
                Some(it)
            } else {
                None
            }
        })
    }

    /// Where it is told, when it was sent, and from which port.
    pub(crate) fn attacks(&self) -> impl Iterator<Item = (usize, u64, String)> {
        let attacks = self.all(|it| {
            if let Line::Attack { from, wall_us } = it {
                Some((*wall_us, from))
            } else {
                None
            }
        });
        attacks.map(|(at, (wall_us, from))| (at, wall_us, from.clone()))
    }

    pub(crate) fn pictures(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &Picture)> {
        let all = self.all(|it| {
            if let Line::Picture(it) = it {
                Some(it)
            } else {
                None
            }
        });
        all.filter(move |(at, _)| range.contains(at))
    }

    /// By how much the console fell behind the clock on the wall: it does where a machine is too
    /// busy for it, and stays so.
    pub(crate) fn lost(&self) -> Duration {
        let pictures = self.pictures(0..self.lines.len());
        let behind: Vec<u64> = pictures.map(|(_, it)| it.wall_us - it.at_us).collect();
        let (least, most) = (behind.iter().min(), behind.iter().max());
        Duration::from_micros(most.unwrap() - least.unwrap())
    }

    /// The first acknowledgement there: where it is told, of which alert, and after how long.
    pub(crate) fn acknowledged(&self, range: Range<usize>) -> Option<(usize, u64, u64)> {
        let mut all = self.all(|it| {
            if let Line::Acknowledged { alert, after_ms } = it {
                Some((*alert, *after_ms))
            } else {
                None
            }
        });
        let (at, (alert, after_ms)) = all.find(|(at, _)| range.contains(at))?;
        Some((at, alert, after_ms))
    }
}

impl Line {
    fn of(line: &Value) -> Self {
        let number = |key: &str| {
            line[key]
                .as_u64()
                .unwrap_or_else(|| panic!("no {key} in {line}"))
        };
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        match line["event"].as_str().unwrap() {
            "counters" => Self::Counted(Counted::of(line)),
            "picture" => Self::Picture(Picture {
                wall_us: number("wall_us"),
                at_us: number("at_us"),
                is_whole: line["whole"].as_bool().unwrap(),
                rows: line["rows"].as_array().unwrap().iter().map(text).collect(),
            }),
            "attack" => {
                assert_eq!(line["name"], "hairpin");
                Self::Attack {
                    from: text(&line["from"]),
                    wall_us: number("wall_us"),
                }
            }
            "acknowledged" => Self::Acknowledged {
                alert: number("alert"),
                after_ms: number("after_ms"),
            },
            _ => Self::Other,
        }
    }
}

/// Asks the daemon of n1, whose socket is in a file system that only the lab's processes see.
fn ask(dir: &Path, lab: u32) -> Counted {
    let socket = format!("/proc/{lab}/root/tmp/n1/control.sock");
    let told = run(dir, &["counters", "--json", "--socket", &socket])
        .exits(0)
        .json();
    Counted::of(&told)
}
