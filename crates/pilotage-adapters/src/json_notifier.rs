//! `type: json`: posts a notification as JSON to any address.
//!
//! The body is `{"text", "title", "parameters", "idempotencyKey"}`; the key comes as header `Idempotency-Key` as well
//! and is the same on every attempt. Every parameter of the action is passed on.

use std::sync::Arc;

use async_trait::async_trait;
use pilotage_core::{
    config::{self, Problem, SecretRef},
    ports::{Notification, Notifier, NotifierReport},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::notifiers::{Built, NotifierScope, Post};

/// As people write it under `notifiers:`.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonConfig {
    /// Where to post.
    pub url: SecretRef,
    /// Sent as `Authorization: Bearer ...`.
    #[serde(default)]
    pub token: Option<SecretRef>,
}

struct JsonNotifier(Post);

/// Makes one from its configuration.
///
/// # Errors
/// What is wrong with the configuration.
pub fn build(value: &Value, scope: &NotifierScope) -> Built {
    let config: JsonConfig = config::read(value).map_err(|problem| vec![problem])?;
    let post = post(&config, scope).map_err(|problem| vec![problem])?;
    Ok(Arc::new(JsonNotifier(post)))
}

fn post(config: &JsonConfig, scope: &NotifierScope) -> Result<Post, Problem> {
    let url = scope.url(&config.url, "/url")?;
    let token = config
        .token
        .as_ref()
        .map(|token| scope.secret(token, "/token"))
        .transpose()?;
    Ok(Post::new(&scope.outbound, &url).bearer(token))
}

#[async_trait]
impl Notifier for JsonNotifier {
    async fn notify(&self, notification: &Notification) -> NotifierReport {
        let Notification {
            text,
            title,
            parameters,
            idempotency_key,
            ..
        } = notification;
        let body = json!({"text": text, "title": title, "parameters": parameters, "idempotencyKey": idempotency_key});
        self.0.send(&body, notification).await
    }

    fn check(&self, _: &Map<String, Value>) -> Result<(), String> {
        Ok(())
    }
}
