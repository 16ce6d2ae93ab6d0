//! `ExecutionQueue::schedule` and `replay`: executions and cursor together or not at all.

use std::sync::Arc;

use pilotage_core::{
    Digest, ExecutionId, ExecutionStatus, Position, StoredEvent,
    audit::kind,
    ports::{Advance, EventFilter, RuleFault, RuleVersion, ScheduleError},
};

use crate::{
    backend::Store,
    given::{
        appended, at, claimed, decision, event, everything, execution, found, kinds_about, records,
        scheduled, scheduled_one, step_to, succeed,
    },
};

pub(crate) async fn executions_and_cursor_move_together(store: Arc<dyn Store>) {
    assert_eq!(store.cursor().await.unwrap(), Position(0));
    let stored = appended(&*store, event("1")).await;
    let new = execution(&stored, "a");
    store
        .schedule(
            at(5),
            step_to(&stored),
            vec![decision(&stored, vec![new.clone()])],
        )
        .await
        .unwrap();
    assert_eq!(store.cursor().await.unwrap(), Position(1));
    let execution = found(&*store, new.id).await;
    assert_eq!(execution.event_id, stored.facts.id);
    assert_eq!(execution.position, stored.position);
    assert_eq!(execution.rule, "a");
    assert_eq!(execution.rule_digest, new.rule_digest);
    assert_eq!(execution.status, ExecutionStatus::Pending);
    assert_eq!(
        (execution.claims, execution.action, execution.attempts),
        (0, 0, 0)
    );
    assert_eq!((execution.due, execution.created_at), (at(0), at(5)));
    assert_eq!(execution.started_at, None);
    assert_eq!(store.execution(ExecutionId::fresh()).await.unwrap(), None);
}

pub(crate) async fn a_cursor_that_moved_refuses_the_whole_step(store: Arc<dyn Store>) {
    let first = appended(&*store, event("1")).await;
    let second = appended(&*store, event("2")).await;
    store
        .schedule(at(0), step_to(&first), vec![decision(&first, vec![])])
        .await
        .unwrap();
    let head = store.head().await.unwrap();
    let new = execution(&second, "a");
    let advance = Advance {
        from: Position(0),
        to: Position(2),
    };
    let refused = store
        .schedule(at(0), advance, vec![decision(&second, vec![new.clone()])])
        .await;
    assert!(matches!(refused, Err(ScheduleError::CursorMoved(Position(1)))));
    assert_eq!(store.execution(new.id).await.unwrap(), None);
    assert_eq!(store.cursor().await.unwrap(), Position(1));
    assert_eq!(store.head().await.unwrap(), head);
}

pub(crate) async fn a_step_that_fails_midway_leaves_nothing(store: Arc<dyn Store>) {
    let stored = appended(&*store, event("1")).await;
    let before = store.totals().await.unwrap();
    let new = execution(&stored, "a");
    let twice = vec![new.clone(), new.clone()];
    let failed = store
        .schedule(at(0), step_to(&stored), vec![decision(&stored, twice)])
        .await;
    assert!(matches!(failed, Err(ScheduleError::Store(_))));
    assert_eq!(store.execution(new.id).await.unwrap(), None);
    assert_eq!(store.cursor().await.unwrap(), Position(0));
    assert_eq!(store.totals().await.unwrap(), before);
    assert_eq!(store.decision(stored.position).await.unwrap(), None);
}

pub(crate) async fn of_two_matchers_one_wins_each_step(store: Arc<dyn Store>) {
    for number in 0..20 {
        appended(&*store, event(&number.to_string())).await;
    }
    let matchers: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                loop {
                    let from = store.cursor().await.unwrap();
                    let Some(next) = store.read_after(from, 1, &everything()).await.unwrap().pop() else {
                        return;
                    };
                    let decisions = vec![decision(&next, vec![execution(&next, "a")])];
                    match store.schedule(at(0), step_to(&next), decisions).await {
                        Ok(()) | Err(ScheduleError::CursorMoved(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for matcher in matchers {
        matcher.await.unwrap();
    }
    assert_eq!(store.cursor().await.unwrap(), Position(20));
    assert_eq!(store.totals().await.unwrap().pending, 20);
}

pub(crate) async fn decisions_are_kept_and_on_record(store: Arc<dyn Store>) {
    let stored = appended(&*store, event("1")).await;
    assert_eq!(store.decision(stored.position).await.unwrap(), None);
    let fault = RuleFault {
        rule: "broken".to_owned(),
        reason: "no such path".to_owned(),
    };
    let mut decided = decision(&stored, vec![execution(&stored, "a"), execution(&stored, "b")]);
    decided.faults = vec![fault.clone()];
    store
        .schedule(at(3), step_to(&stored), vec![decided])
        .await
        .unwrap();
    let kept = store.decision(stored.position).await.unwrap().unwrap();
    assert_eq!((kept.decided_at, kept.faults), (at(3), vec![fault]));
    let record = records(&*store).await.pop().unwrap();
    assert_eq!(record.kind, kind::EVENT_DECIDED);
    assert_eq!(record.subject, stored.facts.id.to_string());
    let facts: serde_json::Value = serde_json::from_str(&record.facts).unwrap();
    assert_eq!(facts["executions"], 2);
    assert_eq!(facts["rules"], serde_json::json!(["a", "b"]));
    assert_eq!(
        facts["ruleDigests"],
        serde_json::json!([Digest::of(b"a"), Digest::of(b"b")])
    );
    assert_eq!(facts["faults"], 1);
    assert_eq!(facts["faultyRules"][0]["rule"], "broken");
}

/// Six events, of which the rules say nothing about any but the fourth.
async fn one_among_six(store: &dyn Store) -> Vec<StoredEvent> {
    let mut events = Vec::new();
    for number in 1..=6 {
        events.push(appended(store, event(&number.to_string())).await);
    }
    let decisions = events.iter().map(|event| match event.position {
        Position(4) => decision(event, vec![execution(event, "a")]),
        _ => decision(event, vec![]),
    });
    let all = Advance {
        from: Position(0),
        to: Position(6),
    };
    store.schedule(at(1), all, decisions.collect()).await.unwrap();
    events
}

async fn unhandled(store: &dyn Store) -> Vec<i64> {
    let filter = EventFilter {
        unhandled: Some(true),
        ..EventFilter::default()
    };
    let (mut positions, mut after) = (Vec::new(), None);
    loop {
        let page = store.events(&filter, after, 2).await.unwrap();
        positions.extend(page.items.iter().map(|item| item.event.position.0));
        after = page.next;
        if after.is_none() {
            let totals = store.totals().await.unwrap();
            assert_eq!(totals.unhandled, i64::try_from(positions.len()).unwrap());
            return positions;
        }
    }
}

async fn executions_of_each(store: &dyn Store) -> Vec<Option<i64>> {
    let page = store.events(&EventFilter::default(), None, 100).await.unwrap();
    page.items.iter().rev().map(|item| item.executions).collect()
}

pub(crate) async fn neighbours_that_concern_no_rule_share_a_record(store: Arc<dyn Store>) {
    let events = one_among_six(&*store).await;
    let decided: Vec<_> = records(&*store)
        .await
        .into_iter()
        .filter(|record| record.kind == kind::EVENT_DECIDED)
        .collect();
    let facts = decided
        .iter()
        .map(|record| serde_json::from_str(&record.facts).unwrap());
    let covered: Vec<(i64, Option<i64>)> = facts
        .map(|facts: serde_json::Value| (facts["position"].as_i64().unwrap(), facts["through"].as_i64()))
        .collect();
    assert_eq!(covered, [(1, Some(3)), (4, None), (5, Some(6))]);
    assert_eq!(decided[0].subject, events[0].facts.id.to_string());
    assert_eq!(unhandled(&*store).await, [6, 5, 3, 2, 1]);
    let (none, one) = (Some(0), Some(1));
    assert_eq!(
        executions_of_each(&*store).await,
        [none, none, none, one, none, none]
    );
    for event in &events {
        let kept = store.decision(event.position).await.unwrap().unwrap();
        assert_eq!((kept.decided_at, kept.faults), (at(1), vec![]));
    }
    assert_eq!(store.decision(Position(7)).await.unwrap(), None);
}

pub(crate) async fn an_event_among_unhandled_ones_can_be_replayed(store: Arc<dyn Store>) {
    let events = one_among_six(&*store).await;
    let mut left = vec![6, 5, 3, 2, 1];
    // In the middle of its neighbours, then at either end, then one that had an execution already.
    for replayed in [2, 1, 6, 4] {
        let event = &events[replayed - 1];
        let decided = decision(event, vec![execution(event, "a")]);
        store.replay(at(2), "local".to_owned(), decided).await.unwrap();
        left.retain(|position| usize::try_from(*position).unwrap() != replayed);
        assert_eq!(unhandled(&*store).await, left, "after {replayed}");
    }
    let (none, one) = (Some(0), Some(1));
    assert_eq!(
        executions_of_each(&*store).await,
        [one, one, none, Some(2), none, one]
    );
    for event in &events {
        assert!(store.decision(event.position).await.unwrap().is_some());
    }
}

pub(crate) async fn a_ping_that_no_rule_matched_is_not_unhandled(store: Arc<dyn Store>) {
    let mut events = Vec::new();
    for (delivery, event_type) in [("1", "push"), ("2", "ping"), ("3", "ping"), ("4", "push")] {
        let mut new = event(delivery);
        new.facts.event_type = event_type.to_owned();
        events.push(appended(&*store, new).await);
    }
    let all = Advance {
        from: Position(0),
        to: Position(4),
    };
    let decisions = events.iter().map(|event| decision(event, vec![]));
    store.schedule(at(1), all, decisions.collect()).await.unwrap();
    assert_eq!(unhandled(&*store).await, [4, 1]);
    assert_eq!(executions_of_each(&*store).await, [Some(0); 4]);
    let ping = &events[1];
    let decided = decision(ping, vec![execution(ping, "a")]);
    store.replay(at(2), "local".to_owned(), decided).await.unwrap();
    assert_eq!(unhandled(&*store).await, [4, 1]);
}

pub(crate) async fn rule_versions_are_kept_once(store: Arc<dyn Store>) {
    let json = r#"{"id":"a"}"#.to_owned();
    let version = RuleVersion {
        digest: Digest::of(json.as_bytes()),
        json,
    };
    store
        .keep_rules(vec![version.clone(), version.clone()])
        .await
        .unwrap();
    store.keep_rules(vec![version.clone()]).await.unwrap();
    assert_eq!(store.rule_version(version.digest).await.unwrap(), Some(version));
    assert_eq!(store.rule_version(Digest::ZERO).await.unwrap(), None);
}

pub(crate) async fn a_replay_adds_executions_once_and_leaves_the_cursor(store: Arc<dyn Store>) {
    let stored = appended(&*store, event("1")).await;
    store
        .schedule(at(0), step_to(&stored), vec![decision(&stored, vec![])])
        .await
        .unwrap();
    assert_eq!(store.totals().await.unwrap().unhandled, 1);
    let mut new = execution(&stored, "a");
    new.replayed_by = Some("local".to_owned());
    for _ in 0..2 {
        store
            .replay(at(9), "local".to_owned(), decision(&stored, vec![new.clone()]))
            .await
            .unwrap();
    }
    assert_eq!(store.cursor().await.unwrap(), Position(1));
    let execution = found(&*store, new.id).await;
    assert_eq!(execution.replayed_by.as_deref(), Some("local"));
    assert_eq!(execution.status, ExecutionStatus::Pending);
    assert_eq!(
        kinds_about(&*store, &stored.facts.id.to_string()).await,
        [kind::DELIVERY_ACCEPTED, kind::EVENT_DECIDED, kind::EVENT_REPLAYED]
    );
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.pending, totals.unhandled), (1, 0));
    let page = store.events(&EventFilter::default(), None, 1).await.unwrap();
    assert_eq!(page.items[0].executions, Some(1));
}

pub(crate) async fn an_event_replayed_before_its_decision_counts_both(store: Arc<dyn Store>) {
    let stored = appended(&*store, event("1")).await;
    store
        .replay(
            at(0),
            "local".to_owned(),
            decision(&stored, vec![execution(&stored, "a")]),
        )
        .await
        .unwrap();
    store
        .schedule(at(1), step_to(&stored), vec![decision(&stored, vec![])])
        .await
        .unwrap();
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.pending, totals.unhandled), (1, 0));
}

pub(crate) async fn totals_tell_how_far_the_path_is_behind(store: Arc<dyn Store>) {
    assert_eq!(
        store.totals().await.unwrap(),
        pilotage_core::ports::Totals::default()
    );
    let done = scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    let claim = claimed(&*store, at(1)).await;
    assert_eq!(claim.execution.id, done);
    succeed(&*store, &claim, at(2)).await;
    scheduled(&*store, at(3), |event| {
        vec![execution(event, "a"), execution(event, "b")]
    })
    .await;
    scheduled(&*store, at(3), |_| vec![]).await;
    let mut late = event("late");
    late.facts.received_at = at(40);
    appended(&*store, late).await;
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.events, totals.undecided, totals.unhandled), (4, 1, 1));
    assert_eq!((totals.pending, totals.succeeded), (2, 1));
    assert_eq!(totals.oldest_due, Some(at(0)));
    assert_eq!(totals.oldest_undecided, Some(at(40)));
}
