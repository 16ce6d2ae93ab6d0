//! Standard Webhooks 1.0 with symmetric keys (standardwebhooks.com): verified on the way in, signed on the way out.
//!
//! Three headers: `webhook-id`, `webhook-timestamp` (Unix seconds) and `webhook-signature`, a list separated by spaces
//! of `v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`. Signatures of other versions in the list are passed over.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pilotage_core::{
    Timestamp,
    ports::{Delivery, Refusal},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::Choice;

pub use super::InvalidKey;
use super::{Algorithm, DEFAULT_TOLERANCE_SECS, MAX_SIGNATURES, MacKey, check_age, header, missing};

/// Header with the message's identity: the same on every attempt of a delivery.
pub const ID_HEADER: &str = "webhook-id";
/// Header with the time of the attempt in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// A symmetric key, made ready. Holds no text of the secret and has no `Debug`.
#[derive(Clone)]
pub struct SigningKey(MacKey);

impl SigningKey {
    /// Reads `whsec_<base64 of 24 to 64 bytes>`; the prefix may be missing, as in the reference libraries.
    ///
    /// # Errors
    /// It is not base64, has another length, or is an asymmetric key (`whsk_`, `whpk_`). The text never repeats the key.
    pub fn parse(secret: &SecretString) -> Result<Self, InvalidKey> {
        let text = secret.expose_secret();
        if text.starts_with("whsk_") || text.starts_with("whpk_") {
            return Err(InvalidKey(
                "asymmetric Standard Webhooks keys are not supported: use a `whsec_` secret",
            ));
        }
        let bytes = STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .map_err(|_| InvalidKey("a Standard Webhooks secret is `whsec_` and base64"))?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(InvalidKey("a Standard Webhooks secret has 24 to 64 bytes"));
        }
        MacKey::new(Algorithm::Sha256, &bytes).map(Self)
    }

    fn parts<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
        [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
    }
}

/// The value of `webhook-signature` for this message: one signature for each key, so that a secret can be rotated. Send
/// it with `webhook-id: <id>` and `webhook-timestamp: <Unix seconds of sent_at>`. `id` must have no full stop in it.
pub fn sign(keys: &[SigningKey], id: &str, sent_at: Timestamp, body: &[u8]) -> String {
    let stamp = unix_seconds(sent_at);
    let signatures: Vec<String> = keys
        .iter()
        .map(|key| {
            format!(
                "v1,{}",
                STANDARD.encode(key.0.tag(&SigningKey::parts(id, &stamp, body)))
            )
        })
        .collect();
    signatures.join(" ")
}

/// The value of `webhook-timestamp` for an attempt made at this moment.
pub fn unix_seconds(at: Timestamp) -> String {
    at.as_micros().div_euclid(1_000_000).to_string()
}

/// Accepts a delivery that one of the keys has signed, at most five minutes from `delivery.now` either way.
///
/// # Errors
/// `Refusal::Unverified`, with a text for the sender.
pub fn verify(keys: &[SigningKey], delivery: &Delivery<'_>) -> Result<(), Refusal> {
    let id = header(delivery, ID_HEADER).ok_or_else(|| missing(ID_HEADER))?;
    let stamp = header(delivery, TIMESTAMP_HEADER).ok_or_else(|| missing(TIMESTAMP_HEADER))?;
    let signatures = header(delivery, SIGNATURE_HEADER).ok_or_else(|| missing(SIGNATURE_HEADER))?;
    // Both are part of one signed text: a full stop in the first would let the boundary between them be moved.
    if id.contains('.') {
        return Err(Refusal::Unverified(format!(
            "the header `{ID_HEADER}` has a full stop in it"
        )));
    }
    check_age(TIMESTAMP_HEADER, stamp, delivery, DEFAULT_TOLERANCE_SECS)?;
    let presented: Vec<Vec<u8>> = signatures
        .split(' ')
        .take(MAX_SIGNATURES)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    let parts = SigningKey::parts(id, stamp, delivery.body);
    let held = keys.iter().fold(Choice::from(0), |held, key| {
        held | key.0.holds(&parts, &presented)
    });
    if bool::from(held) {
        Ok(())
    } else {
        Err(Refusal::Unverified(format!(
            "no `v1` signature in `{SIGNATURE_HEADER}` is that of this message under any configured secret"
        )))
    }
}
