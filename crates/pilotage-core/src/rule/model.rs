use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::execution::OnLimit;

/// A rule as people write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Identity: letters, digits, `-`, `_` and `.`, at most 128 characters.
    pub id: String,
    /// What people call it; the id where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is asked at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// When it matches.
    pub trigger: Trigger,
    /// What it then does, in this order.
    pub actions: Vec<Action>,
    /// How many of its executions may be active at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Coalesces a burst of events into its last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debounce: Option<Debounce>,
}

fn yes() -> bool {
    true
}

/// When a rule matches: the source, one of the types, every condition, and the expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trigger {
    /// Name of a webhook source, or `*` for any.
    pub source: String,
    /// Event types, each exact or a glob such as `deployment.*`; empty or missing means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    /// Conditions by path, each a value (equal to it) or an object of operators; `all`, `any` and `not` combine them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub conditions: Map<String, Value>,
    /// An expression in CEL over `event` that must be true. An error in it counts as not matching and is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// One action of a rule. Strings in `target` and `parameters` may hold `${event...}` templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Action {
    /// A registered action kind, such as `webhook` or `notification`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it acts on: the kind says what that is.
    pub target: String,
    /// Its parameters: the kind says which.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// When to try again.
    #[serde(default)]
    pub retry_policy: RetryPolicy,
    /// For one attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// When a failed attempt is followed by another: exponential, with up to 10 % of jitter, capped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Attempts in all, 1 to 100.
    pub max_attempts: u32,
    /// Before the second attempt, in milliseconds.
    pub initial_delay: u64,
    /// Each further delay is this many times the one before; 1 to 100.
    pub backoff_multiplier: f64,
    /// No delay is longer, in milliseconds.
    pub max_delay: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_delay: 1_000,
            backoff_multiplier: 2.0,
            max_delay: 300_000,
        }
    }
}

/// How many executions of a rule may be active at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Concurrency {
    /// A template; executions with the same rendered key share the limit. Missing: all executions of the rule do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// At least 1.
    pub limit: u32,
    /// What happens above the limit.
    #[serde(default)]
    pub on_limit: OnLimit,
}

/// Coalesces a burst of events into its last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Debounce {
    /// A template; events with the same rendered key are one burst. Missing: all events of the rule are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The burst is over when nothing came for this long, in milliseconds.
    pub window_ms: u64,
    /// Acted on at the latest this long after the first event of the burst, in milliseconds, so that a stream that never
    /// pauses is acted on as well. Missing: ten windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait_ms: Option<u64>,
}

impl Debounce {
    /// Windows that a burst lasts at most, where the rule does not say otherwise.
    pub const DEFAULT_WINDOWS: u64 = 10;

    /// How long the first event of a burst waits at most, in milliseconds.
    pub fn max_wait_ms(&self) -> u64 {
        self.max_wait_ms
            .unwrap_or_else(|| self.window_ms.saturating_mul(Self::DEFAULT_WINDOWS))
    }
}
