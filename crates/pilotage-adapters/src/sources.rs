//! The webhook sources: what is registered, how the configuration becomes sources, and how each sender signs.
//!
//! Adding a source is one file with a `KIND`, one line in `KINDS` and one fixture.

use std::{collections::BTreeMap, sync::Arc};

use pilotage_core::{
    config::{Problem, nearest, pointer_segment},
    ports::WebhookSource,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{alertmanager, azure_devops, custom, github, gitlab, jenkins, kubernetes, make};

pub(crate) mod fields;
pub(crate) mod payload;
pub(crate) mod sending;
pub(crate) mod settings;

pub use sending::{Headers, Outgoing, SignError, sign};

const KINDS: [SourceKind; 7] = [
    github::webhook::KIND,
    gitlab::webhook::KIND,
    make::webhook::KIND,
    kubernetes::webhook::KIND,
    jenkins::webhook::KIND,
    azure_devops::webhook::KIND,
    alertmanager::webhook::KIND,
];

/// Makes a source of its section, or of the environment alone where there is none.
pub type Build = fn(Option<&Value>, &BuildScope<'_>) -> Result<Arc<dyn WebhookSource>, Vec<Problem>>;

/// A sender that is known without configuration.
#[derive(Clone, Copy)]
pub struct SourceKind {
    /// Its name in the configuration, in events and in `/webhooks/<name>`.
    pub name: &'static str,
    /// Longest body that the sender may send unless `maxBodyBytes` says otherwise, in bytes.
    pub max_body_bytes: usize,
    /// Builds it from its section without `rateLimit` and `maxBodyBytes`, or from the environment alone. Pointers of
    /// problems are relative to the section.
    pub build: Build,
    /// JSON Schema of its section without `rateLimit` and `maxBodyBytes`.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// The headers that the real sender would send.
    pub sign: fn(&Outgoing<'_>) -> Result<Headers, SignError>,
    /// Recorded or documented bodies, for the demo and for tests. There is at least one.
    pub samples: &'static [Sample],
}

/// A body that the sender sends.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The type of the event that it becomes.
    pub event: &'static str,
    /// JSON text.
    pub body: &'static str,
}

/// What building a source may look at.
#[derive(Clone, Copy)]
pub struct BuildScope<'a> {
    /// Looks an environment variable up.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file as text or says why not.
    pub read_file: &'a dyn Fn(&str) -> Result<String, String>,
    /// Whether the server listens on loopback addresses only. Senders that cannot sign are then accepted unchecked
    /// where no secret is configured; everywhere else they are refused.
    pub loopback_only: bool,
}

/// A source ready for intake.
#[derive(Clone)]
pub struct Configured {
    /// Verifies and translates.
    pub source: Arc<dyn WebhookSource>,
    /// Whether it is one of the configuration's own, which are reached below `/webhooks/custom/`.
    pub custom: bool,
    /// The most deliveries that are looked at; `None` where the configuration says `rateLimit: null`.
    pub rate_limit: Option<RateLimit>,
    /// Longest body, in bytes.
    pub max_body_bytes: usize,
}

/// A token bucket for all deliveries of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Deliveries a second in the long run.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_second: u32,
    /// How many may come at once; at least 1.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub burst: u32,
}

impl Default for RateLimit {
    /// Far above what a sender does and about what one core can verify: a bound on work, not a quota.
    fn default() -> Self {
        Self {
            per_second: 50_000,
            burst: 100_000,
        }
    }
}

/// Upper bound of `maxBodyBytes`, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// The keys that every section may have.
const COMMON_KEYS: [&str; 2] = ["rateLimit", "maxBodyBytes"];

/// All senders that are known without configuration.
pub fn kinds() -> &'static [SourceKind] {
    &KINDS
}

/// Builds the known sources, configured or not, and the custom ones of the section `sources`, by name.
///
/// # Errors
/// Every problem found, with pointers below `/sources/<name>`.
pub fn build_all(
    config: &BTreeMap<String, Value>,
    scope: &BuildScope<'_>,
) -> Result<BTreeMap<String, Configured>, Vec<Problem>> {
    let mut configured = BTreeMap::new();
    let mut problems = Vec::new();
    let known = KINDS.iter().map(|kind| (kind.name, Some(kind)));
    let custom = config
        .keys()
        .filter(|name| kind_of(name).is_none())
        .map(|name| (name.as_str(), None));
    for (name, kind) in known.chain(custom) {
        match configure(name, kind, config.get(name), scope) {
            Ok(source) => drop(configured.insert(name.to_owned(), source)),
            Err(found) => {
                let prefix = format!("/sources/{}", pointer_segment(name));
                problems.extend(found.into_iter().map(|problem| problem.under(&prefix)));
            }
        }
    }
    if problems.is_empty() {
        Ok(configured)
    } else {
        Err(problems)
    }
}

fn kind_of(name: &str) -> Option<&'static SourceKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

fn configure(
    name: &str,
    kind: Option<&SourceKind>,
    section: Option<&Value>,
    scope: &BuildScope<'_>,
) -> Result<Configured, Vec<Problem>> {
    // A key without a value, as in `github:`, is the same as no section.
    let section = section.filter(|section| !section.is_null());
    let (common, own) = split(section)?;
    let (build, default_body_bytes): (Build, usize) = match kind {
        Some(kind) => (kind.build, kind.max_body_bytes),
        None => (custom::webhook::build, custom::webhook::MAX_BODY_BYTES),
    };
    if kind.is_none() {
        check_name(name)?;
    }
    let source = build(own.as_ref(), scope).map_err(|problems| meant(name, kind.is_none(), problems))?;
    Ok(Configured {
        source,
        custom: kind.is_none(),
        rate_limit: common.rate_limit,
        max_body_bytes: common.max_body_bytes.unwrap_or(default_body_bytes),
    })
}

/// A custom source whose name is nearly that of a known one, and that lacks something, was most likely meant as that.
fn meant(name: &str, custom: bool, mut problems: Vec<Problem>) -> Vec<Problem> {
    let near = custom
        .then(|| nearest(name, KINDS.iter().map(|kind| kind.name)))
        .flatten();
    if let (Some(near), Some(first)) = (near, problems.first_mut()) {
        first.help = Some(format!("did you mean `{near}`?"));
    }
    problems
}

/// The name is part of a path and of every event.
fn check_name(name: &str) -> Result<(), Vec<Problem>> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let starts_plain = name.chars().next().is_some_and(plain);
    if starts_plain && name.len() <= 64 && name.chars().all(|letter| plain(letter) || "-_.".contains(letter))
    {
        return Ok(());
    }
    let message = "a source's name has 1 to 64 lower-case letters, digits, `-`, `_` and `.`, and begins with a letter or digit";
    Err(vec![Problem::at("", message)])
}

struct Common {
    rate_limit: Option<RateLimit>,
    max_body_bytes: Option<usize>,
}

/// Takes what every section may have out of it, so that no source has to repeat it.
fn split(section: Option<&Value>) -> Result<(Common, Option<Value>), Vec<Problem>> {
    let mut own = section.cloned();
    let object = own.as_mut().and_then(Value::as_object_mut);
    let (limit, bytes) = match object {
        Some(object) => (object.remove("rateLimit"), object.remove("maxBodyBytes")),
        None => (None, None),
    };
    let common = Common {
        rate_limit: limit.map_or(Ok(Some(RateLimit::default())), |limit| rate_limit(&limit))?,
        max_body_bytes: bytes.map(|bytes| body_bytes(&bytes)).transpose()?,
    };
    Ok((common, own))
}

fn rate_limit(section: &Value) -> Result<Option<RateLimit>, Vec<Problem>> {
    if section.is_null() {
        return Ok(None);
    }
    let under = |problems: Vec<Problem>| {
        problems
            .into_iter()
            .map(|p| p.under("/rateLimit"))
            .collect::<Vec<_>>()
    };
    let limit: RateLimit = settings::read(section).map_err(under)?;
    let bounds = [
        ("/rateLimit/perSecond", limit.per_second, 1_000_000),
        ("/rateLimit/burst", limit.burst, 10_000_000),
    ];
    match bounds
        .into_iter()
        .find(|&(_, value, most)| value == 0 || value > most)
    {
        Some((pointer, _, most)) => Err(vec![Problem::at(
            pointer,
            format!("must be between 1 and {most}"),
        )]),
        None => Ok(Some(limit)),
    }
}

fn body_bytes(value: &Value) -> Result<usize, Vec<Problem>> {
    value
        .as_u64()
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|bytes| (1..=MAX_BODY_BYTES).contains(bytes))
        .ok_or_else(|| {
            vec![Problem::at(
                "/maxBodyBytes",
                format!("must be between 1 and {MAX_BODY_BYTES}"),
            )]
        })
}

/// JSON Schema of the section `sources`: the known sources by name, and custom ones under any other.
pub fn schema(generator: &mut SchemaGenerator) -> Schema {
    let known: Map<String, Value> = KINDS
        .iter()
        .map(|kind| (kind.name.to_owned(), with_common(generator, kind.schema)))
        .collect();
    let custom = with_common(generator, |generator| {
        generator.subschema_for::<custom::webhook::CustomSettings>()
    });
    json_schema!({
        "type": "object",
        "description": "Where webhooks come from: the known senders by name; any other name declares a custom source.",
        "properties": known,
        "additionalProperties": custom,
    })
}

/// A section's schema, written out, with the keys that every section may have.
fn with_common(generator: &mut SchemaGenerator, of: fn(&mut SchemaGenerator) -> Schema) -> Value {
    let own = of(generator);
    let name = own
        .as_value()
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.rsplit('/').next());
    let mut schema = match name.and_then(|name| generator.definitions().get(name)) {
        Some(definition) => definition.clone(),
        None => own.to_value(),
    };
    let limit = generator.subschema_for::<Option<RateLimit>>().to_value();
    let common = [
        limit,
        json_schema!({
            "type": "integer", "minimum": 1, "maximum": MAX_BODY_BYTES,
            "description": "Longest body, in bytes.",
        })
        .to_value(),
    ];
    if let Some(properties) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
        properties.extend(COMMON_KEYS.map(str::to_owned).into_iter().zip(common));
    }
    schema
}
