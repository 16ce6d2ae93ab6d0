use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A secret as configuration names it: `${env:NAME}`, `${file:PATH}`, or the secret itself. A reference is the whole text.
/// Only references are ever shown; the secret itself is `***` in `Debug` and when serialised.
#[derive(Clone)]
pub struct SecretRef(Place);

#[derive(Clone)]
enum Place {
    Env(String),
    File(String),
    Literal(SecretString),
}

/// Why a secret cannot be had. The text names the place and never the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is written as an empty string.
    #[error("a secret must not be empty")]
    Empty,
    /// It starts like a reference, but is none.
    #[error("`${{{0}` is no reference to a secret: write `${{env:NAME}}` or `${{file:PATH}}`")]
    UnknownReference(String),
    /// A reference stands within a longer text, where nothing would replace it.
    #[error(
        "a reference must be the whole text: put the whole value, such as a header with its `Bearer `, into the variable or file"
    )]
    NotWhole,
    /// The environment variable is not set.
    #[error("the environment variable `{0}` is not set")]
    NotSet(String),
    /// What the reference names is there and empty.
    #[error("the secret in {0} is empty")]
    EmptyAt(String),
    /// The file cannot be read.
    #[error("the secret file `{path}` cannot be read: {reason}")]
    Unreadable {
        /// As configured.
        path: String,
        /// As the reader said.
        reason: String,
    },
}

impl SecretRef {
    /// Understands the text of a configuration value.
    ///
    /// # Errors
    /// It is empty, an unknown or nameless reference, or a reference within a longer text.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if holds_more_than_a_reference(text) {
            return Err(SecretError::NotWhole);
        }
        let Some(reference) = text.strip_prefix("${") else {
            return Ok(Self(Place::Literal(text.into())));
        };
        let inner = reference.strip_suffix('}').unwrap_or_default();
        match inner.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self(Place::Env(name.to_owned()))),
            Some(("file", path)) if !path.is_empty() => Ok(Self(Place::File(path.to_owned()))),
            // What follows the word could be a secret that happens to begin with `${`: only the word is repeated.
            _ => Err(SecretError::UnknownReference(
                reference.chars().take_while(char::is_ascii_lowercase).collect(),
            )),
        }
    }

    /// Whether it is the secret itself, so that showing the text would give it away.
    pub const fn is_literal(&self) -> bool {
        matches!(self.0, Place::Literal(_))
    }

    /// Fetches the secret. `env` looks an environment variable up; `read_file` reads a file as text or says why not. One
    /// line break at the end of a file is not part of the secret.
    ///
    /// # Errors
    /// The variable is not set, the file cannot be read, or what is there is empty.
    pub fn resolve(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
        read_file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<SecretString, SecretError> {
        let secret = match &self.0 {
            Place::Literal(secret) => secret.clone(),
            Place::Env(name) => env(name).ok_or_else(|| SecretError::NotSet(name.clone()))?.into(),
            Place::File(path) => {
                without_line_break(&SecretString::from(read_file(path).map_err(|reason| {
                    SecretError::Unreadable {
                        path: path.clone(),
                        reason,
                    }
                })?))
            }
        };
        if secret.expose_secret().is_empty() {
            return Err(SecretError::EmptyAt(self.to_string()));
        }
        Ok(secret)
    }
}

/// Whether a reference stands in `text` beside something else. Sent as it stands, it would be neither what was meant nor
/// noticed.
fn holds_more_than_a_reference(text: &str) -> bool {
    ["${env:", "${file:"].into_iter().any(|opening| {
        let Some((before, rest)) = text.split_once(opening) else {
            return false;
        };
        let closes_early = rest.split_once('}').is_some_and(|(_, after)| !after.is_empty());
        !before.is_empty() || closes_early
    })
}

/// Editors end a file with a line break that nobody means as part of a password.
fn without_line_break(secret: &SecretString) -> SecretString {
    let text = secret.expose_secret();
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text).into()
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Env(name) => write!(f, "${{env:{name}}}"),
            Place::File(path) => write!(f, "${{file:{path}}}"),
            Place::Literal(_) => f.write_str("***"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretRef({self})")
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl schemars::JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "minLength": 1,
            "description": "A secret: `${env:NAME}` or `${file:PATH}` as the whole text, or (not advised) the secret itself."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<String, SecretError> {
        let env = |name: &str| match name {
            "TOKEN" => Some("from-env".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let read_file = |path: &str| match path {
            "/run/secret" => Ok("from-file\r\n".to_owned()),
            "/run/empty" => Ok("\n".to_owned()),
            _ => Err("no such file".to_owned()),
        };
        let secret = SecretRef::parse(text)?.resolve(&env, &read_file)?;
        Ok(secret.expose_secret().to_owned())
    }

    #[test]
    fn references_and_literals_resolve() {
        let cases = [
            ("literal", Ok("literal")),
            ("$literal", Ok("$literal")),
            ("${env:TOKEN}", Ok("from-env")),
            ("${file:/run/secret}", Ok("from-file")),
            ("", Err(SecretError::Empty)),
            ("${env:}", Err(SecretError::UnknownReference("env".to_owned()))),
            (
                "${env:TOKEN",
                Err(SecretError::UnknownReference("env".to_owned())),
            ),
            (
                "${vault:hunter2}",
                Err(SecretError::UnknownReference("vault".to_owned())),
            ),
            ("Bearer ${env:TOKEN}", Err(SecretError::NotWhole)),
            ("${env:TOKEN} ", Err(SecretError::NotWhole)),
            ("${env:TOKEN}${env:TOKEN}", Err(SecretError::NotWhole)),
            ("${env:${file:/run/secret}}", Err(SecretError::NotWhole)),
            ("Basic ${file:/run/secret", Err(SecretError::NotWhole)),
            ("Bearer ${TOKEN}", Ok("Bearer ${TOKEN}")),
            ("${env:MISSING}", Err(SecretError::NotSet("MISSING".to_owned()))),
            (
                "${env:EMPTY}",
                Err(SecretError::EmptyAt("${env:EMPTY}".to_owned())),
            ),
            (
                "${file:/run/empty}",
                Err(SecretError::EmptyAt("${file:/run/empty}".to_owned())),
            ),
            (
                "${file:/none}",
                Err(SecretError::Unreadable {
                    path: "/none".to_owned(),
                    reason: "no such file".to_owned(),
                }),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn no_way_of_showing_it_shows_a_literal() {
        let secret: SecretRef = serde_json::from_str(r#""hunter2""#).unwrap();
        assert_eq!(format!("{secret} {secret:?}"), "*** SecretRef(***)");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""***""#);
        let reference: SecretRef = serde_json::from_str(r#""${env:TOKEN}""#).unwrap();
        assert_eq!(serde_json::to_string(&reference).unwrap(), r#""${env:TOKEN}""#);
        let error = serde_json::from_str::<SecretRef>(r#""${hunter2}""#)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
