//! The curves as an SVG, in colours that can be told apart on a light and on a dark page, on a
//! background of neither.

use std::fmt::Write as _;

use crate::curves::{CURVES, Point};
use crate::layout::{Dimension, Way};
use crate::report::{Report, thousands, title, way_title};

const WIDTH: f64 = 840.0;
/// Of one panel, with its title and its axis.
const PANEL: f64 = 290.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 220.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 60.0;

/// The x axis ends at 10 to the power of this.
const DECADES: u32 = 6;

/// Readable on white and on black.
const GREY: &str = "#808080";

/// One panel for every way that frames go, one line for everything that there is more and more of.
pub(crate) fn svg(report: &Report) -> String {
    let ways = [Way::Here, Way::Out, Way::In];
    let height = PANEL * 3.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"{GREY}\">\n\
         <title>CPU time of a frame of 64 bytes</title>\n"
    );
    for (nth, way) in (0_u32..).zip(ways) {
        let top = f64::from(nth) * PANEL;
        writeln!(out, "<g transform=\"translate(0 {top})\">").unwrap();
        panel(&mut out, report, way);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn panel(out: &mut String, report: &Report, way: Way) {
    let curves = CURVES.iter().filter(|curve| curve.1 == way);
    let curves = curves.map(|(dimension, ..)| (*dimension, report.curve(*dimension, way)));
    let curves: Vec<_> = curves.filter(|(_, points)| !points.is_empty()).collect();
    let all = curves.iter().flat_map(|(_, points)| points.iter());
    let top = round_up(all.map(|it| it.max()).fold(1.0, f64::max));
    axes(out, way, top);
    let mut labels = Vec::new();
    for (dimension, points) in &curves {
        let (colour, dash) = look(*dimension);
        for point in points {
            whisker(out, point, top, colour);
        }
        let corners: Vec<String> = points.iter().map(|it| corner(it, top)).collect();
        writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            corners.join(" ")
        )
        .unwrap();
        let last = points[points.len() - 1].median();
        labels.push((y(last, top), title(*dimension), colour, last));
    }
    legend(out, labels);
}

/// Names beside the ends of the lines, in their order from top to bottom.
fn legend(out: &mut String, mut labels: Vec<(f64, &str, &str, f64)>) {
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = TOP;
    for (at, title, colour, last) in labels {
        let at = at.max(free);
        free = at + 17.0;
        let x = WIDTH - RIGHT + 12.0;
        writeln!(
            out,
            "<text x=\"{x}\" y=\"{at:.1}\" fill=\"{colour}\" dominant-baseline=\"middle\">{title}: \
             {last:.0} ns</text>"
        )
        .unwrap();
    }
}

fn axes(out: &mut String, way: Way, top: f64) {
    let (right, low) = (WIDTH - RIGHT, PANEL - BOTTOM);
    let middle = (LEFT + right) / 2.0;
    writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"20\" font-weight=\"bold\">{}, CPU ns a frame</text>",
        way_title(way)
    )
    .unwrap();
    for nth in 0..=4 {
        let value = top * f64::from(nth) / 4.0;
        let at = y(value, top);
        writeln!(
            out,
            "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"{GREY}\" stroke-opacity=\"0.3\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.0}</text>",
            LEFT - 8.0,
            at + 4.0
        )
        .unwrap();
    }
    for decade in 0..=DECADES {
        let count = 10_u32.pow(decade);
        let at = x(count);
        writeln!(
            out,
            "<path d=\"M{at:.1} {low}v5\" stroke=\"{GREY}\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            low + 19.0,
            thousands(count)
        )
        .unwrap();
    }
    writeln!(
        out,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">how many</text>",
        low + 38.0
    )
    .unwrap();
}

/// The worst and the best round.
fn whisker(out: &mut String, point: &Point, top: f64, colour: &str) {
    let (at, low, high) = (x(point.layout.count), point.min(), point.max());
    writeln!(
        out,
        "<path d=\"M{at:.1} {:.1}V{:.1}\" stroke=\"{colour}\" stroke-opacity=\"0.6\"/>\
         <circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
        y(low, top),
        y(high, top),
        y(point.median(), top)
    )
    .unwrap();
}

fn corner(point: &Point, top: f64) -> String {
    format!("{:.1},{:.1}", x(point.layout.count), y(point.median(), top))
}

/// Colour and dashes, so that neither alone has to tell lines apart.
const fn look(dimension: Dimension) -> (&'static str, &'static str) {
    match dimension {
        Dimension::Ports => ("#3b82f6", ""),
        Dimension::Macs => ("#e0533d", ""),
        Dimension::Peers => ("#1a9a6c", ""),
        Dimension::Flows => ("#b7791f", " stroke-dasharray=\"6 4\""),
        Dimension::TcpFlows => ("#a855c7", " stroke-dasharray=\"2 3\""),
        Dimension::Clients => ("#0e9aa7", " stroke-dasharray=\"9 3 2 3\""),
    }
}

fn x(count: u32) -> f64 {
    let share = f64::from(count).log10() / f64::from(DECADES);
    LEFT + share * (WIDTH - RIGHT - LEFT)
}

fn y(value: f64, top: f64) -> f64 {
    PANEL - BOTTOM - value / top * (PANEL - BOTTOM - TOP)
}

/// The end of an axis: four round steps.
fn round_up(value: f64) -> f64 {
    let step = 10_f64.powf((value / 4.0).log10().floor());
    let steps = (value / 4.0 / step).ceil();
    steps * step * 4.0
}
