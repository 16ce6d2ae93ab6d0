//! `PipelineRuns`: runs of pipelines, what watches them and who waits for them.

use std::sync::Arc;

use pilotage_core::{
    ExecutionId, OperationId, OperationStatus, TenantId,
    audit::kind,
    execution::Next,
    operation::Progress,
    pipeline_run::{
        KeptLog, KeptLogs, KeptRun, NewPipelineRun, PipelineRun, PipelineRunId, RunJob, RunLook, RunState,
        Standing, StartRun,
    },
    ports::{BegunRun, PipelineRunFilter},
};
use uuid::Uuid;

use crate::{
    backend::Store,
    given::{LEASE, at, claimed, execution, kinds_about, scheduled_one},
};

fn new(platform: &str, key: Option<&str>, execution: Option<ExecutionId>, second: i64) -> NewPipelineRun {
    NewPipelineRun {
        id: PipelineRunId(Uuid::now_v7()),
        tenant: TenantId::default(),
        platform: platform.to_owned(),
        start: StartRun {
            pipeline: Some("ci.yml".to_owned()),
            reference: Some("main".to_owned()),
            inputs: [("deploy".to_owned(), "true".to_owned())].into(),
            key: key.map(str::to_owned),
        },
        actor: "token:ci".to_owned(),
        execution,
        at: at(second),
    }
}

fn run(id: &str, state: RunState) -> PipelineRun {
    PipelineRun {
        id: id.to_owned(),
        pipeline: "CI".to_owned(),
        title: "Ship it".to_owned(),
        standing: Standing::new(state, format!("word of {}", state.as_str())),
        reference: Some("main".to_owned()),
        commit: Some("c0ffee".to_owned()),
        url: Some(format!("https://ci.example/{id}")),
        attempt: 1,
        created_at: Some(at(1)),
        started_at: None,
        finished_at: None,
        log: None,
    }
}

fn job(name: &str, state: RunState) -> RunJob {
    RunJob {
        id: name.to_owned(),
        name: name.to_owned(),
        stage: None,
        standing: Standing::new(state, state.as_str()),
        may_fail: false,
        url: None,
        started_at: None,
        finished_at: None,
        log: None,
        steps: Vec::new(),
    }
}

fn look(second: i64, id: &str, state: RunState) -> RunLook {
    let jobs = vec![job("lint", RunState::Succeeded), job("test", state)];
    RunLook::seen(at(second), run(id, state), jobs)
}

async fn begun(store: &dyn Store, new: NewPipelineRun) -> KeptRun {
    match store.begin_pipeline_run(new).await.unwrap() {
        BegunRun::New(kept) => kept,
        BegunRun::Known(kept) => panic!("there is one already: {kept:?}"),
    }
}

pub(crate) async fn a_run_is_kept_watched_and_on_record(store: Arc<dyn Store>) {
    let kept = begun(&*store, new("gh", Some("k"), None, 1)).await;
    assert_eq!(store.pipeline_run(kept.id).await.unwrap(), Some(kept.clone()));
    let seen = store
        .see_pipeline_run(kept.id, look(2, "7", RunState::Running))
        .await;
    let seen = seen.unwrap().unwrap();
    assert_eq!(
        (seen.run(), seen.pipeline(), seen.jobs.len()),
        (Some("7"), Some("CI"), 2)
    );
    let operation = || async { store.operation(OperationId(kept.id.0)).await.unwrap().unwrap() };
    let shown = operation().await;
    assert_eq!(
        (shown.kind.as_str(), shown.status),
        ("pipeline", OperationStatus::Running)
    );
    assert_eq!(shown.progress, Progress { current: 1, total: 2 });
    assert_eq!(shown.metadata["url"], "https://ci.example/7");
    let change = store.last_change().await.unwrap();
    let same = store
        .see_pipeline_run(kept.id, look(3, "7", RunState::Running))
        .await;
    assert_eq!(same.unwrap().unwrap(), seen);
    assert_eq!(store.last_change().await.unwrap(), change, "nothing changed");
    let ended = store
        .see_pipeline_run(kept.id, look(4, "7", RunState::Failed))
        .await;
    assert_eq!(ended.unwrap().unwrap().finished_at, Some(at(4)));
    assert_eq!(
        store.pipeline_run_called("gh", "7").await.unwrap().unwrap().id,
        kept.id
    );
    assert_eq!(store.pipeline_run_called("gl", "7").await.unwrap(), None);
    assert!(store.open_pipeline_runs(10).await.unwrap().is_empty());
    let shown = operation().await;
    assert_eq!(
        (shown.status, shown.finished_at),
        (OperationStatus::Failure, Some(at(4)))
    );
    let kinds = kinds_about(&*store, &kept.id.to_string()).await;
    assert_eq!(kinds, [kind::PIPELINE_RUN_BEGAN, kind::PIPELINE_RUN_ENDED]);
    let unknown = PipelineRunId(Uuid::now_v7());
    let none = store
        .see_pipeline_run(unknown, look(5, "7", RunState::Failed))
        .await;
    assert_eq!(none.unwrap(), None);
}

pub(crate) async fn a_key_is_started_once_on_each_platform(store: Arc<dyn Store>) {
    let first = begun(&*store, new("gh", Some("k"), None, 1)).await;
    let again = store
        .begin_pipeline_run(new("gh", Some("k"), None, 2))
        .await
        .unwrap();
    assert_eq!(again, BegunRun::Known(first));
    begun(&*store, new("gl", Some("k"), None, 3)).await;
    begun(&*store, new("gh", None, None, 4)).await;
    begun(&*store, new("gh", None, None, 5)).await;
    assert_eq!(store.open_pipeline_runs(3).await.unwrap().len(), 3);
    assert_eq!(store.open_pipeline_runs(10).await.unwrap().len(), 4);
}

pub(crate) async fn one_that_goes_on_after_its_end_is_open_again(store: Arc<dyn Store>) {
    let kept = begun(&*store, new("gh", None, None, 1)).await;
    for (second, id, state) in [
        (2, "7", RunState::Failed),
        (3, "8", RunState::Queued),
        (4, "8", RunState::Succeeded),
    ] {
        store
            .see_pipeline_run(kept.id, look(second, id, state))
            .await
            .unwrap();
        let open = store.open_pipeline_runs(10).await.unwrap();
        assert_eq!(open.len(), usize::from(state == RunState::Queued));
    }
    let kinds = kinds_about(&*store, &kept.id.to_string()).await;
    assert_eq!(
        kinds,
        [
            kind::PIPELINE_RUN_BEGAN,
            kind::PIPELINE_RUN_ENDED,
            kind::PIPELINE_RUN_REOPENED,
            kind::PIPELINE_RUN_ENDED
        ]
    );
}

async fn awaits(store: &dyn Store, run: PipelineRunId, second: i64) -> ExecutionId {
    let claim = claimed(store, at(second)).await;
    let next = Next::Await {
        run,
        at: at(second + 600),
        reason: "waits for the run 7".to_owned(),
    };
    store.record(&claim, at(second), None, next).await.unwrap();
    claim.execution.id
}

pub(crate) async fn the_end_lets_the_execution_go_on_that_waits_for_it(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let kept = begun(&*store, new("gh", Some("k"), Some(id), 1)).await;
    assert_eq!(awaits(&*store, kept.id, 1).await, id);
    store
        .see_pipeline_run(kept.id, look(2, "7", RunState::Running))
        .await
        .unwrap();
    assert!(
        store.claim(at(3), LEASE, 10).await.unwrap().is_empty(),
        "it waits"
    );
    store
        .see_pipeline_run(kept.id, look(4, "7", RunState::Failed))
        .await
        .unwrap();
    let claim = claimed(&*store, at(4)).await;
    assert_eq!((claim.execution.id, claim.execution.attempts), (id, 0));
    let failed = Next::Failed {
        reason: "it failed".to_owned(),
    };
    store.record(&claim, at(5), None, failed).await.unwrap();
    store.retry(at(6), "local".to_owned(), id).await.unwrap();
    let kept = store.pipeline_run(kept.id).await.unwrap().unwrap();
    assert!(kept.again, "what failed is to run again");
}

pub(crate) async fn an_end_that_came_before_the_wait_is_not_missed(store: Arc<dyn Store>) {
    let id = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let kept = begun(&*store, new("gh", Some("k"), Some(id), 1)).await;
    store
        .see_pipeline_run(kept.id, look(1, "7", RunState::Succeeded))
        .await
        .unwrap();
    awaits(&*store, kept.id, 2).await;
    assert_eq!(claimed(&*store, at(2)).await.execution.id, id);
}

/// Filters, and what passes them of three runs, newest first.
fn filters(ids: &[PipelineRunId]) -> Vec<(PipelineRunFilter, Vec<PipelineRunId>)> {
    let text = |text: &str| Some(text.to_owned());
    let all = PipelineRunFilter::default;
    vec![
        (
            PipelineRunFilter {
                platform: text("gh"),
                ..all()
            },
            vec![ids[2], ids[0]],
        ),
        (
            PipelineRunFilter {
                state: Some(RunState::Failed),
                ..all()
            },
            vec![ids[0]],
        ),
        (
            PipelineRunFilter {
                pipeline: text("CI"),
                ..all()
            },
            vec![ids[0]],
        ),
        (
            PipelineRunFilter {
                pipeline: text("ci.yml"),
                ..all()
            },
            vec![ids[2], ids[1]],
        ),
        (
            PipelineRunFilter {
                reference: text("main"),
                ..all()
            },
            vec![ids[2], ids[1], ids[0]],
        ),
        (
            PipelineRunFilter {
                execution: Some(ExecutionId::fresh()),
                ..all()
            },
            vec![],
        ),
        (
            PipelineRunFilter {
                since: Some(at(2)),
                until: Some(at(3)),
                ..all()
            },
            vec![ids[1]],
        ),
    ]
}

pub(crate) async fn runs_of_pipelines_are_listed_by_every_filter(store: Arc<dyn Store>) {
    let mut ids = Vec::new();
    for (second, platform) in [(1, "gh"), (2, "gl"), (3, "gh")] {
        ids.push(begun(&*store, new(platform, None, None, second)).await.id);
    }
    store
        .see_pipeline_run(ids[0], look(9, "7", RunState::Failed))
        .await
        .unwrap();
    let list = |filter: PipelineRunFilter| {
        let store = store.clone();
        async move {
            let page = store.pipeline_runs(&filter, None, 10).await.unwrap();
            page.items.into_iter().map(|kept| kept.id).collect::<Vec<_>>()
        }
    };
    let all = PipelineRunFilter::default;
    assert_eq!(list(all()).await, [ids[2], ids[1], ids[0]]);
    for (filter, expected) in filters(&ids) {
        assert_eq!(list(filter.clone()).await, expected, "{filter:?}");
    }
    let page = store.pipeline_runs(&all(), None, 2).await.unwrap();
    let rest = store.pipeline_runs(&all(), page.next, 2).await.unwrap();
    assert_eq!((page.items.len(), rest.items[0].id, rest.next), (2, ids[0], None));
}

/// Logs are kept for runs that there are, in place of those before, until they are pruned; a run that failed is without
/// logs until they were kept behind its end.
pub(crate) async fn logs_of_failed_runs_are_kept_until_they_are_pruned(store: Arc<dyn Store>) {
    let logs = |second: i64, text: &str| KeptLogs {
        at: at(second),
        logs: vec![KeptLog {
            name: "test".to_owned(),
            text: text.repeat(1_000),
            is_cut: true,
        }],
    };
    let stranger = PipelineRunId(Uuid::now_v7());
    assert!(!store.keep_pipeline_logs(stranger, logs(1, "x")).await.unwrap());
    assert_eq!(store.pipeline_logs(stranger).await.unwrap(), None);
    let failed = begun(&*store, new("gh", None, None, 1)).await;
    let good = begun(&*store, new("gh", None, None, 2)).await;
    let unstarted = begun(&*store, new("gh", None, None, 3)).await;
    let missing = async |since| store.pipeline_runs_without_logs(at(since), 10).await.unwrap();
    store
        .see_pipeline_run(failed.id, look(4, "1", RunState::Failed))
        .await
        .unwrap();
    store
        .see_pipeline_run(good.id, look(4, "2", RunState::Succeeded))
        .await
        .unwrap();
    let refused = RunLook::told(at(4), RunState::Failed, "not started", "no");
    store.see_pipeline_run(unstarted.id, refused).await.unwrap();
    assert_eq!(missing(0).await, [failed.id]);
    assert!(missing(5).await.is_empty());
    for (second, text) in [(3, "before its end"), (5, "behind it"), (6, "again")] {
        assert!(
            store
                .keep_pipeline_logs(failed.id, logs(second, text))
                .await
                .unwrap()
        );
        assert_eq!(missing(0).await.is_empty(), second > 4);
        let kept = store.pipeline_logs(failed.id).await.unwrap();
        assert_eq!(kept, Some(logs(second, text)));
    }
    assert_eq!(store.prune_pipeline_logs(at(6), 10).await.unwrap(), 0);
    assert_eq!(store.prune_pipeline_logs(at(7), 10).await.unwrap(), 1);
    assert_eq!(store.pipeline_logs(failed.id).await.unwrap(), None);
}
