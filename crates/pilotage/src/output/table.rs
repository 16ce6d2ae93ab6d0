//! Tables: aligned columns, cut to the width of a terminal, whole when they go elsewhere.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use super::{Colour, Style, clean};

/// Between two columns.
const GAP: &str = "  ";

/// No column is cut below this many columns of the screen.
const NARROWEST: usize = 8;

/// One cell: clean text and what it means.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
    whole: bool,
}

impl Cell {
    /// An identity: never cut, because a part of it is good for nothing.
    pub(crate) fn id(text: &str) -> Self {
        Self {
            whole: true,
            ..Self::styled(Style::Strong, text)
        }
    }

    /// A cell with a meaning; the text may come from anywhere.
    pub(crate) fn styled(style: Style, text: &str) -> Self {
        Self {
            text: clean(text),
            style,
            whole: false,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(Style::Plain, text.as_ref())
    }
}

/// A heading and rows. Rows shorter than the heading end early.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    heading: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new(heading: &[&str]) -> Self {
        let heading = heading
            .iter()
            .map(|text| Cell::styled(Style::Faint, text))
            .collect();
        Self {
            heading,
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes heading and rows; `width` is that of the terminal.
    pub(super) fn write(&self, out: &mut impl Write, width: Option<usize>, colour: Colour) -> io::Result<()> {
        let mut widths = self.natural_widths();
        if let Some(width) = width {
            shrink(&mut widths, width, |column| self.is_whole(column));
        }
        std::iter::once(&self.heading)
            .chain(&self.rows)
            .try_for_each(|row| write_row(out, row, &widths, colour))
    }

    fn is_whole(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.any(|cell| cell.whole)
    }

    fn natural_widths(&self) -> Vec<usize> {
        let lines = || std::iter::once(&self.heading).chain(&self.rows);
        let widest = |column: usize| {
            lines()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.text.width())
                .max()
        };
        (0..self.heading.len())
            .map(|column| widest(column).unwrap_or(0))
            .collect()
    }
}

/// Takes from the widest column that may be cut until the row fits or nothing is left to take.
fn shrink(widths: &mut [usize], available: usize, is_whole: impl Fn(usize) -> bool) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(available);
    let mut columns: Vec<&mut usize> = widths
        .iter_mut()
        .enumerate()
        .filter(|(column, _)| !is_whole(*column))
        .map(|(_, width)| width)
        .collect();
    while excess > 0 {
        let widest = columns.iter_mut().max_by_key(|width| ***width);
        let Some(widest) = widest.filter(|width| ***width > NARROWEST) else {
            return;
        };
        **widest -= 1;
        excess -= 1;
    }
}

fn write_row(out: &mut impl Write, row: &[Cell], widths: &[usize], colour: Colour) -> io::Result<()> {
    let mut line = String::new();
    let last = row.len().saturating_sub(1);
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        let text = cut(&cell.text, *width);
        let padding = if column == last {
            0
        } else {
            width.saturating_sub(text.width()) + GAP.len()
        };
        line.push_str(&colour.paint(cell.style, &text));
        line.extend(std::iter::repeat_n(' ', padding));
    }
    writeln!(out, "{}", line.trim_end())
}

/// The text within `width` columns of the screen, with `…` where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |character: &char| {
        let columns = character.width().unwrap_or(0);
        let fits = columns <= room;
        room = room.saturating_sub(columns);
        fits
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&["ID", "TYPE", "NOTE"]);
        table.row([
            "1".into(),
            "push".into(),
            "a note that is long enough to be cut somewhere".into(),
        ]);
        table.row(["22".into(), Cell::styled(Style::Bad, "東京 \u{1b}[2J"), "".into()]);
        table
    }

    fn print(width: Option<usize>, colour: bool) -> String {
        let mut out = Vec::new();
        sample().write(&mut out, width, Colour(colour)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn piped_tables_are_whole_and_plain() {
        insta::assert_snapshot!(print(None, false), @r"
        ID  TYPE            NOTE
        1   push            a note that is long enough to be cut somewhere
        22  東京 \u{1b}[2J
        ");
    }

    #[test]
    fn tables_on_a_terminal_fit_it() {
        insta::assert_snapshot!(print(Some(40), false), @r"
        ID  TYPE            NOTE
        1   push            a note that is long…
        22  東京 \u{1b}[2J
        ");
        for width in [0, 1, 10, 24, 200] {
            let widest = print(Some(width), false)
                .lines()
                .map(UnicodeWidthStr::width)
                .max();
            assert!(widest <= Some(width.max(2 + 8 + 8 + 4)), "{width}: {widest:?}");
        }
    }

    #[test]
    fn an_identity_is_never_cut() {
        let mut table = Table::new(&["ID", "NOTE"]);
        table.row([
            Cell::id("01930000-0000-7000-8000-000000000001"),
            "a long note".into(),
        ]);
        let mut out = Vec::new();
        table.write(&mut out, Some(20), Colour(false)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.ends_with("01930000-0000-7000-8000-000000000001  a long …\n"),
            "{text}"
        );
    }

    #[test]
    fn only_we_write_escape_sequences() {
        let painted = print(None, true);
        assert!(
            painted.contains("\u{1b}[31m東京 \\u{1b}[2J\u{1b}[39m"),
            "{painted:?}"
        );
    }
}
