//! The line of a document that a problem is about, with what is a secret struck out.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    Problem,
    yaml::{is_reference, names_secret},
};

/// Most characters of a line that are shown.
const MAX_WIDTH: usize = 120;

/// A place in a document: line and column, both from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// 1 is the first line.
    pub line: usize,
    /// 1 is the first character.
    pub column: usize,
}

/// From `start` to before `end`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) start: Location,
    pub(super) end: Location,
}

impl Span {
    /// The one character at `start`.
    pub(super) fn at(start: Location) -> Self {
        Self { start, end: start }
    }

    /// Columns of `line` that it covers, from 0, the end exclusive.
    fn columns(&self, line: usize, width: usize) -> Option<(usize, usize)> {
        if line < self.start.line || line > self.end.line {
            return None;
        }
        let from = if line == self.start.line {
            self.start.column.saturating_sub(1)
        } else {
            0
        };
        let to = if line == self.end.line {
            self.end.column.saturating_sub(1)
        } else {
            width
        };
        (from < to).then_some((from, to))
    }
}

/// One line of a document, safe to show, and the part of it that is meant.
#[derive(Clone, Debug)]
pub(super) struct Snippet {
    location: Location,
    line: String,
    caret_from: usize,
    caret_len: usize,
}

impl Snippet {
    /// Shows `span` in `text` without what `secrets` cover.
    pub(super) fn new(text: &str, span: Span, secrets: &[Span]) -> Self {
        let line: Vec<char> = line(text, span.start.line).chars().collect();
        let mut hidden = vec![false; line.len()];
        for (from, to) in secrets
            .iter()
            .filter_map(|secret| secret.columns(span.start.line, line.len()))
        {
            hidden
                .iter_mut()
                .take(to)
                .skip(from)
                .for_each(|hidden| *hidden = true);
        }
        Self::hiding(&line, &hidden, span)
    }

    /// The same for a text that could not be read to its end, so that its secrets have to be guessed.
    pub(super) fn guessing(text: &str, span: Span, secrets: &[Span], in_secret: bool) -> Self {
        let guessed = guess_secret(text, span.start.line, in_secret).map(|column| Span {
            start: Location {
                line: span.start.line,
                column,
            },
            end: Location {
                line: span.start.line,
                column: usize::MAX,
            },
        });
        let secrets: Vec<Span> = secrets.iter().copied().chain(guessed).collect();
        Self::new(text, span, &secrets)
    }

    fn hiding(line: &[char], hidden: &[bool], span: Span) -> Self {
        let (from, to) = span
            .columns(span.start.line, line.len())
            .unwrap_or((span.start.column.saturating_sub(1), span.start.column));
        let window = from.saturating_sub(MAX_WIDTH / 2);
        let mut shown = String::new();
        let mut width = 0;
        let (mut caret_from, mut caret_to) = (None, None);
        let mut was_hidden = false;
        for (column, (&letter, &is_hidden)) in
            line.iter().zip(hidden).enumerate().skip(window).take(MAX_WIDTH)
        {
            if column >= to {
                caret_to.get_or_insert(width);
            }
            if column >= from {
                caret_from.get_or_insert(width);
            }
            match (is_hidden, was_hidden) {
                (true, true) => {}
                (true, false) => {
                    shown.push_str("***");
                    width += 3;
                }
                // A control character could move the cursor of the terminal that shows this.
                (false, _) => {
                    shown.push(if letter.is_control() { ' ' } else { letter });
                    width += 1;
                }
            }
            was_hidden = is_hidden;
        }
        let caret_from = caret_from.unwrap_or(width);
        Self {
            location: span.start,
            line: shown,
            caret_from,
            caret_len: caret_to.unwrap_or(width).saturating_sub(caret_from).max(1),
        }
    }
}

/// Line `number` (from 1) of `text`, without its line break. Every kind of break that YAML knows counts as one.
fn line(text: &str, number: usize) -> &str {
    lines(text).nth(number.saturating_sub(1)).unwrap_or_default()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['\n', '\r'])
        .scan(false, |after_return, line| {
            // The line feed after a carriage return belongs to the line before.
            let is_rest = *after_return && line == "\n";
            *after_return = line.ends_with('\r');
            Some((is_rest, line))
        })
        .filter(|(is_rest, _)| !is_rest)
        .map(|(_, line)| line.trim_end_matches(['\n', '\r']))
}

/// The column (from 1) of the line from which on a secret may stand, judged by the words on it and by the keys above that
/// are indented less.
fn guess_secret(text: &str, number: usize, in_secret: bool) -> Option<usize> {
    let above: Vec<&str> = lines(text).take(number).collect();
    let (current, above) = above.split_last()?;
    if let Some(column) = after_secret_key(current) {
        return Some(column);
    }
    let mut indent = indentation(current);
    let inside = above
        .iter()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .any(|line| {
            let is_parent = indentation(line) < indent;
            indent = indent.min(indentation(line));
            is_parent && after_secret_key(line).is_some()
        });
    (in_secret || inside).then_some(1)
}

fn indentation(line: &str) -> usize {
    line.chars().take_while(|letter| *letter == ' ').count()
}

/// The column after the colon of the first key on the line that names a secret, unless a reference follows.
fn after_secret_key(line: &str) -> Option<usize> {
    line.match_indices(':').find_map(|(at, _)| {
        let (before, after) = line.split_at_checked(at)?;
        let key = before.rsplit([',', '{', '[', ' ']).next()?;
        let value = after.trim_start_matches(':').trim().trim_matches(['"', '\'']);
        (names_secret(key) && !is_reference(value)).then(|| before.chars().count() + 2)
    })
}

/// A problem the way compilers show it: what is wrong, where, the line, and what to do.
pub(super) fn render(file_name: &str, problem: &Problem, snippet: &Snippet) -> String {
    let Location { line, column } = snippet.location;
    let margin = " ".repeat(line.to_string().len());
    let mut text = format!(
        "error: {}\n{margin}--> {file_name}:{line}:{column}\n",
        problem.message
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{margin} |");
    let _ = writeln!(text, "{line} | {}", snippet.line);
    let (indent, carets) = (" ".repeat(snippet.caret_from), "^".repeat(snippet.caret_len));
    let _ = writeln!(text, "{margin} | {indent}{carets}");
    if let Some(help) = &problem.help {
        let _ = writeln!(text, "{margin} = help: {help}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize) -> String {
        let span = Span::at(Location { line, column: 1 });
        Snippet::guessing(text, span, &[], false).line
    }

    #[test]
    fn secrets_of_a_broken_text_are_guessed_by_their_keys() {
        let cases = [
            ("password: hunter2", 1, "password:***"),
            ("a: {token: hunter2, b: 1}", 1, "a: {token:***"),
            ("token: ${env:TOKEN}", 1, "token: ${env:TOKEN}"),
            ("token: \"${env:TOKEN}\"", 1, "token: \"${env:TOKEN}\""),
            ("secrets:\n  - hunter2", 2, "***"),
            ("secrets:\n\n  a:\n    b: hunter2", 4, "***"),
            ("secrets:\n  - a\nb: c", 3, "b: c"),
            ("name: a\r\nname: b", 2, "name: b"),
        ];
        for (text, line, expected) in cases {
            assert_eq!(shown(text, line), expected, "{text}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_place_and_control_characters_are_not_shown() {
        let text = format!("{}\u{1b}[2Jx{}", "a".repeat(500), "b".repeat(500));
        let column = 505;
        let end = Location { line: 1, column: 506 };
        let span = Span {
            start: Location { line: 1, column },
            end,
        };
        let snippet = Snippet::new(&text, span, &[]);
        assert_eq!(snippet.line.chars().count(), MAX_WIDTH);
        assert!(!snippet.line.contains('\u{1b}'));
        assert_eq!(snippet.line.chars().nth(snippet.caret_from), Some('x'));
        assert_eq!(snippet.caret_len, 1);
    }
}
