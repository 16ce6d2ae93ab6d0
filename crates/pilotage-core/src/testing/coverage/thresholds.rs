//! How much tests have to reach, and whether they do.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::{Changed, Coverage, Kind, Share, Shares, ranges};
use crate::{
    config::{Problem as ConfigProblem, pointer_segment},
    testing::{Problem, ProblemKind},
};

/// Most patterns.
const MOST_PATTERNS: usize = 200;
/// Most files of a change that a problem names.
const MOST_NAMED: usize = 5;

/// How much tests have to reach, in per cent.
///
/// A pattern of `paths` is about all files that match it together, and every pattern counts by itself: a file that several
/// match counts for each of them, and for the whole. A pattern that no file matches is a problem, as it would hold for ever.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CoverageFile {
    /// Least share of all lines.
    #[schemars(range(min = 0, max = 100))]
    pub lines: Option<f64>,
    /// Least share of all branches.
    #[schemars(range(min = 0, max = 100))]
    pub branches: Option<f64>,
    /// Least share of all functions.
    #[schemars(range(min = 0, max = 100))]
    pub functions: Option<f64>,
    /// Least share of the lines that differ from the base which `--base` names.
    #[schemars(range(min = 0, max = 100))]
    pub changed_lines: Option<f64>,
    /// The same for files that match a pattern, such as `src/lib/**`; `*` stops at a slash, `**` does not.
    pub paths: BTreeMap<String, PathThresholds>,
    /// Files that match one of these are left out.
    pub exclude: Vec<String>,
}

/// How much of some files tests have to reach, in per cent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PathThresholds {
    /// Least share of their lines.
    #[schemars(range(min = 0, max = 100))]
    pub lines: Option<f64>,
    /// Least share of their branches.
    #[schemars(range(min = 0, max = 100))]
    pub branches: Option<f64>,
    /// Least share of their functions.
    #[schemars(range(min = 0, max = 100))]
    pub functions: Option<f64>,
}

/// What is asked of lines, branches and functions, in per cent.
pub type Asked = PathThresholds;

impl PathThresholds {
    /// What is asked of one of them.
    pub const fn of(&self, kind: Kind) -> Option<f64> {
        match kind {
            Kind::Lines => self.lines,
            Kind::Branches => self.branches,
            Kind::Functions => self.functions,
        }
    }

    /// Whether anything is asked.
    pub fn asks(&self) -> bool {
        Kind::ALL.iter().any(|kind| self.of(*kind).is_some())
    }

    fn problems(&self, pointer: &str) -> Vec<ConfigProblem> {
        let wrong = Kind::ALL.into_iter().filter(|kind| {
            self.of(*kind)
                .is_some_and(|asked| !(0.0..=100.0).contains(&asked))
        });
        let problem =
            |kind: Kind| ConfigProblem::at(format!("{pointer}/{}", kind.name()), "between 0 and 100");
        wrong.map(problem).collect()
    }
}

impl CoverageFile {
    /// What is asked of everything.
    pub const fn asked(&self) -> Asked {
        PathThresholds {
            lines: self.lines,
            branches: self.branches,
            functions: self.functions,
        }
    }

    /// Whether anything is asked.
    pub fn asks(&self) -> bool {
        self.asked().asks() || self.changed_lines.is_some() || self.paths.values().any(PathThresholds::asks)
    }

    /// What the types cannot say.
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = self.asked().problems("");
        if self
            .changed_lines
            .is_some_and(|asked| !(0.0..=100.0).contains(&asked))
        {
            problems.push(ConfigProblem::at("/changedLines", "between 0 and 100"));
        }
        if self.paths.len() > MOST_PATTERNS || self.exclude.len() > MOST_PATTERNS {
            problems.push(ConfigProblem::at("", format!("at most {MOST_PATTERNS} patterns")));
        }
        for (pattern, asked) in &self.paths {
            let pointer = format!("/paths/{}", pointer_segment(pattern));
            problems.extend(asked.problems(&pointer));
            if glob(pattern).is_err() {
                problems.push(ConfigProblem::at(&pointer, "a pattern such as `src/lib/**`"));
            }
            if !asked.asks() {
                problems.push(ConfigProblem::at(
                    &pointer,
                    "one of lines, branches and functions",
                ));
            }
        }
        for (place, pattern) in self.exclude.iter().enumerate() {
            if glob(pattern).is_err() {
                problems.push(ConfigProblem::at(
                    format!("/exclude/{place}"),
                    "a pattern such as `src/generated/**`",
                ));
            }
        }
        problems
    }

    /// The files that are left out.
    pub fn excluded(&self) -> GlobSet {
        let mut set = GlobSetBuilder::new();
        // Patterns were looked at when the configuration was read.
        let globs = self
            .exclude
            .iter()
            .filter_map(|pattern| GlobBuilder::new(pattern).literal_separator(true).build().ok());
        globs.for_each(|glob| _ = set.add(glob));
        set.build().unwrap_or_default()
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build()?;
    Ok(glob.compile_matcher())
}

/// Some files, what is asked of them, and what was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathJudged {
    /// Which files.
    pub pattern: String,
    /// What is asked.
    pub asked: PathThresholds,
    /// What was reached.
    pub shares: Shares,
    /// Whether that is enough.
    pub holds: bool,
}

/// What tests reached, and whether that is enough.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CoverageJudged {
    /// Everything.
    pub shares: Shares,
    /// What is asked of everything.
    pub asked: PathThresholds,
    /// By pattern.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathJudged>,
    /// Of the change, where a base was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// What is asked of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_asked: Option<f64>,
    /// What told of it.
    pub providers: Vec<String>,
    /// Why it is not enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Judges what tests reached, all of it together.
pub fn judge(coverage: &Coverage, file: &CoverageFile, changed: Option<Changed>) -> CoverageJudged {
    let shares = coverage.shares();
    let mut judged = CoverageJudged {
        asked: file.asked(),
        changed_asked: file.changed_lines,
        providers: coverage.providers().into_iter().map(str::to_owned).collect(),
        shares,
        ..CoverageJudged::default()
    };
    if shares.files == 0 {
        let what = "no report of coverage tells of any file";
        if file.asks() {
            judged.problems.push(problem(what));
        } else {
            judged.notes.push(what.to_owned());
        }
        return judged;
    }
    judged
        .problems
        .extend(lacking("everything", &judged.asked, &shares));
    for (pattern, asked) in &file.paths {
        let Ok(matcher) = glob(pattern) else { continue };
        let shares = coverage.shares_of(|path| matcher.is_match(path));
        let problems: Vec<_> = lacking(&format!("`{pattern}`"), asked, &shares).collect();
        judged.paths.push(PathJudged {
            pattern: pattern.clone(),
            asked: asked.clone(),
            shares,
            holds: problems.is_empty(),
        });
        judged.problems.extend(problems);
    }
    judged
        .problems
        .extend(lacking_of_change(file.changed_lines, changed.as_ref()));
    judged.notes.extend(changed.iter().filter_map(notes_on));
    judged.changed = changed;
    judged
}

fn problem(text: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Coverage, text)
}

fn lacking<'a>(
    what: &'a str,
    asked: &'a PathThresholds,
    shares: &'a Shares,
) -> impl Iterator<Item = Problem> + 'a {
    let asked = Kind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind, asked.of(kind)?)));
    let nothing =
        (shares.files == 0).then(|| problem(format!("coverage: no report knows a file that matches {what}")));
    let asked = asked.filter(|_| shares.files > 0);
    nothing.into_iter().chain(asked.filter_map(move |(kind, asked)| {
        let name = kind.name();
        if !shares.knows(kind) {
            return Some(problem(format!(
                "coverage of {what}: {asked} % of {name} are asked, and no report tells of {name}"
            )));
        }
        let share = shares.of(kind);
        (!is_enough(share, asked)).then(|| {
            problem(format!(
                "coverage of {what}: {} of {name} ({} of {}), and {asked} % are asked",
                percent(share),
                share.covered,
                share.total
            ))
        })
    }))
}

/// Nothing that there is was missed where there is nothing.
fn is_enough(share: Share, asked: f64) -> bool {
    share.percent().is_none_or(|percent| percent >= asked - 1e-9)
}

/// Cut and not rounded: 94.999 is not 95.
fn percent(share: Share) -> String {
    share.percent().map_or_else(
        || "-".to_owned(),
        |percent| format!("{:.2} %", (percent * 100.0 + 1e-7).floor() / 100.0),
    )
}

fn lacking_of_change(asked: Option<f64>, changed: Option<&Changed>) -> Option<Problem> {
    let (asked, changed) = (asked?, changed?);
    if is_enough(changed.lines, asked) {
        return None;
    }
    let files = changed.uncovered.iter().take(MOST_NAMED);
    let files: Vec<_> = files
        .map(|(path, lines)| format!("{path}:{}", ranges(lines, 8)))
        .collect();
    Some(problem(format!(
        "coverage of changed lines: {} ({} of {} since {}), and {asked} % are asked: {}",
        percent(changed.lines),
        changed.lines.covered,
        changed.lines.total,
        changed.base,
        files.join("; ")
    )))
}

fn notes_on(changed: &Changed) -> Option<String> {
    let first = changed.unknown.first()?;
    Some(match changed.unknown.len() {
        1 => format!(
            "{first} differs from {}, and no report of coverage knows it",
            changed.base
        ),
        number => format!(
            "{first} and {} more files differ from {}, and no report of coverage knows them",
            number - 1,
            changed.base
        ),
    })
}

#[cfg(test)]
mod tests;
