//! Whether a delivery comes from who it says: signatures and credentials over raw bytes, before anything is parsed.

use pilotage_core::ports::{Delivery, Refusal};

mod credential;
mod mac;
mod settings;
pub mod standard_webhooks;

pub(crate) use credential::{Basic, Credential};
pub(crate) use mac::{Algorithm, Encoding, Mac, MacKey};
pub(crate) use settings::{VerificationSettings, header_name, resolve_secrets, signing_keys, verifier};

use self::standard_webhooks::SigningKey;

/// Longest header value that is looked at, in bytes. Sixteen SHA-512 signatures in hexadecimal fit.
pub(crate) const MAX_HEADER_BYTES: usize = 4096;

/// Most secrets of one source, and most signatures of one delivery that are tried: what an unauthenticated sender can
/// make us compute stays bounded.
pub(crate) const MAX_SECRETS: usize = 16;
pub(crate) const MAX_SIGNATURES: usize = 16;

/// How far a signed time stamp may be off, either way, in seconds; the reference libraries of Standard Webhooks and
/// Slack's documentation both say five minutes.
pub(crate) const DEFAULT_TOLERANCE_SECS: u32 = 300;

/// The secret that cannot be used, in words for the one who configured it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidKey(pub(crate) &'static str);

/// How a source checks its deliveries.
pub(crate) enum Verifier {
    /// A keyed digest of the body in a header.
    Mac(Mac),
    /// Standard Webhooks, symmetric.
    StandardWebhooks(Vec<SigningKey>),
    /// A shared secret sent in clear.
    Credential(Credential),
    /// Nothing is checked, and the configuration says that this is meant.
    Unchecked,
    /// Nothing is checked, because nothing is configured and the server listens on loopback.
    UncheckedLocally,
    /// Everything is refused with this text, because nothing to check with is configured.
    Refusing(String),
}

impl Verifier {
    /// Whether a secret was checked, if the delivery is accepted.
    pub(crate) fn verify(&self, delivery: &Delivery<'_>) -> Result<bool, Refusal> {
        match self {
            Self::Mac(mac) => mac.verify(delivery).map(|()| true),
            Self::StandardWebhooks(keys) => standard_webhooks::verify(keys, delivery).map(|()| true),
            Self::Credential(credential) => credential.verify(delivery).map(|()| true),
            Self::Unchecked | Self::UncheckedLocally => Ok(false),
            Self::Refusing(why) => Err(Refusal::Unverified(why.clone())),
        }
    }

    /// False only where deliveries are accepted unchecked.
    pub(crate) const fn verifies(&self) -> bool {
        !matches!(self, Self::Unchecked | Self::UncheckedLocally)
    }

    /// Whether that is so without the configuration saying it.
    pub(crate) const fn unverified_only_locally(&self) -> bool {
        matches!(self, Self::UncheckedLocally)
    }
}

/// A header's value where it is there exactly once, not empty and not too long. An empty header counts as missing:
/// Gitea sends an empty signature where no secret is set.
pub(crate) fn header<'a>(delivery: &Delivery<'a>, name: &str) -> Option<&'a str> {
    delivery
        .header(name)
        .filter(|value| !value.is_empty() && value.len() <= MAX_HEADER_BYTES)
}

/// Whether the sender sent something under this name, even if it is repeated or unreadable.
pub(crate) fn is_presented(delivery: &Delivery<'_>, name: &str) -> bool {
    delivery
        .headers
        .iter()
        .any(|(key, value)| *key == name && !value.trim_ascii().is_empty())
}

pub(crate) fn missing(name: &str) -> Refusal {
    Refusal::Unverified(format!(
        "the header `{name}` is missing, empty, repeated or longer than {MAX_HEADER_BYTES} bytes"
    ))
}

/// Refuses a time stamp in whole Unix seconds that is further than `tolerance_secs` from `now`, either way.
pub(crate) fn check_age(
    header: &str,
    text: &str,
    delivery: &Delivery<'_>,
    tolerance_secs: u32,
) -> Result<(), Refusal> {
    let stamp: i64 = text
        .parse()
        .map_err(|_| Refusal::Unverified(format!("the header `{header}` is no time in Unix seconds")))?;
    let now = delivery.now.as_micros().div_euclid(1_000_000);
    if now.abs_diff(stamp) > u64::from(tolerance_secs) {
        return Err(Refusal::Unverified(format!(
            "the time stamp in `{header}` is more than {tolerance_secs} seconds off"
        )));
    }
    Ok(())
}
