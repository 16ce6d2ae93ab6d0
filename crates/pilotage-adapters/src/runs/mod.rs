//! Platforms that run pipelines: a folder for each vendor, one line in [`kinds`] to register it.
//!
//! As people write them:
//! ```yaml
//! platforms:
//!   github: {type: github, repository: acme/shop, token: "${env:GITHUB_TOKEN}"}
//!   gitlab: {type: gitlab, project: acme/shop, token: "${env:GITLAB_TOKEN}"}
//! ```

pub(crate) mod api;
mod ask;
pub(crate) mod hints;
pub(crate) mod log;
pub(crate) mod refusal;
mod ways;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pilotage_core::{
    Timestamp,
    config::{self, Problem, SecretRef, nearest, pointer_segment},
    ports::CiPlatform,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

pub use ways::ways;

use crate::{azure_devops, github, gitlab, jenkins, outbound::api_client};

/// The longest name of a platform.
const MAX_NAME: usize = 128;

/// Most characters of a path segment stay as they are (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A platform, or everything that is wrong with its configuration.
pub type Built = Result<Arc<dyn CiPlatform>, Vec<Problem>>;

/// A kind of platform.
pub struct PlatformKind {
    /// The `type` in the configuration.
    pub name: &'static str,
    /// Makes one from its configuration without `type`; pointers of problems are relative to that.
    pub build: fn(&Value, &PlatformScope<'_>) -> Built,
    /// The schema of its configuration without `type`.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Every kind of platform.
pub fn kinds() -> &'static [PlatformKind] {
    &[
        PlatformKind {
            name: "github",
            build: github::runs::build,
            schema: github::runs::GitHubConfig::json_schema,
        },
        PlatformKind {
            name: "gitlab",
            build: gitlab::runs::build,
            schema: gitlab::runs::GitLabConfig::json_schema,
        },
        PlatformKind {
            name: "jenkins",
            build: jenkins::runs::build,
            schema: jenkins::runs::JenkinsConfig::json_schema,
        },
        PlatformKind {
            name: "azure-devops",
            build: azure_devops::runs::build,
            schema: azure_devops::runs::AzureDevOpsConfig::json_schema,
        },
    ]
}

/// What platforms are built with.
pub struct PlatformScope<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    read_file: &'a dyn Fn(&str) -> Result<String, String>,
    secrets: Mutex<Vec<SecretString>>,
}

impl<'a> PlatformScope<'a> {
    /// `env` looks an environment variable up; `read_file` reads a file as text or says why not.
    pub fn new(
        env: &'a dyn Fn(&str) -> Option<String>,
        read_file: &'a dyn Fn(&str) -> Result<String, String>,
    ) -> Self {
        Self {
            env,
            read_file,
            secrets: Mutex::default(),
        }
    }

    /// Every secret that was read so far, for whoever keeps them out of what is recorded.
    pub fn secrets(&self) -> Vec<SecretString> {
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Fetches the secret that stands at `pointer`.
    pub(crate) fn secret(&self, reference: &SecretRef, pointer: &str) -> Result<SecretString, Problem> {
        let secret = reference.resolve(self.env, self.read_file);
        let secret = secret.map_err(|error| Problem::at(pointer, error.to_string()))?;
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(secret.clone());
        Ok(secret)
    }
}

/// Makes every platform of the section `platforms:`.
///
/// # Errors
/// Everything that is wrong in it, with pointers below `/platforms/<name>`.
pub fn build_all(
    platforms: &BTreeMap<String, Value>,
    scope: &PlatformScope<'_>,
) -> Result<BTreeMap<String, Arc<dyn CiPlatform>>, Vec<Problem>> {
    let mut built = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in platforms {
        match build(name, value, scope) {
            Ok(platform) => drop(built.insert(name.clone(), platform)),
            Err(found) => {
                let prefix = format!("/platforms/{}", pointer_segment(name));
                problems.extend(found.into_iter().map(|problem| problem.under(&prefix)));
            }
        }
    }
    if problems.is_empty() {
        Ok(built)
    } else {
        Err(problems)
    }
}

/// The schema of the section `platforms:`.
pub fn schema(generator: &mut SchemaGenerator) -> Schema {
    let kinds: Vec<Value> = kinds().iter().map(|kind| kind_schema(kind, generator)).collect();
    schemars::json_schema!({
        "type": "object",
        "description": "Platforms that run pipelines, by a name of your own: what `pilotage ci trigger` and a `pipeline` action name.",
        "additionalProperties": { "oneOf": kinds },
    })
}

fn kind_schema(kind: &PlatformKind, generator: &mut SchemaGenerator) -> Value {
    let mut schema: Value = (kind.schema)(generator).into();
    schema["properties"]["type"] = json!({ "const": kind.name });
    for (name, shared) in ways::schema(generator) {
        schema["properties"][name] = shared;
    }
    match schema["required"].as_array_mut() {
        Some(required) => required.insert(0, "type".into()),
        None => schema["required"] = json!(["type"]),
    }
    schema
}

fn build(name: &str, value: &Value, scope: &PlatformScope<'_>) -> Built {
    let is_name = (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_name {
        let problem = Problem::at(
            "",
            "a platform's name consists of letters, digits, `-`, `_` and `.`",
        );
        return Err(vec![problem.help(format!("at most {MAX_NAME} of them"))]);
    }
    let (kind, rest) = split_type(value).map_err(|problem| vec![problem])?;
    (kind.build)(&rest, scope)
}

fn split_type(value: &Value) -> Result<(&'static PlatformKind, Value), Problem> {
    let names = || kinds().iter().map(|kind| kind.name).collect::<Vec<_>>();
    let known = || format!("there are: {}", names().join(", "));
    let mut fields: Map<String, Value> = config::read(value)?;
    let Some(name) = fields.remove("type") else {
        return Err(Problem::at("", "a platform needs a `type`").help(known()));
    };
    ways::split(&mut fields);
    let found = name
        .as_str()
        .and_then(|name| kinds().iter().find(|kind| kind.name == name));
    found.map(|kind| (kind, Value::Object(fields))).ok_or_else(|| {
        let name = name.as_str().unwrap_or_default();
        let problem = Problem::at(
            "/type",
            format!("there is no platform type `{}`", name.escape_default()),
        );
        problem.help(nearest(name, names()).map_or_else(known, |near| format!("did you mean `{near}`?")))
    })
}

/// The address of a platform's API.
pub(crate) fn base_url(text: &str, pointer: &str) -> Result<String, Problem> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let url = url.ok_or_else(|| Problem::at(pointer, "this is no http or https address"))?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_bare {
        return Err(Problem::at(
            pointer,
            "the address of a platform holds no user name, password, query or fragment",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub(crate) fn http_client() -> Result<reqwest::Client, Problem> {
    api_client().map_err(|error| Problem::at("", error.to_string()))
}

/// A header's value that is never shown.
pub(crate) fn secret_header(value: &SecretString, pointer: &str) -> Result<HeaderValue, Problem> {
    let text = value.expose_secret().trim();
    let sendable = !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let value = HeaderValue::from_str(text).ok().filter(|_| sendable);
    let mut value =
        value.ok_or_else(|| Problem::at(pointer, "the token holds characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// One segment of a path, or a value of a query.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A moment as platforms write it; what is none is left out.
pub(crate) fn moment(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}
