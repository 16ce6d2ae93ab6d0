//! Notifiers: one file for each medium, one line in [`kinds`] to register it.
//!
//! As people write them:
//! ```yaml
//! notifiers:
//!   releases: {type: slack, url: "${env:SLACK_URL}"}
//!   ops: {type: email, host: smtp.example.com, from: pilotage@example.com, to: [ops@example.com]}
//! slack: {token: "${env:SLACK_TOKEN}"}
//! ```

mod post;
mod scope;
mod text;

use std::{collections::BTreeMap, sync::Arc};

use pilotage_core::{
    config::{self, Problem, nearest, pointer_segment},
    ports::Notifier,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::{discord, json_notifier, slack, smtp, teams};

pub(crate) use post::Post;
pub use scope::NotifierScope;
pub(crate) use text::{Medium, json_bytes, one_line, utf16_units};

/// The longest name of a notifier.
const MAX_NAME: usize = 128;

/// A notifier, or everything that is wrong with its configuration.
pub type Built = Result<Arc<dyn Notifier>, Vec<Problem>>;

/// A kind of notifier.
pub struct NotifierKind {
    /// The `type` in the configuration.
    pub name: &'static str,
    /// Makes one from its configuration without `type`; pointers of problems are relative to that.
    pub build: fn(&Value, &NotifierScope) -> Built,
    /// The schema of its configuration without `type`.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Every kind of notifier.
pub fn kinds() -> &'static [NotifierKind] {
    &[
        NotifierKind {
            name: "slack",
            build: slack::build,
            schema: slack::WebhookConfig::json_schema,
        },
        NotifierKind {
            name: "teams",
            build: teams::build,
            schema: teams::TeamsConfig::json_schema,
        },
        NotifierKind {
            name: "discord",
            build: discord::build,
            schema: discord::DiscordConfig::json_schema,
        },
        NotifierKind {
            name: "email",
            build: smtp::build,
            schema: smtp::EmailConfig::json_schema,
        },
        NotifierKind {
            name: "json",
            build: json_notifier::build,
            schema: json_notifier::JsonConfig::json_schema,
        },
    ]
}

/// The notifiers of a configuration.
#[derive(Default)]
pub struct Notifiers {
    /// Those under `notifiers:`, by name.
    pub named: BTreeMap<String, Arc<dyn Notifier>>,
    /// The one of `slack://channel` targets, if `slack:` holds an app token; takes the channel as parameter `channel`.
    pub slack: Option<Arc<dyn Notifier>>,
}

/// Makes every notifier of the sections `notifiers:` and `slack:`.
///
/// # Errors
/// Everything that is wrong in them, with pointers below `/notifiers/<name>` and `/slack`.
pub fn build_all(
    notifiers: &BTreeMap<String, Value>,
    slack: Option<&Value>,
    scope: &NotifierScope,
) -> Result<Notifiers, Vec<Problem>> {
    let mut built = Notifiers::default();
    let mut problems = Vec::new();
    for (name, value) in notifiers {
        match build(name, value, scope) {
            Ok(notifier) => drop(built.named.insert(name.clone(), notifier)),
            Err(found) => problems.extend(under(&format!("/notifiers/{}", pointer_segment(name)), found)),
        }
    }
    match slack.map(|value| slack::build_app(value, scope)).transpose() {
        Ok(notifier) => built.slack = notifier,
        Err(found) => problems.extend(under("/slack", found)),
    }
    if problems.is_empty() {
        Ok(built)
    } else {
        Err(problems)
    }
}

/// The schema of the section `notifiers:`.
pub fn schema(generator: &mut SchemaGenerator) -> Schema {
    let kinds: Vec<Value> = kinds().iter().map(|kind| kind_schema(kind, generator)).collect();
    schemars::json_schema!({
        "type": "object",
        "description": "Notifiers by name: what a `notification` action names as its target.",
        "additionalProperties": { "oneOf": kinds },
    })
}

fn kind_schema(kind: &NotifierKind, generator: &mut SchemaGenerator) -> Value {
    let mut schema = (kind.schema)(generator);
    let object = schema.ensure_object();
    if let Some(properties) = object
        .entry("properties")
        .or_insert_with(|| json!({}))
        .as_object_mut()
    {
        properties.insert("type".to_owned(), json!({ "const": kind.name }));
    }
    if let Some(required) = object
        .entry("required")
        .or_insert_with(|| json!([]))
        .as_array_mut()
    {
        required.insert(0, "type".into());
    }
    schema.into()
}

fn build(name: &str, value: &Value, scope: &NotifierScope) -> Built {
    if !is_name(name) {
        let problem = Problem::at(
            "",
            "a notifier's name consists of letters, digits, `-`, `_` and `.`",
        );
        return Err(vec![problem.help(format!("at most {MAX_NAME} of them"))]);
    }
    let (kind, rest) = split_type(value).map_err(|problem| vec![problem])?;
    (kind.build)(&rest, scope)
}

fn is_name(name: &str) -> bool {
    let fits = (1..=MAX_NAME).contains(&name.len());
    fits && name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn split_type(value: &Value) -> Result<(&'static NotifierKind, Value), Problem> {
    let names = || kinds().iter().map(|kind| kind.name).collect::<Vec<_>>();
    let known = || format!("there are: {}", names().join(", "));
    let mut fields: Map<String, Value> = config::read(value)?;
    let Some(name) = fields.remove("type") else {
        return Err(Problem::at("", "a notifier needs a `type`").help(known()));
    };
    let found = name
        .as_str()
        .and_then(|name| kinds().iter().find(|kind| kind.name == name));
    found.map(|kind| (kind, Value::Object(fields))).ok_or_else(|| {
        let name = name.as_str().unwrap_or_default();
        let problem = Problem::at(
            "/type",
            format!("there is no notifier type `{}`", name.escape_default()),
        );
        problem.help(nearest(name, names()).map_or_else(known, |near| format!("did you mean `{near}`?")))
    })
}

fn under(prefix: &str, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(move |problem| problem.under(prefix))
}

/// Refuses parameters that a notifier does not know.
pub(crate) fn check_known(parameters: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    let Some(unknown) = parameters.keys().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let unknown_is = format!("this notifier has no parameter `{}`", unknown.escape_default());
    Err(match nearest(unknown, known.iter().copied()) {
        Some(near) => format!("{unknown_is}; did you mean `{near}`?"),
        None if known.is_empty() => format!("{unknown_is}; it takes only `text` and `title`"),
        None => format!(
            "{unknown_is}; beside `text` and `title` it takes: {}",
            known.join(", ")
        ),
    })
}

/// Refuses a parameter that is no text. A template is a text as well.
pub(crate) fn check_text(parameters: &Map<String, Value>, name: &str) -> Result<(), String> {
    let is_text = parameters.get(name).is_none_or(Value::is_string);
    if is_text {
        Ok(())
    } else {
        Err(format!("`{name}` is a text"))
    }
}
