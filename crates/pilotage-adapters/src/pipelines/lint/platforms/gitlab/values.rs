//! Values of jobs that are one of a few words, or of a form.

use serde_json::Value;

use super::{
    super::super::{
        shape,
        view::{View, entries, items},
    },
    words::{ARTIFACTS, REPORTS, WHEN},
};

pub(super) fn check(job: &Value, at: &str, view: &mut View) {
    shape::one_of(view, &job["when"], &format!("{at}/when"), "word of `when`", WHEN);
    let artifacts = &job["artifacts"];
    let artifacts_at = format!("{at}/artifacts");
    if artifacts.is_object() {
        shape::check(view, artifacts, &artifacts_at, "`artifacts`", ARTIFACTS);
        shape::one_of(
            view,
            &artifacts["when"],
            &format!("{artifacts_at}/when"),
            "word of `artifacts:when`",
            &["on_success", "on_failure", "always"],
        );
    }
    for (kind, report, at) in entries(&artifacts["reports"], &format!("{artifacts_at}/reports")) {
        shape::one_of(view, &Value::String(kind.clone()), &at, "kind of report", REPORTS);
        if kind == "coverage_report" {
            shape::one_of(
                view,
                &report["coverage_format"],
                &format!("{at}/coverage_format"),
                "format of coverage",
                &["cobertura", "jacoco"],
            );
        }
    }
    for (cache, at) in items(&job["cache"], &format!("{at}/cache")) {
        shape::one_of(
            view,
            &cache["policy"],
            &format!("{at}/policy"),
            "policy of a cache",
            &["pull", "push", "pull-push"],
        );
    }
    shape::one_of(
        view,
        &job["environment"]["action"],
        &format!("{at}/environment/action"),
        "action of an environment",
        &["start", "prepare", "stop", "verify", "access"],
    );
    values(job, at, view);
    matrix(job, at, view);
}

/// Texts and numbers that have to be of a form.
fn values(job: &Value, at: &str, view: &mut View) {
    if let Some(coverage) = job["coverage"].as_str()
        && !(coverage.len() > 1 && coverage.starts_with('/') && coverage.ends_with('/'))
    {
        view.note(
            "shape",
            &format!("{at}/coverage"),
            "`coverage` is a regular expression between slashes",
        );
    }
    if let Some(timeout) = job["timeout"].as_str()
        && !is_duration(timeout)
    {
        view.note(
            "shape",
            &format!("{at}/timeout"),
            format!("`{timeout}` is no time such as `1h 30m`"),
        );
    }
    if job["retry"]
        .as_u64()
        .or(job["retry"]["max"].as_u64())
        .is_some_and(|times| times > 2)
    {
        view.note(
            "shape",
            &format!("{at}/retry"),
            "a job is tried again twice at most",
        );
    }
}

fn matrix(job: &Value, at: &str, view: &mut View) {
    let at = format!("{at}/parallel");
    if job["parallel"]
        .as_u64()
        .is_some_and(|jobs| !(1..=200).contains(&jobs))
    {
        view.note("shape", &at, "`parallel` is 1 to 200");
    }
    let matrix = &job["parallel"]["matrix"];
    if job["parallel"].is_object() && !matrix.is_array() {
        view.note("shape", &at, "`matrix` is a list of mappings");
    }
    let size: usize = items(matrix, "")
        .iter()
        .map(|(entry, _)| {
            let axes = entry.as_object().into_iter().flatten();
            axes.fold(1_usize, |size, (_, values)| {
                size.saturating_mul(items(values, "").len())
            })
        })
        .sum();
    if size > 200 {
        view.note("shape", &at, "a matrix has at most 200 combinations");
    }
}

/// Numbers with units: `10m`, `1h 30m`, `3 hours`, `1 day and 2 hours`.
fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 24] = [
        "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes", "h", "hr", "hrs",
        "hour", "hours", "d", "day", "days", "w", "week", "weeks", "mo", "month", "months",
    ];
    let text = text.to_ascii_lowercase().replace(" and ", " ");
    let mut rest = text.trim();
    if rest.is_empty() || rest.contains('$') {
        return rest.contains('$');
    }
    while !rest.is_empty() {
        let number = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let after = after.trim_start();
        let unit = after
            .find(|letter: char| !letter.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        if digits.is_empty() || !(UNITS.contains(&unit) || (unit.is_empty() && after.is_empty())) {
            return false;
        }
        rest = after.trim_start();
    }
    true
}
