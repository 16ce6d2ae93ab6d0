//! What can be measured, each with its unit: the metrics that there are everywhere, and those that a configuration adds.

use std::collections::BTreeMap;

use super::Unit;
use crate::config::nearest;

/// One thing that can be measured.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As criteria name it.
    pub name: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// What it says.
    pub about: &'static str,
}

const fn metric(name: &'static str, unit: Unit, about: &'static str) -> Metric {
    Metric { name, unit, about }
}

/// Other names under which people know a metric.
const ALIASES: &[(&str, &str)] = &[("typescript_errors", "compile_errors")];

/// The metrics that there are everywhere.
pub const METRICS: &[Metric] = &[
    metric("build_success", Unit::Bool, "the build went through"),
    metric(
        "compile_errors",
        Unit::Count,
        "errors of the compiler or type checker",
    ),
    metric(
        "lint_errors",
        Unit::Count,
        "findings of the linter that it calls errors",
    ),
    metric(
        "lint_warnings",
        Unit::Count,
        "findings of the linter that it calls warnings",
    ),
    metric("build_time", Unit::Seconds, "how long the build took"),
    metric(
        "test_success_rate",
        Unit::Percent,
        "tests that passed, of those that ran",
    ),
    metric("tests_total", Unit::Count, "tests that ran"),
    metric("tests_failed", Unit::Count, "tests that failed, errors included"),
    metric("tests_skipped", Unit::Count, "tests that were skipped"),
    metric("test_execution_time", Unit::Seconds, "how long the tests took"),
    metric("code_coverage_lines", Unit::Percent, "lines that tests reached"),
    metric(
        "code_coverage_branches",
        Unit::Percent,
        "branches that tests took",
    ),
    metric(
        "code_coverage_functions",
        Unit::Percent,
        "functions that tests entered",
    ),
    metric(
        "high_severity_vulnerabilities",
        Unit::Count,
        "known vulnerabilities of high or critical severity",
    ),
    metric(
        "medium_severity_vulnerabilities",
        Unit::Count,
        "known vulnerabilities of medium severity",
    ),
    metric(
        "low_severity_vulnerabilities",
        Unit::Count,
        "known vulnerabilities of low severity",
    ),
    metric(
        "high_severity_findings",
        Unit::Count,
        "findings of a static analysis of high severity",
    ),
    metric(
        "medium_severity_findings",
        Unit::Count,
        "findings of a static analysis of medium severity",
    ),
    metric(
        "low_severity_findings",
        Unit::Count,
        "findings of a static analysis of low severity",
    ),
    metric(
        "outdated_dependencies",
        Unit::Count,
        "dependencies with a newer release",
    ),
    metric(
        "secrets_exposed",
        Unit::Count,
        "secrets that stand in the repository",
    ),
    metric(
        "response_time_p95",
        Unit::Seconds,
        "95 of 100 requests are answered within",
    ),
    metric("throughput_rps", Unit::Count, "requests answered in a second"),
    metric("memory_usage_peak", Unit::Bytes, "most memory in use at once"),
    metric("error_rate", Unit::Percent, "requests that failed"),
    metric("policy_violations", Unit::Count, "policies that do not hold"),
    metric(
        "required_approvals",
        Unit::Count,
        "people who approved this commit",
    ),
    metric(
        "change_window_compliance",
        Unit::Bool,
        "now is within a change window",
    ),
];

/// Every metric by name, with those that a configuration defines.
#[derive(Clone, Debug)]
pub struct Metrics(BTreeMap<String, Unit>);

impl Default for Metrics {
    fn default() -> Self {
        let built_in = METRICS.iter();
        Self(
            built_in
                .map(|metric| (metric.name.to_owned(), metric.unit))
                .collect(),
        )
    }
}

impl Metrics {
    /// The name that criteria and evidence share: aliases are resolved.
    pub fn canonical(name: &str) -> &str {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        alias.map_or(name, |(_, canonical)| canonical)
    }

    /// The unit of a metric.
    pub fn unit(&self, name: &str) -> Option<Unit> {
        self.0.get(Self::canonical(name)).copied()
    }

    /// Adds a metric of a configuration.
    ///
    /// # Errors
    /// It is known already, in another unit.
    pub fn define(&mut self, name: &str, unit: Unit) -> Result<(), String> {
        match self.unit(name) {
            Some(known) if known != unit => Err(format!("`{name}` is measured in {known}, not in {unit}")),
            Some(_) => Ok(()),
            None => {
                self.0.insert(name.to_owned(), unit);
                Ok(())
            }
        }
    }

    /// The metric that a person most likely meant.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.0.keys().map(String::as_str))
    }
}
