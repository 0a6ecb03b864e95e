//! How it looks.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table};

use super::rates::{Line, Rates};
use crate::view::{PeerState, Status};

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, status: &Status, rates: &Rates, offset: usize) {
    let peers = u16::try_from(rates.peers.len()).unwrap_or(u16::MAX).min(8);
    let areas = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(4),
        Constraint::Length(peers.saturating_add(3)),
        Constraint::Length(6),
        Constraint::Length(1),
    ]);
    let [top, ports, nodes, drops, bottom] = areas.areas(frame.area());
    frame.render_widget(header(status), top);
    table(
        frame,
        ports,
        "ports",
        "segment",
        rates.ports.get(offset..).unwrap_or_default(),
    );
    table(frame, nodes, "nodes", "rtt", &rates.peers);
    frame.render_widget(reasons(rates), drops);
    let keys = Text::from(" q leave   arrows scroll".dark_gray());
    frame.render_widget(keys, bottom);
}

fn header(status: &Status) -> Paragraph<'static> {
    let digest = status.digest.get(..12).unwrap_or(&status.digest);
    let mut spans: Vec<Span<'static>> = vec![
        Span::from(format!(" {} ", status.node))
            .bold()
            .black()
            .on_cyan(),
        Span::from(format!(
            "  generation {}  digest {digest}  up {} s  {} of {} ports up  ",
            status.generation, status.uptime_s, status.ports_up, status.ports
        )),
    ];
    let heard = status
        .nodes
        .iter()
        .filter(|it| it.state == PeerState::Converged)
        .count();
    let nodes = format!("{heard} of {} nodes converged", status.nodes.len());
    spans.push(if status.converged {
        nodes.green()
    } else {
        nodes.yellow()
    });
    let second = match (status.degraded.first(), &status.confirm) {
        (Some(reason), _) => Text::from(format!(" degraded: {reason}").red()),
        (None, Some(confirm)) => {
            let words = format!(" waits for `skerry confirm`: {} s left", confirm.left_s);
            Text::from(words.yellow())
        }
        (None, None) => Text::from(" all is well".green()),
    };
    Paragraph::new(vec![Text::from(spans), second])
}

fn table(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &'static str,
    note: &'static str,
    lines: &[Line],
) {
    let titles = ["", note, "in/s", "out/s", "in", "out", "drops/s"];
    let head = Row::new(titles).style(Style::new().add_modifier(Modifier::BOLD));
    let rows = lines.iter().map(|line| {
        let row = Row::new([
            line.name.clone(),
            line.note.clone(),
            number(line.frames_in),
            number(line.frames_out),
            bits(line.bits_in),
            bits(line.bits_out),
            number(line.drops),
        ]);
        let idle = line.frames_in == 0.0 && line.frames_out == 0.0;
        row.style(match (line.drops > 0.0, idle) {
            (true, _) => Style::new().fg(Color::Yellow),
            (false, true) => Style::new().fg(Color::DarkGray),
            (false, false) => Style::new(),
        })
    });
    let widths = [
        Constraint::Fill(2),
        Constraint::Fill(2),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(9),
    ];
    let block = Block::bordered().title(title);
    frame.render_widget(Table::new(rows, widths).header(head).block(block), area);
}

fn reasons(rates: &Rates) -> Paragraph<'static> {
    let lines = rates.drops.iter().take(4).map(|(reason, rate, total)| {
        Text::from(format!(
            "{reason:18} {:>9} a second  {total:>12} in all",
            number(*rate)
        ))
    });
    let lines: Vec<Text<'static>> = lines.collect();
    let lines = if lines.is_empty() {
        vec![Text::from("nothing was dropped")]
    } else {
        lines
    };
    Paragraph::new(lines).block(Block::bordered().title("why frames were dropped"))
}

fn number(value: f64) -> String {
    scaled(value, "")
}

fn bits(value: f64) -> String {
    scaled(value, "bit/s")
}

/// Three digits and a unit prefix.
fn scaled(value: f64, unit: &str) -> String {
    let steps = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let step = steps.iter().find(|(size, _)| value >= *size);
    let (value, prefix) = step.map_or((value, ""), |(size, prefix)| (value / size, *prefix));
    let digits = if prefix.is_empty() || value >= 100.0 {
        0
    } else {
        1
    };
    let gap = if unit.is_empty() { "" } else { " " };
    format!("{value:.digits$}{gap}{prefix}{unit}")
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0 bit/s"),
            (999.0, "999 bit/s"),
            (1500.0, "1.5 kbit/s"),
            (250_000_000.0, "250 Mbit/s"),
            (9.4e9, "9.4 Gbit/s"),
        ];
        for (value, expect) in cases {
            assert_eq!(bits(value), expect);
        }
    }

    fn screen(width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let status = Status {
            node: "n1".into(),
            generation: 7,
            ..Status::default()
        };
        let port = Line {
            name: "n1/b-i1".into(),
            note: "blue.isolated".into(),
            frames_in: 1200.0,
            ..Line::default()
        };
        let rates = Rates {
            ports: vec![port],
            peers: Vec::new(),
            drops: vec![("pvlan_deny".into(), 3.0, 9)],
        };
        terminal
            .draw(|frame| draw(frame, &status, &rates, 0))
            .unwrap();
        let buffer = terminal.backend().buffer();
        let cells = buffer.content.chunks(usize::from(width));
        let lines = cells.map(|row| row.iter().map(|it| it.symbol()).collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_port_its_rate_and_its_drops_are_on_the_screen() {
        let screen = screen(100, 24);
        for words in [
            "generation 7",
            "n1/b-i1",
            "blue.isolated",
            "1.2k",
            "pvlan_deny",
        ] {
            assert!(screen.contains(words), "no {words:?} on:\n{screen}");
        }
    }

    #[test]
    fn the_smallest_terminal_makes_nothing_panic() {
        for (width, height) in [(1, 1), (10, 3), (40, 8)] {
            screen(width, height);
        }
    }
}
