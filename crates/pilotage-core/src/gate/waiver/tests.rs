use std::time::Duration;

use super::*;
use crate::gate::{
    Verdict,
    testing::{NOW, report},
};

fn waiver(report: &Report, metric: &str) -> Waiver {
    let gate = &report.gates[0];
    let criterion = gate.criteria.iter().find(|criterion| criterion.metric == metric);
    Waiver {
        id: Uuid::from_u128(7),
        environment: "production".to_owned(),
        commit: "c0ffee".to_owned(),
        gate: "tests".to_owned(),
        metric: metric.to_owned(),
        subject: criterion.unwrap().subject("tests"),
        reason: "the service is down, not we".to_owned(),
        by: "Ann".to_owned(),
        actor: "token:ci".to_owned(),
        created_at: NOW - Duration::from_mins(1),
        expires_at: NOW + Duration::from_hours(1),
        revoked_at: None,
        revoked_by: None,
    }
}

#[test]
fn a_waiver_lets_be_what_its_person_saw_and_shows_it() {
    let mut judged = report(Some(3.0), 90.0, "a");
    assert_eq!(judged.verdict, Verdict::NotReady);
    let score = judged.score;
    let waiver = waiver(&judged, "tests_failed");
    judged.apply(std::slice::from_ref(&waiver));
    assert_eq!(judged.verdict, Verdict::Ready);
    assert_eq!(judged.score, score, "what is waived did not pass");
    assert_eq!(judged.waived().collect::<Vec<_>>(), [&waiver]);
    let criterion = &judged.gates[0].criteria[0];
    assert_eq!(criterion.state, CriterionState::Waived);
    assert_eq!(criterion.waiver.as_ref().unwrap().by, "Ann");
}

#[test]
fn what_has_no_evidence_can_be_waived_too() {
    let mut judged = report(None, 90.0, "a");
    let waiver = waiver(&judged, "tests_failed");
    judged.apply(std::slice::from_ref(&waiver));
    assert_eq!(judged.verdict, Verdict::Ready);
    let mut measured = report(Some(1.0), 90.0, "a");
    measured.apply(&[waiver]);
    assert_eq!(measured.waivers[0].state, WaiverState::Outdated);
    assert_eq!(measured.verdict, Verdict::NotReady);
}

#[test]
fn a_waiver_that_does_not_hold_is_shown_and_changes_nothing() {
    let seen = report(Some(3.0), 90.0, "a");
    let good = waiver(&seen, "tests_failed");
    let with = |change: &dyn Fn(&mut Waiver)| {
        let mut waiver = good.clone();
        change(&mut waiver);
        waiver
    };
    let cases = [
        (
            with(&|waiver| waiver.expires_at = NOW),
            report(Some(3.0), 90.0, "a"),
            WaiverState::Expired,
        ),
        (
            with(&|waiver| waiver.revoked_at = Some(NOW)),
            report(Some(3.0), 90.0, "a"),
            WaiverState::Revoked,
        ),
        (good.clone(), report(Some(4.0), 90.0, "a"), WaiverState::Outdated),
        (good.clone(), report(Some(3.0), 90.0, "b"), WaiverState::Outdated),
        (good.clone(), report(Some(0.0), 90.0, "a"), WaiverState::NotNeeded),
        (
            with(&|waiver| waiver.gate = "other".to_owned()),
            report(Some(3.0), 90.0, "a"),
            WaiverState::NotNeeded,
        ),
        (
            with(&|waiver| waiver.metric = "lint_errors".to_owned()),
            report(Some(3.0), 90.0, "a"),
            WaiverState::NotNeeded,
        ),
    ];
    for (waiver, mut judged, expected) in cases {
        let verdict = judged.verdict;
        judged.apply(&[waiver]);
        assert_eq!(judged.waivers[0].state, expected);
        assert_eq!(judged.verdict, verdict, "{expected:?}");
    }
}

#[test]
fn waivers_of_others_are_not_looked_at_and_changed_files_are_not_waived() {
    let seen = report(Some(3.0), 90.0, "a");
    let good = waiver(&seen, "tests_failed");
    for other in [
        Waiver {
            environment: "staging".to_owned(),
            ..good.clone()
        },
        Waiver {
            commit: "beef".to_owned(),
            ..good.clone()
        },
    ] {
        let mut judged = seen.clone();
        judged.apply(&[other]);
        assert_eq!((judged.waivers.len(), judged.verdict), (0, Verdict::NotReady));
    }
    let mut changed = seen;
    changed.commit.as_mut().unwrap().changed = true;
    changed.apply(&[good]);
    assert_eq!(changed.waivers[0].state, WaiverState::Outdated);
    assert_eq!(changed.verdict, Verdict::NotReady);
}

#[test]
fn a_waiver_needs_a_name_a_reason_and_an_end() {
    let good = waiver(&report(Some(3.0), 90.0, "a"), "tests_failed");
    assert_eq!(good.problem(), None);
    let long = "x".repeat(501);
    for (bad, about) in [
        (
            Waiver {
                reason: " ".to_owned(),
                ..good.clone()
            },
            "`reason`",
        ),
        (
            Waiver {
                reason: "a\nb".to_owned(),
                ..good.clone()
            },
            "`reason`",
        ),
        (
            Waiver {
                reason: long.clone(),
                ..good.clone()
            },
            "`reason`",
        ),
        (
            Waiver {
                by: String::new(),
                ..good.clone()
            },
            "`by`",
        ),
        (
            Waiver {
                expires_at: good.created_at,
                ..good.clone()
            },
            "past",
        ),
        (
            Waiver {
                expires_at: NOW + Duration::from_hours(24 * 400),
                ..good.clone()
            },
            "366 days",
        ),
    ] {
        assert!(bad.problem().unwrap().contains(about), "{bad:?}");
    }
}
