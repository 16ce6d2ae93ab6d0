//! Events, executions and attempts to check with.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use pilotage_core::{
    Digest, EventFacts, EventId, Execution, ExecutionId, NewEvent, NewExecution, Position, StoredEvent,
    TenantId, Timestamp,
    audit::{AuditRecord, NewAuditRecord, kind},
    execution::{Attempt, AttemptResult, Claim, Next, OnLimit, Slot},
    operation::Description,
    ports::{Advance, Appended, Decision, Interest},
};

use crate::backend::Store;

/// The lease that the checks claim with.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// A moment so many seconds after the beginning of the check.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + seconds)
}

/// A delivery with this id.
pub(crate) fn event(delivery_id: &str) -> NewEvent {
    let data = Bytes::from(format!(
        r#"{{"delivery":"{delivery_id}","text":"{}"}}"#,
        "long ".repeat(100)
    ));
    NewEvent {
        facts: EventFacts {
            id: EventId::fresh(),
            tenant: TenantId::default(),
            source: "github".to_owned(),
            event_type: "push".to_owned(),
            delivery_id: delivery_id.to_owned(),
            timestamp: at(-1),
            received_at: at(0),
            verified: true,
            attributes: BTreeMap::from([("hookId".to_owned(), "7".to_owned())]),
            digest: Digest::of(&data),
        },
        data,
        data_digest: None,
    }
}

/// A reader that looks into every event.
pub(crate) fn everything() -> Interest {
    std::sync::Arc::new(|_| true)
}

/// Appends a delivery that must be new; answers it as the log holds it.
pub(crate) async fn appended(store: &dyn Store, event: NewEvent) -> StoredEvent {
    let (facts, data) = (event.facts.clone(), event.data.clone());
    match store.append(event).await.unwrap() {
        Appended::New(position) => StoredEvent {
            position,
            facts,
            data: Some(data),
        },
        duplicate @ Appended::Duplicate(..) => panic!("{duplicate:?}"),
    }
}

/// An execution of `rule` for `event`, due at the beginning, without limits.
pub(crate) fn execution(event: &StoredEvent, rule: &str) -> NewExecution {
    NewExecution {
        id: ExecutionId::fresh(),
        tenant: TenantId::default(),
        event: event.facts.id,
        position: event.position,
        rule: rule.to_owned(),
        rule_digest: Digest::of(rule.as_bytes()),
        due: at(0),
        slot: None,
        debounce: None,
        replayed_by: None,
        operation: Description::new(rule, ["webhook", "notification"]),
    }
}

/// An execution of the rule `limited` under a limit.
pub(crate) fn limited(event: &StoredEvent, limit: u32, on_limit: OnLimit) -> NewExecution {
    NewExecution {
        slot: Some(Slot {
            key: "main".to_owned(),
            limit,
            on_limit,
        }),
        ..execution(event, "limited")
    }
}

/// A decision with these executions.
pub(crate) fn decision(event: &StoredEvent, executions: Vec<NewExecution>) -> Decision {
    Decision {
        position: event.position,
        event: event.facts.id.to_string(),
        tenant: event.facts.tenant.0.clone(),
        is_ping: event.facts.is_ping(),
        executions,
        faults: Vec::new(),
    }
}

/// One step of the cursor to `event`.
pub(crate) fn step_to(event: &StoredEvent) -> Advance {
    Advance {
        from: Position(event.position.0 - 1),
        to: event.position,
    }
}

/// Appends an event and decides it with what `make` makes of it; answers the ids.
pub(crate) async fn scheduled(
    store: &dyn Store,
    now: Timestamp,
    make: impl FnOnce(&StoredEvent) -> Vec<NewExecution>,
) -> Vec<ExecutionId> {
    let event = appended(store, event(&EventId::fresh().to_string())).await;
    let executions = make(&event);
    let ids = executions.iter().map(|execution| execution.id).collect();
    store
        .schedule(now, step_to(&event), vec![decision(&event, executions)])
        .await
        .unwrap();
    ids
}

/// Schedules one execution; answers its id.
pub(crate) async fn scheduled_one(
    store: &dyn Store,
    now: Timestamp,
    make: impl FnOnce(&StoredEvent) -> NewExecution,
) -> ExecutionId {
    scheduled(store, now, |event| vec![make(event)]).await[0]
}

/// Claims exactly one execution.
pub(crate) async fn claimed(store: &dyn Store, now: Timestamp) -> Claim {
    let mut claims = store.claim(now, LEASE, 1).await.unwrap();
    claims.pop().expect("something is due")
}

/// The execution as the store holds it.
pub(crate) async fn found(store: &dyn Store, id: ExecutionId) -> Execution {
    store.execution(id).await.unwrap().expect("it was scheduled")
}

/// An attempt at an action.
pub(crate) fn attempt(action: u32, number: u32, result: AttemptResult) -> Attempt {
    Attempt {
        action,
        number,
        action_type: "webhook".to_owned(),
        idempotency_key: format!("key-{action}"),
        started_at: at(1),
        duration_us: 1_500,
        result,
        request: "POST https://example.com/hook".to_owned(),
        status: Some(if result == AttemptResult::Success {
            204
        } else {
            503
        }),
        response: Some("the answer's text".to_owned()),
        error: (result != AttemptResult::Success).then(|| "503 Service Unavailable".to_owned()),
    }
}

/// The same action again at this moment, because the target is left alone.
pub(crate) fn later(at: Timestamp) -> Next {
    Next::RetryAt {
        at,
        reason: "the target is left alone".to_owned(),
    }
}

/// Lets an execution succeed.
pub(crate) async fn succeed(store: &dyn Store, claim: &Claim, now: Timestamp) {
    let attempt = attempt(claim.execution.action, 1, AttemptResult::Success);
    store
        .record(claim, now, Some(attempt), Next::Succeeded)
        .await
        .unwrap();
}

/// Lets an execution fail.
pub(crate) async fn fail(store: &dyn Store, claim: &Claim, now: Timestamp) {
    let attempt = attempt(
        claim.execution.action,
        claim.execution.attempts + 1,
        AttemptResult::Permanent,
    );
    let reason = "it does not work".to_owned();
    store
        .record(claim, now, Some(attempt), Next::Failed { reason })
        .await
        .unwrap();
}

/// Every audit record, oldest first.
pub(crate) async fn records(store: &dyn Store) -> Vec<AuditRecord> {
    store.records_after(0, 1_000).await.unwrap()
}

/// The kinds of the records about `subject`, oldest first.
pub(crate) async fn kinds_about(store: &dyn Store, subject: &str) -> Vec<String> {
    records(store)
        .await
        .into_iter()
        .filter(|record| record.subject == subject)
        .map(|record| record.kind)
        .collect()
}

/// A record that comes with a change of the registry.
pub(crate) fn note(subject: &str) -> NewAuditRecord {
    NewAuditRecord {
        at: at(0),
        tenant: "default".to_owned(),
        actor: "local".to_owned(),
        kind: kind::RULE_CHANGED.to_owned(),
        subject: subject.to_owned(),
        facts: "{}".to_owned(),
    }
}
