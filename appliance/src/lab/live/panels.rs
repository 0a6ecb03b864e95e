//! The panels of the live view: matrix, attacks, throughput, tunnels, ports with their drops.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Row, Sparkline, Table};

use crate::lab::live::traffic::{Event, Traffic};
use crate::lab::picture::{self, Sight};
use crate::lab::plan::{HOSTS, HostId};
use crate::lab::speed;
use crate::lab::world::World;

/// The matrix with its border, in columns and lines.
const MATRIX: (u16, u16) = (62, 23);
const TUNNELS: u16 = 8;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, world: &World, traffic: &Traffic) {
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title(traffic), top);
    frame.render_widget(
        Line::from(
            " q to stop; everything is taken down again. `skerry lab --panel`: n1 on a Game Boy",
        )
        .dim(),
        bottom,
    );
    let [left, right] =
        Layout::horizontal([Constraint::Length(MATRIX.0), Constraint::Min(0)]).areas(middle);
    let [matrix, attacks] =
        Layout::vertical([Constraint::Length(MATRIX.1), Constraint::Min(0)]).areas(left);
    draw_matrix(frame, matrix, world, traffic);
    draw_attacks(frame, attacks, traffic);
    let [rates, tunnels, ports] = Layout::vertical([
        Constraint::Length(7),
        Constraint::Length(TUNNELS),
        Constraint::Min(0),
    ])
    .areas(right);
    draw_rates(frame, rates, traffic);
    draw_tunnels(frame, tunnels, traffic);
    draw_ports(frame, ports, traffic);
}

fn panel(title: impl Into<String>) -> Block<'static> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().dim())
        .title(format!(" {} ", title.into()).bold())
}

fn title(traffic: &Traffic) -> Line<'static> {
    let (agreed, checks) = (traffic.agreed, traffic.checks);
    let verdict = format!("{agreed} of {checks} checks agree");
    let verdict = if agreed == checks {
        verdict.green()
    } else {
        verdict.red().bold()
    };
    Line::from(vec![
        " skerry lab ".bold().cyan(),
        "three nodes, fifteen hosts, one policy   ".into(),
        verdict,
    ])
}

fn draw_matrix(frame: &mut Frame<'_>, area: Rect, world: &World, traffic: &Traffic) {
    let mut lines: Vec<Line<'_>> = picture::heading()
        .into_iter()
        .map(|line| Line::from(line).dim())
        .collect();
    let mut domain = HOSTS[0].domain;
    for from in HostId::all() {
        if domain != from.plan().domain {
            domain = from.plan().domain;
            lines.push(Line::default());
        }
        lines.push(matrix_row(world, traffic, from));
    }
    lines.push(Line::from(picture::LEGEND).dim());
    let panel = panel("who hears whom, measured");
    frame.render_widget(Paragraph::new(lines).block(panel), area);
}

fn matrix_row(world: &World, traffic: &Traffic, from: HostId) -> Line<'static> {
    let speaking = traffic.speaker() == Some(from);
    let label = picture::label(from);
    let mut spans = vec![if speaking { label.bold() } else { label.dim() }];
    for to in HostId::all() {
        spans.push(Span::raw(picture::gap(to)));
        let pair = traffic
            .measured
            .as_ref()
            .map(|measured| measured.pair(from, to));
        spans.push(match pair {
            _ if to == from => Span::raw(" "),
            None => Span::raw(" "),
            Some(cell) => {
                let sight = Sight::of(world.policy.permits(from, to), &cell);
                Span::styled(sight.sign(), style(sight))
            }
        });
    }
    Line::from(spans)
}

fn style(sight: Sight) -> Style {
    match sight {
        Sight::Reached => Style::new().green(),
        Sight::Kept => Style::new().dim(),
        Sight::Leak | Sight::Gap | Sight::Twice => Style::new().red().bold(),
    }
}

fn draw_attacks(frame: &mut Frame<'_>, area: Rect, traffic: &Traffic) {
    let lines: Vec<Line<'_>> = traffic.events.iter().map(attack_line).collect();
    let panel = panel("attacks by n1/b-i1");
    frame.render_widget(Paragraph::new(lines).block(panel), area);
}

fn attack_line(event: &Event) -> Line<'static> {
    let counted = match event.counted {
        None => "…".dim(),
        Some(0) => "not counted".red().bold(),
        Some(_) => event.expected.green(),
    };
    let about: String = event.about.chars().take(32).collect();
    Line::from(vec![
        format!("{:<8} ", event.name).bold(),
        format!("{about:<33}").into(),
        counted,
    ])
}

fn draw_rates(frame: &mut Frame<'_>, area: Rect, traffic: &Traffic) {
    let last = traffic.rates.back().copied().unwrap_or(0);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a figure for people, far below 2^52"
    )]
    let rate = speed::rate(last as f64);
    let width = usize::from(area.width.saturating_sub(2));
    let skip = traffic.rates.len().saturating_sub(width);
    let sparkline = Sparkline::default()
        .block(panel(format!("TCP n1/b-w1 to n2/b-w2: {rate}")))
        .data(traffic.rates.iter().skip(skip).copied())
        .style(Style::new().cyan());
    frame.render_widget(sparkline, area);
}

fn draw_tunnels(frame: &mut Frame<'_>, area: Rect, traffic: &Traffic) {
    let rows = traffic.counts.0.iter().flat_map(|node| {
        node.peers.iter().map(|(name, peer)| {
            let before = traffic
                .previous
                .node(&node.node)
                .and_then(|node| node.peers.get(name));
            let sent = before.map_or(0, |before| {
                peer.frames_out.saturating_sub(before.frames_out)
            });
            let rtt = peer
                .rtt_us
                .map_or_else(|| "-".to_owned(), |rtt| format!("{rtt} µs"));
            let age = peer
                .last_handshake_s
                .map_or_else(|| "-".to_owned(), |age| format!("{age} s"));
            let drops: u64 = peer.drops.values().chain(peer.egress_drops.values()).sum();
            Row::new([
                format!("{} → {name}", node.node),
                rtt,
                age,
                per_second(sent, traffic),
                drops.to_string(),
            ])
        })
    });
    let widths = [9, 10, 10, 10, 6].map(Constraint::Length);
    let table = Table::new(rows, widths)
        .header(Row::new(["tunnel", "rtt", "handshake", "frames/s", "drops"]).dim())
        .block(panel("tunnels"));
    frame.render_widget(table, area);
}

fn draw_ports(frame: &mut Frame<'_>, area: Rect, traffic: &Traffic) {
    let rows = HostId::all().map(|host| {
        let name = host.plan().port();
        let port = traffic.counts.port(&name).cloned().unwrap_or_default();
        let before = traffic.previous.port(&name).cloned().unwrap_or_default();
        let mut drops: BTreeMap<&str, u64> = BTreeMap::new();
        for (reason, count) in port.ingress_drops.iter().chain(&port.egress_drops) {
            *drops.entry(reason).or_default() += count;
        }
        let drops: Vec<String> = drops
            .iter()
            .map(|(reason, n)| format!("{reason} {n}"))
            .collect();
        Row::new([
            name,
            host.plan().segment.to_owned(),
            per_second(port.frames_in.saturating_sub(before.frames_in), traffic),
            per_second(port.sent.saturating_sub(before.sent), traffic),
            drops.join(", "),
        ])
    });
    let widths = [
        Constraint::Length(8),
        Constraint::Length(11),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Min(20),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(["port", "segment", "in/s", "out/s", "drops since the start"]).dim())
        .block(panel("ports"));
    frame.render_widget(table, area);
}

fn per_second(count: u64, traffic: &Traffic) -> String {
    let millis = traffic.interval.as_millis().max(1);
    (u128::from(count) * 1000 / millis).to_string()
}
