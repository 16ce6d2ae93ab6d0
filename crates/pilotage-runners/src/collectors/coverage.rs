//! `coverage`: what tests reached, from LCOV, Cobertura, Istanbul, coverage.py, SimpleCov, Go, llvm-cov, or what `pilotage test`
//! has merged; which one it is shows in the file.

use std::{collections::BTreeMap, path::Path};

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
    reading::{Files, Proof, percent},
    reports::{
        coverage::{self, Coverage as Read, Share, Shares},
        places::Places,
    },
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "coverage",
    build,
    detect: |root: &Path| {
        first_of(
            root,
            &[
                ".pilotage/coverage/coverage.json",
                "lcov.info",
                "coverage/lcov.info",
                "coverage.xml",
                "coverage/cobertura-coverage.xml",
                "coverage/coverage-final.json",
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

#[async_trait]
impl Collector for Coverage {
    fn measures(&self) -> Measures {
        self.metrics().map(|name| (name, Unit::Percent)).collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        let (read, proof) = match self
            .files
            .read(&site.root, Read::at(Places::of(&site.root)), coverage::read)
            .await
        {
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
                Some(set) => read.shares_of(|path| set.is_match(path)),
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
