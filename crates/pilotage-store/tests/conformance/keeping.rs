//! `Registry`: rules, tokens, notes, retention.

use std::sync::Arc;

use pilotage_core::{
    Digest, Position,
    audit::kind,
    ports::{Role, StoredRule, Token},
};

use crate::{
    backend::Store,
    given::{
        appended, at, claimed, decision, event, everything, execution, note, records, scheduled_one, step_to,
        succeed,
    },
};

pub(crate) async fn rules_are_created_replaced_and_deleted(store: Arc<dyn Store>) {
    let rule = |json: &str, changed| StoredRule {
        id: "a".to_owned(),
        json: json.to_owned(),
        changed_at: at(changed),
    };
    store.put_rule(rule("{}", 1), note("a")).await.unwrap();
    store.put_rule(rule("[]", 2), note("a")).await.unwrap();
    assert_eq!(store.rules().await.unwrap(), [rule("[]", 2)]);
    assert!(store.delete_rule("a", note("a")).await.unwrap());
    assert!(!store.delete_rule("a", note("a")).await.unwrap());
    assert_eq!(store.rules().await.unwrap(), []);
    assert_eq!(
        records(&*store).await.len(),
        3,
        "what changed nothing is not recorded"
    );
}

pub(crate) async fn tokens_are_unique_and_revocable(store: Arc<dyn Store>) {
    let token = |name: &str, role| Token {
        name: name.to_owned(),
        role,
        digest: Digest::of(name.as_bytes()),
        created_at: at(1),
    };
    assert!(
        store
            .add_token(token("ci", Role::Operator), note("ci"))
            .await
            .unwrap()
    );
    assert!(
        !store
            .add_token(token("ci", Role::Admin), note("ci"))
            .await
            .unwrap()
    );
    assert!(
        store
            .add_token(token("ann", Role::Admin), note("ann"))
            .await
            .unwrap()
    );
    assert_eq!(
        store.tokens().await.unwrap(),
        [token("ann", Role::Admin), token("ci", Role::Operator)]
    );
    assert!(store.revoke_token("ci", note("ci")).await.unwrap());
    assert!(!store.revoke_token("ci", note("ci")).await.unwrap());
    assert!(
        store
            .add_token(token("ci", Role::Viewer), note("ci"))
            .await
            .unwrap()
    );
    assert_eq!(records(&*store).await.len(), 4);
}

pub(crate) async fn a_note_is_recorded_as_given(store: Arc<dyn Store>) {
    let mut given = note("pilotage.yaml");
    given.facts = r#"{ "spaces":  "stay" }"#.into();
    store.note(given.clone()).await.unwrap();
    let record = records(&*store).await.pop().unwrap();
    assert_eq!((record.sequence, record.previous), (1, Digest::ZERO));
    assert_eq!((record.kind, record.facts), (given.kind, given.facts));
}

pub(crate) async fn a_probe_writes_and_leaves_no_record(store: Arc<dyn Store>) {
    store.probe().await.unwrap();
    assert_eq!(store.head().await.unwrap().sequence, 0);
}

pub(crate) async fn retention_prunes_old_bodies_and_keeps_the_facts(store: Arc<dyn Store>) {
    for (number, received) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
        let mut new = event(&number.to_string());
        new.facts.received_at = at(received);
        let stored = appended(&*store, new).await;
        store
            .schedule(at(50), step_to(&stored), vec![decision(&stored, vec![])])
            .await
            .unwrap();
    }
    assert_eq!(store.prune_bodies(at(60), at(10), 10).await.unwrap(), 0);
    let head = store.head().await.unwrap();
    assert_eq!(store.prune_bodies(at(60), at(40), 2).await.unwrap(), 2);
    assert_eq!(store.prune_bodies(at(60), at(40), 2).await.unwrap(), 1);
    assert_eq!(store.prune_bodies(at(60), at(40), 2).await.unwrap(), 0);
    let events = store.read_after(Position(0), 10, &everything()).await.unwrap();
    let kept: Vec<_> = events.iter().map(|event| event.data.is_some()).collect();
    assert_eq!(kept, [false, false, false, true]);
    assert_eq!(events[0].facts.delivery_id, "1");
    let pruned = store.records_after(head.sequence, 10).await.unwrap();
    assert_eq!(pruned.len(), 2);
    assert_eq!(pruned[0].kind, kind::BODIES_PRUNED);
    let facts: serde_json::Value = serde_json::from_str(&pruned[0].facts).unwrap();
    assert_eq!((&facts["count"], &facts["upToPosition"]), (&2.into(), &2.into()));
}

pub(crate) async fn retention_spares_what_is_still_needed(store: Arc<dyn Store>) {
    scheduled_one(&*store, at(0), |event| execution(event, "a")).await;
    appended(&*store, event("undecided")).await;
    assert_eq!(store.prune_bodies(at(60), at(60), 10).await.unwrap(), 0);
    let claim = claimed(&*store, at(1)).await;
    assert_eq!(store.prune_bodies(at(60), at(60), 10).await.unwrap(), 0);
    succeed(&*store, &claim, at(2)).await;
    assert_eq!(store.prune_bodies(at(60), at(60), 10).await.unwrap(), 1);
    assert!(store.event_at(Position(2)).await.unwrap().unwrap().data.is_some());
}
