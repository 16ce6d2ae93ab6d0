//! Gates and evidence to test with.

use serde_json::json;

use super::{
    Commit, Evidence, Examined, Gate, GateFile, Measured, Metrics, Moment, Report, Tool, Unit, Value, judge,
    resolve,
};
use crate::{Digest, Timestamp};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// One blocking gate `tests` that asks for no failed test and 80 % of lines covered.
pub(super) fn gate() -> Gate {
    let file: GateFile = serde_json::from_value(json!({
        "id": "tests",
        "criteria": [
            { "metric": "tests_failed", "operator": "eq", "threshold": 0 },
            { "metric": "code_coverage_lines", "operator": "gte", "threshold": "80%" },
        ],
    }))
    .unwrap();
    let gates = resolve(&[file], &Metrics::default()).unwrap();
    gates.into_iter().find(|gate| gate.id == "tests").unwrap()
}

/// Evidence of a number; the digest is that of `proof`.
pub(super) fn evidence(value: f64, unit: Unit, proof: &str, measured_at: Moment) -> Evidence {
    Evidence {
        value: Value::Number(value),
        unit,
        source: "junit".to_owned(),
        collector: "junit".to_owned(),
        tool: Tool::default(),
        files: Vec::new(),
        file_count: 1,
        digest: Digest::of(proof.as_bytes()),
        measured_at,
        expires_at: None,
        examined: Examined {
            count: 9,
            what: "tests".to_owned(),
            at_least: 1,
        },
        notes: Vec::new(),
    }
}

/// The report of a commit with so many failed tests (`None` for no evidence) and so many lines covered.
pub(super) fn report(failed: Option<f64>, lines: f64, proof: &str) -> Report {
    let now = Moment::Now(NOW);
    let failed = failed.map_or_else(
        || Err("no report".to_owned()),
        |failed| Ok(evidence(failed, Unit::Count, proof, now)),
    );
    let measured = Measured::from([
        ("tests_failed".to_owned(), failed),
        (
            "code_coverage_lines".to_owned(),
            Ok(evidence(lines, Unit::Percent, proof, now)),
        ),
    ]);
    let commit = Commit {
        id: "c0ffee".to_owned(),
        at: None,
        changed: false,
    };
    let verdict = judge(&gate(), &measured, NOW, None);
    Report::new("production", Some(commit), NOW, vec![verdict])
}
