//! Event -> rules -> executions. One step reads behind the cursor, asks the rules, and stores the executions together
//! with the cursor's move, so that an event is decided exactly once whatever happens in between.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pilotage_core::{
    Digest, Event, ExecutionId, NewExecution, Position, StoredEvent, Timestamp,
    execution::{Burst, Slot},
    operation::Description,
    ports::{Advance, Decision, Interest, News, RuleFault, RuleVersion, ScheduleError, StoreError},
    rule::{CompiledRule, Rule, Template, TemplateScope},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Ports,
    rule_book::{Loaded, RuleBook},
};

/// Events decided in one transaction at most.
const BATCH: usize = 128;
/// How often to look when no bell rang.
const POLL: Duration = Duration::from_millis(500);
/// How long to leave the store alone after it failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Decides events.
pub struct Matcher {
    ports: Ports,
    rules: Arc<RuleBook>,
    /// Rule versions known to be kept already: an optimisation, the store's own check is what counts.
    kept: Mutex<HashSet<Digest>>,
}

impl Matcher {
    /// A matcher over these rules.
    pub fn new(ports: Ports, rules: Arc<RuleBook>) -> Self {
        Self {
            ports,
            rules,
            kept: Mutex::default(),
        }
    }

    /// Decides until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut bell = self.ports.bell.listen(News::Events);
        while !stop.is_cancelled() {
            let pause = match self.match_next().await {
                Ok(0) => POLL,
                Ok(_) => continue,
                Err(error) => {
                    tracing::error!(%error, "matching could not go on; it will try again");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                    continue;
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = bell.wait() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Decides the next events, if there are any; answers how many.
    ///
    /// # Errors
    /// The store failed; nothing was decided.
    pub async fn match_next(&self) -> Result<usize, StoreError> {
        let from = self.ports.queue.cursor().await?;
        let loaded = self.rules.current();
        let events = self.ports.log.read_after(from, BATCH, &interest(&loaded)).await?;
        let Some(last) = events.last() else { return Ok(0) };
        let to = last.position;
        let count = events.len();
        let now = Timestamp::now();
        let decided = tokio::task::spawn_blocking(move || decide_all(&loaded, &events, now));
        let decided = decided
            .await
            .map_err(|error| StoreError::Corrupt(format!("deciding failed: {error}")))?;
        self.keep(&decided).await?;
        let decisions = decided.into_iter().map(|decided| decided.decision).collect();
        match self
            .ports
            .queue
            .schedule(Timestamp::now(), Advance { from, to }, decisions)
            .await
        {
            // When the cursor has moved, another process has decided them: nothing is lost, look again from there.
            Ok(()) | Err(ScheduleError::CursorMoved(_)) => Ok(count),
            Err(ScheduleError::Store(error)) => Err(error),
        }
    }

    async fn keep(&self, decided: &[Decided]) -> Result<(), StoreError> {
        let versions: Vec<RuleVersion> = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let matched = decided.iter().flat_map(|decided| &decided.matched);
            let mut seen = HashSet::new();
            matched
                .filter(|rule| !kept.contains(&rule.digest) && seen.insert(rule.digest))
                .map(|rule| version(rule))
                .collect()
        };
        if versions.is_empty() {
            return Ok(());
        }
        let digests: Vec<Digest> = versions.iter().map(|version| version.digest).collect();
        self.ports.queue.keep_rules(versions).await?;
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(digests);
        Ok(())
    }
}

/// What is kept of a rule that matched.
pub(crate) fn version(rule: &CompiledRule) -> RuleVersion {
    RuleVersion {
        digest: rule.digest,
        json: rule.json.clone(),
    }
}

pub(crate) struct Decided {
    pub(crate) decision: Decision,
    pub(crate) matched: Vec<Arc<CompiledRule>>,
}

fn decide_all(loaded: &Loaded, events: &[StoredEvent], now: Timestamp) -> Vec<Decided> {
    events.iter().map(|stored| decide(loaded, stored, now)).collect()
}

/// Only events that a rule could match are looked into.
fn interest(loaded: &Arc<Loaded>) -> Interest {
    let loaded = loaded.clone();
    Arc::new(move |facts| loaded.set.concerns(&facts.source, &facts.event_type))
}

/// Asks every rule about one event.
pub(crate) fn decide(loaded: &Loaded, stored: &StoredEvent, now: Timestamp) -> Decided {
    if !loaded
        .set
        .concerns(&stored.facts.source, &stored.facts.event_type)
    {
        return nothing_decided(stored);
    }
    let event = match Event::try_from(stored) {
        Ok(event) => event,
        Err(error) => return undecidable(stored, &error),
    };
    let matches = loaded.set.matches(&event);
    let mut decision = empty_decision(stored);
    decision.faults = matches.faults;
    for rule in &matches.matched {
        match new_execution(rule, &event, stored.position, now) {
            Ok(execution) => decision.executions.push(execution),
            Err(reason) => decision.faults.push(RuleFault {
                rule: rule.rule.id.clone(),
                reason,
            }),
        }
    }
    Decided {
        decision,
        matched: matches.matched,
    }
}

fn empty_decision(stored: &StoredEvent) -> Decision {
    Decision {
        position: stored.position,
        event: stored.facts.id.to_string(),
        tenant: stored.facts.tenant.0.clone(),
        is_ping: stored.facts.is_ping(),
        executions: Vec::new(),
        faults: Vec::new(),
    }
}

/// Intake stores nothing that does not parse, so this is a damaged store. The event must not stop those behind it, and
/// must not pass unseen either: it is decided with a fault.
fn undecidable(stored: &StoredEvent, error: &serde_json::Error) -> Decided {
    let mut decision = empty_decision(stored);
    decision.faults.push(RuleFault {
        rule: "*".into(),
        reason: format!("the stored data is not JSON: {error}"),
    });
    Decided {
        decision,
        matched: Vec::new(),
    }
}

/// A decision without executions, to be filled.
pub(crate) fn nothing_decided(stored: &StoredEvent) -> Decided {
    Decided {
        decision: empty_decision(stored),
        matched: Vec::new(),
    }
}

/// The execution of one rule for one event.
///
/// # Errors
/// A key template names a path that the event does not have.
pub(crate) fn new_execution(
    compiled: &CompiledRule,
    event: &Event,
    position: Position,
    now: Timestamp,
) -> Result<NewExecution, String> {
    let rule = &compiled.rule;
    let id = ExecutionId::fresh();
    let execution = id.to_string();
    let scope = TemplateScope {
        event,
        rule: &rule.id,
        execution: &execution,
    };
    let slot = rule.concurrency.as_ref().map(|concurrency| {
        let key = render_key(concurrency.key.as_deref(), &scope, "concurrency")?;
        Ok::<_, String>(Slot {
            key,
            limit: concurrency.limit,
            on_limit: concurrency.on_limit,
        })
    });
    let debounce = rule.debounce.as_ref().map(|debounce| {
        let key = render_key(debounce.key.as_deref(), &scope, "debounce")?;
        let max_wait = Duration::from_millis(debounce.max_wait_ms());
        Ok::<_, String>((Burst { key, max_wait }, Duration::from_millis(debounce.window_ms)))
    });
    let (slot, debounce) = (slot.transpose()?, debounce.transpose()?);
    Ok(NewExecution {
        id,
        tenant: event.facts.tenant.clone(),
        event: event.facts.id,
        position,
        rule: rule.id.clone(),
        rule_digest: compiled.digest,
        due: debounce.as_ref().map_or(now, |(_, window)| now + *window),
        slot,
        debounce: debounce.map(|(burst, _)| burst),
        replayed_by: None,
        operation: description(rule, event),
    })
}

/// What those who watch are told of an execution before it begins.
fn description(rule: &Rule, event: &Event) -> Description {
    let name = rule.name.as_deref().unwrap_or(&rule.id);
    let steps = rule.actions.iter().map(|action| action.kind.as_str());
    let mut description = Description::new(name, steps);
    description.add("rule", &rule.id);
    description.add("eventId", &event.facts.id.to_string());
    description.add("source", &event.facts.source);
    description.add("eventType", &event.facts.event_type);
    description.add("deliveryId", &event.facts.delivery_id);
    description
}

fn render_key(key: Option<&str>, scope: &TemplateScope<'_>, what: &str) -> Result<String, String> {
    let Some(key) = key else { return Ok(String::new()) };
    let rendered = Template::parse(key)
        .map_err(|error| error.clone())
        .and_then(|template| template.render_text(scope).map_err(|error| error.to_string()));
    rendered.map_err(|error| format!("the {what} key cannot be rendered: {error}"))
}
