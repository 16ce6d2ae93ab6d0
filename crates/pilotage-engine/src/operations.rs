//! What people ask for: replay, retry, cancel.

use std::sync::Arc;

use pilotage_core::{
    Event, EventId, Execution, ExecutionId, Timestamp,
    ports::{OperateError, RuleFault, StoreError},
    rule::RuleSet,
};
use serde::Serialize;

use crate::{
    Ports,
    executing::Executor,
    matching::{self, Decided},
    rule_book::RuleBook,
};

/// Which rules decide a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayRules {
    /// The rules in force now.
    Today,
    /// The versions that matched then.
    Same,
}

/// What a replay scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The new executions.
    pub executions: Vec<ExecutionId>,
    /// Rules that could not be asked.
    pub faults: Vec<RuleFault>,
}

/// Why a replay was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No such event.
    #[error("there is no event {0}")]
    NotFound(EventId),
    /// Its body is gone.
    #[error("retention has pruned the body of event {0}: there is nothing to act on")]
    Pruned(EventId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Acts on what people ask for.
pub struct Operations {
    ports: Ports,
    rules: Arc<RuleBook>,
    executor: Arc<Executor>,
}

impl Operations {
    /// Over the same ports as the loops.
    pub fn new(ports: Ports, rules: Arc<RuleBook>, executor: Arc<Executor>) -> Self {
        Self {
            ports,
            rules,
            executor,
        }
    }

    /// Acts on a stored event again: new executions that say who replayed it.
    ///
    /// # Errors
    /// There is no such event, its body is pruned, or the store failed.
    pub async fn replay(
        &self,
        actor: &str,
        id: EventId,
        which: ReplayRules,
    ) -> Result<Replayed, ReplayError> {
        let stored = self
            .ports
            .history
            .event(id)
            .await?
            .ok_or(ReplayError::NotFound(id))?;
        if stored.data.is_none() {
            return Err(ReplayError::Pruned(id));
        }
        let now = Timestamp::now();
        let mut decided = match which {
            ReplayRules::Today => matching::decide(&self.rules.current(), &stored, now),
            ReplayRules::Same => self.decide_as_then(&stored, now).await?,
        };
        for execution in &mut decided.decision.executions {
            execution.replayed_by = Some(actor.to_owned());
            execution.operation.add("replayedBy", actor);
            // Whoever asks for an event means that one, now: it neither waits for others nor makes way.
            execution.debounce = None;
            execution.due = now;
        }
        let versions = decided
            .matched
            .iter()
            .map(|rule| matching::version(rule))
            .collect();
        self.ports.queue.keep_rules(versions).await?;
        let executions = decided
            .decision
            .executions
            .iter()
            .map(|execution| execution.id)
            .collect();
        let faults = decided.decision.faults.clone();
        self.ports
            .queue
            .replay(now, actor.to_owned(), decided.decision)
            .await?;
        Ok(Replayed { executions, faults })
    }

    /// The rule versions that matched when the event was first decided, whatever the rules say today.
    async fn decide_as_then(
        &self,
        stored: &pilotage_core::StoredEvent,
        now: Timestamp,
    ) -> Result<Decided, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt(what);
        let event = Event::try_from(stored).map_err(|error| corrupt(error.to_string()))?;
        let mut decided = matching::nothing_decided(stored);
        for earlier in self.first_executions(stored.facts.id).await? {
            let Some(version) = self.ports.history.rule_version(earlier.rule_digest).await? else {
                continue;
            };
            let rule = serde_json::from_str(&version.json).map_err(|error| corrupt(error.to_string()))?;
            let set = RuleSet::compile(vec![rule]).map_err(|problems| corrupt(format!("{problems:?}")))?;
            let Some(compiled) = set.get(&earlier.rule).cloned() else {
                continue;
            };
            match matching::new_execution(&compiled, &event, stored.position, now) {
                Ok(execution) => decided.decision.executions.push(execution),
                Err(reason) => decided.decision.faults.push(RuleFault {
                    rule: earlier.rule.clone(),
                    reason,
                }),
            }
            decided.matched.push(compiled);
        }
        Ok(decided)
    }

    async fn first_executions(&self, event: EventId) -> Result<Vec<Execution>, StoreError> {
        let filter = pilotage_core::ports::ExecutionFilter {
            event: Some(event),
            ..Default::default()
        };
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.ports.history.executions(&filter, after, 500).await?;
            found.extend(
                page.items
                    .into_iter()
                    .filter(|execution| execution.replayed_by.is_none()),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.reverse();
        Ok(found)
    }

    /// Asks to cancel an execution.
    ///
    /// # Errors
    /// There is no such execution, it has ended, or the store failed.
    pub async fn cancel(&self, actor: &str, id: ExecutionId) -> Result<Execution, OperateError> {
        let execution = self
            .ports
            .queue
            .cancel(Timestamp::now(), actor.to_owned(), id)
            .await?;
        self.executor.hint_cancel(id);
        Ok(execution)
    }

    /// Sends an execution back from the dead letters.
    ///
    /// # Errors
    /// There is no such execution, it has not failed, or the store failed.
    pub async fn retry(&self, actor: &str, id: ExecutionId) -> Result<Execution, OperateError> {
        self.ports
            .queue
            .retry(Timestamp::now(), actor.to_owned(), id)
            .await
    }
}
