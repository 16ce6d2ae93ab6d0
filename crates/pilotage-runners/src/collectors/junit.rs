//! `junit`: tests, from reports that a test runner left.

use std::{fs::File, path::Path};

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit, Value},
};
use serde_json::Value as Json;

use super::{first_of, section};
use crate::{
    Collector, CollectorKind, Measures, Site,
    reading::{Bounded, Files, Proof, count, percent},
    reports::junit::{self, Tests},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "junit",
    build,
    detect: |root: &Path| {
        first_of(
            root,
            &[
                "target/nextest/*/junit.xml",
                "junit.xml",
                "test-results/*.xml",
                "reports/junit*.xml",
                "target/surefire-reports/*.xml",
            ],
        )
    },
    schema: <Files as schemars::JsonSchema>::json_schema,
};

const METRICS: &[(&str, Unit)] = &[
    ("test_success_rate", Unit::Percent),
    ("tests_total", Unit::Count),
    ("tests_failed", Unit::Count),
    ("tests_skipped", Unit::Count),
    ("test_execution_time", Unit::Seconds),
];

/// Reads one report and adds it to the others.
type Reader = fn(&mut Tests, &mut Bounded<File>) -> Result<(), String>;

struct Junit {
    files: Files,
    read: Reader,
    tool: &'static str,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    build_for(value, junit::read, "JUnit report")
}

/// The same for reports of another format.
pub(super) fn build_for(
    value: &Json,
    read: Reader,
    tool: &'static str,
) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let files: Files = section(value)?;
    let problems = files.problems();
    if problems.is_empty() {
        Ok(Box::new(Junit { files, read, tool }))
    } else {
        Err(problems)
    }
}

#[async_trait]
impl Collector for Junit {
    fn measures(&self) -> Measures {
        METRICS
            .iter()
            .map(|(name, unit)| ((*name).to_owned(), *unit))
            .collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        let read = self.files.read(&site.root, Tests::default(), self.read).await;
        let answer = |name: &str, unit| match &read {
            Err(reason) => Err(reason.clone()),
            Ok((tests, proof)) => value(tests, name).map(|value| self.evidence(tests, proof, value, unit)),
        };
        METRICS
            .iter()
            .map(|(name, unit)| ((*name).to_owned(), answer(name, *unit)))
            .collect()
    }
}

impl Junit {
    fn evidence(
        &self,
        tests: &Tests,
        proof: &Proof,
        value: Value,
        unit: Unit,
    ) -> pilotage_core::gate::Evidence {
        let mut notes = Vec::new();
        if tests.failed + tests.outside > 0 {
            notes.push(format!(
                "{} of {} tests failed",
                tests.failed + tests.outside,
                tests.ran()
            ));
            notes.extend(tests.failures.iter().map(|name| format!("failed: {name}")));
        }
        if tests.skipped > 0 {
            notes.push(format!("{} tests were skipped", tests.skipped));
        }
        if tests.flaky > 0 {
            notes.push(format!("{} tests passed only when tried again", tests.flaky));
        }
        let tool = Tool {
            name: self.tool.to_owned(),
            version: None,
        };
        proof
            .clone()
            .by(tool)
            .evidence(value, unit, (tests.ran(), "tests"), &notes)
    }
}

fn value(tests: &Tests, metric: &str) -> Result<Value, String> {
    if let Some(reason) = &tests.incomplete {
        return Err(format!("the report is not whole: {reason}"));
    }
    Ok(match metric {
        "test_success_rate" if tests.ran() == 0 => return Err("no test ran".to_owned()),
        "test_success_rate" => Value::Number(percent(tests.passed(), tests.ran())),
        "tests_total" => count(tests.ran()),
        "tests_failed" => count(tests.failed + tests.outside),
        "tests_skipped" => count(tests.skipped),
        _ => Value::Number(tests.seconds.ok_or("the report gives no times")?),
    })
}
