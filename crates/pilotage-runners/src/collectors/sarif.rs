//! `sarif`: what a scanner found, from the reports that it left. What it found, the configuration says: SARIF does not.

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site,
    reading::{Files, count},
    reports::sarif::{self, Findings},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "sarif",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

/// What the findings of a scanner are.
#[derive(Clone, Copy, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum About {
    /// Known vulnerabilities, by severity.
    Vulnerabilities,
    /// Secrets.
    Secrets,
    /// Policies that do not hold.
    Policies,
    /// Anything else, by severity.
    Findings,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// Paths from the folder of the repository; `*`, `?` and `**` stand for parts of names and for folders.
    #[schemars(length(min = 1, max = 64))]
    files: Vec<String>,
    /// How old a report may be, such as `24h`; a day where it is not given. One from before the commit never counts.
    #[serde(default)]
    max_age: Option<Json>,
    /// Fewer things looked at than this are no evidence.
    #[serde(default)]
    at_least: Option<u64>,
    /// What the findings are.
    about: About,
    /// The id of a rule that something planted breaks: the scanner must find it, and it counts for nothing else.
    #[serde(default)]
    control: Option<String>,
}

struct Sarif {
    files: Files,
    about: About,
    control: Option<String>,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let Section {
        files,
        max_age,
        at_least,
        about,
        control,
    } = section(value)?;
    let files = Files {
        files,
        max_age,
        at_least,
    };
    let problems = files.problems();
    if problems.is_empty() {
        Ok(Box::new(Sarif {
            files,
            about,
            control,
        }))
    } else {
        Err(problems)
    }
}

/// A metric, and what it counts.
type Counted = (&'static str, fn(&Findings) -> u64);

impl About {
    fn metrics(self) -> &'static [Counted] {
        match self {
            Self::Vulnerabilities => &[
                ("high_severity_vulnerabilities", |found| found.high),
                ("medium_severity_vulnerabilities", |found| found.medium),
                ("low_severity_vulnerabilities", |found| found.low),
            ],
            Self::Secrets => &[("secrets_exposed", Findings::all)],
            Self::Policies => &[("policy_violations", Findings::all)],
            Self::Findings => &[
                ("high_severity_findings", |found| found.high),
                ("medium_severity_findings", |found| found.medium),
                ("low_severity_findings", |found| found.low),
            ],
        }
    }
}

#[async_trait]
impl Collector for Sarif {
    fn measures(&self) -> Measures {
        self.about
            .metrics()
            .iter()
            .map(|(name, _)| ((*name).to_owned(), Unit::Count))
            .collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        let begin = (Findings::default(), self.control.clone());
        let read = self.files.read(&site.root, begin, |(found, control), input| {
            sarif::read(found, control.as_deref(), input)
        });
        let metrics = self.about.metrics().iter();
        let (found, proof) = match read.await {
            Ok(((found, _), proof)) => (found, proof),
            Err(reason) => {
                return metrics
                    .map(|(name, _)| ((*name).to_owned(), Err(reason.clone())))
                    .collect();
            }
        };
        let lacking = self.lacking(&found);
        let proof = proof.by(tool(&found));
        let answer = |read: fn(&Findings) -> u64| match &lacking {
            Some(reason) => Err(reason.clone()),
            None => Ok(proof.evidence(
                count(read(&found)),
                Unit::Count,
                looked_at(&found),
                &notes(&found),
            )),
        };
        metrics
            .map(|(name, read)| ((*name).to_owned(), answer(*read)))
            .collect()
    }
}

impl Sarif {
    /// Why a report without findings proves nothing.
    fn lacking(&self, found: &Findings) -> Option<String> {
        match &self.control {
            Some(control) if found.controls == 0 => Some(format!(
                "the scanner did not find what was planted for it (`{control}`)"
            )),
            _ if !found.blind.is_empty() => Some(format!(
                "{} finds nothing and does not say what was looked at; plant something for it and name its rule as `control`",
                found.blind.join(", ")
            )),
            _ => None,
        }
    }
}

/// What shows that the scanner looked: the files that it names, else what it found.
fn looked_at(found: &Findings) -> (u64, &'static str) {
    if found.looked_at > 0 {
        (found.looked_at, "files")
    } else {
        (found.all() + found.suppressed + found.controls, "findings")
    }
}

fn tool(found: &Findings) -> Tool {
    let (name, version) = found.tools.first().cloned().unwrap_or_default();
    Tool { name, version }
}

fn notes(found: &Findings) -> Vec<String> {
    let mut notes = found.names.clone();
    if found.suppressed > 0 {
        notes.push(format!(
            "{} findings are suppressed in the report",
            found.suppressed
        ));
    }
    if found.controls > 0 {
        notes.push(format!("found what was planted, {} times", found.controls));
    }
    notes
}
