//! `GateRuns`: runs of gates, gates and waivers.

use std::sync::Arc;

use pilotage_core::{
    Digest, OperationId, OperationStatus, TenantId,
    audit::kind,
    gate::{
        Commit, Finding, GateRunEnding, GateRunId, GateRunOrigin, GateRunStatus, Judged, KeptFile,
        NewGateRun, Report, Verdict, Waiver,
    },
    operation::Progress,
    ports::{GateRunFilter, StoredGate},
};
use uuid::Uuid;

use crate::{
    backend::Store,
    given::{at, note, records},
};

fn new(environment: &str, commit: &str, second: i64) -> NewGateRun {
    NewGateRun {
        id: GateRunId(Uuid::now_v7()),
        tenant: TenantId::default(),
        environment: environment.to_owned(),
        commit: Some(commit.to_owned()),
        changed: false,
        origin: GateRunOrigin::Api,
        actor: "token:ci".to_owned(),
        key: Some(format!("key of {commit}")),
        gates: vec!["build".to_owned(), "tests".to_owned()],
        at: at(second),
    }
}

fn ending(run: &NewGateRun, second: i64) -> GateRunEnding {
    let commit = Commit {
        id: run.commit.clone().unwrap(),
        at: Some(at(0)),
        changed: run.changed,
    };
    let data = b"<testsuites/>".to_vec();
    let file = KeptFile {
        name: "junit.xml".to_owned(),
        kind: "junit".to_owned(),
        digest: Digest::of(&data),
        bytes: data.len() as u64,
    };
    GateRunEnding {
        at: at(second),
        message: "Nothing was judged.".to_owned(),
        judged: Some(Judged {
            report: Report::new(&run.environment, Some(commit), at(second), Vec::new()),
            measured: vec![finding("tests_total")],
            files: vec![(file, data)],
            reusable: vec![(Digest::of(b"input"), vec![finding("build_time")])],
        }),
    }
}

fn finding(metric: &str) -> Finding {
    Finding {
        metric: metric.to_owned(),
        evidence: None,
        reason: Some("nobody looked".to_owned()),
    }
}

pub(crate) async fn a_run_is_kept_with_everything_that_it_rests_on(store: Arc<dyn Store>) {
    let run = new("production", "c0ffee", 1);
    let end = ending(&run, 5);
    assert!(store.begin_gate_run(run.clone()).await.unwrap());
    assert!(store.finish_gate_run(run.id, end.clone()).await.unwrap());
    let kept = store.gate_run(run.id).await.unwrap().unwrap();
    assert_eq!(
        (kept.status, kept.verdict),
        (GateRunStatus::Judged, Some(Verdict::NotJudged))
    );
    assert_eq!((kept.started_at, kept.finished_at), (at(1), Some(at(5))));
    let judged = end.judged.clone().unwrap();
    let report = store.document(kept.report.unwrap()).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&report).unwrap(), judged.report);
    let measured = store.document(kept.measured.unwrap()).await.unwrap().unwrap();
    assert_eq!(
        serde_json::from_slice::<Vec<Finding>>(&measured).unwrap(),
        judged.measured
    );
    let (file, data) = &judged.files[0];
    assert_eq!(kept.files, std::slice::from_ref(file));
    assert_eq!(store.document(file.digest).await.unwrap().as_ref(), Some(data));
    let of_key = store.gate_run_of_key("key of c0ffee").await.unwrap().unwrap();
    assert_eq!(of_key, kept);
    let records = records(&*store).await;
    let kinds: Vec<_> = records.iter().map(|record| record.kind.as_str()).collect();
    assert_eq!(kinds, [kind::GATE_RUN_BEGAN, kind::GATE_RUN_ENDED]);
    assert!(records[1].facts.contains(&kept.report.unwrap().to_string()));
    assert_eq!(records[1].actor, "token:ci");
}

pub(crate) async fn what_has_ended_stays_as_it_is(store: Arc<dyn Store>) {
    let run = new("staging", "1", 1);
    assert!(store.keep_gate_run(run.clone(), ending(&run, 2)).await.unwrap());
    let kept = store.gate_run(run.id).await.unwrap();
    let head = store.head().await.unwrap();
    let change = store.last_change().await.unwrap();
    assert!(!store.keep_gate_run(run.clone(), ending(&run, 9)).await.unwrap());
    assert!(!store.begin_gate_run(run.clone()).await.unwrap());
    assert!(!store.finish_gate_run(run.id, ending(&run, 9)).await.unwrap());
    let progress = Progress { current: 1, total: 2 };
    assert!(
        !store
            .show_gate_run(run.id, at(9), progress, "late")
            .await
            .unwrap()
    );
    let unknown = GateRunId(Uuid::now_v7());
    assert!(!store.finish_gate_run(unknown, ending(&run, 9)).await.unwrap());
    assert_eq!(store.gate_run(run.id).await.unwrap(), kept);
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(store.last_change().await.unwrap(), change);
}

pub(crate) async fn a_run_is_watched_like_everything_else(store: Arc<dyn Store>) {
    let run = new("production", "c0ffee", 1);
    let operation = || async { store.operation(OperationId(run.id.0)).await.unwrap().unwrap() };
    store.begin_gate_run(run.clone()).await.unwrap();
    let begun = operation().await;
    assert_eq!(
        (begun.kind.as_str(), begun.status),
        ("gate", OperationStatus::Running)
    );
    assert_eq!(begun.progress, Progress { current: 0, total: 2 });
    assert_eq!(begun.metadata["commit"], "c0ffee");
    let progress = Progress { current: 1, total: 2 };
    assert!(
        store
            .show_gate_run(run.id, at(2), progress, "tests")
            .await
            .unwrap()
    );
    let going = operation().await;
    assert_eq!((going.progress, going.message.as_str()), (progress, "tests"));
    assert!(going.change > begun.change);
    store.finish_gate_run(run.id, ending(&run, 3)).await.unwrap();
    let ended = operation().await;
    assert_eq!(
        ended.status,
        OperationStatus::Failure,
        "no verdict is no permission"
    );
    assert_eq!(ended.finished_at, Some(at(3)));
}

pub(crate) async fn what_a_dead_server_left_behind_is_broken_off(store: Arc<dyn Store>) {
    let (left, ended) = (new("production", "1", 1), new("production", "2", 1));
    store.begin_gate_run(left.clone()).await.unwrap();
    store
        .keep_gate_run(ended.clone(), ending(&ended, 2))
        .await
        .unwrap();
    assert_eq!(store.break_off_gate_runs(at(9)).await.unwrap(), 1);
    assert_eq!(store.break_off_gate_runs(at(10)).await.unwrap(), 0);
    let run = store.gate_run(left.id).await.unwrap().unwrap();
    assert_eq!((run.status, run.verdict), (GateRunStatus::BrokenOff, None));
    assert_eq!(run.finished_at, Some(at(9)));
    assert!(run.message.contains("the server ended"), "{}", run.message);
    let shown = store.operation(OperationId(left.id.0)).await.unwrap().unwrap();
    assert_eq!(shown.status, OperationStatus::Cancelled);
    let last = records(&*store).await.pop().unwrap();
    assert_eq!(
        (last.kind.as_str(), last.subject),
        (kind::GATE_RUN_ENDED, left.id.to_string())
    );
}

pub(crate) async fn a_file_that_is_not_its_digest_keeps_nothing(store: Arc<dyn Store>) {
    let run = new("production", "1", 1);
    let mut end = ending(&run, 2);
    end.judged.as_mut().unwrap().files[0].1 = b"something else".to_vec();
    assert!(store.keep_gate_run(run.clone(), end).await.is_err());
    assert_eq!(store.gate_run(run.id).await.unwrap(), None);
    assert_eq!(store.head().await.unwrap().sequence, 0);
    assert_eq!(store.operation(OperationId(run.id.0)).await.unwrap(), None);
}

/// Filters, and the places of the runs that each finds.
fn filters() -> Vec<(GateRunFilter, Vec<usize>)> {
    type Change = fn(&mut GateRunFilter);
    let cases: [(Change, &[usize]); 8] = [
        (|_| {}, &[2, 1, 0]),
        (|filter| filter.environment = Some("a".to_owned()), &[2, 0]),
        (|filter| filter.gate = Some("tests".to_owned()), &[1, 0]),
        (|filter| filter.commit = Some("abc".to_owned()), &[1, 0]),
        (|filter| filter.commit = Some("abf3".to_owned()), &[2]),
        (|filter| filter.judged = true, &[1, 0]),
        (
            |filter| (filter.since, filter.until) = (Some(at(2)), Some(at(3))),
            &[1],
        ),
        (|filter| filter.commit = Some("%".to_owned()), &[]),
    ];
    let made = cases.into_iter().map(|(change, places)| {
        let mut filter = GateRunFilter::default();
        change(&mut filter);
        (filter, places.to_vec())
    });
    made.collect()
}

pub(crate) async fn runs_are_listed_by_every_filter_newest_first(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for (environment, commit, second) in [("a", "abc1", 1), ("b", "abc2", 2), ("a", "abf3", 3)] {
        let mut run = new(environment, commit, second);
        if commit == "abf3" {
            run.gates = vec!["other".to_owned()];
        } else {
            store
                .keep_gate_run(run.clone(), ending(&run, second))
                .await
                .unwrap();
        }
        store.begin_gate_run(run.clone()).await.unwrap();
        ids.push(run.id);
    }
    let cases = filters();
    for (filter, expected) in cases {
        let page = store.gate_runs(&filter, None, 10).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|run| run.id).collect();
        let expected: Vec<_> = expected.into_iter().map(|place| ids[place]).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let first = store.gate_runs(&GateRunFilter::default(), None, 2).await.unwrap();
    let second = store
        .gate_runs(&GateRunFilter::default(), first.next, 2)
        .await
        .unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (2, 1, None));
}

pub(crate) async fn retention_prunes_what_only_old_runs_rest_on(store: Arc<dyn Store>) {
    let (old, young) = (new("production", "1", 1), new("production", "2", 20));
    store.keep_gate_run(old.clone(), ending(&old, 5)).await.unwrap();
    assert_eq!(store.prune_documents(at(60), at(5), 10).await.unwrap(), 0);
    store
        .keep_gate_run(young.clone(), ending(&young, 25))
        .await
        .unwrap();
    let (old_run, young_run) = (
        store.gate_run(old.id).await.unwrap().unwrap(),
        store.gate_run(young.id).await.unwrap().unwrap(),
    );
    let head = store.head().await.unwrap();
    let pruned = store.prune_documents(at(60), at(25), 10).await.unwrap();
    assert!(pruned > 0);
    assert_eq!(store.prune_documents(at(60), at(25), 10).await.unwrap(), 0);
    assert_eq!(store.document(old_run.report.unwrap()).await.unwrap(), None);
    for digest in [
        young_run.report,
        young_run.measured,
        Some(young_run.files[0].digest),
    ] {
        assert!(store.document(digest.unwrap()).await.unwrap().is_some());
    }
    assert_eq!(
        store.gate_run(old.id).await.unwrap().unwrap(),
        old_run,
        "the facts stay"
    );
    let records = store.records_after(head.sequence, 10).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].kind, kind::GATE_DOCUMENTS_PRUNED);
    let facts: serde_json::Value = serde_json::from_str(&records[0].facts).unwrap();
    assert_eq!(facts["count"], pruned);
}

pub(crate) async fn what_was_measured_on_an_input_is_found_again(store: Arc<dyn Store>) {
    assert_eq!(store.measured_on(Digest::of(b"input")).await.unwrap(), None);
    let run = new("production", "1", 1);
    store.keep_gate_run(run.clone(), ending(&run, 4)).await.unwrap();
    let found = store.measured_on(Digest::of(b"input")).await.unwrap().unwrap();
    assert_eq!((found.findings, found.at), (vec![finding("build_time")], at(4)));
}

pub(crate) async fn gates_are_created_replaced_and_deleted(store: Arc<dyn Store>) {
    let gate = |json: &str, changed| StoredGate {
        id: "a".to_owned(),
        json: json.to_owned(),
        changed_at: at(changed),
    };
    store.put_gate(gate("{}", 1), note("a")).await.unwrap();
    store.put_gate(gate("[]", 2), note("a")).await.unwrap();
    assert_eq!(store.gates().await.unwrap(), [gate("[]", 2)]);
    assert!(store.delete_gate("a", note("a")).await.unwrap());
    assert!(!store.delete_gate("a", note("a")).await.unwrap());
    assert_eq!(store.gates().await.unwrap(), []);
    assert_eq!(records(&*store).await.len(), 3);
}

pub(crate) async fn waivers_are_kept_and_revoked_once(store: Arc<dyn Store>) {
    let waiver = |commit: &str| Waiver {
        id: Uuid::now_v7(),
        environment: "production".to_owned(),
        commit: commit.to_owned(),
        gate: "tests".to_owned(),
        metric: "tests_failed".to_owned(),
        subject: Digest::of(b"seen"),
        reason: "known".to_owned(),
        by: "Ann".to_owned(),
        actor: "token:ci".to_owned(),
        created_at: at(1),
        expires_at: at(100),
        revoked_at: None,
        revoked_by: None,
    };
    let (first, second) = (waiver("abc"), waiver("xyz"));
    store.add_waiver(first.clone()).await.unwrap();
    store.add_waiver(second.clone()).await.unwrap();
    assert_eq!(store.waivers(None).await.unwrap(), [second, first.clone()]);
    assert_eq!(
        store.waivers(Some("ab")).await.unwrap(),
        std::slice::from_ref(&first)
    );
    let revoked = store
        .revoke_waiver(first.id, at(5), "token:ann")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(revoked.revoked_at, Some(at(5)));
    let again = store.revoke_waiver(first.id, at(9), "token:eve").await.unwrap();
    assert_eq!(again, Some(revoked.clone()));
    assert_eq!(store.waivers(Some("abc")).await.unwrap(), [revoked]);
    assert_eq!(
        store.revoke_waiver(Uuid::now_v7(), at(9), "x").await.unwrap(),
        None
    );
    let kinds: Vec<_> = records(&*store)
        .await
        .into_iter()
        .map(|record| record.kind)
        .collect();
    assert_eq!(
        kinds,
        [kind::GATE_WAIVED, kind::GATE_WAIVED, kind::GATE_WAIVER_REVOKED]
    );
}
