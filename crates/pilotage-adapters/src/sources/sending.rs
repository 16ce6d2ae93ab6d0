//! How the real senders sign, for `pilotage webhook send` and the demo.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pilotage_core::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::kind_of;
use crate::{
    custom::webhook::{sign_hmac_sha256, sign_standard_webhooks},
    verification::{
        InvalidKey,
        standard_webhooks::{self, SigningKey},
    },
};

/// Header names in lower case and their values.
pub type Headers = Vec<(String, String)>;

/// A delivery about to be sent.
pub struct Outgoing<'a> {
    /// The type of the event, as the sender words it in a header: `push`.
    pub event: &'a str,
    /// The raw body.
    pub body: &'a [u8],
    /// What to sign with; without it nothing is signed.
    pub secret: Option<&'a SecretString>,
    /// The delivery's identity, for senders that have one.
    pub delivery_id: &'a str,
    /// The moment of sending.
    pub now: Timestamp,
}

/// Why a delivery cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// No sender has this name.
    #[error("`{0}` is no kind of sender")]
    UnknownKind(String),
    /// The secret is not of the form that the scheme needs.
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
}

/// The headers that a sender would send with this body. `kind` is the name of a known source, `standard-webhooks`, or
/// `hmac-sha256` (`X-Hub-Signature-256: sha256=<hex>`); the last two are for custom sources. The headers hold the
/// secret itself where the sender sends it in clear.
///
/// # Errors
/// The kind is unknown, or the secret is no key for it.
pub fn sign(
    kind: &str,
    event: &str,
    body: &[u8],
    secret: Option<&SecretString>,
    delivery_id: &str,
    now: Timestamp,
) -> Result<Headers, SignError> {
    let outgoing = Outgoing {
        event,
        body,
        secret,
        delivery_id,
        now,
    };
    match kind {
        "standard-webhooks" => sign_standard_webhooks(&outgoing),
        "hmac-sha256" => sign_hmac_sha256(&outgoing),
        _ => match kind_of(kind) {
            Some(known) => (known.sign)(&outgoing),
            None => Err(SignError::UnknownKind(kind.to_owned())),
        },
    }
}

/// The content type, and these headers.
pub(crate) fn json_headers(others: &[(&str, &str)]) -> Headers {
    [("content-type", "application/json")]
        .iter()
        .chain(others)
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl Outgoing<'_> {
    /// The event type for custom sources that are not configured to find it elsewhere.
    pub(crate) fn type_header(&self) -> Option<(String, String)> {
        (!self.event.is_empty()).then(|| ("x-event-type".to_owned(), self.event.to_owned()))
    }

    /// The secret as a bearer token.
    pub(crate) fn bearer(&self) -> Option<(String, String)> {
        let secret = self.secret?.expose_secret();
        Some(("authorization".to_owned(), format!("Bearer {secret}")))
    }

    /// The secret as the password of basic authentication.
    pub(crate) fn basic(&self, user: &str) -> Option<(String, String)> {
        let pair = STANDARD.encode(format!("{user}:{}", self.secret?.expose_secret()));
        Some(("authorization".to_owned(), format!("Basic {pair}")))
    }

    pub(crate) fn standard_webhooks(&self, secret: &SecretString) -> Result<Headers, InvalidKey> {
        let key = SigningKey::parse(secret)?;
        let signature = standard_webhooks::sign(&[key], self.delivery_id, self.now, self.body);
        let pairs = [
            (standard_webhooks::ID_HEADER, self.delivery_id.to_owned()),
            (
                standard_webhooks::TIMESTAMP_HEADER,
                standard_webhooks::unix_seconds(self.now),
            ),
            (standard_webhooks::SIGNATURE_HEADER, signature),
        ];
        Ok(pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }
}
