//! What every rule says about one event, and why.

use std::time::{Duration, Instant};

use pilotage_core::{
    Event,
    rule::{CompiledRule, ExplainedPart, explain},
};
use pilotage_engine::rule_book::Loaded;

use super::{query, words::cut};

/// Rules explained at most.
const MOST_RULES: usize = 40;
/// Time for explaining; a rule that is not reached is counted.
const TIME: Duration = Duration::from_millis(250);

/// What one rule says.
pub(super) struct Verdict {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) matches: bool,
    pub(super) parts: Vec<Part>,
    /// The first part that does not hold, in words.
    pub(super) why_not: Option<String>,
}

/// One part of a trigger.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) holds: bool,
    pub(super) negated: bool,
}

impl Part {
    fn new(part: ExplainedPart) -> Self {
        Self {
            name: part.part,
            expected: part.expected,
            found: part.found,
            holds: part.holds,
            negated: part.negated,
        }
    }

    /// Whether it is what is asked for, in a word.
    pub(super) const fn word(&self) -> &'static str {
        match (self.holds, self.negated) {
            (true, false) => "holds",
            (false, false) => "does not hold",
            (true, true) => "holds, and must not",
            (false, true) => "does not hold, as it must",
        }
    }

    pub(super) const fn class(&self) -> &'static str {
        if self.holds == self.negated { "bad" } else { "ok" }
    }
}

impl Verdict {
    pub(super) fn of(rule: &CompiledRule, event: &Event) -> Self {
        let explanation = explain(rule, event);
        let parts: Vec<Part> = explanation.parts.into_iter().map(Part::new).collect();
        let broken = parts.iter().find(|part| !part.holds && !part.negated);
        let why_not = broken.map(|part| {
            let (expected, found) = (cut(&part.expected, 80), cut(&part.found, 80));
            format!("{}: asks for {expected}, found {found}", cut(&part.name, 80))
        });
        let rule = &rule.rule;
        Self {
            name: cut(rule.name.as_deref().unwrap_or(&rule.id), 120),
            href: query::path("/rules/", &rule.id),
            matches: explanation.matches,
            why_not: why_not.filter(|_| !explanation.matches),
            parts,
        }
    }
}

/// What the rules in force say about one event.
pub(super) struct Verdicts {
    /// The rules that match, then those that do not.
    pub(super) rules: Vec<Verdict>,
    /// Rules for other sources.
    pub(super) elsewhere: usize,
    /// Rules for this source that there was no room or time for.
    pub(super) left: usize,
}

impl Verdicts {
    /// Asks the rules that listen to the event's source. Takes its time: not for an asynchronous thread.
    pub(super) fn of(loaded: &Loaded, event: &Event) -> Self {
        let begun = Instant::now();
        let all = loaded.set.rules();
        let listens = |rule: &&std::sync::Arc<CompiledRule>| {
            let source = &rule.rule.trigger.source;
            source == "*" || *source == event.facts.source
        };
        let near: Vec<_> = all.iter().filter(listens).collect();
        // Those that name the type come first: they are what a reader looks for.
        let names_type = |rule: &&std::sync::Arc<CompiledRule>| {
            let types = &rule.rule.trigger.event_types;
            types.is_empty() || types.contains(&event.facts.event_type)
        };
        let (first, second): (Vec<_>, Vec<_>) = near.iter().copied().partition(names_type);
        let asked = first.into_iter().chain(second).take(MOST_RULES);
        let mut rules: Vec<Verdict> = asked
            .take_while(|_| begun.elapsed() < TIME)
            .map(|rule| Verdict::of(rule, event))
            .collect();
        rules.sort_by_key(|verdict| !verdict.matches);
        Self {
            elsewhere: all.len() - near.len(),
            left: near.len() - rules.len(),
            rules,
        }
    }
}
