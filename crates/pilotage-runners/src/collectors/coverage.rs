//! `coverage`: what tests reached, from LCOV, Cobertura, an Istanbul summary, coverage.py or llvm-cov; which one it is shows in
//! the file.

use std::{collections::BTreeMap, fs::File, io::BufRead as _, path::Path};

use async_trait::async_trait;
use globset::{Glob, GlobSet, GlobSetBuilder};
use pilotage_core::{
    config::{Problem, pointer_segment},
    gate::{Measured, Tool, Unit, Value},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::{first_of, section};
use crate::{
    Collector, CollectorKind, Measures, Site,
    reading::{Bounded, Files, Proof, percent},
    reports::{
        cobertura,
        coverage::{Coverage as Read, Share, Shares},
        coverage_py, istanbul, lcov, llvm_cov,
    },
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "coverage",
    build,
    detect: |root: &Path| {
        first_of(
            root,
            &[
                "lcov.info",
                "coverage/lcov.info",
                "coverage.xml",
                "coverage/cobertura-coverage.xml",
                "coverage/coverage-summary.json",
                "coverage.json",
            ],
        )
    },
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const METRICS: [&str; 3] = [
    "code_coverage_lines",
    "code_coverage_branches",
    "code_coverage_functions",
];

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// Paths from the folder of the repository; `*`, `?` and `**` stand for parts of names and for folders.
    #[schemars(length(min = 1, max = 64))]
    files: Vec<String>,
    /// How old a report may be, such as `24h`; a day where it is not given. One from before the commit never counts.
    #[serde(default)]
    max_age: Option<Json>,
    /// Fewer lines than this are no evidence.
    #[serde(default)]
    at_least: Option<u64>,
    /// Parts of the code by a name of your own, each with patterns of its source files. `core` gives `code_coverage_lines_core`.
    #[serde(default)]
    #[schemars(length(max = 64))]
    paths: BTreeMap<String, Vec<String>>,
}

struct Coverage {
    files: Files,
    /// The ends of the names of metrics, with what they are of.
    parts: Vec<(String, Option<GlobSet>)>,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let files = Files {
        files: section.files,
        max_age: section.max_age,
        at_least: section.at_least,
    };
    let mut problems = files.problems();
    let mut parts = vec![(String::new(), None)];
    if section.paths.len() > 64 {
        problems.push(Problem::at("/paths", "at most 64 parts"));
    }
    for (name, patterns) in &section.paths {
        match part(name, patterns) {
            Ok(set) => parts.push((format!("_{name}"), Some(set))),
            Err(message) => {
                problems.push(Problem::at(format!("/paths/{}", pointer_segment(name)), message));
            }
        }
    }
    if problems.is_empty() {
        Ok(Box::new(Coverage { files, parts }))
    } else {
        Err(problems)
    }
}

fn part(name: &str, patterns: &[String]) -> Result<GlobSet, String> {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_part) {
        return Err("a name of lower-case letters, digits and `_`".to_owned());
    }
    if patterns.is_empty() {
        return Err("at least one pattern, such as `crates/core/**`".to_owned());
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| error.to_string())?);
    }
    set.build().map_err(|error| error.to_string())
}

/// Reads whichever format it is: XML begins with `<`, JSON with `{`, and LCOV with neither.
fn read(coverage: &mut Read, input: &mut Bounded<File>) -> Result<(), String> {
    let buffer = input.fill_buf().map_err(|error| error.to_string())?;
    let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(buffer);
    let before = coverage.added;
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err("it is empty".to_owned()),
        Some(b'<') => cobertura::read(coverage, input),
        Some(b'{') => json(coverage, input),
        Some(_) => lcov::read(coverage, input),
    }?;
    // Beside other reports an empty one would go unseen.
    if coverage.added == before {
        return Err("it says nothing of any file".to_owned());
    }
    Ok(())
}

/// The formats in JSON tell themselves apart by their first key.
fn json(coverage: &mut Read, input: &mut Bounded<File>) -> Result<(), String> {
    let buffer = input.fill_buf().map_err(|error| error.to_string())?;
    let beginning = String::from_utf8_lossy(buffer.get(..256).unwrap_or(buffer));
    let beginning: String = beginning.split_whitespace().collect();
    let beginning = beginning.trim_start_matches('\u{feff}');
    if beginning.starts_with("{\"meta\"") {
        coverage_py::read(coverage, input)
    } else if beginning.starts_with("{\"data\"") {
        llvm_cov::read(coverage, input)
    } else {
        istanbul::read(coverage, input)
    }
}

#[async_trait]
impl Collector for Coverage {
    fn measures(&self) -> Measures {
        self.metrics().map(|name| (name, Unit::Percent)).collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        let (read, proof) = match self.files.read(&site.root, Read::default(), read).await {
            Ok(read) => read,
            Err(reason) => return self.metrics().map(|name| (name, Err(reason.clone()))).collect(),
        };
        let proof = proof.by(Tool {
            name: read.formats.join(", "),
            version: None,
        });
        let mut measured = Measured::new();
        for (end, set) in &self.parts {
            let shares = match set {
                None => read.shares(),
                Some(set) => read.shares_of(|path| set.is_match(within(path, &site.root))),
            };
            measured.extend(answers(&shares, &proof, end));
        }
        measured
    }
}

impl Coverage {
    fn metrics(&self) -> impl Iterator<Item = String> + '_ {
        let ends = self.parts.iter().map(|(end, _)| end);
        ends.flat_map(|end| METRICS.map(|name| format!("{name}{end}")))
    }
}

/// Some tools write whole paths.
fn within<'a>(path: &'a str, root: &Path) -> &'a Path {
    let path = Path::new(path);
    path.strip_prefix(root).unwrap_or(path)
}

fn answers(shares: &Shares, proof: &Proof, end: &str) -> Measured {
    let answer = |share: Share, what: &str| {
        if share.total == 0 {
            return Err(format!("the report says nothing of {what}"));
        }
        let value = Value::Number(percent(share.covered, share.total));
        let notes = [format!(
            "{} of {} {what} in {} files",
            share.covered, share.total, shares.files
        )];
        Ok(proof.evidence(value, Unit::Percent, (share.total, what), &notes))
    };
    let parts = [
        (shares.lines, "lines"),
        (shares.branches, "branches"),
        (shares.functions, "functions"),
    ];
    let answers = METRICS.iter().zip(parts);
    answers
        .map(|(name, (share, what))| (format!("{name}{end}"), answer(share, what)))
        .collect()
}
