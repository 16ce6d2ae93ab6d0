//! What must be right about a rule whatever it is asked: names, bounds, templates.

use serde_json::Value;

use super::{Action, Debounce, RetryPolicy, Rule, Template, Trigger, check_templates};
use crate::config::{Problem, pointer_segment};

const MAX_ID_LENGTH: usize = 128;
const MAX_NAME_LENGTH: usize = 256;
const MAX_EVENT_TYPES: usize = 256;
const MAX_ACTIONS: usize = 64;
const MAX_ATTEMPTS: u32 = 100;
const MAX_MULTIPLIER: f64 = 100.0;
/// Seven days.
const MAX_DELAY_MS: u64 = 604_800_000;
/// One day.
const MAX_DEBOUNCE_MS: u64 = 86_400_000;
/// One hour.
const MAX_TIMEOUT_MS: u64 = 3_600_000;

/// The problems of a rule beside its conditions and expression; pointers begin at the rule.
pub(super) fn check(rule: &Rule) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(reason) = wrong_id(&rule.id) {
        problems.push(Problem::at("/id", reason));
    }
    if rule
        .name
        .as_ref()
        .is_some_and(|name| name.len() > MAX_NAME_LENGTH)
    {
        problems.push(Problem::at(
            "/name",
            format!("a name has at most {MAX_NAME_LENGTH} bytes"),
        ));
    }
    check_trigger(&rule.trigger, &mut problems);
    if rule.actions.is_empty() || rule.actions.len() > MAX_ACTIONS {
        problems.push(Problem::at(
            "/actions",
            format!("a rule has 1 to {MAX_ACTIONS} actions"),
        ));
    }
    for (index, action) in rule.actions.iter().enumerate() {
        let found = check_action(action);
        problems.extend(
            found
                .into_iter()
                .map(|problem| problem.under(&format!("/actions/{index}"))),
        );
    }
    if let Some(concurrency) = &rule.concurrency {
        check_key(concurrency.key.as_deref(), "/concurrency/key", &mut problems);
        if concurrency.limit == 0 {
            problems.push(Problem::at("/concurrency/limit", "the limit is at least 1"));
        }
    }
    if let Some(debounce) = &rule.debounce {
        check_key(debounce.key.as_deref(), "/debounce/key", &mut problems);
        within(
            debounce.window_ms,
            1,
            MAX_DEBOUNCE_MS,
            "/debounce/windowMs",
            &mut problems,
        );
        if let Some(max_wait_ms) = debounce.max_wait_ms {
            within(
                max_wait_ms,
                debounce.window_ms.clamp(1, MAX_DEBOUNCE_MS),
                MAX_DEBOUNCE_MS * Debounce::DEFAULT_WINDOWS,
                "/debounce/maxWaitMs",
                &mut problems,
            );
        }
    }
    problems
}

fn wrong_id(id: &str) -> Option<String> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    // A path segment of `.` or `..` means something else to every HTTP client.
    let is_right = !id.is_empty()
        && id.len() <= MAX_ID_LENGTH
        && id.chars().all(is_allowed)
        && id.contains(char::is_alphanumeric);
    (!is_right).then(|| {
        format!("an id is 1 to {MAX_ID_LENGTH} letters, digits, `-`, `_` and `.`, with at least one letter or digit")
    })
}

fn check_trigger(trigger: &Trigger, problems: &mut Vec<Problem>) {
    if trigger.source.is_empty() {
        problems.push(Problem::at(
            "/trigger/source",
            "expected the name of a source, or `*` for any",
        ));
    }
    if trigger.event_types.len() > MAX_EVENT_TYPES {
        let message = format!("a rule has at most {MAX_EVENT_TYPES} event types");
        problems.push(Problem::at("/trigger/eventTypes", message));
    }
    for (index, name) in trigger.event_types.iter().enumerate() {
        if name.is_empty() {
            let pointer = format!("/trigger/eventTypes/{index}");
            problems.push(Problem::at(pointer, "an event type is not empty"));
        }
    }
}

fn check_action(action: &Action) -> Vec<Problem> {
    let mut problems = check_templates(&Value::String(action.target.clone()), "/target");
    for (key, value) in &action.parameters {
        problems.extend(check_templates(
            value,
            &format!("/parameters/{}", pointer_segment(key)),
        ));
    }
    if let Some(timeout_ms) = action.timeout_ms {
        within(timeout_ms, 1, MAX_TIMEOUT_MS, "/timeoutMs", &mut problems);
    }
    check_retry_policy(&action.retry_policy, &mut problems);
    problems
}

fn check_retry_policy(policy: &RetryPolicy, problems: &mut Vec<Problem>) {
    let mut within =
        |value, low, high, name| within(value, low, high, &format!("/retryPolicy/{name}"), problems);
    within(policy.max_attempts.into(), 1, MAX_ATTEMPTS.into(), "maxAttempts");
    within(policy.initial_delay, 0, MAX_DELAY_MS, "initialDelay");
    within(policy.max_delay, 0, MAX_DELAY_MS, "maxDelay");
    if !(1.0..=MAX_MULTIPLIER).contains(&policy.backoff_multiplier) {
        let message = format!("expected 1 to {MAX_MULTIPLIER}");
        problems.push(Problem::at("/retryPolicy/backoffMultiplier", message));
    }
}

fn within(value: u64, low: u64, high: u64, pointer: &str, problems: &mut Vec<Problem>) {
    if !(low..=high).contains(&value) {
        problems.push(Problem::at(pointer, format!("expected {low} to {high}")));
    }
}

fn check_key(key: Option<&str>, pointer: &str, problems: &mut Vec<Problem>) {
    if let Some(Err(reason)) = key.map(Template::parse) {
        problems.push(Problem::at(pointer, reason));
    }
}
