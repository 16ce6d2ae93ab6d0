//! What commands print: for people, aligned and coloured where a terminal shows it, or one JSON document for programs.
//!
//! Event types, answers of other servers and the like were written by strangers: nothing of that reaches a terminal with
//! its control characters, which could move the cursor, change the title or hide text.

mod table;
mod text;
mod time;

use std::{
    fmt::Display,
    io::{self, BufWriter, IsTerminal as _, StdoutLock, Write},
};

use owo_colors::OwoColorize as _;
use pilotage_core::Timestamp;
use serde::Serialize;

pub(crate) use table::{Cell, Table};
pub(crate) use text::{clean, clean_lines, escape_json, indent_json};
pub(crate) use time::{duration, parse_future, parse_moment, relative};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// A page; `gate run` alone prints this and the next.
    #[value(hide = true)]
    Markdown,
    /// JUnit XML.
    #[value(hide = true)]
    Junit,
    /// SARIF 2.1.0.
    #[value(hide = true)]
    Sarif,
    /// A report of code quality, as GitLab reads it.
    #[value(hide = true)]
    CodeQuality,
}

/// What a piece of text means; colour only underlines what the words say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    #[default]
    Plain,
    /// A heading or a name.
    Strong,
    /// Beside the point.
    Faint,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Wants attention.
    Warning,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) bool);

impl Colour {
    /// The text in the colour of its meaning. The text must be clean already.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        match style {
            _ if !self.0 => text.to_owned(),
            Style::Plain => text.to_owned(),
            Style::Strong => text.bold().to_string(),
            Style::Faint => text.dimmed().to_string(),
            Style::Good => text.green().to_string(),
            Style::Bad => text.red().to_string(),
            Style::Warning => text.yellow().to_string(),
        }
    }
}

/// Whether the error output is coloured.
pub(crate) fn stderr_colour() -> Colour {
    Colour(io::stderr().is_terminal() && colour_is_wanted())
}

/// `NO_COLOR` with any text in it means no (no-color.org), and so does a terminal that calls itself dumb.
fn colour_is_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Where results go, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    /// Columns of the terminal; `None` when the output goes elsewhere.
    width: Option<usize>,
    colour: Colour,
    now: Timestamp,
}

impl Output {
    /// Looks at where the standard output goes.
    pub(crate) fn detect(format: Format) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let columns = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Self {
            format,
            width: is_terminal.then(columns),
            colour: Colour(is_terminal && colour_is_wanted()),
            now: Timestamp::now(),
        }
    }

    /// Whether one JSON document is asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a person watches the standard output.
    pub(crate) fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Whether colours are wanted.
    pub(crate) const fn has_colour(&self) -> bool {
        self.colour.0
    }

    /// The text in the colour of its meaning, without control characters.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        self.colour.paint(style, &clean(text))
    }

    /// A moment: absolute and relative on a terminal, RFC 3339 elsewhere.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        if self.is_terminal() {
            time::both(at, self.now)
        } else {
            at.to_string()
        }
    }

    /// A moment in a table: how long ago on a terminal, RFC 3339 elsewhere.
    pub(crate) fn age(&self, at: Timestamp) -> String {
        if self.is_terminal() {
            relative(at, self.now)
        } else {
            at.to_string()
        }
    }

    /// Prints one line. What came from outside must be clean already.
    #[expect(
        clippy::unused_self,
        reason = "everything that is printed goes through the value that knows where to"
    )]
    pub(crate) fn line(&self, text: impl Display) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{text}")
    }

    /// Prints lines of a label and a value each, aligned; a value with several lines is indented.
    pub(crate) fn fields(&self, fields: &[(&str, String)]) -> io::Result<()> {
        let width = fields.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let mut out = stdout();
        for (label, value) in fields {
            let label = self.colour.paint(Style::Faint, &format!("{label:width$}"));
            let value = value.replace('\n', &format!("\n{:width$}  ", ""));
            writeln!(out, "{label}  {value}")?;
        }
        out.flush()
    }

    /// Prints a table.
    pub(crate) fn table(&self, table: &Table) -> io::Result<()> {
        let mut out = stdout();
        table.write(&mut out, self.width, self.colour)?;
        out.flush()
    }

    /// Prints a JSON document, indented, and otherwise as it was written: no number or order of keys changes.
    #[expect(
        clippy::unused_self,
        reason = "everything that is printed goes through the value that knows where to"
    )]
    pub(crate) fn json_text(&self, json: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", indent_json(json))
    }

    /// Prints a value as a JSON document.
    pub(crate) fn json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        Ok(self.json_text(&serde_json::to_string(value)?)?)
    }
}

/// A remark to the person beside the result, on the error output.
pub(crate) fn remark(text: impl Display) {
    let text = stderr_colour().paint(Style::Faint, &clean_lines(&text.to_string()));
    // A remark that nobody can read must not end the command.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The standard output with a buffer, for many lines. Flush it at the end: an error on drop would go unseen.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 * 1024, io::stdout().lock())
}
