//! SimpleCov: `.resultset.json` (what Ruby's own `Coverage` tells, by suite) and `coverage.json` of its formatter
//! (<https://github.com/simplecov-ruby/simplecov_json_formatter>).
//!
//! Lines stand in the order of the file, `null` where nothing can run. Branches and methods are arrays of Ruby written as text:
//! `[:if, 0, 6, 6, 10, 9]` is the kind, a number, and where it begins and ends, as the documentation of Ruby's `Coverage` has it.

use std::{collections::BTreeMap, io::Read};

use serde::Deserialize;
use serde_json::Value;

use super::coverage::{Coverage, Kind, whole};
use crate::reading::{Bounded, brief};

/// The name of the provider.
const SIMPLECOV: &str = "simplecov";

#[derive(Deserialize)]
struct Suite {
    coverage: BTreeMap<String, File>,
}

/// A file of either form; older versions give the lines alone.
enum File {
    Lines(Vec<Value>),
    Detailed(Detailed),
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(lines) => Ok(Self::Lines(lines)),
            other => serde_json::from_value(other)
                .map(Self::Detailed)
                .map_err(serde::de::Error::custom),
        }
    }
}

#[derive(Deserialize)]
struct Detailed {
    #[serde(default)]
    lines: Option<Vec<Value>>,
    #[serde(default)]
    branches: Option<Value>,
    #[serde(default)]
    methods: Option<BTreeMap<String, u64>>,
}

/// A branch of `coverage.json`.
#[derive(Deserialize)]
struct Branch {
    #[serde(rename = "type")]
    kind: String,
    start_line: u32,
    #[serde(default)]
    end_line: u32,
    /// A count, or `ignored`.
    coverage: Value,
}

/// Adds a report.
///
/// # Errors
/// It is no such report, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    read_text(coverage, &whole(input)?)
}

pub(super) fn read_text(coverage: &mut Coverage, text: &[u8]) -> Result<(), String> {
    coverage.note_format(SIMPLECOV);
    let suites: BTreeMap<String, Value> =
        serde_json::from_slice(text).map_err(|error| format!("it is no report of SimpleCov: {error}"))?;
    let read = |value: Value| {
        serde_json::from_value::<Suite>(value)
            .map_err(|error| format!("it is no report of SimpleCov: {error}"))
    };
    if suites.contains_key("meta") {
        let files = suites.get("coverage").cloned().unwrap_or_default();
        return add_all(coverage, read(serde_json::json!({ "coverage": files }))?);
    }
    suites
        .into_values()
        .try_for_each(|suite| add_all(coverage, read(suite)?))
}

fn add_all(coverage: &mut Coverage, suite: Suite) -> Result<(), String> {
    for (file, reached) in suite.coverage {
        let path = coverage.path(&file, &[]);
        coverage.model.file(&path, SIMPLECOV)?;
        match reached {
            File::Lines(lines) => add_lines(coverage, &path, &lines),
            File::Detailed(detailed) => add(coverage, &path, detailed),
        }
        .map_err(|error| format!("{}: {error}", brief(&file)))?;
    }
    Ok(())
}

fn add(coverage: &mut Coverage, path: &str, reached: Detailed) -> Result<(), String> {
    add_lines(coverage, path, &reached.lines.unwrap_or_default())?;
    if let Some(branches) = reached.branches {
        coverage.model.knows(path, SIMPLECOV, Kind::Branches)?;
        add_branches(coverage, path, branches)?;
    }
    if let Some(methods) = reached.methods {
        coverage.model.knows(path, SIMPLECOV, Kind::Functions)?;
        for (name, hits) in methods {
            let [line, column, ..] =
                place(&name).ok_or_else(|| format!("a method that cannot be read: {}", brief(&name)))?;
            // A class without a name is called by its address, which no two runs have in common; its place they have.
            coverage.model.function(
                path,
                SIMPLECOV,
                line,
                &format!("{}:{column}", method(&name)),
                hits,
            )?;
        }
    }
    Ok(())
}

fn add_lines(coverage: &mut Coverage, path: &str, lines: &[Value]) -> Result<(), String> {
    for (number, hits) in (1..).zip(lines) {
        if let Some(hits) = count(hits)? {
            coverage.model.line(path, SIMPLECOV, number, hits)?;
        }
    }
    Ok(())
}

/// How often; `None` for what cannot run or is told to be ignored.
fn count(value: &Value) -> Result<Option<u64>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(word) if word == "ignored" => Ok(None),
        value => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| format!("`{}` is no count", brief(&value.to_string()))),
    }
}

fn add_branches(coverage: &mut Coverage, path: &str, branches: Value) -> Result<(), String> {
    if branches.is_array() {
        let branches: Vec<Branch> = serde_json::from_value(branches).map_err(|error| error.to_string())?;
        for (number, branch) in branches.iter().enumerate() {
            let Some(hits) = count(&branch.coverage)? else {
                continue;
            };
            let name = format!("{number} {} {}", branch.kind, branch.end_line);
            coverage
                .model
                .branch(path, SIMPLECOV, branch.start_line, &name, hits)?;
        }
        return Ok(());
    }
    let conditions: BTreeMap<String, BTreeMap<String, u64>> =
        serde_json::from_value(branches).map_err(|error| error.to_string())?;
    for (condition, ways) in conditions {
        let [line, ..] = place(&condition)
            .ok_or_else(|| format!("a branch that cannot be read: {}", brief(&condition)))?;
        for (way, hits) in ways {
            coverage
                .model
                .branch(path, SIMPLECOV, line, &format!("{condition} {way}"), hits)?;
        }
    }
    Ok(())
}

/// Where it begins and ends, which is the end of what is written: line, column, line, column.
fn place(text: &str) -> Option<[u32; 4]> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut numbers = inner.rsplit(',').map(|part| part.trim().parse().ok());
    let mut place = [0; 4];
    for slot in place.iter_mut().rev() {
        *slot = numbers.next()??;
    }
    Some(place)
}

/// `:name` of `[Class, :name, 1, 2, 3, 4]`.
fn method(text: &str) -> &str {
    text.rsplit(',').nth(4).unwrap_or(text).trim()
}
