//! `command`: any command that says something by its exit code, a number or JSON.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pilotage_core::{
    config::{Problem, pointer_segment},
    gate::{Evidence, Measured, Metrics, Tool, Unit, Value},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, CollectorKind, Input, Measures, Site,
    process::{self, Ran},
    reading::{Proof, is_within},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "command",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// The program and its arguments; no shell reads them.
    #[schemars(length(min = 1, max = 256))]
    command: Vec<String>,
    /// What it measures, by name of the metric.
    #[schemars(length(min = 1, max = 64))]
    metrics: BTreeMap<String, MetricSection>,
    /// Environment variables that it is given beside the harmless ones.
    #[serde(default)]
    env: Vec<String>,
    /// Patterns of the files that decide what it says, from the folder of the repository, its own program among them if that is
    /// there. While none of them changes, what it said is taken again; without them it is run each time.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    inputs: Option<Vec<String>>,
    /// Exit codes with which its output counts; 0 where nothing is given.
    #[serde(default)]
    exit_codes: Option<Vec<i32>>,
    /// JSON pointer into its output: how many things it looked at.
    #[serde(default)]
    examined: Option<String>,
    /// Fewer things looked at than this are no evidence; needs `examined`.
    #[serde(default)]
    at_least: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MetricSection {
    /// What it is measured in; not needed for metrics that there are everywhere.
    #[serde(default)]
    unit: Option<Unit>,
    /// `exitCode` (true for 0, false for another), `output` (a number or a text alone), or a JSON pointer such as `/size`.
    from: String,
}

#[derive(Clone, Debug)]
enum From {
    ExitCode,
    Output,
    Pointer(String),
}

struct Command {
    section: Section,
    metrics: Vec<(String, Unit, From)>,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = check(&section);
    let mut metrics = Vec::new();
    for (name, metric) in &section.metrics {
        match read_metric(name, metric) {
            Ok(metric) => metrics.push(metric),
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() {
        Ok(Box::new(Command { section, metrics }))
    } else {
        Err(problems)
    }
}

fn check(section: &Section) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, pointer: &str, message: &str| {
        if !holds {
            problems.push(Problem::at(pointer, message));
        }
    };
    let is_named = section.command.first().is_some_and(|program| !program.is_empty());
    require(
        is_named && section.command.len() <= 256,
        "/command",
        "a program and at most 255 arguments",
    );
    require(
        (1..=64).contains(&section.metrics.len()),
        "/metrics",
        "between 1 and 64 metrics",
    );
    require(
        section.at_least.is_none() || section.examined.is_some(),
        "/atLeast",
        "`atLeast` needs `examined`",
    );
    let are_within = section
        .inputs
        .as_ref()
        .is_none_or(|inputs| (1..=64).contains(&inputs.len()) && inputs.iter().all(|path| is_within(path)));
    require(
        are_within,
        "/inputs",
        "1 to 64 patterns from the folder of the repository, without `..`",
    );
    let is_pointer = section
        .examined
        .as_ref()
        .is_none_or(|text| text.is_empty() || text.starts_with('/'));
    require(is_pointer, "/examined", "a JSON pointer, such as `/files`");
    let plain = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
    require(
        section.env.iter().all(plain),
        "/env",
        "names of environment variables",
    );
    problems
}

fn read_metric(name: &str, metric: &MetricSection) -> Result<(String, Unit, From), Box<Problem>> {
    let pointer = format!("/metrics/{}", pointer_segment(name));
    let known = Metrics::default().unit(name);
    let unit = match (known, metric.unit) {
        (Some(known), Some(own)) if known != own => {
            let message = format!("`{name}` is measured in {known}, not in {own}");
            return Err(Box::new(Problem::at(format!("{pointer}/unit"), message)));
        }
        (known, own) => known.or(own).ok_or_else(|| {
            let problem = Problem::at(
                &pointer,
                format!("`{name}` is a metric of your own and lacks its `unit`"),
            );
            let near = Metrics::default()
                .nearest(name)
                .map(|near| format!("did you mean `{near}`?"));
            Box::new(
                problem
                    .help(near.unwrap_or_else(|| "seconds, percent, bytes, count, bool or text".to_owned())),
            )
        })?,
    };
    let from = match metric.from.as_str() {
        "exitCode" if unit == Unit::Bool => From::ExitCode,
        "exitCode" => {
            return Err(Box::new(Problem::at(
                format!("{pointer}/from"),
                "an exit code is of the unit `bool`",
            )));
        }
        "output" => From::Output,
        text if text.is_empty() || text.starts_with('/') => From::Pointer(text.to_owned()),
        _ => {
            let message = "`exitCode`, `output` or a JSON pointer such as `/size`";
            return Err(Box::new(Problem::at(format!("{pointer}/from"), message)));
        }
    };
    Ok((Metrics::canonical(name).to_owned(), unit, from))
}

#[async_trait]
impl Collector for Command {
    fn measures(&self) -> Measures {
        self.metrics
            .iter()
            .map(|(name, unit, _)| (name.clone(), *unit))
            .collect()
    }

    fn input(&self, _: &Site) -> Option<Input> {
        let only = self.section.inputs.clone()?;
        Some(Input {
            settings: format!("{:?}", self.section),
            only,
            variables: self.section.env.clone(),
            ..Input::default()
        })
    }

    async fn collect(&self, site: &Site) -> Measured {
        let (program, arguments) = self
            .section
            .command
            .split_first()
            .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let ran = process::run(program, arguments, &site.root, &self.section.env).await;
        let answer = |unit, from| {
            ran.as_ref()
                .map_err(Clone::clone)
                .and_then(|ran| self.answer(ran, unit, from))
        };
        self.metrics
            .iter()
            .map(|(name, unit, from)| (name.clone(), answer(*unit, from)))
            .collect()
    }
}

impl Command {
    fn answer(&self, ran: &Ran, unit: Unit, from: &From) -> Result<Evidence, String> {
        let program = self.section.command.first().cloned().unwrap_or_default();
        let value = self.value(ran, unit, from)?;
        let examined = match &self.section.examined {
            None => (1, "command"),
            Some(pointer) => (examined(&ran.out, pointer)?, "things"),
        };
        let notes = match (&value, ran.said.is_empty()) {
            (Value::Bool(false), false) => vec![format!("it said: {}", ran.said)],
            _ => Vec::new(),
        };
        let at_least = self.section.at_least.unwrap_or(1);
        let tool = Tool {
            name: program,
            version: None,
        };
        Ok(Proof::of_run(tool, &ran.out, at_least).evidence(value, unit, examined, &notes))
    }

    fn value(&self, ran: &Ran, unit: Unit, from: &From) -> Result<Value, String> {
        let code = ran.code.ok_or("a signal ended the command")?;
        if let From::ExitCode = from {
            // A shell says with these that there was nothing to run.
            return match code {
                126 | 127 => Err(format!(
                    "the command ended with {code}: it could not be run; {}",
                    ran.said
                )),
                code => Ok(Value::Bool(code == 0)),
            };
        }
        let counted = self.section.exit_codes.as_deref().unwrap_or(&[0]);
        if !counted.contains(&code) {
            return Err(format!("the command ended with {code}; {}", ran.said));
        }
        let written = match from {
            From::Pointer(pointer) => json(&ran.out)?
                .pointer(pointer)
                .cloned()
                .ok_or_else(|| format!("its output has nothing at `{pointer}`"))?,
            _ => plain(&ran.out, unit)?,
        };
        unit.read(&written)
            .map_err(|expected| format!("its output is of another kind: {expected}"))
    }
}

fn json(out: &[u8]) -> Result<Json, String> {
    serde_json::from_slice(out).map_err(|error| format!("its output is no JSON: {error}"))
}

/// The output as one value.
fn plain(out: &[u8], unit: Unit) -> Result<Json, String> {
    let text = std::str::from_utf8(out)
        .map_err(|_| "its output is not UTF-8")?
        .trim();
    match (text, unit) {
        ("", _) => Err("it wrote nothing".to_owned()),
        ("true", Unit::Bool) => Ok(Json::Bool(true)),
        ("false", Unit::Bool) => Ok(Json::Bool(false)),
        (text, _) => Ok(Json::String(text.to_owned())),
    }
}

fn examined(out: &[u8], pointer: &str) -> Result<u64, String> {
    let output = json(out)?;
    let found = output.pointer(pointer);
    let count = match found {
        Some(Json::Array(items)) => Some(items.len() as u64),
        Some(other) => other.as_u64(),
        None => None,
    };
    count.ok_or_else(|| format!("its output does not say at `{pointer}` how much it looked at"))
}
