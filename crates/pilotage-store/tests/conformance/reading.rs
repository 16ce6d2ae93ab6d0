//! `History`: pages and filters; the bell.

use std::{sync::Arc, time::Duration};

use pilotage_core::{
    EventId, ExecutionStatus, Timestamp,
    ports::{Bell, EventFilter, ExecutionFilter, News},
};
use pilotage_store::LocalBell;

use crate::{
    backend::Store,
    given::{LEASE, appended, at, claimed, decision, event, execution, note, scheduled, step_to, succeed},
};

/// Sets fields of a filter.
type Set<F> = fn(&mut F);

/// Sets fields of a filter, given the events in the store.
type SetFor<F> = fn(&mut F, &[EventId]);

async fn delivery_ids(store: &dyn Store, filter: EventFilter) -> Vec<String> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store.events(&filter, after, 2).await.unwrap();
        assert!(page.items.len() <= 2);
        ids.extend(page.items.into_iter().map(|item| item.event.facts.delivery_id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

async fn five_events(store: &dyn Store) {
    let events = [
        ("1", "github", "push", 10),
        ("2", "gitlab", "push", 20),
        ("3", "github", "ping", 30),
        ("4", "github", "push", 40),
        ("5", "make", "scenario.executed", 50),
    ];
    for (delivery_id, source, event_type, received) in events {
        let mut new = event(delivery_id);
        new.facts.source = source.to_owned();
        new.facts.event_type = event_type.to_owned();
        new.facts.received_at = at(received);
        let stored = appended(store, new).await;
        let executions = match delivery_id {
            "1" => vec![execution(&stored, "a"), execution(&stored, "b")],
            "4" => vec![execution(&stored, "a")],
            "5" => continue,
            _ => vec![],
        };
        store
            .schedule(at(60), step_to(&stored), vec![decision(&stored, executions)])
            .await
            .unwrap();
    }
}

pub(crate) async fn events_are_listed_by_every_filter_newest_first(store: Arc<dyn Store>) {
    five_events(&*store).await;
    let table: [(Set<EventFilter>, &[&str]); 11] = [
        (|_| {}, &["5", "4", "3", "2", "1"]),
        (|f| f.source = Some("github".into()), &["4", "3", "1"]),
        (|f| f.event_type = Some("push".into()), &["4", "2", "1"]),
        (
            |f| (f.source, f.event_type) = (Some("github".into()), Some("push".into())),
            &["4", "1"],
        ),
        (|f| f.delivery_id = Some("3".into()), &["3"]),
        (|f| f.delivery_id = Some("33".into()), &[]),
        (|f| f.unhandled = Some(true), &["2"]),
        (|f| f.unhandled = Some(false), &["4", "1"]),
        (|f| f.since = Some(at(30)), &["5", "4", "3"]),
        (|f| f.until = Some(at(30)), &["2", "1"]),
        (
            |f| (f.since, f.until, f.source) = (Some(at(20)), Some(at(50)), Some("github".into())),
            &["4", "3"],
        ),
    ];
    for (set, expected) in table {
        let mut filter = EventFilter::default();
        set(&mut filter);
        assert_eq!(
            delivery_ids(&*store, filter.clone()).await,
            expected,
            "{filter:?}"
        );
    }
}

pub(crate) async fn the_few_are_found_in_a_long_log(store: Arc<dyn Store>) {
    let rare = [3, 1_024, 1_025, 2_600];
    for number in 1..=2_600 {
        let mut new = event(&number.to_string());
        if rare.contains(&number) {
            "make".clone_into(&mut new.facts.source);
            new.facts.event_type = format!("t{}", number % 2);
        }
        appended(&*store, new).await;
    }
    let of = |source: Option<&str>, event_type: Option<&str>| EventFilter {
        source: source.map(str::to_owned),
        event_type: event_type.map(str::to_owned),
        ..EventFilter::default()
    };
    let table: [(EventFilter, &[&str]); 5] = [
        (of(Some("make"), None), &["2600", "1025", "1024", "3"]),
        (of(None, Some("t1")), &["1025", "3"]),
        (of(Some("make"), Some("t0")), &["2600", "1024"]),
        (of(Some("github"), Some("t0")), &[]),
        (of(Some("nobody"), None), &[]),
    ];
    for (filter, expected) in table {
        assert_eq!(
            delivery_ids(&*store, filter.clone()).await,
            expected,
            "{filter:?}"
        );
    }
    let many = delivery_ids(&*store, of(Some("github"), None)).await;
    assert_eq!(many.len(), 2_596);
}

pub(crate) async fn a_summary_counts_executions_and_holds_no_body(store: Arc<dyn Store>) {
    five_events(&*store).await;
    let page = store.events(&EventFilter::default(), None, 9_999).await.unwrap();
    let executions: Vec<_> = page.items.iter().map(|item| item.executions).collect();
    assert_eq!(executions, [None, Some(1), Some(0), Some(0), Some(2)]);
    assert!(page.items.iter().all(|item| item.event.data.is_none()));
    let size = i64::try_from(event("1").data.len()).unwrap();
    assert!(page.items.iter().all(|item| item.size == Some(size)));
}

pub(crate) async fn the_longest_pages_lose_nothing(store: Arc<dyn Store>) {
    const EVENTS: i64 = 1_100;
    for hundred in 0..EVENTS / 100 {
        let appends = (0..100).map(|number| store.append(event(&format!("{hundred}-{number}"))));
        for appended in futures::future::join_all(appends).await {
            appended.unwrap();
        }
    }
    for event_type in [None, Some("push")] {
        let filter = EventFilter {
            event_type: event_type.map(str::to_owned),
            ..EventFilter::default()
        };
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = store.events(&filter, after, 9_999).await.unwrap();
            assert!(page.items.len() <= 500);
            found.extend(page.items.into_iter().map(|item| item.event.position));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(found.is_sorted_by(|newer, older| newer > older));
        assert_eq!(i64::try_from(found.len()).unwrap(), EVENTS, "{event_type:?}");
    }
}

pub(crate) async fn executions_are_listed_by_every_filter_newest_first(store: Arc<dyn Store>) {
    let mut events = Vec::new();
    let mut ids = Vec::new();
    for (rule, created) in [("a", 1), ("b", 2), ("a", 3)] {
        ids.extend(
            scheduled(&*store, at(created), |event| {
                events.push(event.facts.id);
                vec![execution(event, rule)]
            })
            .await,
        );
    }
    let claim = claimed(&*store, at(9)).await;
    succeed(&*store, &claim, at(9)).await;
    let table: [(SetFor<ExecutionFilter>, &[usize]); 9] = [
        (|_, _| {}, &[2, 1, 0]),
        (|f, _| f.status = Some(ExecutionStatus::Pending), &[2, 1]),
        (|f, _| f.status = Some(ExecutionStatus::Succeeded), &[0]),
        (|f, _| f.rule = Some("a".into()), &[2, 0]),
        (
            |f, _| (f.rule, f.status) = (Some("a".into()), Some(ExecutionStatus::Pending)),
            &[2],
        ),
        (|f, events| f.event = Some(events[1]), &[1]),
        (|f, _| f.event = Some(EventId::fresh()), &[]),
        (|f, _| f.since = Some(at(2)), &[2, 1]),
        (|f, _| f.until = Some(at(2)), &[0]),
    ];
    for (set, expected) in table {
        let mut filter = ExecutionFilter::default();
        set(&mut filter, &events);
        let page = store.executions(&filter, None, 10).await.unwrap();
        let listed: Vec<_> = page.items.iter().map(|item| item.id).collect();
        let expected: Vec<_> = expected.iter().map(|index| ids[*index]).collect();
        assert_eq!(listed, expected, "{filter:?}");
    }
    let all = ExecutionFilter::default();
    let first = store.executions(&all, None, 2).await.unwrap();
    let second = store.executions(&all, first.next, 2).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (2, 1));
    assert_eq!(second.next, None);
}

pub(crate) async fn a_page_that_ends_the_list_has_no_next(store: Arc<dyn Store>) {
    five_events(&*store).await;
    let page = store.events(&EventFilter::default(), None, 5).await.unwrap();
    assert_eq!((page.items.len(), page.next), (5, None));
    let page = store.events(&EventFilter::default(), None, 0).await.unwrap();
    assert_eq!(page.items.len(), 1, "a limit of nothing would never end");
}

async fn rings(bell: &LocalBell, news: News, change: impl Future<Output = ()>) {
    let mut listener = bell.listen(news);
    change.await;
    tokio::time::timeout(Duration::from_secs(30), listener.wait())
        .await
        .unwrap_or_else(|_| panic!("{news:?} does not ring"));
}

pub(crate) async fn the_bell_rings_after_commits(store: Arc<dyn Store>, bell: Arc<LocalBell>) {
    rings(&bell, News::Events, async {
        appended(&*store, event("1")).await;
    })
    .await;
    rings(&bell, News::Audit, async { store.note(note("x")).await.unwrap() }).await;
    let stored = store.event_at(pilotage_core::Position(1)).await.unwrap().unwrap();
    let new = execution(&stored, "a");
    rings(&bell, News::Executions, async {
        store
            .schedule(
                at(0),
                step_to(&stored),
                vec![decision(&stored, vec![new.clone()])],
            )
            .await
            .unwrap();
    })
    .await;
    rings(&bell, News::Operations, async {
        store.claim(Timestamp::now(), LEASE, 1).await.unwrap();
    })
    .await;
    rings(&bell, News::Executions, async {
        store.cancel(at(1), "ann".to_owned(), new.id).await.unwrap();
    })
    .await;
}
