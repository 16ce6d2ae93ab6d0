//! A client of Make's API (`/api/v2`), made for what runs unattended: it keeps to the rate limit instead of running into it,
//! repeats only what is safe to repeat, sends only what is to change, and says what can be done about a failure.
//!
//! Every operation is data in [`catalogue`]; [`MakeClient::call`] does any of them, and the methods for scenarios and what
//! belongs to them give types instead of JSON.

pub mod catalogue;
mod directory;
mod endpoint;
mod error;
mod operation;
mod pace;
mod paging;
mod request;
mod schema;
mod sending;
mod typed;

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use secrecy::SecretString;
use serde_json::Value;

pub use endpoint::{Endpoint, EndpointError};
pub use error::{MakeError, Said};
pub use operation::{Answer, Bucket, Effect, Field, Kind, Method, Operation, Paging, Parameter, Place};
pub use pace::{OnWait, Reason, Waiting};
pub use request::{Arguments, Prepared};
pub use typed::{Blueprint, LogEntry, Organization, Person, Run, Scenario, ScenarioChange, Team, Version};

use crate::outbound::{SetupError, api_client};
use directory::Directory;

/// Make answers a run that is waited for within 40 s.
const TIMEOUT: Duration = Duration::from_mins(1);
/// A little more than one window of Make's rate limit.
const PATIENCE: Duration = Duration::from_secs(75);
/// Larger than any blueprint that Make takes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// How one call is made.
#[derive(Clone)]
pub struct CallOptions {
    /// Whether a person has confirmed what Make would ask about: `confirmed=true`. Never set it by itself.
    pub confirmed: bool,
    /// How long to wait for the rate limit and between attempts; a longer wait is an error that names it.
    pub patience: Duration,
    /// Largest answer that is read.
    pub max_answer_bytes: usize,
    /// Told whenever a wait begins.
    pub on_wait: Option<OnWait>,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self {
            confirmed: false,
            patience: PATIENCE,
            max_answer_bytes: MAX_ANSWER_BYTES,
            on_wait: None,
        }
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("CallOptions");
        shown
            .field("confirmed", &self.confirmed)
            .field("patience", &self.patience);
        shown.finish_non_exhaustive()
    }
}

/// Make's API for one token. Clones share connections and what is known of the rate limits.
#[derive(Clone)]
pub struct MakeClient(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    authorization: HeaderValue,
    http: reqwest::Client,
    timeout: Duration,
    directory: Directory,
}

impl fmt::Debug for MakeClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("MakeClient");
        shown
            .field("endpoint", &self.0.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Address or token cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// TLS cannot be set up: our bug.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl MakeClient {
    /// A client that asks `endpoint` with `token`.
    ///
    /// # Errors
    /// The token cannot be sent, or TLS cannot be set up.
    pub fn new(endpoint: Endpoint, token: &SecretString) -> Result<Self, ClientError> {
        if endpoint.is_in_the_clear() {
            tracing::warn!(
                endpoint = endpoint.as_str(),
                "the token for Make is sent over HTTP, where others can read it"
            );
        }
        Ok(Self(Arc::new(Inner {
            authorization: endpoint::authorization(token)?,
            endpoint,
            http: api_client()?,
            timeout: TIMEOUT,
            directory: Directory::default(),
        })))
    }

    /// Where it asks.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Does an operation and gives its whole answer as JSON; [`Operation::part`] finds what is meant in it.
    ///
    /// # Errors
    /// As [`MakeError`] tells.
    pub async fn call(
        &self,
        operation: &'static Operation,
        arguments: &Arguments,
        options: &CallOptions,
    ) -> Result<Value, MakeError> {
        let prepared = Prepared::new(operation, arguments, options.confirmed)?;
        self.send(&prepared, options).await
    }
}
