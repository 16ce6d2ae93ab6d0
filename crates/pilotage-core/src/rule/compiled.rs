use std::{collections::HashMap, sync::Arc};

use super::{
    Expression, ExpressionScope, Rule,
    check::check,
    condition::{Condition, Interned, parse_conditions},
    glob::Glob,
};
use crate::{Digest, Event, config::Problem, ports::RuleFault};

/// A rule that was checked and is ready to be asked.
#[derive(Debug)]
pub struct CompiledRule {
    /// The rule as it was written.
    pub rule: Arc<Rule>,
    /// Its version: digest of `json`.
    pub digest: Digest,
    /// Its canonical JSON text: what serde writes, with the keys of free-form objects sorted.
    pub json: String,
    pub(super) types: Vec<TypePattern>,
    pub(super) condition: Condition,
    pub(super) when: Option<Arc<Expression>>,
}

/// One of the event types of a trigger.
#[derive(Clone, Debug)]
pub(super) enum TypePattern {
    Exact(String),
    Glob(Arc<Glob>),
}

impl TypePattern {
    pub(super) fn matches(&self, event_type: &str) -> bool {
        match self {
            Self::Exact(name) => name == event_type,
            Self::Glob(glob) => glob.is_match(event_type),
        }
    }
}

/// The event as expressions see it, made when the first expression asks.
pub(super) struct LazyScope<'a> {
    event: &'a Event,
    scope: Option<ExpressionScope>,
}

impl<'a> LazyScope<'a> {
    pub(super) fn new(event: &'a Event) -> Self {
        Self { event, scope: None }
    }

    fn get(&mut self) -> &ExpressionScope {
        self.scope.get_or_insert_with(|| ExpressionScope::new(self.event))
    }
}

impl CompiledRule {
    /// Asks this one rule about an event. A set of rules is faster asked as a whole: [`super::RuleSet::matches`].
    ///
    /// # Errors
    /// The `when` expression failed; the rule counts as not matching.
    pub fn matches(&self, event: &Event) -> Result<bool, RuleFault> {
        if !self.rule.enabled || !self.takes_source(event) || !self.takes_type(event) {
            return Ok(false);
        }
        self.condition_holds(&mut LazyScope::new(event))
    }

    pub(super) fn takes_source(&self, event: &Event) -> bool {
        let source = &self.rule.trigger.source;
        source == "*" || *source == event.facts.source
    }

    pub(super) fn takes_type(&self, event: &Event) -> bool {
        self.types.is_empty()
            || self
                .types
                .iter()
                .any(|pattern| pattern.matches(&event.facts.event_type))
    }

    /// Conditions and expression, for an event of the right source and type.
    pub(super) fn condition_holds(&self, scope: &mut LazyScope<'_>) -> Result<bool, RuleFault> {
        if !self.condition.holds(scope.event) {
            return Ok(false);
        }
        match &self.when {
            None => Ok(true),
            Some(when) => self.ask(when, scope),
        }
    }

    pub(super) fn ask(&self, when: &Expression, scope: &mut LazyScope<'_>) -> Result<bool, RuleFault> {
        when.holds(scope.get()).map_err(|reason| RuleFault {
            rule: self.rule.id.clone(),
            reason: format!("the expression failed: {reason}"),
        })
    }
}

/// Compiles rules one after the other, sharing what they have in common.
#[derive(Default)]
pub(super) struct Compiler {
    interned: Interned,
    expressions: HashMap<String, Arc<Expression>>,
}

impl Compiler {
    /// Checks and compiles a rule; the pointers of its problems begin at the rule.
    pub(super) fn compile(&mut self, rule: Rule) -> Result<CompiledRule, Vec<Problem>> {
        let mut problems = check(&rule);
        let trigger = &rule.trigger;
        let types = self.types(&trigger.event_types, &mut problems);
        let condition = parse_conditions(&trigger.conditions, "/trigger/conditions", &mut self.interned)
            .unwrap_or_else(|found| {
                problems.extend(found);
                Condition::Any(Vec::new())
            });
        let when = trigger.when.as_deref().and_then(|text| {
            self.expression(text)
                .map_err(|reason| problems.push(Problem::at("/trigger/when", reason)))
                .ok()
        });
        // A rule came from JSON or YAML, so it can be written as JSON; an error here would be a bug of ours, which must
        // not start a rule whose version cannot be kept.
        let json = serde_json::to_string(&rule).map_err(|error| vec![Problem::at("", error.to_string())])?;
        if problems.is_empty() {
            let digest = Digest::of(json.as_bytes());
            let rule = Arc::new(rule);
            Ok(CompiledRule {
                rule,
                digest,
                json,
                types,
                condition,
                when,
            })
        } else {
            Err(problems)
        }
    }

    fn types(&mut self, names: &[String], problems: &mut Vec<Problem>) -> Vec<TypePattern> {
        let mut types = Vec::new();
        for (index, name) in names.iter().enumerate() {
            if !name.contains(['*', '?', '[', '{', '\\']) {
                types.push(TypePattern::Exact(name.clone()));
                continue;
            }
            match self.interned.glob(name) {
                Ok(glob) => types.push(TypePattern::Glob(glob)),
                Err(reason) => problems.push(Problem::at(format!("/trigger/eventTypes/{index}"), reason)),
            }
        }
        types
    }

    fn expression(&mut self, text: &str) -> Result<Arc<Expression>, String> {
        if let Some(expression) = self.expressions.get(text) {
            return Ok(Arc::clone(expression));
        }
        let expression = Arc::new(Expression::compile(text)?);
        self.expressions.insert(text.to_owned(), Arc::clone(&expression));
        Ok(expression)
    }
}
