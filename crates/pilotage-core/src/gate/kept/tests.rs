use std::time::Duration;

use super::*;
use crate::gate::{
    Unit,
    testing::{NOW, evidence, report},
};

fn found(metric: &str, value: f64, seconds_ago: u64) -> Finding {
    let at = Moment::Now(NOW - Duration::from_secs(seconds_ago));
    Finding {
        metric: metric.to_owned(),
        evidence: Some(evidence(value, Unit::Count, "x", at)),
        reason: None,
    }
}

fn nothing(metric: &str) -> Finding {
    Finding {
        metric: metric.to_owned(),
        evidence: None,
        reason: Some("no tool".to_owned()),
    }
}

#[test]
fn of_several_runs_the_newest_evidence_counts_and_a_reason_only_without_any() {
    let runs = [
        vec![found("a", 1.0, 50), found("b", 1.0, 10), nothing("c")],
        vec![found("a", 2.0, 20), found("b", 2.0, 30), found("c", 2.0, 99)],
        vec![nothing("a"), nothing("d")],
    ];
    let measured = newest(runs);
    let value = |metric: &str| measured[metric].as_ref().map(|evidence| evidence.value.clone());
    let number = |number| Ok(crate::gate::Value::Number(number));
    assert_eq!(value("a"), number(2.0));
    assert_eq!(value("b"), number(1.0));
    assert_eq!(value("c"), number(2.0));
    assert_eq!(value("d"), Err(&"no tool".to_owned()));
    let at = measured["a"].as_ref().unwrap().measured_at;
    assert_eq!(
        at,
        Moment::Report(NOW - Duration::from_secs(20)),
        "it is not measured now"
    );
}

#[test]
fn findings_from_outside_are_bounded() {
    let with = |change: &dyn Fn(&mut Evidence)| {
        let mut finding = found("a", 1.0, 0);
        change(finding.evidence.as_mut().unwrap());
        finding
    };
    let long = "x".repeat(2_001);
    assert_eq!(found("a", 1.0, 0).problem(), None);
    assert_eq!(nothing("a").problem(), None);
    let bad = [
        found("", 1.0, 0),
        found(&"m".repeat(201), 1.0, 0),
        Finding {
            reason: Some("both".to_owned()),
            ..found("a", 1.0, 0)
        },
        Finding {
            evidence: None,
            reason: None,
            metric: "a".to_owned(),
        },
        Finding {
            reason: Some(long.clone()),
            ..nothing("a")
        },
        with(&|evidence| evidence.source.clone_from(&long)),
        with(&|evidence| evidence.tool.version = Some(long.clone())),
        with(&|evidence| evidence.notes = vec![long.clone()]),
        with(&|evidence| evidence.notes = vec![String::new(); 21]),
        with(&|evidence| evidence.value = crate::gate::Value::Text(long.clone())),
    ];
    for finding in bad {
        assert!(finding.problem().is_some(), "{finding:?}");
    }
}

#[test]
fn reports_and_findings_are_read_back_as_they_were() {
    let report = report(Some(2.0), 81.25, "a");
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    let list = vec![found("a", 1.5, 3), nothing("b")];
    let text = serde_json::to_string(&list).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&text).unwrap(), list);
    assert_eq!(findings(&measured(list.clone())), list);
}
