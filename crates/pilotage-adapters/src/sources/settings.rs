//! What the sections of all sources share: how they are read, and how those senders are checked that cannot sign.

use std::sync::Arc;

use pilotage_core::{
    config::{Problem, SecretRef, nearest, pointer_segment},
    ports::WebhookSource,
};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::BuildScope;
use crate::verification::{Basic, Credential, VerificationSettings, Verifier, resolve_secrets, verifier};

/// What building a source answers.
pub(crate) type Built = Result<Arc<dyn WebhookSource>, Vec<Problem>>;

/// Reads a section; pointers of problems are relative to it.
pub(crate) fn read<T: DeserializeOwned>(section: &Value) -> Result<T, Vec<Problem>> {
    serde_path_to_error::deserialize(section).map_err(|error| {
        let pointer = pointer(error.path());
        vec![explain(pointer, &error.inner().to_string())]
    })
}

fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => format!("/{}", pointer_segment(key)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// serde names an unknown key only in its text: "unknown field `x`, expected one of `a`, `b`".
fn explain(pointer: String, message: &str) -> Problem {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (Some(key), true) = (quoted.next(), message.starts_with("unknown field")) else {
        return Problem::at(pointer, without_value(message));
    };
    let at = format!("{pointer}/{}", pointer_segment(key));
    // The path may already end in the key, depending on where serde noticed it.
    let at = if pointer.ends_with(&format!("/{}", pointer_segment(key))) {
        pointer
    } else {
        at
    };
    let problem = Problem::at(at, format!("unknown key `{key}`"));
    match nearest(key, quoted) {
        Some(name) => problem.help(format!("did you mean `{name}`?")),
        None => problem,
    }
}

/// serde repeats the value in "invalid type: string "x", expected a sequence", and the value may be a secret.
fn without_value(message: &str) -> String {
    let Some(rest) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
    else {
        return message.to_owned();
    };
    let found = rest.split([' ', ',']).next().unwrap_or_default();
    let expected = rest
        .rsplit_once(", expected ")
        .map_or("something else", |(_, expected)| expected);
    format!("invalid type: {found}, expected {expected}")
}

/// A source whose sender cannot sign: a shared secret, or nothing where that is said.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UnsignedSettings {
    /// Shared secrets in the places where this sender can put one. Each of them is accepted; at most 16.
    #[serde(default)]
    pub(crate) secrets: Vec<SecretRef>,
    /// Another way of verifying, instead of `secrets`.
    #[serde(default)]
    #[schemars(with = "Option<VerificationSettings>")]
    pub(crate) verification: Option<Value>,
}

/// Where a sender that cannot sign puts its secret when nothing else is configured.
pub(crate) struct Places {
    /// The source's name, for the text of a refusal.
    pub(crate) source: &'static str,
    /// Headers in lower case.
    pub(crate) headers: &'static [&'static str],
    /// A bearer token.
    pub(crate) bearer: bool,
    /// Basic authentication with any user name.
    pub(crate) basic: bool,
    /// Environment variable that holds the secret where the configuration has none.
    pub(crate) env: Option<&'static str>,
}

impl Places {
    /// The verifier for a section. Without any secret it accepts unchecked deliveries on a loopback listener only,
    /// and intake then sees to it that they come from this machine.
    pub(crate) fn verifier(
        &self,
        section: Option<&Value>,
        scope: &BuildScope<'_>,
    ) -> Result<Verifier, Vec<Problem>> {
        let settings: UnsignedSettings = section.map(read).transpose()?.unwrap_or_default();
        if let Some(other) = &settings.verification {
            if !settings.secrets.is_empty() {
                let message =
                    "`secrets` and `verification` exclude each other: put the secrets into `verification`";
                return Err(vec![Problem::at("/secrets", message)]);
            }
            return verifier(other, scope).map_err(|problems| {
                problems
                    .into_iter()
                    .map(|problem| problem.under("/verification"))
                    .collect()
            });
        }
        let secrets = if settings.secrets.is_empty() {
            self.env
                .and_then(|name| from_env(name, scope))
                .into_iter()
                .collect()
        } else {
            resolve_secrets(&settings.secrets, "/secrets", scope)?
        };
        Ok(self.default_verifier(&secrets, scope))
    }

    fn default_verifier(&self, secrets: &[SecretString], scope: &BuildScope<'_>) -> Verifier {
        if !secrets.is_empty() {
            let basic = if self.basic { Basic::AnyUser } else { Basic::No };
            return Verifier::Credential(Credential::new(secrets, self.headers, self.bearer, basic));
        }
        if scope.loopback_only {
            return Verifier::UncheckedLocally;
        }
        let source = self.source;
        let env = self
            .env
            .map(|name| format!(" (or the variable {name})"))
            .unwrap_or_default();
        Verifier::Refusing(format!(
            "no secret is configured for {source} and the server listens beyond loopback: set \
             sources.{source}.secrets{env}, or say sources.{source}.verification.type: none"
        ))
    }
}

/// The secret in an environment variable; an empty one counts as not set.
pub(crate) fn from_env(name: &str, scope: &BuildScope<'_>) -> Option<SecretString> {
    (scope.env)(name)
        .filter(|text| !text.is_empty())
        .map(SecretString::from)
}
