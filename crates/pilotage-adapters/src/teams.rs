//! `type: teams`: Microsoft Teams through a Workflows webhook ("When a Teams webhook request is received"), with an
//! Adaptive Card.
//!
//! Teams repeats what it is sent twice: the workflow knows no idempotency key.

use std::sync::Arc;

use async_trait::async_trait;
use pilotage_core::{
    config::{self, SecretRef},
    ports::{Notification, Notifier, NotifierReport, OutboundResponse},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::notifiers::{Built, Medium, NotifierScope, Post, check_known, json_bytes, one_line};

/// Teams documents 28 KB for a whole message, and people who measured it met the end at 21 KB; the card around the texts
/// is below 1 KB.
const TEXT: Medium = Medium {
    limit: 18_000,
    escape: |_| None,
    cost: json_bytes,
};
const TITLE: Medium = Medium {
    limit: 600,
    escape: |_| None,
    cost: json_bytes,
};

/// As people write it under `notifiers:`.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamsConfig {
    /// The address that the workflow shows; it holds a signature, so it is a secret.
    pub url: SecretRef,
}

struct Teams(Post);

/// Makes one from its configuration.
///
/// # Errors
/// What is wrong with the configuration.
pub fn build(value: &Value, scope: &NotifierScope) -> Built {
    let config: TeamsConfig = config::read(value).map_err(|problem| vec![problem])?;
    let url = scope.url(&config.url, "/url").map_err(|problem| vec![problem])?;
    Ok(Arc::new(Teams(Post::new(&scope.outbound, &url))))
}

#[async_trait]
impl Notifier for Teams {
    async fn notify(&self, notification: &Notification) -> NotifierReport {
        let mut report = self.0.send(&message(notification), notification).await;
        if let Ok(response) = &mut report.outcome {
            response.status = true_status(response);
        }
        report
    }

    fn check(&self, parameters: &Map<String, Value>) -> Result<(), String> {
        check_known(parameters, &[])
    }
}

/// An `<at>` in a card's text mentions nobody unless the card lists the person as an entity, which ours never does.
fn message(notification: &Notification) -> Value {
    let title = notification.title.as_deref().map(|title| {
        let text = TITLE.fit(&one_line(title));
        json!({"type": "TextBlock", "text": text, "weight": "Bolder", "size": "Medium", "wrap": true})
    });
    let text = json!({"type": "TextBlock", "text": TEXT.fit(&notification.text), "wrap": true});
    let blocks: Vec<Value> = title.into_iter().chain([text]).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": blocks,
            },
        }],
    })
}

/// Webhooks of the older connector kind answer 200 with the real status in words: `... returned HTTP error 429 ...`.
fn true_status(response: &OutboundResponse) -> u16 {
    let body = String::from_utf8_lossy(&response.body);
    let told = body
        .split_once("HTTP error ")
        .and_then(|(_, rest)| rest.get(..3)?.parse().ok());
    told.filter(|status| response.status == 200 && (400..600).contains(status))
        .unwrap_or(response.status)
}
