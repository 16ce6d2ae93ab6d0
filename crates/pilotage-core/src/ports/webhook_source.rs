use std::{borrow::Cow, collections::BTreeMap};

use crate::Timestamp;

/// A delivery as it came over the wire.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Header names in lower case with their raw values, in the order of arrival.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The raw body. Signatures are over exactly these bytes.
    pub body: &'a [u8],
    /// The moment of receipt, for schemes with time stamps.
    pub now: Timestamp,
}

impl<'a> Delivery<'a> {
    /// The value of a header, if it is there exactly once and is visible ASCII or UTF-8; surrounding white space is cut.
    /// `None` also for a header that is there twice, so that no two readers can see different values.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.iter().filter(|(key, _)| *key == name);
        let (_, value) = values.next()?;
        if values.next().is_some() {
            return None;
        }
        std::str::from_utf8(value).ok().map(str::trim)
    }
}

/// What a source made of a delivery that it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// The source's own word for what happened.
    pub event_type: Cow<'a, str>,
    /// The sender's identity for this delivery, or `sha256:` and the body's digest where it gives none.
    pub delivery_id: Cow<'a, str>,
    /// When it happened, if the sender says.
    pub timestamp: Option<Timestamp>,
    /// Whether a secret was checked.
    pub verified: bool,
    /// JSON text of the data: the body itself, or the part of it that is the event.
    pub data: Cow<'a, [u8]>,
    /// Protocol facts beside the body.
    pub attributes: BTreeMap<String, String>,
}

/// Why a delivery is refused. Nothing of it is stored. The texts are for the sender and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 401: the signature, token or password is missing, malformed, wrong or too old.
    #[error("{0}")]
    Unverified(String),
    /// 400: not the source's format.
    #[error("{0}")]
    Malformed(String),
    /// 415: the content type is not one that the source sends.
    #[error("{0}")]
    UnsupportedType(String),
}

/// Verifies and translates deliveries of one sender. Pure: the same delivery gives the same answer.
pub trait WebhookSource: Send + Sync {
    /// Verifies over the raw body first, then reads the few fields needed; builds no DOM.
    ///
    /// # Errors
    /// The delivery is refused and must not be stored.
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal>;

    /// Whether a secret is checked; `false` only where the configuration says `none` or on loopback without secrets.
    fn verifies(&self) -> bool;

    /// Whether nothing is checked only because no secret is configured and the server listens on loopback. Such deliveries
    /// must be seen to come from this machine; where the configuration says `none`, they may come from anywhere.
    fn unverified_only_locally(&self) -> bool {
        false
    }
}
