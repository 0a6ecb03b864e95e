//! The table for people and the file for programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::bench::figures::{Run, Sample, Spread};
use crate::command::say;

/// A column: its title, its decimals, and the figure of a sample.
type Column = (&'static str, usize, fn(&Sample) -> Option<f64>);

const COLUMNS: [Column; 9] = [
    ("TCP 1 stream, Gb/s", 2, |it| Some(it.tcp1.gbps)),
    ("TCP 4 streams, Gb/s", 2, |it| Some(it.tcp4.gbps)),
    ("TX end, ns/frame, 1 stream", 0, |it| it.tcp1.per_frame.tx),
    ("RX end, 1 stream", 0, |it| it.tcp1.per_frame.rx),
    ("TX end, 4 streams", 0, |it| it.tcp4.per_frame.tx),
    ("RX end, 4 streams", 0, |it| it.tcp4.per_frame.rx),
    ("whole machine, ns/frame, 1 stream", 0, |it| {
        Some(it.tcp1.per_frame.machine)
    }),
    ("ping p50, us", 0, |it| Some(it.ping.p50)),
    ("ping p99, us", 0, |it| Some(it.ping.p99)),
];

/// Prints the table, and writes it and the JSON under `target/bench/`.
pub(super) fn write(root: &Path, run: &Run) -> Result<()> {
    let folder = root.join("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let table = markdown(run);
    fs::write(folder.join("latest.md"), &table)?;
    fs::write(
        folder.join("latest.json"),
        serde_json::to_string_pretty(run)?,
    )?;
    say(&table);
    say("(also in target/bench/latest.md and latest.json)");
    Ok(())
}

fn markdown(run: &Run) -> String {
    let mut out = String::from("| variant |");
    for (title, ..) in COLUMNS {
        out.push_str(&format!(" {title} |"));
    }
    out.push_str(&format!("\n|---|{}\n", "---|".repeat(COLUMNS.len())));
    for variant in &run.variants {
        out.push_str(&format!("| {} |", variant.name));
        for column in &COLUMNS {
            out.push_str(&format!(" {} |", cell(run, &variant.name, column)));
        }
        out.push('\n');
    }
    out.push_str(&format!("\n{}\n", method(run)));
    for variant in &run.variants {
        out.push_str(&format!("- {}: {}.\n", variant.name, variant.note));
    }
    out
}

fn cell(run: &Run, variant: &str, (_, decimals, figure): &Column) -> String {
    let samples = run.samples.iter().filter(|it| it.variant == variant);
    let Some(spread) = Spread::of(samples.filter_map(figure).collect()) else {
        return "-".to_owned();
    };
    let Spread { median, min, max } = spread;
    format!("{median:.decimals$} ({min:.decimals$}-{max:.decimals$})")
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
    format!(
        "Median (min-max) of {} rounds in turn, {} s for each TCP figure, by {}. {}. {others}Inner MTU {} \
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
