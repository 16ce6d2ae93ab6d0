use std::sync::Arc;

use pilotage_core::ports::{Notification, NotifierReport, Outbound, OutboundRequest};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::outbound::redact_url;

/// Posts JSON to one address.
pub(crate) struct Post {
    outbound: Arc<dyn Outbound>,
    /// May be a secret in itself.
    url: SecretString,
    bearer: Option<SecretString>,
}

impl Post {
    pub(crate) fn new(outbound: &Arc<dyn Outbound>, url: &Url) -> Self {
        Self {
            outbound: outbound.clone(),
            url: url.as_str().into(),
            bearer: None,
        }
    }

    /// Sends a token along.
    pub(crate) fn bearer(mut self, token: Option<SecretString>) -> Self {
        self.bearer = token;
        self
    }

    /// What is asked, as it may be shown.
    pub(crate) fn request_line(&self) -> String {
        format!("POST {}", redact_url(self.url.expose_secret()))
    }

    /// Posts `body` once, with `Idempotency-Key`: receivers that do not know the header ignore it.
    pub(crate) async fn send(&self, body: &Value, notification: &Notification) -> NotifierReport {
        let mut headers = vec![
            (
                "content-type".to_owned(),
                "application/json; charset=utf-8".to_owned(),
            ),
            ("idempotency-key".to_owned(), notification.idempotency_key.clone()),
        ];
        if let Some(token) = &self.bearer {
            headers.push((
                "authorization".to_owned(),
                format!("Bearer {}", token.expose_secret()),
            ));
        }
        let request = OutboundRequest {
            method: "POST".to_owned(),
            url: self.url.expose_secret().to_owned(),
            headers,
            body: body.to_string().into_bytes(),
            timeout: notification.timeout,
            allow_private: false,
        };
        NotifierReport {
            request: self.request_line(),
            outcome: self.outbound.send(request).await,
        }
    }
}
