use std::time::Duration;

use serde_json::json;

use super::*;
use GateState::{Failed, NotRun, Passed, Skipped};

use crate::{
    Digest,
    gate::{Examined, GateFile, Metrics, Moment, Tool, Value, resolve},
};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn gates(files: serde_json::Value) -> Result<Vec<Gate>, Vec<crate::config::Problem>> {
    let files: Vec<GateFile> = serde_json::from_value(files).unwrap();
    resolve(&files, &Metrics::default())
}

fn only(id: &str, file: &serde_json::Value) -> Gate {
    let mut found = gates(json!([file])).unwrap();
    let place = found.iter().position(|gate| gate.id == id).unwrap();
    found.remove(place)
}

fn evidence(value: f64, count: u64, measured_at: Moment) -> Evidence {
    Evidence {
        value: Value::Number(value),
        unit: Unit::Count,
        source: "lint".into(),
        collector: "command".into(),
        tool: Tool::default(),
        files: Vec::new(),
        file_count: 0,
        digest: Digest::ZERO,
        measured_at,
        expires_at: Some(NOW + Duration::from_mins(1)),
        examined: Examined {
            count,
            what: "files".into(),
            at_least: 1,
        },
        notes: Vec::new(),
    }
}

fn lint(on_no_evidence: &str) -> Gate {
    only(
        "lint",
        &json!({ "id": "lint", "onNoEvidence": on_no_evidence,
            "criteria": [{ "metric": "lint_errors", "operator": "eq", "threshold": 0 }] }),
    )
}

#[test]
fn only_enough_fresh_evidence_decides() {
    let commit = NOW - Duration::from_secs(100);
    let (now, before) = (Moment::Now(NOW), Moment::Report(commit - Duration::from_secs(1)));
    let after = Moment::Report(commit + Duration::from_secs(1));
    let future = Moment::Report(NOW + Duration::from_hours(1));
    let cases = [
        (Some(Ok(evidence(0.0, 5, now))), CriterionState::Passed),
        (Some(Ok(evidence(0.0, 5, after))), CriterionState::Passed),
        (Some(Ok(evidence(1.0, 5, now))), CriterionState::Failed),
        (Some(Ok(evidence(0.0, 0, now))), CriterionState::NoEvidence),
        (Some(Ok(evidence(0.0, 5, before))), CriterionState::NoEvidence),
        (Some(Ok(evidence(0.0, 5, future))), CriterionState::NoEvidence),
        (
            Some(Err("the tool is missing".to_owned())),
            CriterionState::NoEvidence,
        ),
        (None, CriterionState::NoEvidence),
    ];
    for (found, expected) in cases {
        let measured: Measured = found
            .clone()
            .map(|found| ("lint_errors".into(), found))
            .into_iter()
            .collect();
        let judged = judge(&lint("fail"), &measured, NOW, Some(commit));
        assert_eq!(judged.criteria[0].state, expected, "{found:?}");
        let skipping = judge(&lint("skip"), &measured, NOW, Some(commit));
        let skipped = match expected {
            CriterionState::NoEvidence => CriterionState::Skipped,
            other => other,
        };
        assert_eq!(skipping.criteria[0].state, skipped, "{found:?}");
    }
}

#[test]
fn what_is_too_old_or_of_another_unit_is_no_evidence() {
    let mut old = evidence(0.0, 5, Moment::Report(NOW - Duration::from_secs(10)));
    old.expires_at = Some(NOW - Duration::from_secs(1));
    let mut other = evidence(0.0, 5, Moment::Now(NOW));
    other.unit = Unit::Percent;
    for found in [old, other] {
        let measured = Measured::from([("lint_errors".to_owned(), Ok(found))]);
        let judged = judge(&lint("fail"), &measured, NOW, None);
        assert_eq!(judged.criteria[0].state, CriterionState::NoEvidence);
    }
}

#[test]
fn nothing_checked_is_never_ready() {
    let states = |blocking: &[GateState], advisory: &[GateState]| {
        let gate = |state: &GateState, blocking| GateVerdict {
            state: *state,
            blocking,
            ..not_run(&lint("fail"))
        };
        let gates = blocking.iter().map(|state| gate(state, true));
        gates
            .chain(advisory.iter().map(|state| gate(state, false)))
            .collect::<Vec<_>>()
    };
    let cases: &[(&[GateState], &[GateState], Verdict)] = &[
        (&[], &[], Verdict::NotJudged),
        (&[Skipped], &[Passed], Verdict::NotJudged),
        (&[], &[Passed], Verdict::NotJudged),
        (&[Passed], &[Failed], Verdict::Ready),
        (&[Passed, Skipped], &[], Verdict::Ready),
        (&[Passed, Failed], &[], Verdict::NotReady),
        (&[Passed, NotRun], &[], Verdict::NotReady),
    ];
    for (blocking, advisory, expected) in cases {
        assert_eq!(
            verdict(&states(blocking, advisory)),
            *expected,
            "{blocking:?} {advisory:?}"
        );
    }
    assert_eq!(score(&states(&[Skipped], &[])), 0);
}

#[test]
fn a_gate_inherits_from_the_built_in_one_of_its_id() {
    let gate = only(
        "test-validation",
        &json!({ "id": "test-validation", "blocking": false, "criteria": [
            { "metric": "code_coverage_lines", "threshold": "70%" },
            { "metric": "code_coverage_branches", "enabled": false },
            { "metric": "tests_total", "operator": "gte", "threshold": 10, "impact": "minor" },
        ] }),
    );
    let asked: Vec<_> = gate
        .criteria
        .iter()
        .map(|criterion| format!("{} {}", criterion.metric, criterion.test.show(criterion.unit)))
        .collect();
    assert_eq!(
        asked,
        [
            "test_success_rate >= 100%",
            "code_coverage_lines >= 70%",
            "code_coverage_functions >= 90%",
            "test_execution_time < 10 min",
            "tests_total >= 10",
        ]
    );
    assert!(!gate.blocking);
    assert_eq!(gate.timeout, Duration::from_mins(15));
}

#[test]
fn the_built_in_gates_are_these() {
    let shown: Vec<_> = gates(json!([])).unwrap().iter().map(shown).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    build-validation [all] blocking 600s: build_success = true; compile_errors = 0; lint_errors = 0; build_time < 5 min
    test-validation [all] blocking 900s: test_success_rate >= 100%; code_coverage_lines >= 85%; code_coverage_branches >= 80%; code_coverage_functions >= 90%; test_execution_time < 10 min
    security-validation [all] blocking 300s: high_severity_vulnerabilities = 0; medium_severity_vulnerabilities <= 5; outdated_dependencies <= 10; secrets_exposed = 0
    performance-validation [production] advisory 1800s: response_time_p95 < 1 s; throughput_rps > 1000; memory_usage_peak < 512 MiB; error_rate < 0.1%
    compliance-validation [production] blocking 120s: policy_violations = 0; required_approvals >= 2; change_window_compliance = true
    ");
}

fn shown(gate: &Gate) -> String {
    let asked: Vec<_> = gate
        .criteria
        .iter()
        .map(|criterion| format!("{} {}", criterion.metric, criterion.test.show(criterion.unit)))
        .collect();
    let blocking = if gate.blocking { "blocking" } else { "advisory" };
    format!(
        "{} [{}] {blocking} {}s: {}",
        gate.id,
        gate.environments.join(", "),
        gate.timeout.as_secs(),
        asked.join("; ")
    )
}

#[test]
fn what_does_not_hold_is_named() {
    let criterion = |criterion: serde_json::Value| json!([{ "id": "g", "criteria": [criterion] }]);
    let cases = [
        (
            criterion(json!({ "metric": "lint_error", "operator": "eq", "threshold": 0 })),
            "/gates/0/criteria/0/metric",
            "did you mean `lint_errors`?",
        ),
        (
            criterion(json!({ "metric": "build_time", "operator": "lt", "threshold": "85%" })),
            "/gates/0/criteria/0/threshold",
            "a time such as",
        ),
        (
            criterion(json!({ "metric": "build_success", "operator": "gt", "threshold": true })),
            "/gates/0/criteria/0/threshold",
            "needs a number",
        ),
        (
            criterion(json!({ "metric": "build_time", "operator": "lt" })),
            "/gates/0/criteria/0/metric",
            "lacks its `threshold`",
        ),
        (json!([{ "id": "g" }]), "/gates/0/criteria", "asks nothing"),
        (json!([{ "id": "g x" }]), "/gates/0/id", "an id is"),
        (
            json!([{ "id": "build-validation", "environments": [] }]),
            "/gates/0/environments",
            "judges nothing",
        ),
        (
            json!([{ "id": "build-validation", "timeout": "10MiB" }]),
            "/gates/0/timeout",
            "a time such as",
        ),
        (
            json!([{ "id": "a", "enabled": false }, { "id": "a", "enabled": false }]),
            "/gates/1/id",
            "two gates",
        ),
    ];
    for (files, pointer, text) in cases {
        let problems = gates(files).unwrap_err();
        let named = problems
            .iter()
            .any(|problem| problem.pointer == pointer && problem.to_string().contains(text));
        assert!(named, "{pointer} {text}: {problems:#?}");
    }
}
