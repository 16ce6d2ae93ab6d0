//! `EventLog`: durable, idempotent, and in one order for every reader.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use pilotage_core::{
    Digest, EventId, Position, TenantId,
    audit::kind,
    ports::{Appended, EventFilter, Interest},
};

use crate::{
    backend::Store,
    given::{appended, at, event, everything, records},
};

pub(crate) async fn what_was_appended_is_read_back(store: Arc<dyn Store>) {
    let mut plain = event("short");
    plain.data = Bytes::from_static(b"{}");
    plain.data_digest = Some(Digest::of(&plain.data));
    plain.facts.digest = Digest::of(b"payload=%7B%7D");
    plain.facts.attributes.clear();
    plain.facts.verified = false;
    let odd = event("a delivery id with \0, \", \u{1f980} and\r\n");
    let mut expected = Vec::new();
    for new in [event("1"), plain, odd] {
        expected.push(appended(&*store, new).await);
    }
    assert_eq!(
        store.read_after(Position(0), 10, &everything()).await.unwrap(),
        expected
    );
    assert_eq!(
        store.read_after(Position(1), 1, &everything()).await.unwrap(),
        expected[1..2]
    );
    assert_eq!(
        store.read_after(Position(3), 10, &everything()).await.unwrap(),
        []
    );
    let first_alone: Interest = Arc::new(|facts| facts.delivery_id == "1");
    let read = store.read_after(Position(0), 10, &first_alone).await.unwrap();
    assert_eq!(read.len(), 3, "what is of no interest is there all the same");
    assert_eq!(read[0], expected[0]);
    assert_eq!((&read[1].facts, &read[1].data), (&expected[1].facts, &None));
    for stored in &expected {
        assert_eq!(store.event(stored.facts.id).await.unwrap().as_ref(), Some(stored));
        assert_eq!(
            store.event_at(stored.position).await.unwrap().as_ref(),
            Some(stored)
        );
    }
    assert_eq!(store.event(EventId::fresh()).await.unwrap(), None);
    assert_eq!(store.event_at(Position(4)).await.unwrap(), None);
}

pub(crate) async fn positions_begin_at_one_and_have_no_gaps(store: Arc<dyn Store>) {
    for expected in 1..=5 {
        assert_eq!(
            appended(&*store, event(&expected.to_string())).await.position,
            Position(expected)
        );
        store.append(event("1")).await.unwrap();
    }
}

pub(crate) async fn a_redelivery_names_the_first_and_writes_nothing(store: Arc<dyn Store>) {
    let first = appended(&*store, event("again")).await;
    let head = store.head().await.unwrap();
    let mut second = event("again");
    second.facts.event_type = "other".into();
    assert_eq!(
        store.append(second).await.unwrap(),
        Appended::Duplicate(first.position, first.facts.id)
    );
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(
        store.read_after(Position(0), 10, &everything()).await.unwrap(),
        [first]
    );
}

pub(crate) async fn the_same_delivery_id_of_another_source_or_tenant_is_another_delivery(
    store: Arc<dyn Store>,
) {
    appended(&*store, event("x")).await;
    let mut other_source = event("x");
    other_source.facts.source = "gitlab".into();
    appended(&*store, other_source).await;
    let mut other_tenant = event("x");
    other_tenant.facts.tenant = TenantId("acme".to_owned());
    appended(&*store, other_tenant).await;
    // Joined without lengths, these would be the same as the first.
    let mut shifted = event("ubx");
    shifted.facts.source = "gith".into();
    appended(&*store, shifted).await;
    let filter = EventFilter {
        delivery_id: Some("x".to_owned()),
        ..EventFilter::default()
    };
    let page = store.events(&filter, None, 10).await.unwrap();
    assert_eq!(page.items.len(), 3);
}

pub(crate) async fn of_equal_deliveries_at_once_exactly_one_is_new(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.append(event(&format!("id-{}", number % 4))).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        new += i32::from(matches!(task.await.unwrap(), Appended::New(_)));
    }
    assert_eq!(new, 4);
    assert_eq!(
        store
            .read_after(Position(0), 100, &everything())
            .await
            .unwrap()
            .len(),
        4
    );
}

pub(crate) async fn a_follower_of_concurrent_appenders_misses_nothing(store: Arc<dyn Store>) {
    const APPENDERS: usize = 12;
    const EACH: usize = 40;
    let appenders: Vec<_> = (0..APPENDERS)
        .map(|appender| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    appended(&*store, event(&format!("{appender}-{number}"))).await;
                }
            })
        })
        .collect();
    let follow = async {
        let (mut seen, mut last) = (BTreeSet::new(), Position(0));
        while seen.len() < APPENDERS * EACH {
            for event in store.read_after(last, 50, &everything()).await.unwrap() {
                assert!(event.position > last, "the log goes on behind what was read");
                last = event.position;
                seen.insert(event.facts.delivery_id);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), follow)
        .await
        .expect("the follower sees every event that was appended");
    for appender in appenders {
        appender.await.unwrap();
    }
}

pub(crate) async fn an_accepted_delivery_is_on_record(store: Arc<dyn Store>) {
    let stored = appended(&*store, event("recorded")).await;
    let records = records(&*store).await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.kind, kind::DELIVERY_ACCEPTED);
    assert_eq!(record.actor, "source:github");
    assert_eq!(record.subject, stored.facts.id.to_string());
    assert_eq!(record.at, at(0));
    let facts: serde_json::Value = serde_json::from_str(&record.facts).unwrap();
    assert_eq!(facts["position"], 1);
    assert_eq!(facts["deliveryId"], "recorded");
    assert_eq!(facts["type"], "push");
    assert_eq!(facts["verified"], true);
    assert_eq!(facts["digest"], stored.facts.digest.to_string());
    assert_eq!(facts["size"], stored.data.unwrap().len());
}
