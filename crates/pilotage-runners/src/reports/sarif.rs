//! SARIF 2.1.0 (OASIS), which most scanners write: what was found, how bad it is, and what was looked at.
//!
//! Severity: the number that GitHub's documentation calls `security-severity` (from 7.0 high, from 4.0 medium), on the result
//! or on its rule; else the level, where `error` is high, `warning` medium, `note` low. A result that says no level has
//! its rule's, and a rule that says none means `warning` (section 3.27.10 and 3.50.3).

use std::{collections::BTreeMap, io::Read};

use serde::Deserialize;

use crate::reading::{Bounded, brief};

/// Most findings that are named.
const MAX_NAMES: usize = 10;

/// What reports found together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// High or critical.
    pub high: u64,
    /// Medium.
    pub medium: u64,
    /// Low.
    pub low: u64,
    /// Accepted suppressions, which are not among the others.
    pub suppressed: u64,
    /// Files or other things that the scanner says it looked at.
    pub looked_at: u64,
    /// Findings that prove that the scanner finds; see [`read`].
    pub controls: u64,
    /// Scanners that found nothing and do not say what they looked at.
    pub blind: Vec<String>,
    /// Name and version of each scanner.
    pub tools: Vec<(String, Option<String>)>,
    /// The first findings, in words.
    pub names: Vec<String>,
}

impl Findings {
    /// Every finding that counts.
    pub fn all(&self) -> u64 {
        self.high + self.medium + self.low
    }
}

#[derive(Deserialize)]
struct Log {
    version: String,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: ToolComponents,
    #[serde(default)]
    results: Option<Vec<Finding>>,
    #[serde(default)]
    artifacts: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    invocations: Vec<Invocation>,
}

#[derive(Deserialize)]
struct ToolComponents {
    driver: Driver,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    semantic_version: Option<String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    #[serde(default)]
    default_configuration: Option<RuleConfiguration>,
    #[serde(default)]
    properties: Option<Properties>,
}

#[derive(Deserialize)]
struct RuleConfiguration {
    #[serde(default)]
    level: Option<String>,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(default, rename = "security-severity")]
    security_severity: Option<serde_json::Value>,
}

impl Properties {
    fn severity(&self) -> Option<f64> {
        match self.security_severity.as_ref()? {
            serde_json::Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    rule_index: Option<usize>,
    #[serde(default)]
    rule: Option<RuleReference>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    properties: Option<Properties>,
    #[serde(default)]
    suppressions: Vec<Suppression>,
}

#[derive(Deserialize)]
struct RuleReference {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    index: Option<usize>,
}

#[derive(Deserialize)]
struct Suppression {
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    #[serde(default)]
    execution_successful: Option<bool>,
}

/// Adds a report. Findings of the rule `control` were planted: they prove that the scanner finds, and count for nothing else.
///
/// # Errors
/// It is no SARIF 2.1.0, has no run, or a run that failed or says nothing of results.
pub fn read<R: Read>(
    findings: &mut Findings,
    control: Option<&str>,
    input: &mut Bounded<R>,
) -> Result<(), String> {
    let text = input.whole(4).map_err(|error| error.to_string())?;
    let log: Log = serde_json::from_slice(&text).map_err(|error| format!("it is no SARIF: {error}"))?;
    if log.version != "2.1.0" {
        return Err(format!("it is SARIF {}; 2.1.0 is read", brief(&log.version)));
    }
    if log.runs.is_empty() {
        return Err("it has no run: nothing was scanned".to_owned());
    }
    log.runs.iter().try_for_each(|run| add(findings, control, run))
}

fn add(findings: &mut Findings, control: Option<&str>, run: &Run) -> Result<(), String> {
    let driver = &run.tool.driver;
    let name = brief(&driver.name);
    if run
        .invocations
        .iter()
        .any(|invocation| invocation.execution_successful == Some(false))
    {
        return Err(format!("{name} says that its run failed"));
    }
    let results = run.results.as_ref();
    let results =
        results.ok_or_else(|| format!("{name} gives no results, which is not the same as none found"))?;
    let rules: BTreeMap<&str, &Rule> = driver.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    if results.is_empty() && run.artifacts.is_empty() {
        findings.blind.push(name.clone());
    }
    findings.looked_at += run.artifacts.len() as u64;
    let version = driver.semantic_version.as_ref().or(driver.version.as_ref());
    findings.tools.push((name, version.map(|version| brief(version))));
    for result in results {
        let index = result
            .rule_index
            .or(result.rule.as_ref().and_then(|rule| rule.index));
        let id = result
            .rule_id
            .as_deref()
            .or(result.rule.as_ref().and_then(|rule| rule.id.as_deref()));
        let rule = index
            .and_then(|index| driver.rules.get(index))
            .or_else(|| rules.get(id?).copied());
        findings.add(
            result,
            rule,
            id.or(rule.map(|rule| rule.id.as_str())).unwrap_or("(no rule)"),
            control,
        );
    }
    Ok(())
}

impl Findings {
    fn add(&mut self, result: &Finding, rule: Option<&Rule>, id: &str, control: Option<&str>) {
        if control == Some(id) {
            self.controls += 1;
            return;
        }
        if result.kind.as_deref().is_some_and(|kind| kind != "fail") {
            return;
        }
        let accepted =
            |suppression: &Suppression| matches!(suppression.status.as_deref(), None | Some("accepted"));
        if result.suppressions.iter().any(accepted) && result.suppressions.iter().all(accepted) {
            self.suppressed += 1;
            return;
        }
        let severity = severity(result, rule);
        match severity {
            "high" => self.high += 1,
            "medium" => self.medium += 1,
            _ => self.low += 1,
        }
        if self.names.len() < MAX_NAMES {
            self.names.push(format!("{severity}: {}", brief(id)));
        }
    }
}

fn severity(result: &Finding, rule: Option<&Rule>) -> &'static str {
    let own = result.properties.as_ref().and_then(Properties::severity);
    let number = own.or_else(|| rule?.properties.as_ref()?.severity());
    if let Some(number) = number {
        return match number {
            number if number >= 7.0 => "high",
            number if number >= 4.0 => "medium",
            // What is no number at all must not be taken for harmless.
            number if number.is_nan() => "high",
            _ => "low",
        };
    }
    let level = || rule?.default_configuration.as_ref()?.level.as_deref();
    match result.level.as_deref().or_else(level) {
        Some("error") => "high",
        Some("note" | "none") => "low",
        _ => "medium",
    }
}
