//! What rules do: one file for each action kind, one line in the binary's wiring to register it.

mod gate;
mod notification;
mod pipeline;
mod target;
mod webhook;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use pilotage_core::{
    Event, ExecutionId, Timestamp,
    config::{Problem, nearest},
    pipeline_run::PipelineRunId,
    ports::{OutboundError, OutboundResponse},
    rule::Action,
};
use serde_json::{Map, Value};

pub use gate::GateAction;
pub use notification::NotificationAction;
pub use pipeline::PipelineAction;
pub(crate) use target::render_target;
pub use webhook::{
    CheckAddress, Endpoint, EndpointConfig, LONGEST_TIMEOUT, OutgoingConfig, Sign, WebhookAction,
    check_header,
};

/// An attempt that gives no other time-out has this one.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Kinds that come with later releases: named so that the error can say more than "unknown".
const PLANNED: [&str; 4] = ["deployment", "test", "approval", "scenario"];

/// One attempt at an action, with every template rendered.
pub struct Attempting<'a> {
    /// The event acted on.
    pub event: &'a Event,
    /// The rule's id.
    pub rule: &'a str,
    /// The execution.
    pub execution: ExecutionId,
    /// Rendered target.
    pub target: String,
    /// Rendered parameters.
    pub parameters: Map<String, Value>,
    /// The same on every attempt at this action of this execution.
    pub idempotency_key: String,
    /// The moment of the attempt, for time-stamped signatures.
    pub now: Timestamp,
    /// For the whole attempt.
    pub timeout: Duration,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked, without credentials.
    pub request: String,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// The first part of the answer.
    pub response: Option<String>,
    /// Whether it worked, and whether it may be tried again.
    pub verdict: Verdict,
}

/// Whether an attempt worked.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The effect was confirmed.
    Success,
    /// May be tried again, at the earliest after `after` if the other side said so.
    Retry {
        /// What went wrong.
        error: String,
        /// From `Retry-After`.
        after: Option<Duration>,
    },
    /// Trying again would not help.
    Permanent {
        /// What went wrong.
        error: String,
    },
    /// It is under way, and goes on by itself: the action is run again once this run of a pipeline has ended, or so much
    /// later in any case. It counts as no attempt.
    Await {
        /// The run.
        run: PipelineRunId,
        /// What is waited for, in words.
        reason: String,
        /// When to look in any case.
        after: Duration,
    },
}

/// A kind of action. Runs at least once for each execution: `run` must send the idempotency key along, or be idempotent
/// by itself, and its docs say which.
#[async_trait]
pub trait ActionKind: Send + Sync {
    /// The `type` in rules.
    fn name(&self) -> &'static str;

    /// Checks target and parameters when rules are loaded; pointers are relative to the action.
    fn check(&self, action: &Action) -> Vec<Problem>;

    /// What shares a circuit breaker: the target's origin, or its name.
    fn throttle_key(&self, target: &str) -> String;

    /// What shares a rate limit: the target that has it.
    fn bucket_key(&self, target: &str) -> String {
        format!("{} {target}", self.name())
    }

    /// Attempts per second that the target allows, if that is configured.
    fn rate_limit(&self, _target: &str) -> Option<RateLimit> {
        None
    }

    /// For an attempt at an action that gives no time-out of its own.
    fn default_timeout(&self) -> Duration {
        DEFAULT_TIMEOUT
    }

    /// One attempt.
    async fn run(&self, attempting: Attempting<'_>) -> Report;
}

/// How often a target may be asked.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Attempts per second, on average; above 0.
    pub per_second: f64,
    /// Attempts at once after a pause; at least 1.
    #[serde(default = "one")]
    pub burst: u32,
}

fn one() -> u32 {
    1
}

/// The action kinds there are.
#[derive(Default)]
pub struct Catalog {
    kinds: BTreeMap<&'static str, Arc<dyn ActionKind>>,
}

impl Catalog {
    /// A catalogue of these kinds.
    pub fn new(kinds: impl IntoIterator<Item = Arc<dyn ActionKind>>) -> Self {
        Self {
            kinds: kinds.into_iter().map(|kind| (kind.name(), kind)).collect(),
        }
    }

    /// The kind with this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn ActionKind>> {
        self.kinds.get(name)
    }

    /// The names of the registered kinds.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    /// Checks that the kind exists and accepts target and parameters; pointers are relative to the action.
    pub fn check(&self, action: &Action) -> Vec<Problem> {
        let Some(kind) = self.get(&action.kind) else {
            return vec![self.unknown(&action.kind)];
        };
        kind.check(action)
    }

    fn unknown(&self, name: &str) -> Problem {
        if PLANNED.contains(&name) {
            return Problem::at(
                "/type",
                format!("action type `{name}` is not available in this version"),
            )
            .help("use `webhook` to call the system that does it");
        }
        let problem = Problem::at("/type", format!("there is no action type `{name}`"));
        match nearest(name, self.names()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!(
                "there are: {}",
                self.names().collect::<Vec<_>>().join(", ")
            )),
        }
    }
}

/// Turns an answer from outside into a report: 2xx is success; 408, 409, 425, 429 and 5xx may be tried again, and so may
/// what was not answered; everything else would be refused the next time as well. Redirects are never followed.
pub fn judge(request: String, outcome: Result<OutboundResponse, OutboundError>) -> Report {
    match outcome {
        Ok(response) => {
            let verdict = judge_status(response.status, response.retry_after);
            let body = excerpt(&response.body);
            Report {
                request,
                status: Some(response.status),
                response: body,
                verdict,
            }
        }
        Err(error) => {
            let words = error.to_string();
            let verdict = match error {
                OutboundError::Refused(_) => Verdict::Permanent { error: words },
                OutboundError::Failed(_) | OutboundError::TimedOut(_) => Verdict::Retry {
                    error: words,
                    after: None,
                },
            };
            Report {
                request,
                status: None,
                response: None,
                verdict,
            }
        }
    }
}

fn judge_status(status: u16, after: Option<Duration>) -> Verdict {
    match status {
        200..=299 => Verdict::Success,
        300..=399 => Verdict::Permanent {
            error: format!("answered {status}; redirects are not followed"),
        },
        408 | 409 | 425 | 429 | 500..=599 => Verdict::Retry {
            error: format!("answered {status}"),
            after,
        },
        _ => Verdict::Permanent {
            error: format!("answered {status}"),
        },
    }
}

/// The beginning of an answer as text; `None` for an empty body. Longer than what is kept, so that a secret is still whole
/// when it is blotted out.
fn excerpt(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 16 * 1_024;
    let text = String::from_utf8_lossy(body.get(..LONGEST).unwrap_or(body)).into_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_that_may_change_are_retried() {
        let table = [
            (200, "success"),
            (204, "success"),
            (299, "success"),
            (301, "permanent"),
            (302, "permanent"),
            (400, "permanent"),
            (401, "permanent"),
            (404, "permanent"),
            (410, "permanent"),
            (422, "permanent"),
            (408, "retry"),
            (409, "retry"),
            (425, "retry"),
            (429, "retry"),
            (500, "retry"),
            (502, "retry"),
            (503, "retry"),
            (504, "retry"),
            (599, "retry"),
            (100, "permanent"),
            (600, "permanent"),
        ];
        for (status, expected) in table {
            let word = match judge_status(status, None) {
                Verdict::Success => "success",
                Verdict::Retry { .. } => "retry",
                Verdict::Permanent { .. } => "permanent",
                Verdict::Await { .. } => "await",
            };
            assert_eq!(word, expected, "status {status}");
        }
    }

    #[test]
    fn a_planned_kind_is_a_config_error_that_says_what_to_do() {
        let problem = Catalog::default().unknown("deployment");
        assert!(problem.message.contains("not available in this version"));
        assert!(problem.help.unwrap().contains("webhook"));
    }
}
