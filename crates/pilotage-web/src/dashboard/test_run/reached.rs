//! What the tests of a run reached.

use pilotage_core::testing::coverage::{Asked, CoverageJudged, Kind, Shares, ranges};

use crate::dashboard::words::{State as Word, cut};

/// Patterns, files of a change, and notes.
const MOST_LINES: usize = 100;
/// Stretches of lines of a file.
const MOST_RANGES: usize = 20;

/// What was reached of some files.
pub(super) struct Share {
    pub(super) what: String,
    pub(super) files: u64,
    /// Lines, branches, functions.
    pub(super) cells: [String; 3],
    pub(super) state: Word,
}

/// What the tests reached.
pub(super) struct Reached {
    pub(super) rows: Vec<Share>,
    pub(super) providers: String,
    pub(super) changed: Option<String>,
    /// Files of the change with the lines that did not run.
    pub(super) uncovered: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
}

impl Reached {
    pub(super) fn new(judged: &CoverageJudged) -> Self {
        let all = share(
            "everything",
            &judged.shares,
            &judged.asked,
            holds(&judged.shares, &judged.asked),
        );
        let paths = judged.paths.iter().take(MOST_LINES);
        let paths = paths.map(|path| share(&path.pattern, &path.shares, &path.asked, path.holds));
        let changed = judged.changed.as_ref();
        let uncovered = changed.into_iter().flat_map(|changed| &changed.uncovered);
        Self {
            rows: std::iter::once(all).chain(paths).collect(),
            providers: cut(&judged.providers.join(", "), 200),
            changed: changed.map(|changed| {
                let (covered, total) = (changed.lines.covered, changed.lines.total);
                let base = cut(&changed.base, 100);
                format!("{covered} of {total} changed lines since {base} were reached")
            }),
            uncovered: uncovered
                .take(MOST_LINES)
                .map(|(path, lines)| (cut(path, 200), ranges(lines, MOST_RANGES)))
                .collect(),
            notes: judged
                .notes
                .iter()
                .take(MOST_LINES)
                .map(|note| cut(note, 300))
                .collect(),
        }
    }
}

fn holds(shares: &Shares, asked: &Asked) -> bool {
    Kind::ALL.into_iter().all(|kind| {
        let percent = shares.of(kind).percent().filter(|_| shares.knows(kind));
        asked
            .of(kind)
            .is_none_or(|asked| percent.is_some_and(|percent| percent >= asked))
    })
}

fn share(what: &str, shares: &Shares, asked: &Asked, holds: bool) -> Share {
    let (word, class) = match (asked.asks(), holds) {
        (false, _) => ("not asked", "off"),
        (true, true) => ("enough", "ok"),
        (true, false) => ("not enough", "bad"),
    };
    Share {
        what: cut(what, 200),
        files: shares.files,
        cells: Kind::ALL.map(|kind| cell(shares, asked, kind)),
        state: Word { word, class },
    }
}

/// A share, cut and not rounded, so that nothing looks like enough that is not.
fn cell(shares: &Shares, asked: &Asked, kind: Kind) -> String {
    if !shares.knows(kind) {
        return "not told".to_owned();
    }
    let Some(percent) = shares.of(kind).percent() else {
        return "none there".to_owned();
    };
    let cut = (percent * 100.0 + 1e-7).floor() / 100.0;
    match asked.of(kind) {
        Some(asked) => format!("{cut:.2} % of {asked} %"),
        None => format!("{cut:.2} %"),
    }
}
