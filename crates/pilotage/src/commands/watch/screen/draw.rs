//! How it is drawn. Every text from outside goes through `clean`: nothing of it moves the cursor or hides.

use std::time::Instant;

use pilotage_core::{
    Timestamp,
    operation::{OperationStatus, StatusUpdate},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Cell, Clear, Paragraph, Row, Table, Wrap},
};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::{
    keys::HELP,
    view::{Connection, View},
};
use crate::{
    commands::watch::lines::name,
    output::{clean, relative},
};

/// Cells of a progress bar.
const BAR: u32 = 10;
/// Cells of a name in the list: at least so many, and else two fifths of the line. The details show it whole.
const LEAST_NAME: usize = 4;
/// Rows of the details, frame included, where there is room for them.
const DETAILS: u16 = 12;

pub(super) fn draw(frame: &mut Frame<'_>, view: &mut View, colour: bool, now: Timestamp) {
    let details = if view.shows_details { DETAILS } else { 0 };
    let areas = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Max(details),
        Constraint::Length(1),
    ]);
    let [head, counts, list, below, foot] = areas.areas(frame.area());
    let paint = Paint(colour);
    frame.render_widget(heading(view, paint), head);
    frame.render_widget(counted(view, paint), counts);
    draw_list(frame, list, view, paint, now);
    if view.shows_details {
        draw_details(frame, below, view, paint, now);
    }
    frame.render_widget(footer(view), foot);
}

/// Colours, where they are wanted; words and marks say the same.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn of(self, status: OperationStatus) -> Style {
        let colour = match status {
            OperationStatus::Pending => Color::Yellow,
            OperationStatus::Running => Color::Cyan,
            OperationStatus::Success => Color::Green,
            OperationStatus::Failure => Color::Red,
            OperationStatus::Cancelled => Color::DarkGray,
        };
        self.coloured(colour)
    }

    fn coloured(self, colour: Color) -> Style {
        if self.0 {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }
}

const fn mark(status: OperationStatus) -> &'static str {
    match status {
        OperationStatus::Pending => "○",
        OperationStatus::Running => "▶",
        OperationStatus::Success => "✓",
        OperationStatus::Failure => "✗",
        OperationStatus::Cancelled => "–",
    }
}

fn heading(view: &View, paint: Paint) -> Line<'static> {
    let mut parts = vec![
        Span::styled("Pilotage", Modifier::BOLD),
        format!(" at {}  ", clean(&view.server)).into(),
        match &view.connection {
            Connection::Live => Span::styled("● live", paint.coloured(Color::Green)),
            Connection::Lost { reason, again_at } => {
                let wait = again_at.saturating_duration_since(Instant::now()).as_secs() + 1;
                let text = format!("✗ lost, trying again within {wait} s: {}", clean(reason));
                Span::styled(text, paint.coloured(Color::Red))
            }
        },
    ];
    if view.is_paused() {
        parts.push(Span::styled("  ‖ paused, p goes on", Modifier::BOLD));
    }
    Line::from(parts)
}

fn counted(view: &View, paint: Paint) -> Line<'static> {
    let mut parts = Vec::new();
    for (status, count) in view.shown().counts() {
        let style = if count > 0 { paint.of(status) } else { Style::new() };
        let text = format!("{} {count} {}   ", mark(status), status.as_str());
        parts.push(Span::styled(text, style));
    }
    if let Some(status) = view.status {
        parts.push(Span::styled(
            format!("only {}   ", status.as_str()),
            Modifier::REVERSED,
        ));
    }
    if !view.text.is_empty() && !view.is_typing {
        let text = format!("with \"{}\"", clean(&view.text));
        parts.push(Span::styled(text, Modifier::REVERSED));
    }
    Line::from(parts)
}

fn footer(view: &View) -> Line<'static> {
    if view.is_typing {
        let text = format!("filter: {}▏  enter keeps it, esc clears it", clean(&view.text));
        return Line::from(text);
    }
    Line::styled(HELP, Modifier::DIM)
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, view: &mut View, paint: Paint, now: Timestamp) {
    let (mut offset, selected) = (view.offset, view.selected);
    // On a terminal without room, one row is shown to nobody.
    let height = usize::from(area.height.saturating_sub(1)).max(1);
    let rows = view.rows();
    if rows.is_empty() {
        let text = if view.board.all().next().is_none() {
            "Nothing is going on, and nothing ended lately. What comes appears here."
        } else {
            "Nothing passes the filter: s changes the status, f the text, esc clears both."
        };
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    if let Some(at) = rows.iter().position(|row| Some(row.id) == selected) {
        offset = offset.clamp((at + 1).saturating_sub(height), at);
    }
    offset = offset.min(rows.len().saturating_sub(height));
    let rows: Vec<_> = rows.into_iter().skip(offset).take(height).collect();
    let names = rows.iter().map(|operation| clean(name(operation)).width());
    let name_width = names.max().unwrap_or(0);
    let name_width = name_width.min(usize::from(area.width) * 2 / 5).max(LEAST_NAME);
    let shown = rows.into_iter().map(|operation| {
        let row = row(operation, paint, now);
        if Some(operation.id) == selected {
            row.style(Modifier::REVERSED)
        } else {
            row
        }
    });
    let widths = [
        Constraint::Length(11),
        Constraint::Length(u16::try_from(name_width).unwrap_or(u16::MAX)),
        Constraint::Length(16),
        Constraint::Length(10),
        Constraint::Fill(1),
    ];
    let heading = Row::new(["STATUS", "NAME", "PROGRESS", "CHANGED", "MESSAGE"]).style(Modifier::DIM);
    frame.render_widget(Table::new(shown, widths).header(heading), area);
    view.offset = offset;
    view.window = height;
}

fn row<'a>(operation: &StatusUpdate, paint: Paint, now: Timestamp) -> Row<'a> {
    let status = operation.status;
    Row::new([
        Cell::new(format!("{} {}", mark(status), status.as_str())).style(paint.of(status)),
        Cell::new(clean(name(operation))),
        Cell::new(bar(operation)).style(paint.of(status)),
        Cell::new(relative(operation.timestamp, now)),
        Cell::new(clean(&operation.message)),
    ])
}

/// `█████░░░░░ 1/2`; nothing where the steps are not known.
fn bar(operation: &StatusUpdate) -> String {
    let progress = operation.progress;
    if progress.total == 0 {
        return String::new();
    }
    let full = progress.percentage.min(100) * BAR / 100;
    let cells: String = (0..BAR).map(|cell| if cell < full { '█' } else { '░' }).collect();
    format!("{cells} {}/{}", progress.current, progress.total)
}

fn draw_details(frame: &mut Frame<'_>, area: Rect, view: &View, paint: Paint, now: Timestamp) {
    let block = Block::new().borders(Borders::TOP);
    let selected = view.selected.and_then(|id| view.shown().get(id));
    let lines = match selected {
        Some(operation) => details(operation, paint, now),
        None => vec![Line::from("It is not there any more.")],
    };
    frame.render_widget(Clear, area);
    let text = Paragraph::new(lines).wrap(Wrap { trim: false });
    frame.render_widget(text.block(block.title(" details, esc closes ")), area);
}

fn details(operation: &StatusUpdate, paint: Paint, now: Timestamp) -> Vec<Line<'static>> {
    let at = format!("{} ({})", operation.timestamp, relative(operation.timestamp, now));
    let mut fields = vec![
        (operation.kind.clone(), operation.id.to_string()),
        ("name".to_owned(), name(operation).to_owned()),
        ("message".to_owned(), operation.message.clone()),
        ("changed".to_owned(), at),
    ];
    let facts = operation
        .metadata
        .iter()
        .filter(|(key, value)| *key != "name" && !value.is_null());
    fields.extend(facts.map(|(key, value)| (key.clone(), in_words(value))));
    let width = fields
        .iter()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or(0);
    let status = operation.status;
    let mut lines = vec![Line::styled(
        format!("{} {}  {}", mark(status), status.as_str(), bar(operation)),
        paint.of(status),
    )];
    lines.extend(fields.into_iter().map(|(label, value)| {
        let label = Span::styled(format!("{:width$}  ", clean(&label)), Modifier::DIM);
        Line::from(vec![label, clean(&value).into()])
    }));
    lines
}

fn in_words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
