//! Many rules, asked at once.

mod bucket;
mod index;

use std::{collections::HashMap, sync::Arc};

use self::index::Index;
use super::{
    CompiledRule, Rule,
    compiled::{Compiler, LazyScope},
};
use crate::{Event, config::Problem, ports::RuleFault};

/// Rules in the order in which they were given, with an index over them.
///
/// What it costs to ask them about an event depends on how many distinct paths the index uses for events of that source
/// and type, and on how many rules agree with the event in their most selective equality; not on how many there are.
/// Rules without any equality (`value`, `eq`, `in`) among the conditions that must hold are found by what a `glob` or an
/// anchored `regex` begins with; those without that either are asked one by one.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Arc<CompiledRule>>,
    by_id: HashMap<String, usize>,
    index: Index,
}

/// What rules said about an event.
#[derive(Debug, Default)]
pub struct Matches {
    /// Those that match, in the order of the set.
    pub matched: Vec<Arc<CompiledRule>>,
    /// Those that could not be asked; they count as not matching.
    pub faults: Vec<RuleFault>,
}

impl RuleSet {
    /// Checks and compiles rules. Whether action kinds, targets and sources exist is not known here and not checked.
    ///
    /// # Errors
    /// Every problem of every rule, with pointers into the list: `/0/trigger/conditions/ref`.
    pub fn compile(rules: Vec<Rule>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut compiler = Compiler::default();
        let mut set = Self::default();
        for (position, rule) in rules.into_iter().enumerate() {
            if let Some(first) = set.by_id.insert(rule.id.clone(), position) {
                let message = format!("the id `{}` is already that of rule {}", rule.id, first + 1);
                problems.push(Problem::at(format!("/{position}/id"), message));
            }
            match compiler.compile(rule) {
                Ok(rule) => set.rules.push(Arc::new(rule)),
                Err(found) => {
                    let prefix = format!("/{position}");
                    problems.extend(found.into_iter().map(|problem| problem.under(&prefix)));
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        set.index = Index::over(&set.rules);
        Ok(set)
    }

    /// Every rule, also those that are not enabled.
    pub fn rules(&self) -> &[Arc<CompiledRule>] {
        &self.rules
    }

    /// The rule with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<CompiledRule>> {
        self.rules.get(*self.by_id.get(id)?)
    }

    /// Whether any enabled rule could match events of this source and type: false means that nobody needs to look into
    /// the event. Costs no more than two look-ups and the type globs of the source.
    pub fn concerns(&self, source: &str, event_type: &str) -> bool {
        self.index.concerns(source, event_type)
    }

    /// Asks every enabled rule about an event.
    pub fn matches(&self, event: &Event) -> Matches {
        let mut matches = Matches::default();
        let mut scope = LazyScope::new(event);
        for position in self.index.candidates(event) {
            let Some(rule) = self.rules.get(position as usize) else {
                continue;
            };
            match rule.condition_holds(&mut scope) {
                Ok(true) => matches.matched.push(Arc::clone(rule)),
                Ok(false) => {}
                Err(fault) => matches.faults.push(fault),
            }
        }
        matches
    }
}

#[cfg(test)]
mod tests;
