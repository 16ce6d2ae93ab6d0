//! Conditions: what must hold of the values that paths lead to.

mod operator;
mod parse;

use std::ops::ControlFlow;

pub(super) use operator::{Operator, index_key, text};
pub(super) use parse::{Interned, parse_conditions};

use super::path::{Found, Path};
use crate::Event;

/// A condition or a combination of some.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// Every one holds; true for none.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A test of what a path leads to.
    At(Test),
}

/// What must hold of the values that a path leads to: one of them passes every operator, and none of them has what
/// `not` forbids. Fails where the path leads to nothing, unless nothing is what is asked for.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) path: Path,
    /// One value must pass all of these.
    pub(super) wanted: Vec<Operator>,
    /// No value may pass any of these groups.
    pub(super) forbidden: Vec<Vec<Operator>>,
    /// `exists`, if it was said.
    pub(super) exists: Option<bool>,
    /// As it was written, for explanations.
    pub(super) written: serde_json::Value,
}

impl Condition {
    /// Whether it holds for an event; `None` where that hangs on a value that the event does not have.
    ///
    /// Kleene's logic: what is not known stays unknown when it is negated, so that `not: {ref: main}` fails, like
    /// `ref: {not: main}`, for an event without a `ref`. Only `true` is a match.
    pub(super) fn verdict(&self, event: &Event) -> Option<bool> {
        match self {
            Self::All(conditions) => conjunction(conditions.iter().map(|condition| condition.verdict(event))),
            Self::Any(conditions) => conjunction(
                conditions
                    .iter()
                    .map(|condition| negated(condition.verdict(event))),
            )
            .map(|none| !none),
            Self::Not(condition) => negated(condition.verdict(event)),
            Self::At(test) => test.verdict(event),
        }
    }

    /// Whether it is known to hold for an event.
    pub(super) fn holds(&self, event: &Event) -> bool {
        self.verdict(event) == Some(true)
    }
}

fn negated(verdict: Option<bool>) -> Option<bool> {
    verdict.map(|holds| !holds)
}

/// False if one is, else unknown if one is, else true.
fn conjunction(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for verdict in verdicts {
        match verdict {
            Some(false) => return verdict,
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

impl Test {
    /// Whether it holds for an event; `None` where the event has nothing at the path.
    pub(super) fn verdict(&self, event: &Event) -> Option<bool> {
        let mut passed = false;
        let mut clean = true;
        let found = self.path.each(event, &mut |value| {
            passed = passed || all_hold(&self.wanted, &value);
            clean = !self.forbidden.iter().any(|group| all_hold(group, &value));
            // What is wanted is settled by one value, what is forbidden only by all of them.
            if !clean || (passed && self.forbidden.is_empty()) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match (self.exists, found) {
            (Some(false), found) => Some(!found),
            (Some(true), false) => Some(false),
            (None, false) => None,
            (_, true) => Some(passed && clean),
        }
    }
}

fn all_hold(operators: &[Operator], value: &Found<'_>) -> bool {
    operators.iter().all(|operator| operator.holds(value))
}

#[cfg(test)]
mod tests;
