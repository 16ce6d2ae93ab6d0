//! `type: discord`: Discord through an incoming webhook.
//!
//! Discord repeats what it is sent twice: its webhooks know no idempotency key. Nobody is ever mentioned.

use std::sync::Arc;

use async_trait::async_trait;
use pilotage_core::{
    config::{self, SecretRef},
    ports::{Notification, Notifier, NotifierReport},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::notifiers::{Built, Medium, NotifierScope, Post, check_known, check_text, one_line, utf16_units};

/// Discord's limit for `content`.
const CONTENT: Medium = Medium {
    limit: 2_000,
    escape: |_| None,
    cost: utf16_units,
};
const TITLE: Medium = Medium {
    limit: 256,
    escape: |_| None,
    cost: utf16_units,
};
/// Discord's limit for `username`.
const USERNAME: Medium = Medium {
    limit: 80,
    escape: |_| None,
    cost: utf16_units,
};

/// As people write it under `notifiers:`.
///
/// Parameter of the action: `username`, the name that the message is shown under.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscordConfig {
    /// The webhook's address, which is a secret; `?thread_id=...` is kept.
    pub url: SecretRef,
}

struct Discord(Post);

/// Makes one from its configuration.
///
/// # Errors
/// What is wrong with the configuration.
pub fn build(value: &Value, scope: &NotifierScope) -> Built {
    let config: DiscordConfig = config::read(value).map_err(|problem| vec![problem])?;
    let mut url = scope.url(&config.url, "/url").map_err(|problem| vec![problem])?;
    // Without it Discord answers before it knows whether the message can be delivered.
    url.query_pairs_mut().append_pair("wait", "true");
    Ok(Arc::new(Discord(Post::new(&scope.outbound, &url))))
}

#[async_trait]
impl Notifier for Discord {
    async fn notify(&self, notification: &Notification) -> NotifierReport {
        self.0.send(&message(notification), notification).await
    }

    fn check(&self, parameters: &Map<String, Value>) -> Result<(), String> {
        check_known(parameters, &["username"])?;
        check_text(parameters, "username")
    }
}

fn message(notification: &Notification) -> Value {
    let title = notification
        .title
        .as_deref()
        .map(|title| format!("**{}**\n", TITLE.fit(&one_line(title))));
    let content = format!("{}{}", title.unwrap_or_default(), notification.text);
    let mut message = json!({
        "content": CONTENT.fit(&without_mentions(&content)),
        "allowed_mentions": {"parse": []},
    });
    if let Some(username) = notification.parameters.get("username").and_then(Value::as_str) {
        message["username"] = USERNAME.fit(&one_line(username)).into();
    }
    message
}

/// `allowed_mentions` keeps Discord from ringing; this keeps it from showing what looks like a mention. The zero-width
/// space cannot be seen and breaks the markup apart.
fn without_mentions(text: &str) -> String {
    text.replace("@everyone", "@\u{200b}everyone")
        .replace("@here", "@\u{200b}here")
        .replace("<@", "<\u{200b}@")
}
