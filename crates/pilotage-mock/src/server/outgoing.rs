//! Deliveries to others: `scenario.executed`, call-backs, and events that a test fires.

use std::{net::Ipv4Addr, time::Duration};

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;
use url::{Host, Url};

use super::StartError;
use crate::make::{Content, Delivery, Reply};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer of a receiver that is told, in bytes.
const MOST_ANSWER_BYTES: usize = 64 << 10;
/// Deliveries under way at once; further ones are dropped, and that is logged.
const MOST_UNDER_WAY: usize = 1_000;
/// A delivery waits no longer than this for its moment.
const MOST_DELAY: Duration = Duration::from_mins(10);

/// The way out.
pub(super) struct Outgoing {
    client: Client,
    allow_others: bool,
}

impl Outgoing {
    pub(super) fn new(allow_others: bool) -> Result<Self, StartError> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            // Whatever a name server says: this name is this machine.
            .resolve("localhost", (Ipv4Addr::LOCALHOST, 0).into())
            .build();
        Ok(Self {
            client: client.map_err(|error| StartError::Tls(error.to_string()))?,
            allow_others,
        })
    }

    /// Sends, without anybody waiting for it.
    pub(super) fn send(&self, under_way: &TaskTracker, delivery: Delivery) {
        if under_way.len() >= MOST_UNDER_WAY {
            tracing::warn!(url = delivery.url, "dropped a delivery: too many are under way");
            return;
        }
        let own = Self {
            client: self.client.clone(),
            allow_others: self.allow_others,
        };
        under_way.spawn(async move {
            let delay = Duration::from_millis(delivery.delay_ms).min(MOST_DELAY);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if let Err(reason) = own.post(&delivery).await {
                tracing::warn!(url = delivery.url, reason, "a delivery failed");
            }
        });
    }

    /// Sends, and answers with what came back.
    pub(super) async fn tell(&self, delivery: &Delivery) -> Reply {
        match self.post(delivery).await {
            Ok(answer) => Reply::json(answer),
            Err(reason) => Reply::new(502, Content::Json(json!({"error": reason}))),
        }
    }

    async fn post(&self, delivery: &Delivery) -> Result<Value, String> {
        let url = self.check(&delivery.url)?;
        let mut request = self.client.post(url).header("content-type", "application/json");
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        let sent = request.body(delivery.body.clone()).send().await;
        let mut answer = sent.map_err(|error| reason(&error))?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| reason(&error))? {
            let room = MOST_ANSWER_BYTES.saturating_sub(body.len()).min(chunk.len());
            body.extend_from_slice(&chunk[..room]);
            if body.len() >= MOST_ANSWER_BYTES {
                break;
            }
        }
        Ok(json!({"status": status, "body": String::from_utf8_lossy(&body)}))
    }

    /// This machine, unless others are allowed.
    fn check(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|error| format!("the URL cannot be read: {error}"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err("the URL must be http or https".to_owned());
        }
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if is_here || self.allow_others {
            return Ok(url);
        }
        Err(
            "the mock sends to this machine alone; start it with --allow-outgoing to let it send to others"
                .to_owned(),
        )
    }
}

/// The innermost reason.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let careful = Outgoing::new(false).unwrap();
        let open = Outgoing::new(true).unwrap();
        let cases = [
            ("http://127.0.0.1:1/x", true),
            ("https://localhost/x", true),
            ("http://[::1]/x", true),
            ("http://localhost.example.com/", false),
            ("http://169.254.169.254/", false),
            ("http://0.0.0.0/", false),
            ("http://[::ffff:127.0.0.1]/", false),
            ("file:///etc/passwd", false),
            ("", false),
        ];
        for (url, here) in cases {
            assert_eq!(careful.check(url).is_ok(), here, "{url}");
        }
        assert!(open.check("https://example.com/").is_ok());
        assert!(open.check("ftp://example.com/").is_err());
    }
}
