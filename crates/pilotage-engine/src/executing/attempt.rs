//! One attempt at one action: render, ask for leave, run, judge.

use std::{sync::atomic::Ordering, time::Duration};

use pilotage_core::{
    Event, Timestamp,
    execution::{Attempt, AttemptResult, Claim, Next},
    rule::{Action, CompiledRule, TemplateScope, render_all},
};
use serde_json::{Map, Value};

use super::{Executor, backoff};
use crate::{
    actions::{ActionKind, Attempting, LONGEST_TIMEOUT, Report, Verdict, render_target},
    throttle::{Leave, Pass},
};

/// Which action, and which attempt at it.
#[derive(Clone, Copy)]
pub(super) struct Step {
    action: u32,
    /// Attempts made before this one.
    made: u32,
}

impl Step {
    pub(super) fn first(claim: &Claim) -> Self {
        Self {
            action: claim.execution.action,
            made: claim.execution.attempts,
        }
    }

    /// How people are told which action: they count from 1.
    fn action_for_people(self, kind: &str) -> String {
        format!("action {} ({kind})", u64::from(self.action) + 1)
    }

    pub(super) fn next_action(self) -> Self {
        Self {
            action: self.action + 1,
            made: 0,
        }
    }
}

/// What a step came to.
pub(super) struct Taken {
    pub(super) attempt: Option<Attempt>,
    pub(super) next: Next,
}

impl Taken {
    pub(super) fn cancelled(by: &str) -> Self {
        let reason =
            format!("cancelled by {by} while running: the effect of the attempt under way is not known");
        Self {
            attempt: None,
            next: Next::Cancelled { reason },
        }
    }

    /// The server stops before the attempt under way has ended: it is made again, with the same idempotency key.
    pub(super) fn released() -> Self {
        let reason = "the server stopped during an attempt, whose effect is not known".to_owned();
        let at = Timestamp::now();
        Self {
            attempt: None,
            next: Next::RetryAt { at, reason },
        }
    }

    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self {
            attempt: None,
            next: Next::Failed {
                reason: reason.into(),
            },
        }
    }
}

/// Target and parameters with every template filled in.
struct Rendered {
    target: String,
    parameters: Map<String, Value>,
}

fn render(action: &Action, scope: &TemplateScope<'_>) -> Result<Rendered, String> {
    let target = render_target(&action.target, scope)?;
    let parameters = Value::Object(action.parameters.clone());
    match render_all(&parameters, scope).map_err(|error| error.to_string())? {
        Value::Object(parameters) => Ok(Rendered { target, parameters }),
        _ => Err("the parameters are no map".into()),
    }
}

impl Executor {
    /// Takes one step: at most one attempt at one action.
    pub(super) async fn take(&self, rule: &CompiledRule, event: &Event, claim: &Claim, step: Step) -> Taken {
        let actions = &rule.rule.actions;
        let Some(action) = actions.get(step.action as usize) else {
            return Taken {
                attempt: None,
                next: Next::Succeeded,
            };
        };
        let what = step.action_for_people(&action.kind);
        let loaded = self.rules.current();
        let Some(kind) = loaded.catalog.get(&action.kind) else {
            return Taken::failed(format!("{what}: this type is not available any more"));
        };
        let execution = claim.execution.id.to_string();
        let scope = TemplateScope {
            event,
            rule: &rule.rule.id,
            execution: &execution,
        };
        let rendered = match render(action, &scope) {
            Ok(rendered) => rendered,
            Err(error) => return Taken::failed(format!("{what}: {error}")),
        };
        let now = Timestamp::now();
        let key = kind.throttle_key(&rendered.target);
        let limit = kind.rate_limit(&rendered.target);
        let limit = limit.map(|limit| (kind.bucket_key(&rendered.target), limit));
        let pass = match self.throttle.ask(&key, limit, now) {
            Leave::Granted(pass) => pass,
            Leave::Later { at, reason } => {
                let reason = format!("{what}: {reason}");
                return Taken {
                    attempt: None,
                    next: Next::RetryAt { at, reason },
                };
            }
        };
        let idempotency_key = format!("msg_{}_{}", claim.execution.id.0.simple(), step.action);
        let attempting = Attempting {
            event,
            rule: &rule.rule.id,
            execution: claim.execution.id,
            target: rendered.target,
            parameters: rendered.parameters,
            idempotency_key: idempotency_key.clone(),
            now,
            timeout: action
                .timeout_ms
                .map_or_else(|| kind.default_timeout(), Duration::from_millis)
                .min(LONGEST_TIMEOUT),
        };
        let report = self.run_within(kind.as_ref(), attempting).await;
        self.learn(&key, pass, &report);
        if let Verdict::Await { run, reason, after } = report.verdict {
            let reason = self.clean(&format!("{what}: {reason}"));
            let at = now + after;
            return Taken {
                attempt: None,
                next: Next::Await { run, at, reason },
            };
        }
        let last = step.action as usize + 1 == actions.len();
        let next = self.next(action, step, &report, last);
        Taken {
            attempt: Some(self.attempt(action, step, idempotency_key, now, report)),
            next,
        }
    }

    /// The kind keeps the time-out itself; this is the backstop for one that does not, and a panic in it is a report.
    async fn run_within(&self, kind: &dyn ActionKind, attempting: Attempting<'_>) -> Report {
        use futures::FutureExt;
        let backstop = attempting.timeout + Duration::from_secs(5);
        let request = format!("{} {}", kind.name(), attempting.idempotency_key);
        let failed = |error: String| Report {
            request,
            status: None,
            response: None,
            verdict: Verdict::Retry { error, after: None },
        };
        let run = std::panic::AssertUnwindSafe(kind.run(attempting)).catch_unwind();
        match tokio::time::timeout(backstop, run).await {
            Ok(Ok(report)) => report,
            Ok(Err(_)) => failed("the action panicked: this is a bug in Pilotage".into()),
            Err(_) => failed("the attempt did not end in time".into()),
        }
    }

    /// An answer of any kind shows that the other side is alive, unless it is one of distress.
    fn learn(&self, key: &str, pass: Pass, report: &Report) {
        let distress = matches!(report.verdict, Verdict::Retry { .. })
            && report.status.is_none_or(|status| status >= 500);
        if distress {
            if self.throttle.failed(key, pass, Timestamp::now()) {
                tracing::warn!(target_key = %key, "circuit opened: the target failed several times in a row");
            }
        } else {
            self.throttle.alive(key);
        }
    }

    fn next(&self, action: &Action, step: Step, report: &Report, last: bool) -> Next {
        let made = step.made + 1;
        let what = step.action_for_people(&action.kind);
        match &report.verdict {
            Verdict::Success if last => Next::Succeeded,
            // What is awaited is taken up before anybody asks here.
            Verdict::Success | Verdict::Await { .. } => Next::NextAction,
            Verdict::Permanent { error } => Next::Failed {
                reason: self.clean(&format!("{what}: {error}")),
            },
            Verdict::Retry { error, after } => {
                match backoff::delay(&action.retry_policy, made, *after, jitter()) {
                    Some(delay) => Next::RetryAt {
                        at: Timestamp::now() + delay,
                        reason: self.clean(&format!(
                            "{what}: {error}; attempt {made} of {}",
                            action.retry_policy.max_attempts
                        )),
                    },
                    None => Next::Failed {
                        reason: self.clean(&format!("{what}: {error}; gave up after {made} attempt(s)")),
                    },
                }
            }
        }
    }

    fn attempt(
        &self,
        action: &Action,
        step: Step,
        idempotency_key: String,
        started_at: Timestamp,
        report: Report,
    ) -> Attempt {
        let duration = Timestamp::now().since(started_at);
        let (result, error) = match report.verdict {
            Verdict::Success | Verdict::Await { .. } => (AttemptResult::Success, None),
            Verdict::Retry { error, .. } => (AttemptResult::Retryable, Some(error)),
            Verdict::Permanent { error } => (AttemptResult::Permanent, Some(error)),
        };
        let counter = match result {
            AttemptResult::Success => &self.counters.attempts_succeeded,
            _ => &self.counters.attempts_failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Attempt {
            action: step.action,
            number: step.made + 1,
            action_type: action.kind.clone(),
            idempotency_key,
            started_at,
            duration_us: pilotage_core::time::micros(duration),
            result,
            request: self.clean(&report.request),
            status: report.status,
            response: report.response.map(|text| shortened(self.clean(&text))),
            error: error.map(|text| self.clean(&text)),
        }
    }

    fn clean(&self, text: &str) -> String {
        self.redactor.load().clean(text)
    }
}

/// At most 2,048 bytes, cut between characters.
fn shortened(mut text: String) -> String {
    const LONGEST: usize = 2_048;
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// Between 0 and 1, from the random bits of a fresh UUID: spreading needs no better source.
fn jitter() -> f64 {
    let bits = u32::try_from(uuid::Uuid::new_v4().as_u128() & u128::from(u32::MAX)).unwrap_or_default();
    f64::from(bits) / f64::from(u32::MAX)
}
