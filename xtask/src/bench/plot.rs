//! The bench's figures as bars: a panel for each, a bar for each variant, so that anybody sees at a
//! glance who is where. In colours that can be told apart on a light page and on a dark one.

use std::fmt::Write as _;

use crate::bench::figures::{Run, Sample, Spread};

/// A panel: its title, its decimals, and the figure of a sample.
type Panel = (&'static str, usize, fn(&Sample) -> Option<f64>);

const PANELS: [Panel; 5] = [
    ("TCP, one stream: Gb/s", 2, |it| Some(it.tcp1.gbps)),
    ("TCP, four streams: Gb/s", 2, |it| Some(it.tcp4.gbps)),
    (
        "UDP, 64 bytes, loss below 0.1 %: 1,000 packets/s",
        0,
        |it| Some(it.udp64.pps / 1e3),
    ),
    (
        "CPU at both ends, TCP, one stream: ns/frame (less is better)",
        0,
        |it| Some(it.tcp1.per_frame.tx? + it.tcp1.per_frame.rx?),
    ),
    (
        "Ping beside one TCP stream, p99: us (less is better)",
        0,
        |it| Some(it.loaded.p99),
    ),
];

const WIDTH: f64 = 840.0;
/// Where bars begin, behind the names, and what is left of them for figures.
const LEFT: f64 = 300.0;
const RIGHT: f64 = 130.0;
const BAR: f64 = 18.0;
const TITLE: f64 = 44.0;

/// Readable on white and on black.
const GREY: &str = "#808080";
const OURS: &str = "#3b82f6";

/// One panel below the other; variants that have no such figure, or no tunnel, are left out.
pub(super) fn svg(run: &Run) -> String {
    let (mut body, mut top) = (String::new(), 10.0);
    for panel in &PANELS {
        let bars = bars(run, panel);
        if bars.is_empty() {
            continue;
        }
        draw(&mut body, top, panel, &bars);
        top += TITLE + BAR * bars.len() as f64;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {:.0}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"{GREY}\">\n<title>Skerry beside its \
         peers</title>\n{body}</svg>\n",
        top + 10.0
    )
}

/// What is not encrypted runs in the kernel alone, and its bars would be the only ones to see.
fn bars<'r>(run: &'r Run, (_, _, figure): &Panel) -> Vec<(&'r str, Spread)> {
    let variants = run.variants.iter();
    let bar = |name: &'r str| {
        let samples = run.samples.iter().filter(|it| it.variant == name);
        let encrypts = samples.clone().any(|it| it.tcp1.per_frame.tx.is_some());
        let spread = Spread::of(samples.filter_map(figure).collect());
        spread.filter(|_| encrypts).map(|spread| (name, spread))
    };
    variants.filter_map(|it| bar(&it.name)).collect()
}

fn draw(out: &mut String, top: f64, (title, decimals, _): &Panel, bars: &[(&str, Spread)]) {
    let most = bars.iter().map(|(_, it)| it.max).fold(0.0, f64::max);
    let x = |value: f64| LEFT + value / most.max(f64::MIN_POSITIVE) * (WIDTH - LEFT - RIGHT);
    line(
        out,
        &format!(
            "<text x=\"{LEFT}\" y=\"{:.1}\" font-weight=\"bold\">{title}</text>",
            top + 22.0
        ),
    );
    for (nth, (name, spread)) in (0_u32..).zip(bars) {
        let middle = top + TITLE - 10.0 + BAR * f64::from(nth);
        let colour = if name.starts_with("skerry") {
            OURS
        } else {
            GREY
        };
        let Spread { median, min, max } = *spread;
        line(
            out,
            &format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\
                 <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"12\" fill=\"{colour}\"/>\
                 <path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{median:.decimals$}</text>",
                LEFT - 8.0,
                middle + 4.0,
                middle - 6.0,
                x(median) - LEFT,
                x(min),
                x(max),
                x(max) + 8.0,
                middle + 4.0,
            ),
        );
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _written = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::{Described, Latency, PerFrame, Tcp, Udp};

    fn sample(variant: &str, gbps: f64, program: bool) -> Sample {
        let per_frame = || PerFrame {
            tx: program.then_some(1_000.0),
            rx: program.then_some(2_000.0),
            machine: 4_000.0,
        };
        let tcp = || Tcp {
            gbps,
            retransmits: 0.0,
            per_frame: per_frame(),
        };
        let ping = Latency {
            p50: 100.0,
            p99: 200.0,
        };
        Sample {
            variant: variant.to_owned(),
            round: 1,
            others: 0.0,
            aead: 900.0,
            ping,
            loaded: ping,
            tcp1: tcp(),
            tcp4: tcp(),
            udp64: Udp::NONE,
            udp1400: Udp::NONE,
        }
    }

    #[test]
    fn bars_are_as_long_as_figures_and_the_kernel_alone_has_none() {
        let names = ["plain veth", "slow", "skerry"];
        let described = names.map(|name| Described {
            name: name.to_owned(),
            note: String::new(),
        });
        let run = Run {
            machine: String::new(),
            inner_mtu: 1390,
            rounds: 1,
            seconds: 1,
            congestion: String::new(),
            variants: described.into(),
            samples: vec![
                sample("plain veth", 20.0, false),
                sample("slow", 1.0, true),
                sample("skerry", 4.0, true),
            ],
        };
        let svg = svg(&run);
        assert!(!svg.contains("plain veth"));
        let widths: Vec<f64> = svg
            .split("width=\"")
            .skip(1)
            .filter(|rest| rest.contains("height=\"12\""))
            .filter_map(|rest| rest.split('"').next()?.parse().ok())
            .filter(|width| *width > 2.0)
            .collect();
        assert_eq!(widths[..2], [102.5, 410.0], "{svg}");
    }
}
