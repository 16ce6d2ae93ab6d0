//! `coverage`: what tests reached, from LCOV, Cobertura or an Istanbul summary; which one it is shows in the file.

use std::{fs::File, io::BufRead as _, path::Path};

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit, Value},
};
use serde_json::Value as Json;

use super::{first_of, section};
use crate::{
    Collector, CollectorKind, Measures, Site,
    reading::{Bounded, Files, percent},
    reports::{
        cobertura,
        coverage::{Coverage as Read, Share},
        istanbul, lcov,
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
            ],
        )
    },
    schema: <Files as schemars::JsonSchema>::json_schema,
};

const METRICS: [&str; 3] = [
    "code_coverage_lines",
    "code_coverage_branches",
    "code_coverage_functions",
];

struct Coverage(Files);

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let files: Files = section(value)?;
    let problems = files.problems();
    if problems.is_empty() {
        Ok(Box::new(Coverage(files)))
    } else {
        Err(problems)
    }
}

/// Reads whichever format it is: XML begins with `<`, JSON with `{`, and LCOV with neither.
fn read(coverage: &mut Read, input: &mut Bounded<File>) -> Result<(), String> {
    let buffer = input.fill_buf().map_err(|error| error.to_string())?;
    let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(buffer);
    let before = coverage.added;
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err("it is empty".to_owned()),
        Some(b'<') => cobertura::read(coverage, input),
        Some(b'{') => istanbul::read(coverage, input),
        Some(_) => lcov::read(coverage, input),
    }?;
    // Beside other reports an empty one would go unseen.
    if coverage.added == before {
        return Err("it says nothing of any file".to_owned());
    }
    Ok(())
}

#[async_trait]
impl Collector for Coverage {
    fn measures(&self) -> Measures {
        METRICS
            .iter()
            .map(|name| ((*name).to_owned(), Unit::Percent))
            .collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        let (read, proof) = match self.0.read(&site.root, Read::default(), read).await {
            Ok(read) => read,
            Err(reason) => {
                return METRICS
                    .iter()
                    .map(|name| ((*name).to_owned(), Err(reason.clone())))
                    .collect();
            }
        };
        let proof = proof.by(Tool {
            name: read.formats.join(", "),
            version: None,
        });
        let shares = read.shares();
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
            .map(|(name, (share, what))| ((*name).to_owned(), answer(share, what)))
            .collect()
    }
}
