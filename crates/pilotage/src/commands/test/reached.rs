//! What tests reached, for people.

use std::fmt::Write as _;

use pilotage_core::testing::coverage::{Asked, CoverageJudged, Kind, Share, Shares, ranges};

use crate::{
    commands::gate::report::escape_markdown,
    output::{Cell, Style, Table},
};

/// Most files of a change that are shown.
const MOST_FILES: usize = 20;

/// A share, cut and not rounded, with what is asked of it; `-` where nobody told.
pub(super) fn share(share: Share, is_known: bool, asked: Option<f64>) -> String {
    let Some(percent) = share.percent().filter(|_| is_known) else {
        return if is_known {
            "none there".to_owned()
        } else {
            "-".to_owned()
        };
    };
    let cut = (percent * 100.0 + 1e-7).floor() / 100.0;
    match asked {
        Some(asked) => format!("{cut:.2} % of {asked} %"),
        None => format!("{cut:.2} %"),
    }
}

/// Every row: which files, how many, and the three shares.
fn rows(judged: &CoverageJudged) -> Vec<[String; 5]> {
    let row = |what: &str, shares: &Shares, asked: &Asked| {
        let of = |kind| share(shares.of(kind), shares.knows(kind), asked.of(kind));
        [
            what.to_owned(),
            shares.files.to_string(),
            of(Kind::Lines),
            of(Kind::Branches),
            of(Kind::Functions),
        ]
    };
    let all = row("everything", &judged.shares, &judged.asked);
    let paths = judged
        .paths
        .iter()
        .map(|path| row(&path.pattern, &path.shares, &path.asked));
    std::iter::once(all).chain(paths).collect()
}

/// What was reached by pattern.
pub(super) fn table(judged: &CoverageJudged) -> Table {
    let mut table = Table::new(&["COVERAGE", "FILES", "LINES", "BRANCHES", "FUNCTIONS"]);
    for [what, rest @ ..] in rows(judged) {
        let rest = rest.map(Cell::from);
        table.row(std::iter::once(Cell::id(&what)).chain(rest).collect::<Vec<_>>());
    }
    table
}

/// What of the change was not reached, and what is worth knowing.
pub(super) fn lines(judged: &CoverageJudged) -> impl Iterator<Item = (Style, String)> {
    let change = judged.changed.iter().flat_map(|changed| {
        let head = format!(
            "changed lines since {}: {} ({} of {})",
            changed.base,
            share(changed.lines, true, judged.changed_asked),
            changed.lines.covered,
            changed.lines.total
        );
        let files = changed.uncovered.iter().take(MOST_FILES);
        let files = files.map(|(path, lines)| {
            (
                Style::Warning,
                format!("    not reached: {path}:{}", ranges(lines, 12)),
            )
        });
        let more = changed.uncovered.len().saturating_sub(MOST_FILES);
        let more = (more > 0).then(|| (Style::Faint, format!("    and {more} more files")));
        std::iter::once((Style::Plain, head)).chain(files).chain(more)
    });
    let notes = judged
        .notes
        .iter()
        .map(|note| (Style::Faint, format!("note: {note}")));
    change.chain(notes)
}

/// Why it is not enough.
pub(super) fn problems(judged: &CoverageJudged) -> impl Iterator<Item = (Style, String)> {
    let problems = judged.problems.iter();
    problems.map(|problem| (Style::Bad, format!("problem: {}", problem.text)))
}

/// The table and what follows, for a page.
pub(super) fn markdown(judged: &CoverageJudged) -> String {
    let mut out = String::from(
        "\n### Coverage\n\n| files | number | lines | branches | functions |\n|---|---|---|---|---|\n",
    );
    for row in rows(judged) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {} |", row.map(|cell| escape_markdown(&cell)).join(" | "));
    }
    let lines: Vec<_> = lines(judged).collect();
    if !lines.is_empty() {
        out.push('\n');
    }
    for (_, line) in lines {
        let _ = writeln!(out, "- {}", escape_markdown(line.trim()));
    }
    out
}
