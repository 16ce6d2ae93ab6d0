use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _};
use pilotage_core::ports::{Delivery, Refusal};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq as _};

use super::{InvalidKey, MAX_SIGNATURES, check_age, header, missing};

/// The hash under the HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Algorithm {
    /// HMAC-SHA1: for senders that know nothing better.
    Sha1,
    /// HMAC-SHA256.
    #[default]
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

impl Algorithm {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// Hexadecimal digits, either case.
    #[default]
    Hex,
    /// Base64 with the standard alphabet and padding.
    Base64,
}

impl Encoding {
    fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => STANDARD.decode(text).ok(),
        }
    }

    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }
}

/// A secret made ready for signing: the key is hashed in once, not with every delivery.
#[derive(Clone)]
pub(crate) enum MacKey {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl MacKey {
    pub(crate) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, InvalidKey> {
        let made = match algorithm {
            Algorithm::Sha1 => Hmac::new_from_slice(secret).map(Self::Sha1),
            Algorithm::Sha256 => Hmac::new_from_slice(secret).map(Self::Sha256),
            Algorithm::Sha512 => Hmac::new_from_slice(secret).map(Self::Sha512),
        };
        made.map_err(|_| InvalidKey("the secret has a length that cannot be used as a key"))
    }

    /// The keyed digest of the parts, one after the other.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1(key) => tag_of(key.clone(), parts),
            Self::Sha256(key) => tag_of(key.clone(), parts),
            Self::Sha512(key) => tag_of(key.clone(), parts),
        }
    }

    /// Whether any of the presented signatures is the digest of the parts; in constant time for each of them.
    pub(crate) fn holds(&self, parts: &[&[u8]], presented: &[Vec<u8>]) -> Choice {
        let expected = self.tag(parts);
        presented.iter().fold(Choice::from(0), |held, signature| {
            held | expected.as_slice().ct_eq(signature)
        })
    }
}

fn tag_of<M: hmac::Mac>(mut mac: M, parts: &[&[u8]]) -> Vec<u8> {
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// What stands before a signature in its header.
#[derive(Clone, Debug)]
pub(crate) enum Prefix {
    /// Exactly this text; signatures without it are not looked at.
    Exactly(String),
    /// The algorithm's name and `=`, or nothing.
    AlgorithmOrNone(Algorithm),
}

impl Prefix {
    fn strip<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Self::Exactly(prefix) => text.strip_prefix(prefix.as_str()),
            Self::AlgorithmOrNone(algorithm) => Some(
                text.strip_prefix(algorithm.as_str())
                    .and_then(|rest| rest.strip_prefix('='))
                    .unwrap_or(text),
            ),
        }
    }
}

/// One piece of the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    Timestamp,
    Body,
}

/// The signed text, as a template over `{body}` and `{timestamp}`.
///
/// # Errors
/// An unknown or unclosed placeholder, or not exactly one `{body}`.
pub(crate) fn parse_template(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, tail) = after
            .split_once('}')
            .ok_or_else(|| "a `{` in the template is not closed".to_owned())?;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        parts.push(match name {
            "body" => Part::Body,
            "timestamp" => Part::Timestamp,
            _ => {
                return Err(format!(
                    "unknown placeholder `{{{name}}}`: there are `{{body}}` and `{{timestamp}}`"
                ));
            }
        });
        rest = tail;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    if parts.iter().filter(|part| **part == Part::Body).count() == 1 {
        Ok(parts)
    } else {
        Err("the template must have `{body}` exactly once".to_owned())
    }
}

/// A signed time stamp.
#[derive(Clone, Debug)]
pub(crate) struct SignedTime {
    /// Header that holds it in Unix seconds; lower case.
    pub(crate) header: String,
    /// How far it may be off, either way.
    pub(crate) tolerance_secs: u32,
}

/// A keyed digest of the raw body, alone or within a template, in one header.
pub(crate) struct Mac {
    keys: Vec<MacKey>,
    header: String,
    encoding: Encoding,
    prefix: Prefix,
    template: Vec<Part>,
    time: Option<SignedTime>,
}

impl Mac {
    /// The plain form: `header: <prefix><signature>` over the body. `header` is in lower case.
    pub(crate) fn over_body(
        algorithm: Algorithm,
        header: &str,
        encoding: Encoding,
        prefix: Prefix,
        secrets: &[SecretString],
    ) -> Result<Self, InvalidKey> {
        Ok(Self {
            keys: secrets
                .iter()
                .map(|secret| MacKey::new(algorithm, secret.expose_secret().as_bytes()))
                .collect::<Result<_, _>>()?,
            header: header.to_owned(),
            encoding,
            prefix,
            template: vec![Part::Body],
            time: None,
        })
    }

    /// The same with a template and the time stamp in it.
    pub(crate) fn with_template(mut self, template: Vec<Part>, time: Option<SignedTime>) -> Self {
        self.template = template;
        self.time = time;
        self
    }

    /// GitHub's: `X-Hub-Signature-256: sha256=<hex>` (docs.github.com, "Validating webhook deliveries"). The older
    /// SHA-1 header alone is not enough.
    pub(crate) fn github(secrets: &[SecretString]) -> Result<Self, InvalidKey> {
        let prefix = Prefix::Exactly("sha256=".to_owned());
        Self::over_body(
            Algorithm::Sha256,
            "x-hub-signature-256",
            Encoding::Hex,
            prefix,
            secrets,
        )
    }

    /// Slack's: `X-Slack-Signature: v0=<hex>` over `v0:<time stamp>:<body>` (api.slack.com, "Verifying requests").
    pub(crate) fn slack(secrets: &[SecretString]) -> Result<Self, InvalidKey> {
        let prefix = Prefix::Exactly("v0=".to_owned());
        let template = vec![
            Part::Literal("v0:".to_owned()),
            Part::Timestamp,
            Part::Literal(":".to_owned()),
            Part::Body,
        ];
        let time = SignedTime {
            header: "x-slack-request-timestamp".to_owned(),
            tolerance_secs: super::DEFAULT_TOLERANCE_SECS,
        };
        Self::over_body(
            Algorithm::Sha256,
            "x-slack-signature",
            Encoding::Hex,
            prefix,
            secrets,
        )
        .map(|mac| mac.with_template(template, Some(time)))
    }

    pub(crate) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let value = header(delivery, &self.header).ok_or_else(|| missing(&self.header))?;
        let presented = self.presented(value);
        if presented.is_empty() {
            return Err(Refusal::Unverified(format!(
                "the header `{}` holds no signature of the expected form",
                self.header
            )));
        }
        let stamp = self.signed_time(delivery)?;
        let parts: Vec<&[u8]> = self
            .template
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.as_bytes(),
                Part::Timestamp => stamp.as_bytes(),
                Part::Body => delivery.body,
            })
            .collect();
        let held = self
            .keys
            .iter()
            .fold(Choice::from(0), |held, key| held | key.holds(&parts, &presented));
        if bool::from(held) {
            Ok(())
        } else {
            Err(Refusal::Unverified(format!(
                "the signature in `{}` is not that of this body under any configured secret",
                self.header
            )))
        }
    }

    /// Some senders put several signatures into one header while a secret is being rotated.
    fn presented(&self, value: &str) -> Vec<Vec<u8>> {
        value
            .split([',', ' '])
            .filter(|text| !text.is_empty())
            .take(MAX_SIGNATURES)
            .filter_map(|text| self.encoding.decode(self.prefix.strip(text)?))
            .filter(|bytes| !bytes.is_empty())
            .collect()
    }

    fn signed_time<'a>(&self, delivery: &Delivery<'a>) -> Result<&'a str, Refusal> {
        let Some(time) = &self.time else { return Ok("") };
        let text = header(delivery, &time.header).ok_or_else(|| missing(&time.header))?;
        check_age(&time.header, text, delivery, time.tolerance_secs)?;
        Ok(text)
    }
}
