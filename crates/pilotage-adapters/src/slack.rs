//! Slack: `type: slack` is an incoming webhook, which is bound to its channel; the section `slack: {token}` is an app
//! that posts to the channel of a `slack://channel` target with `chat.postMessage`.
//!
//! Slack repeats what it is sent twice: neither interface documents an idempotency key. Text is Slack's own `mrkdwn`;
//! `&`, `<` and `>` are escaped as Slack asks, so that nothing in it can mention anybody or hide a link's address.

use std::sync::Arc;

use async_trait::async_trait;
use pilotage_core::{
    config::{self, Problem, SecretRef},
    ports::{Notification, Notifier, NotifierReport, OutboundError, OutboundResponse},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::notifiers::{Built, Medium, NotifierScope, Post, check_known, check_text, one_line, utf16_units};

/// Slack asks for at most 4,000 characters in `text`; longer texts are split or cut by Slack as it sees fit.
const TEXT: Medium = Medium {
    limit: 3_800,
    escape,
    cost: utf16_units,
};
const TITLE: Medium = Medium {
    limit: 150,
    escape,
    cost: utf16_units,
};
const API: &str = "https://slack.com/api";
/// Slack's limit for the name of a channel.
const MAX_CHANNEL: usize = 80;

/// An incoming webhook, as people write it under `notifiers:`.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConfig {
    /// The webhook's address, which is a secret.
    pub url: SecretRef,
}

/// The app, as people write it under `slack:`.
///
/// Parameter of the action: `threadTs`, the `ts` of the message to answer in its thread.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppConfig {
    /// A bot token (`xoxb-...`) with the scope `chat:write`.
    pub token: SecretRef,
    /// Where the Web API is; only `GovSlack` has another.
    #[serde(default)]
    pub api_url: Option<String>,
}

struct Webhook(Post);

struct App(Post);

/// Makes an incoming webhook from its configuration.
///
/// # Errors
/// What is wrong with the configuration.
pub fn build(value: &Value, scope: &NotifierScope) -> Built {
    let config: WebhookConfig = config::read(value).map_err(|problem| vec![problem])?;
    let url = scope.url(&config.url, "/url").map_err(|problem| vec![problem])?;
    Ok(Arc::new(Webhook(Post::new(&scope.outbound, &url))))
}

/// Makes the app from the section `slack:`.
///
/// # Errors
/// What is wrong with the section.
pub fn build_app(value: &Value, scope: &NotifierScope) -> Built {
    let config: AppConfig = config::read(value).map_err(|problem| vec![problem])?;
    let post = app_post(&config, scope).map_err(|problem| vec![problem])?;
    Ok(Arc::new(App(post)))
}

fn app_post(config: &AppConfig, scope: &NotifierScope) -> Result<Post, Problem> {
    let token = scope.secret(&config.token, "/token")?;
    let api = config.api_url.as_deref().unwrap_or(API).trim_end_matches('/');
    let url = Url::parse(&format!("{api}/chat.postMessage"));
    let url = url.map_err(|error| Problem::at("/apiUrl", format!("this is no address: {error}")))?;
    Ok(Post::new(&scope.outbound, &url).bearer(Some(token)))
}

#[async_trait]
impl Notifier for Webhook {
    async fn notify(&self, notification: &Notification) -> NotifierReport {
        self.0
            .send(&json!({"text": text(notification)}), notification)
            .await
    }

    fn check(&self, parameters: &Map<String, Value>) -> Result<(), String> {
        if parameters.contains_key("channel") {
            return Err(
                "an incoming webhook is bound to its channel; use the target `slack://channel`".to_owned(),
            );
        }
        check_known(parameters, &[])
    }
}

#[async_trait]
impl Notifier for App {
    /// The parameter `channel` is the part of the target behind `slack://`.
    async fn notify(&self, notification: &Notification) -> NotifierReport {
        let channel = match channel(&notification.parameters) {
            Ok(channel) => channel,
            Err(error) => {
                return NotifierReport {
                    request: self.0.request_line(),
                    outcome: Err(error),
                };
            }
        };
        let mut message = json!({"channel": channel, "text": text(notification)});
        if let Some(thread) = notification.parameters.get("threadTs").and_then(Value::as_str) {
            message["thread_ts"] = thread.into();
        }
        let report = self.0.send(&message, notification).await;
        NotifierReport {
            outcome: report.outcome.map(with_true_status),
            ..report
        }
    }

    fn check(&self, parameters: &Map<String, Value>) -> Result<(), String> {
        check_known(parameters, &["channel", "threadTs"])?;
        check_text(parameters, "channel")?;
        check_text(parameters, "threadTs")
    }
}

/// Slack's own rule: these three and nothing else.
fn escape(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn text(notification: &Notification) -> String {
    let title = notification
        .title
        .as_deref()
        .map(|title| format!("*{}*\n", TITLE.fit(&one_line(title))));
    title.unwrap_or_default() + &TEXT.fit(&notification.text)
}

/// Names are sent with `#`, ids (`C0123456789`) as they are.
fn channel(parameters: &Map<String, Value>) -> Result<String, OutboundError> {
    let written = parameters
        .get("channel")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let name = written.trim_start_matches('#').trim_end_matches('/');
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.chars().count() > MAX_CHANNEL || !name.chars().all(plain) {
        return Err(OutboundError::Refused(format!(
            "`{}` is no Slack channel",
            written.escape_default()
        )));
    }
    Ok(if is_id(name) {
        name.to_owned()
    } else {
        format!("#{name}")
    })
}

/// Names of channels are in lower case, so the two cannot be confused.
fn is_id(name: &str) -> bool {
    let upper = name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    upper && name.len() >= 9 && name.starts_with(['C', 'D', 'G', 'U'])
}

/// What the Web API says inside of its 200.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    #[serde(default)]
    error: String,
}

/// The Web API answers 200 to nearly everything, with the failure inside. An answer that is none of Slack's comes from
/// something in between and counts as 502.
fn with_true_status(mut response: OutboundResponse) -> OutboundResponse {
    if response.status == 200 {
        response.status = match serde_json::from_slice::<Verdict>(&response.body) {
            Ok(Verdict { ok: true, .. }) => 200,
            Ok(Verdict { error, .. }) => status_of(&error),
            Err(_) => 502,
        };
    }
    response
}

/// The error codes of `chat.postMessage` as the statuses that mean the same; unknown ones are permanent, because those
/// that pass by themselves are few and known.
fn status_of(error: &str) -> u16 {
    match error {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => 429,
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org" => 503,
        "channel_not_found" | "not_in_channel" | "is_archived" | "user_not_found" | "thread_not_found" => 404,
        "not_authed" | "invalid_auth" | "token_expired" | "token_revoked" | "account_inactive" => 401,
        "missing_scope"
        | "no_permission"
        | "access_denied"
        | "restricted_action"
        | "not_allowed_token_type"
        | "org_login_required"
        | "ekm_access_denied"
        | "accesslimited"
        | "two_factor_setup_required" => 403,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_200_is_read_for_what_it_says() {
        let table = [
            (200, r#"{"ok":true,"ts":"1.2"}"#, 200),
            (200, r#"{"ok":false,"error":"ratelimited"}"#, 429),
            (200, r#"{"ok":false,"error":"internal_error"}"#, 503),
            (200, r#"{"ok":false,"error":"channel_not_found"}"#, 404),
            (200, r#"{"ok":false,"error":"not_in_channel"}"#, 404),
            (200, r#"{"ok":false,"error":"invalid_auth"}"#, 401),
            (
                200,
                r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#,
                403,
            ),
            (200, r#"{"ok":false,"error":"msg_too_long"}"#, 400),
            (200, r#"{"ok":false}"#, 400),
            (200, "<html>proxy</html>", 502),
            (200, "", 502),
            (200, "[]", 502),
            (429, r#"{"ok":false,"error":"ratelimited"}"#, 429),
            (500, "oops", 500),
            (302, "", 302),
        ];
        for (status, body, expected) in table {
            let response = OutboundResponse {
                status,
                retry_after: None,
                body: body.into(),
            };
            let read = with_true_status(response);
            assert_eq!(
                (read.status, read.body.as_slice()),
                (expected, body.as_bytes()),
                "{body}"
            );
        }
    }

    #[test]
    fn channels_are_names_or_ids() {
        let table = [
            ("releases", Some("#releases")),
            ("#releases", Some("#releases")),
            ("releases/", Some("#releases")),
            ("équipe-1_a.b", Some("#équipe-1_a.b")),
            ("C0123456789", Some("C0123456789")),
            ("c0123456789", Some("#c0123456789")),
            ("C01", Some("#C01")),
            ("", None),
            ("#", None),
            ("a b", None),
            ("a\nb", None),
            ("a/b", None),
            ("<!channel>", None),
        ];
        for (written, expected) in table {
            let parameters = Map::from_iter([("channel".to_owned(), written.into())]);
            assert_eq!(channel(&parameters).ok().as_deref(), expected, "{written}");
        }
        assert!(channel(&Map::new()).is_err());
    }
}
