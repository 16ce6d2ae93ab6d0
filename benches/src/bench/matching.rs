//! Rules matched per second and core, over events that are parsed already.
//!
//! Two references in the same run: a plain scan over every rule, which knows nothing but equality and prefixes, and
//! our own smallest set, because the cost must not grow with the number of rules that cannot match.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use pilotage_benches::{delivery, load, table::Row};
use pilotage_core::{
    Digest, Event, EventFacts, EventId, Position, StoredEvent, TenantId, Timestamp,
    rule::{Rule, RuleSet},
};
use serde_json::{Value, json};

use crate::{Settings, note};

const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// Different events; every second one matches one rule, the others none. Parsed they are larger than the processor's
/// caches, as they would be in a server.
const EVENTS: usize = 512;
/// Time for one figure.
const SLICE: Duration = Duration::from_millis(400);

/// Rules of one number, compiled by us and for the plain scan, with the events to match.
struct Case {
    rules: RuleSet,
    scan: Vec<Plain>,
    events: Vec<Event>,
}

/// Names of members, from `data` inwards.
type Path = &'static [&'static str];

/// A rule as a plain scan sees it.
struct Plain {
    source: &'static str,
    event_type: &'static str,
    equal: Vec<(Path, String)>,
    prefix: Option<(Path, &'static str)>,
}

impl Plain {
    /// Of four kinds by turns: a push to a branch, a push to any branch with a prefix, a pipeline, a deployment.
    fn numbered(number: usize) -> Self {
        let name = format!("acme/service-{number}");
        let (source, event_type, path): (_, _, Path) = match number % 4 {
            0 | 1 => ("github", "push", &["repository", "full_name"]),
            2 => ("gitlab", "pipeline", &["project", "path_with_namespace"]),
            _ => ("kubernetes", "deployment.failed", &["namespace"]),
        };
        let mut equal = vec![(path, name)];
        if number.is_multiple_of(4) {
            equal.push((&["ref"], "refs/heads/master".to_owned()));
        }
        let prefix = (number % 4 == 1).then_some((&["ref"] as Path, "refs/heads/"));
        Self {
            source,
            event_type,
            equal,
            prefix,
        }
    }

    fn rule(&self, number: usize) -> anyhow::Result<Rule> {
        let written = |path: Path| format!("data.{}", path.join("."));
        let mut conditions = serde_json::Map::new();
        for (path, value) in &self.equal {
            conditions.insert(written(path), json!(value));
        }
        if let Some((path, prefix)) = self.prefix {
            conditions.insert(written(path), json!({"glob": format!("{prefix}**")}));
        }
        Ok(serde_json::from_value(json!({
            "id": format!("rule-{number}"),
            "trigger": {"source": self.source, "eventTypes": [self.event_type], "conditions": conditions},
            "actions": [{"type": "webhook", "target": "https://example.com/hook"}],
        }))?)
    }

    fn holds(&self, event: &Event) -> bool {
        let text = |path: Path| {
            path.iter()
                .try_fold(&event.data, |value, name| value.get(name))?
                .as_str()
        };
        self.source == event.facts.source
            && self.event_type == event.facts.event_type
            && self.equal.iter().all(|(path, value)| text(path) == Some(value))
            && self
                .prefix
                .is_none_or(|(path, prefix)| text(path).is_some_and(|text| text.starts_with(prefix)))
    }
}

impl Case {
    fn of(size: usize) -> anyhow::Result<Self> {
        let scan: Vec<_> = (0..size).map(Plain::numbered).collect();
        let rules = scan
            .iter()
            .enumerate()
            .map(|(number, plain)| plain.rule(number))
            .collect::<Result<_, _>>()?;
        let rules = RuleSet::compile(rules).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
        let events = (0..EVENTS)
            .map(|number| event(number, size))
            .collect::<Result<_, _>>()?;
        let case = Self { rules, scan, events };
        case.check()?;
        Ok(case)
    }

    /// What is fast must also be right.
    fn check(&self) -> anyhow::Result<()> {
        for event in &self.events {
            let ours = self.rules.matches(event).matched.len();
            let scanned = self.scan.iter().filter(|plain| plain.holds(event)).count();
            ensure!(ours == scanned, "{ours} rules match, the scan finds {scanned}");
        }
        let matched = self
            .events
            .iter()
            .filter(|event| !self.rules.matches(event).matched.is_empty());
        let matched = matched.count();
        ensure!(matched == EVENTS / 2, "{matched} of {EVENTS} events match a rule");
        Ok(())
    }

    fn ours(&self) -> f64 {
        per_second(&self.events, |event| self.rules.matches(event).matched.len())
    }

    fn scanned(&self) -> f64 {
        per_second(&self.events, |event| {
            self.scan.iter().filter(|plain| plain.holds(event)).count()
        })
    }
}

/// A push; the even ones to a repository that a rule of that many asks for, the odd ones to another.
fn event(number: usize, rules: usize) -> anyhow::Result<Event> {
    let mut data: Value = serde_json::from_str(delivery::PUSH)?;
    // Of every four rules the first two are about pushes.
    let spread = (number * rules / EVENTS / 4 * 4) + (number / 2 % 2);
    let service = if number.is_multiple_of(2) {
        spread
    } else {
        rules + number
    };
    let name = data
        .pointer_mut("/repository/full_name")
        .context("the payload has no repository")?;
    *name = json!(format!("acme/service-{service}"));
    let data = serde_json::to_vec(&data)?;
    let facts = EventFacts {
        id: EventId::fresh(),
        tenant: TenantId::default(),
        source: "github".to_owned(),
        event_type: "push".to_owned(),
        delivery_id: number.to_string(),
        timestamp: Timestamp::now(),
        received_at: Timestamp::now(),
        verified: true,
        attributes: std::collections::BTreeMap::new(),
        digest: Digest::of(&data),
    };
    let stored = StoredEvent {
        position: Position(1),
        facts,
        data: Some(Bytes::from(data)),
    };
    Ok(Event::try_from(&stored)?)
}

/// Events per second over a slice of time on this one thread.
fn per_second(events: &[Event], matched: impl Fn(&Event) -> usize) -> f64 {
    let start = Instant::now();
    let mut done = 0;
    // The clock is asked rarely where an event is fast, and after each one where it is slow.
    let mut next_look = 1;
    loop {
        for event in events {
            black_box(matched(black_box(event)));
            done += 1;
            if done < next_look {
                continue;
            }
            let elapsed = start.elapsed();
            if elapsed >= SLICE {
                return load::count(done) / elapsed.as_secs_f64();
            }
            next_look = done + done / 16 + 1;
        }
    }
}

/// Alternates all sizes and both ways.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let cases = SIZES
        .into_iter()
        .map(Case::of)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut ours = vec![Vec::new(); cases.len()];
    let mut scanned = vec![Vec::new(); cases.len()];
    for number in 1..=settings.rounds {
        for ((case, ours), scanned) in cases.iter().zip(&mut ours).zip(&mut scanned) {
            ours.push(case.ours());
            scanned.push(case.scanned());
        }
        let rates = ours
            .iter()
            .filter_map(|rates| rates.last())
            .map(|rate| format!("{rate:.0}/s"));
        note(&format!("  {number} {}", rates.collect::<Vec<_>>().join("  ")));
    }
    let compared = SIZES.iter().zip(&ours).zip(&scanned);
    let mut rows: Vec<_> = compared
        .map(|((size, ours), scanned)| {
            Row::compared(
                format!("events matched against {size} rules; reference: a plain scan"),
                "/s",
                ours,
                scanned,
            )
        })
        .collect();
    let (Some(least), Some(most)) = (ours.first(), ours.last()) else {
        return Ok(rows);
    };
    rows.push(Row::compared(
        "events matched against 100000 rules; reference: 10 rules",
        "/s",
        most,
        least,
    ));
    Ok(rows)
}
