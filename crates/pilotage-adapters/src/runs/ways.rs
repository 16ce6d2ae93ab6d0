//! What every platform may say beside what its kind needs.

use std::{collections::BTreeMap, time::Duration};

use pilotage_core::{
    config::{self, Problem, nearest, pointer_segment},
    pipeline_run::PlatformWays,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::base_url;

/// The keys that are read here and by no kind.
const KEYS: [&str; 2] = ["pollMs", "report"];
/// The shortest pause and the longest, in milliseconds.
const POLL_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;

/// What every platform may say.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct WaysConfig {
    /// The pause between two looks of the server at a run, 1000 to 3600000; else it grows from 500 to 30000. A delivery of
    /// the platform has a run looked at at once in any case.
    #[schemars(range(min = 1000, max = 3_600_000))]
    poll_ms: Option<u64>,
    /// What the server writes back to commits on this platform, as checks where it has such and as marks elsewhere.
    report: Option<ReportConfig>,
}

/// What is written back to commits.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ReportConfig {
    /// The ends of runs of gates.
    gates: bool,
    /// The ends of the runs of these platforms, by their names here.
    runs: Vec<String>,
    /// Where people reach this server, for the links.
    url: Option<String>,
}

/// Takes these keys out of a platform's configuration.
pub(super) fn split(fields: &mut Map<String, Value>) -> Map<String, Value> {
    let keys = KEYS.into_iter();
    let taken = keys.filter_map(|key| fields.remove(key).map(|value| (key.to_owned(), value)));
    taken.collect()
}

/// Their schema.
pub(super) fn schema(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let schema: Value = WaysConfig::json_schema(generator).into();
    schema["properties"].as_object().cloned().unwrap_or_default()
}

/// How the server goes about each platform of the section `platforms:`.
///
/// # Errors
/// Everything that is wrong in it, with pointers below `/platforms/<name>`.
pub fn ways(platforms: &BTreeMap<String, Value>) -> Result<BTreeMap<String, PlatformWays>, Vec<Problem>> {
    let mut all = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in platforms {
        match read(value, platforms) {
            Ok(ways) => drop(all.insert(name.clone(), ways)),
            Err(problem) => problems.push(problem.under(&format!("/platforms/{}", pointer_segment(name)))),
        }
    }
    if problems.is_empty() {
        Ok(all)
    } else {
        Err(problems)
    }
}

fn read(value: &Value, platforms: &BTreeMap<String, Value>) -> Result<PlatformWays, Problem> {
    let mut fields = value.as_object().cloned().unwrap_or_default();
    let config: WaysConfig = config::read(&Value::Object(split(&mut fields)))?;
    if config.poll_ms.is_some_and(|poll| !POLL_MS.contains(&poll)) {
        let (least, most) = (POLL_MS.start(), POLL_MS.end());
        return Err(Problem::at(
            "/pollMs",
            format!("a pause has {least} to {most} milliseconds"),
        ));
    }
    let report = config.report.unwrap_or_default();
    for (place, name) in report.runs.iter().enumerate() {
        if !platforms.contains_key(name) {
            let problem = Problem::at(
                format!("/report/runs/{place}"),
                format!("there is no platform `{}`", name.escape_default()),
            );
            let near = nearest(name, platforms.keys().map(String::as_str));
            return Err(match near {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
    }
    let public_url = report.url.map(|url| base_url(&url, "/report/url")).transpose()?;
    Ok(PlatformWays {
        poll: config.poll_ms.map(Duration::from_millis),
        reports_gates: report.gates,
        reports_runs: report.runs,
        public_url,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_platform_says_beside_its_kind_is_read_or_refused_at_its_place() {
        let of = |it: Value| ways(&BTreeMap::from([("it".to_owned(), it)]));
        let read = of(json!({"type": "github", "pollMs": 2_000, "report": {"gates": true, "runs": ["it"]}}));
        let read = &read.unwrap()["it"];
        assert_eq!(read.poll, Some(Duration::from_secs(2)));
        assert!(read.reports_gates && read.reports_runs == ["it"]);
        assert_eq!(of(json!({"type": "x"})).unwrap()["it"], PlatformWays::default());
        let table = [
            (json!({"pollMs": 10}), "/platforms/it/pollMs"),
            (json!({"report": {"runs": ["at"]}}), "/platforms/it/report/runs/0"),
            (json!({"report": {"url": "here"}}), "/platforms/it/report/url"),
            (json!({"report": {"gate": true}}), "/platforms/it/report/gate"),
        ];
        for (it, pointer) in table {
            assert_eq!(of(it.clone()).unwrap_err()[0].pointer, pointer, "{it}");
        }
    }
}
