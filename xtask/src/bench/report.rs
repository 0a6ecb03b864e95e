//! The table for people, the file for programs, and the picture.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::bench::aead::LENGTH;
use crate::bench::datapath::folder;
use crate::bench::figures::{Run, Sample, Spread};
use crate::bench::plot;
use crate::command::say;

/// A column: its title, its decimals, and the figure of a sample.
type Column = (&'static str, usize, fn(&Sample) -> Option<f64>);

const TCP: [Column; 8] = [
    ("1 stream, Gb/s", 2, |it| Some(it.tcp1.gbps)),
    ("4 streams, Gb/s", 2, |it| Some(it.tcp4.gbps)),
    ("share of the cipher's limit, 1 stream, %", 0, |it| {
        Some(it.tcp1.gbps * 100.0 / limit(it))
    }),
    ("TX end, ns/frame, 1 stream", 0, |it| it.tcp1.per_frame.tx),
    ("RX end, 1 stream", 0, |it| it.tcp1.per_frame.rx),
    ("TX end, 4 streams", 0, |it| it.tcp4.per_frame.tx),
    ("RX end, 4 streams", 0, |it| it.tcp4.per_frame.rx),
    ("whole machine, ns/frame, 1 stream", 0, |it| {
        Some(it.tcp1.per_frame.machine)
    }),
];

const UDP: [Column; 8] = [
    ("64 B, 1,000 packets/s", 1, |it| Some(it.udp64.pps / 1e3)),
    ("TX end, ns/packet", 0, |it| it.udp64.per_frame.tx),
    ("RX end", 0, |it| it.udp64.per_frame.rx),
    ("whole machine", 0, |it| Some(it.udp64.per_frame.machine)),
    ("full, 1,000 packets/s", 1, |it| Some(it.udp1400.pps / 1e3)),
    ("TX end, ns/packet", 0, |it| it.udp1400.per_frame.tx),
    ("RX end", 0, |it| it.udp1400.per_frame.rx),
    ("whole machine", 0, |it| Some(it.udp1400.per_frame.machine)),
];

const PING: [Column; 4] = [
    ("idle p50, us", 0, |it| Some(it.ping.p50)),
    ("idle p99, us", 0, |it| Some(it.ping.p99)),
    ("beside one TCP stream p50, us", 0, |it| Some(it.loaded.p50)),
    ("beside one TCP stream p99, us", 0, |it| Some(it.loaded.p99)),
];

/// Gb/s that one core could seal if it did nothing else.
fn limit(sample: &Sample) -> f64 {
    LENGTH as f64 * 8.0 / sample.aead
}

/// Prints the table, and writes it, the JSON and the picture under `target/bench/`.
pub(super) fn write(root: &Path, run: &Run) -> Result<()> {
    let folder = folder(root)?;
    let table = markdown(run);
    fs::write(folder.join("latest.md"), &table)?;
    fs::write(
        folder.join("latest.json"),
        serde_json::to_string_pretty(run)?,
    )?;
    fs::write(folder.join("latest.svg"), plot::svg(run))?;
    say(&table);
    say("(also in target/bench/latest.md, latest.json and latest.svg)");
    Ok(())
}

fn markdown(run: &Run) -> String {
    let mut out = String::new();
    for (title, columns) in [
        ("Bulk TCP", &TCP[..]),
        ("UDP, loss below 0.1 %", &UDP),
        ("Ping", &PING),
    ] {
        out.push_str(&format!("{title}:\n\n"));
        out.push_str(&table(run, columns));
        out.push('\n');
    }
    out.push_str(&format!("{}\n", method(run)));
    for variant in &run.variants {
        out.push_str(&format!("- {}: {}.\n", variant.name, variant.note));
    }
    out
}

fn table(run: &Run, columns: &[Column]) -> String {
    let mut out = String::from("| variant |");
    for (title, ..) in columns {
        out.push_str(&format!(" {title} |"));
    }
    out.push_str(&format!("\n|---|{}\n", "---|".repeat(columns.len())));
    for variant in &run.variants {
        out.push_str(&format!("| {} |", variant.name));
        for column in columns {
            out.push_str(&format!(" {} |", cell(run, &variant.name, column)));
        }
        out.push('\n');
    }
    out
}

fn cell(run: &Run, variant: &str, (_, decimals, figure): &Column) -> String {
    let samples = run.samples.iter().filter(|it| it.variant == variant);
    let spread = Spread::of(samples.filter_map(figure).collect());
    spread.map_or_else(|| "-".to_owned(), |spread| spread.shown(*decimals))
}

/// What a reader has to know before comparing.
fn method(run: &Run) -> String {
    let others = Spread::of(run.samples.iter().map(|it| it.others).collect());
    let others = others.map_or_else(String::new, |it| {
        format!(
            "Other work kept {:.2} CPUs busy just before a measurement (median; at most {:.2}). ",
            it.median, it.max
        )
    });
    let aead = Spread::of(run.samples.iter().map(|it| it.aead).collect());
    let aead = aead.map_or_else(String::new, |it| {
        format!(
            "ring sealed {LENGTH} bytes in {:.0} ns ({:.0}-{:.0}), {:.1} Gb/s: the cipher's limit of \
             one core. ",
            it.median,
            it.min,
            it.max,
            LENGTH as f64 * 8.0 / it.median
        )
    });
    format!(
        "Median (min-max) of {} rounds in turn, {} s for each TCP figure, by {}. {}. {others}{aead}Inner MTU {} \
         and underlay MTU 1500 for all. Both hosts and both nodes share these CPUs. Per frame: CPU \
         time of that end's program by the data that arrived, in segments of {} bytes; answering \
         segments are work, but not counted as frames. What the kernel does on behalf of a program \
         (a TAP's receiver, a veth's other side) is in that program's time; `-`: no program, the \
         kernel does it all, see the whole machine.\n",
        run.rounds,
        run.seconds,
        run.congestion,
        run.machine,
        run.inner_mtu,
        run.inner_mtu - 52,
    )
}
