use pilotage_core::config::{Problem, SecretRef, nearest};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Algorithm, Basic, Credential, DEFAULT_TOLERANCE_SECS, Encoding, InvalidKey, MAX_SECRETS, Mac, Verifier,
    mac::{Prefix, SignedTime, parse_template},
    standard_webhooks::SigningKey,
};
use crate::sources::{BuildScope, settings::read};

/// How deliveries of a source are verified. Several secrets may be given, so that one can be rotated.
#[derive(JsonSchema)]
#[schemars(tag = "type", rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "it is read by its `type` in `verifier`, so that problems point at their place; this is its schema"
)]
pub(crate) enum VerificationSettings {
    /// Standard Webhooks 1.0 with `whsec_` secrets.
    StandardWebhooks(SecretsSettings),
    /// A keyed digest of the raw body in a header.
    Hmac(HmacSettings),
    /// `Authorization: Bearer <secret>`.
    Bearer(SecretsSettings),
    /// The secret in a header of its own.
    Header(HeaderSettings),
    /// Basic authentication.
    Basic(BasicSettings),
    /// Slack's request signing.
    Slack(SecretsSettings),
    /// Nothing is checked: anyone who reaches the port can send events.
    None(NoneSettings),
}

/// Only secrets.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretsSettings {
    /// Each of them is accepted; at most 16.
    #[schemars(length(min = 1, max = 16))]
    secrets: Vec<SecretRef>,
}

/// A keyed digest of the raw body.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HmacSettings {
    /// The hash.
    #[serde(default)]
    algorithm: Algorithm,
    /// Name of the header with the signature, such as `X-Hub-Signature-256`.
    header: String,
    /// How the signature is written.
    #[serde(default)]
    encoding: Encoding,
    /// What must stand before it, such as `sha256=`. Where this is not given, `<algorithm>=` or nothing is accepted.
    prefix: Option<String>,
    /// The signed text with the placeholders `{body}` and `{timestamp}`; the body alone where this is not given.
    template: Option<String>,
    /// Name of the header with the time in Unix seconds that `{timestamp}` stands for.
    timestamp_header: Option<String>,
    /// How far that time may be off, either way, in seconds; 300 where this is not given.
    #[schemars(range(min = 1, max = 3600))]
    tolerance_secs: Option<u32>,
    /// Each of them is accepted; at most 16.
    #[schemars(length(min = 1, max = 16))]
    secrets: Vec<SecretRef>,
}

/// The secret in a header of its own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HeaderSettings {
    /// Name of the header, such as `X-Api-Key`.
    header: String,
    /// Each of them is accepted; at most 16.
    #[schemars(length(min = 1, max = 16))]
    secrets: Vec<SecretRef>,
}

/// Basic authentication.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BasicSettings {
    /// The user name; any where this is not given.
    username: Option<String>,
    /// Each is accepted as the password; at most 16.
    #[schemars(length(min = 1, max = 16))]
    secrets: Vec<SecretRef>,
}

/// Nothing to say.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoneSettings {}

const TYPES: [&str; 7] = [
    "standard-webhooks",
    "hmac",
    "bearer",
    "header",
    "basic",
    "slack",
    "none",
];

/// Reads a `verification` section. Pointers of problems are relative to it.
pub(crate) fn verifier(settings: &Value, scope: &BuildScope<'_>) -> Result<Verifier, Vec<Problem>> {
    let Some(object) = settings.as_object() else {
        return Err(vec![
            Problem::at("", "must be an object with a `type`").help(one_of_types()),
        ]);
    };
    let Some(kind) = object.get("type").and_then(Value::as_str) else {
        return Err(vec![
            Problem::at("", "`type` is missing or no string").help(one_of_types()),
        ]);
    };
    let mut rest = object.clone();
    rest.remove("type");
    let rest = Value::Object(rest);
    match kind {
        "standard-webhooks" => {
            let settings: SecretsSettings = read(&rest)?;
            signing_keys(&settings.secrets, "/secrets", scope).map(Verifier::StandardWebhooks)
        }
        "hmac" => hmac(&read(&rest)?, scope).map(Verifier::Mac),
        "slack" => {
            let secrets = resolve_secrets(&read::<SecretsSettings>(&rest)?.secrets, "/secrets", scope)?;
            Mac::slack(&secrets)
                .map(Verifier::Mac)
                .map_err(|error| unusable("/secrets", &error))
        }
        "bearer" => {
            let secrets = resolve_secrets(&read::<SecretsSettings>(&rest)?.secrets, "/secrets", scope)?;
            Ok(Verifier::Credential(Credential::new(
                &secrets,
                &[],
                true,
                Basic::No,
            )))
        }
        "header" => in_header(&read(&rest)?, scope),
        "basic" => {
            let settings: BasicSettings = read(&rest)?;
            let secrets = resolve_secrets(&settings.secrets, "/secrets", scope)?;
            let user = settings.username.map_or(Basic::AnyUser, Basic::User);
            Ok(Verifier::Credential(Credential::new(&secrets, &[], false, user)))
        }
        "none" => read::<NoneSettings>(&rest).map(|NoneSettings {}| Verifier::Unchecked),
        unknown => {
            let help =
                nearest(unknown, TYPES).map_or_else(one_of_types, |name| format!("did you mean `{name}`?"));
            Err(vec![
                Problem::at("/type", format!("unknown verification type `{unknown}`")).help(help),
            ])
        }
    }
}

fn one_of_types() -> String {
    format!("one of {}", TYPES.map(|name| format!("`{name}`")).join(", "))
}

fn in_header(settings: &HeaderSettings, scope: &BuildScope<'_>) -> Result<Verifier, Vec<Problem>> {
    let header = header_name(&settings.header, "/header")?;
    let secrets = resolve_secrets(&settings.secrets, "/secrets", scope)?;
    Ok(Verifier::Credential(Credential::new(
        &secrets,
        &[&header],
        false,
        Basic::No,
    )))
}

fn hmac(settings: &HmacSettings, scope: &BuildScope<'_>) -> Result<Mac, Vec<Problem>> {
    let header = header_name(&settings.header, "/header")?;
    let secrets = resolve_secrets(&settings.secrets, "/secrets", scope)?;
    let prefix = settings
        .prefix
        .clone()
        .map_or(Prefix::AlgorithmOrNone(settings.algorithm), Prefix::Exactly);
    let mac = Mac::over_body(settings.algorithm, &header, settings.encoding, prefix, &secrets)
        .map_err(|error| unusable("/secrets", &error))?;
    let template = settings.template.as_deref().unwrap_or("{body}");
    let template = parse_template(template).map_err(|why| vec![Problem::at("/template", why)])?;
    let stamped = template.contains(&super::mac::Part::Timestamp);
    let time = signed_time(settings)?;
    // A time stamp that is not under the signature proves nothing, and a placeholder needs its value.
    match (stamped, &time) {
        (true, None) => Err(vec![Problem::at(
            "/template",
            "`{timestamp}` in the template needs `timestampHeader`",
        )]),
        (false, Some(_)) => Err(vec![Problem::at(
            "/timestampHeader",
            "the time stamp is not signed: put `{timestamp}` into `template`",
        )]),
        _ => Ok(mac.with_template(template, time)),
    }
}

fn signed_time(settings: &HmacSettings) -> Result<Option<SignedTime>, Vec<Problem>> {
    let tolerance_secs = settings.tolerance_secs.unwrap_or(DEFAULT_TOLERANCE_SECS);
    if !(1..=3600).contains(&tolerance_secs) {
        return Err(vec![Problem::at("/toleranceSecs", "must be between 1 and 3600")]);
    }
    let Some(name) = &settings.timestamp_header else {
        return if settings.tolerance_secs.is_some() {
            Err(vec![Problem::at("/toleranceSecs", "needs `timestampHeader`")])
        } else {
            Ok(None)
        };
    };
    let header = header_name(name, "/timestampHeader")?;
    Ok(Some(SignedTime {
        header,
        tolerance_secs,
    }))
}

/// A header's name in lower case, as deliveries carry it.
pub(crate) fn header_name(name: &str, pointer: &str) -> Result<String, Vec<Problem>> {
    http::HeaderName::from_bytes(name.as_bytes())
        .map(|name| name.as_str().to_owned())
        .map_err(|_| {
            vec![Problem::at(
                pointer,
                format!("`{}` is no header name", name.escape_default()),
            )]
        })
}

/// Fetches a list of secrets: at least one, at most sixteen.
pub(crate) fn resolve_secrets(
    secrets: &[SecretRef],
    pointer: &str,
    scope: &BuildScope<'_>,
) -> Result<Vec<SecretString>, Vec<Problem>> {
    if secrets.is_empty() || secrets.len() > MAX_SECRETS {
        let message = format!("there must be 1 to {MAX_SECRETS} secrets");
        return Err(vec![Problem::at(pointer, message)]);
    }
    let mut resolved = Vec::with_capacity(secrets.len());
    let mut problems = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        match secret.resolve(scope.env, scope.read_file) {
            Ok(secret) => resolved.push(secret),
            Err(error) => problems.push(Problem::at(format!("{pointer}/{index}"), error.to_string())),
        }
    }
    if problems.is_empty() {
        Ok(resolved)
    } else {
        Err(problems)
    }
}

/// Fetches a list of Standard Webhooks secrets.
pub(crate) fn signing_keys(
    secrets: &[SecretRef],
    pointer: &str,
    scope: &BuildScope<'_>,
) -> Result<Vec<SigningKey>, Vec<Problem>> {
    let resolved = resolve_secrets(secrets, pointer, scope)?;
    let parsed = resolved.iter().enumerate().map(|(index, secret)| {
        SigningKey::parse(secret)
            .map_err(|error| Problem::at(format!("{pointer}/{index}"), error.to_string()))
    });
    let (keys, problems): (Vec<_>, Vec<_>) = parsed.partition(Result::is_ok);
    if problems.is_empty() {
        Ok(keys.into_iter().flatten().collect())
    } else {
        Err(problems.into_iter().filter_map(Result::err).collect())
    }
}

fn unusable(pointer: &str, error: &InvalidKey) -> Vec<Problem> {
    vec![Problem::at(pointer, error.to_string())]
}
