//! `notification`: tells people something through a configured notifier or `slack://channel`.
//!
//! Runs at least once: a crash between sending and recording repeats the message. Where the medium can carry the
//! idempotency key (e-mail's Message-ID, the JSON notifier's field), the repeat can be recognised.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use pilotage_core::{
    config::{Problem, nearest},
    ports::{Notification, Notifier},
    rule::Action,
};
use serde_json::{Map, Value};

use super::{ActionKind, Attempting, Report, Verdict, judge};

const SLACK: &str = "slack://";

/// Sends messages to people.
pub struct NotificationAction {
    notifiers: BTreeMap<String, Arc<dyn Notifier>>,
    slack: Option<Arc<dyn Notifier>>,
}

impl NotificationAction {
    /// Over the configured notifiers by name, and the one for `slack://channel` targets if an app token is configured.
    pub fn new(notifiers: BTreeMap<String, Arc<dyn Notifier>>, slack: Option<Arc<dyn Notifier>>) -> Self {
        Self { notifiers, slack }
    }

    fn notifier(&self, target: &str) -> Option<&Arc<dyn Notifier>> {
        if target.starts_with(SLACK) {
            self.slack.as_ref()
        } else {
            self.notifiers.get(target)
        }
    }

    fn unknown(&self, target: &str) -> Problem {
        if target.starts_with(SLACK) {
            return Problem::at("/target", "`slack://` targets need an app token")
                .help("set `slack: {token: \"${env:SLACK_TOKEN}\"}`, or declare an incoming webhook under `notifiers:`");
        }
        let problem = Problem::at("/target", format!("there is no notifier `{target}`"));
        match nearest(target, self.notifiers.keys().map(String::as_str)) {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem.help("declare it under `notifiers:`, or use `slack://channel`"),
        }
    }
}

#[async_trait]
impl ActionKind for NotificationAction {
    fn name(&self) -> &'static str {
        "notification"
    }

    fn check(&self, action: &Action) -> Vec<Problem> {
        if action.target.contains("${") {
            return vec![
                Problem::at(
                    "/target",
                    "a notification's target is the name of a notifier, not a template",
                )
                .help("put the varying part into `parameters`"),
            ];
        }
        let Some(notifier) = self.notifier(&action.target) else {
            return vec![self.unknown(&action.target)];
        };
        let mut problems = Vec::new();
        if !action.parameters.get("text").is_some_and(Value::is_string) {
            problems.push(Problem::at("/parameters", "a notification needs a `text`"));
        }
        if action
            .parameters
            .get("title")
            .is_some_and(|title| !title.is_string())
        {
            problems.push(Problem::at("/parameters/title", "`title` is a text"));
        }
        if let Err(message) = notifier.check(&further(&action.parameters)) {
            problems.push(Problem::at("/parameters", message));
        }
        problems
    }

    fn throttle_key(&self, target: &str) -> String {
        format!("notifier {target}")
    }

    async fn run(&self, attempting: Attempting<'_>) -> Report {
        let Attempting {
            target,
            parameters,
            idempotency_key,
            timeout,
            ..
        } = attempting;
        let Some(notifier) = self.notifier(&target) else {
            let error = format!("there is no notifier `{target}` any more");
            return Report {
                request: target,
                status: None,
                response: None,
                verdict: Verdict::Permanent { error },
            };
        };
        let mut rest = further(&parameters);
        if let Some(channel) = target.strip_prefix(SLACK) {
            rest.insert("channel".into(), channel.into());
        }
        let text = |name: &str| parameters.get(name).map(as_text);
        let notification = Notification {
            text: text("text").unwrap_or_default(),
            title: text("title"),
            parameters: rest,
            idempotency_key,
            timeout,
        };
        let report = notifier.notify(&notification).await;
        judge(report.request, report.outcome)
    }
}

fn further(parameters: &Map<String, Value>) -> Map<String, Value> {
    parameters
        .iter()
        .filter(|(name, _)| !["text", "title"].contains(&name.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// A template that is the whole of `text` keeps its JSON type; for people it becomes text.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
