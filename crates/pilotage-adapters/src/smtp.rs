//! `type: email`: e-mail over SMTP, as plain text.
//!
//! Every attempt at one notification carries the same `Message-ID`, so mail systems that drop repeats can. The server is
//! named by the operator in the configuration, never by an event, so the address policy of outgoing HTTP does not apply
//! to it: mail relays are usually private.

mod config;
mod message;

use std::{error::Error as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{self, response::Response},
};
use pilotage_core::ports::{Notification, Notifier, NotifierReport, OutboundError, OutboundResponse};
use serde_json::{Map, Value};

pub use config::{EmailConfig, Encryption};

use crate::notifiers::{Built, NotifierScope, check_known};
use message::Envelope;

struct Email {
    envelope: Envelope,
    /// `host:port`, for what is shown.
    server: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

/// Makes one from its configuration.
///
/// # Errors
/// What is wrong with the configuration.
pub fn build(value: &Value, scope: &NotifierScope) -> Built {
    let config: EmailConfig = pilotage_core::config::read(value).map_err(|problem| vec![problem])?;
    let envelope = Envelope::read(&config.from, &config.to)?;
    let server = format!("{}:{}", config.host, config.port());
    let transport = config::transport(&config, scope).map_err(|problem| vec![problem])?;
    Ok(Arc::new(Email {
        envelope,
        server,
        transport,
    }))
}

#[async_trait]
impl Notifier for Email {
    async fn notify(&self, notification: &Notification) -> NotifierReport {
        let request = format!(
            "SMTP {} to {} recipients",
            self.server,
            self.envelope.recipients()
        );
        let outcome = match self.envelope.message(notification) {
            Ok(message) => {
                let sent = tokio::time::timeout(notification.timeout, self.transport.send(message)).await;
                self.outcome(sent.ok(), notification.timeout)
            }
            Err(error) => Err(OutboundError::Refused(format!(
                "the message cannot be written: {error}"
            ))),
        };
        NotifierReport { request, outcome }
    }

    fn check(&self, parameters: &Map<String, Value>) -> Result<(), String> {
        check_known(parameters, &[])
    }
}

impl Email {
    fn outcome(
        &self,
        sent: Option<Result<Response, smtp::Error>>,
        timeout: Duration,
    ) -> Result<OutboundResponse, OutboundError> {
        match sent {
            Some(Ok(response)) => Ok(answer(
                200,
                &format!(
                    "{} {}",
                    response.code(),
                    response.message().collect::<Vec<_>>().join(" ")
                ),
            )),
            Some(Err(error)) => refusal(&error).ok_or_else(|| self.explain(&error, timeout)),
            None => Err(OutboundError::TimedOut(timeout)),
        }
    }

    fn explain(&self, error: &smtp::Error, timeout: Duration) -> OutboundError {
        if error.is_timeout() {
            return OutboundError::TimedOut(timeout);
        }
        OutboundError::Failed(format!("{} cannot be used: {error}", self.server))
    }
}

/// A reply of the server as the HTTP status that means the same: 4yz replies are transient (503), of the 5yz ones those
/// about authentication are 403 and the others 422 (RFC 5321 section 4.2.1, RFC 4954 section 6).
fn refusal(error: &smtp::Error) -> Option<OutboundResponse> {
    let code = error.status()?.to_string();
    let status = match code.as_str() {
        _ if error.is_transient() => 503,
        "530" | "534" | "535" | "538" => 403,
        _ => 422,
    };
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    Some(answer(status, &format!("{code} {words}")))
}

fn answer(status: u16, text: &str) -> OutboundResponse {
    let body = text.trim().chars().take(2_000).collect::<String>().into_bytes();
    OutboundResponse {
        status,
        retry_after: None,
        body,
    }
}
