//! Everything that is offered, found by name.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use rmcp::model::{self, JsonObject, ToolAnnotations};
use serde_json::{Map, Value, json};

use crate::{
    answer::ToolError,
    arguments::{DRY_RUN, FIELDS, folded},
    fixtures,
    prompt::Prompt,
    prompts,
    resource::Resource,
    resources, schema,
    tool::{Effect, Run, Tool},
    tools,
    toolset::{CONFORMANCE, TOOLSETS, Toolset},
};

/// Violations told at once.
const MOST_VIOLATIONS: usize = 5;

/// Every tool that there is, the fixtures aside.
pub fn all_tools() -> impl Iterator<Item = &'static Tool> {
    tools::ALL.iter().copied().flatten().chain(tools::make::tools())
}

/// Every resource that there is, the fixtures aside.
pub fn all_resources() -> impl Iterator<Item = &'static Resource> {
    resources::ALL.iter().copied().flatten()
}

/// Every prompt that there is, the fixtures aside.
pub fn all_prompts() -> impl Iterator<Item = &'static Prompt> {
    prompts::ALL.iter().copied().flatten()
}

/// What of all there is to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The names of the toolsets; `all` is every one.
    pub toolsets: Vec<String>,
    /// Whether to leave out what changes anything.
    pub read_only: bool,
    /// Whether to offer the fixtures of the conformance suite too.
    pub conformance: bool,
}

impl Default for Selection {
    fn default() -> Self {
        let by_default = TOOLSETS.iter().filter(|toolset| toolset.by_default);
        Self {
            toolsets: by_default.map(|toolset| toolset.name.to_owned()).collect(),
            read_only: false,
            conformance: false,
        }
    }
}

impl Selection {
    /// The first name that is no toolset's.
    pub fn unknown(&self) -> Option<&str> {
        let mut names = self.toolsets.iter().map(String::as_str);
        names.find(|name| *name != "all" && TOOLSETS.iter().all(|toolset| toolset.name != *name))
    }

    fn offers(&self, toolset: &Toolset) -> bool {
        if *toolset == CONFORMANCE {
            return self.conformance;
        }
        let mut names = self.toolsets.iter();
        names.any(|name| name == "all" || name == toolset.name)
    }
}

/// What is offered, in the order of names.
#[derive(Debug, Default)]
pub struct Registry {
    tools: BTreeMap<&'static str, Entry>,
    resources: Vec<&'static Resource>,
    prompts: BTreeMap<&'static str, &'static Prompt>,
}

impl Registry {
    /// What is offered under a selection.
    pub fn new(selection: &Selection) -> Self {
        let offered = |toolset: &&'static Toolset| selection.offers(toolset);
        let tools = all_tools()
            .chain(fixtures::TOOLS.iter().copied().flatten())
            .filter(|tool| offered(&tool.toolset) && !(selection.read_only && tool.effect.changes()))
            .map(|tool| (tool.name, Entry::new(tool)));
        let mut resources: Vec<_> = all_resources()
            .chain(fixtures::RESOURCES)
            .filter(|resource| offered(&resource.toolset))
            .collect();
        resources.sort_by_key(|resource| resource.uri);
        let prompts = all_prompts()
            .chain(fixtures::PROMPTS)
            .filter(|prompt| offered(&prompt.toolset))
            .map(|prompt| (prompt.name, prompt));
        Self {
            tools: tools.collect(),
            resources,
            prompts: prompts.collect(),
        }
    }

    /// The tool with this name.
    pub fn tool(&self, name: &str) -> Option<&Entry> {
        self.tools.get(name)
    }

    /// Every tool, by name; the fixtures last, as the suite calls the first tool for any.
    pub fn tools(&self) -> impl Iterator<Item = &Entry> {
        let is_fixture = |entry: &&Entry| *entry.tool().toolset == CONFORMANCE;
        let own = self.tools.values().filter(move |entry| !is_fixture(entry));
        own.chain(self.tools.values().filter(is_fixture))
    }

    /// Every resource, by address.
    pub fn resources(&self) -> impl Iterator<Item = &'static Resource> {
        self.resources.iter().copied()
    }

    /// The resource that is at this address, and the id in it.
    pub fn resource<'a>(&self, uri: &'a str) -> Option<(&'static Resource, &'a str)> {
        self.resources()
            .find_map(|resource| Some((resource, resource.id_in(uri)?)))
    }

    /// The prompt with this name.
    pub fn prompt(&self, name: &str) -> Option<&'static Prompt> {
        self.prompts.get(name).copied()
    }

    /// Every prompt, by name.
    pub fn prompts(&self) -> impl Iterator<Item = &'static Prompt> {
        self.prompts.values().copied()
    }
}

/// A tool as it is offered: with the arguments that all tools take.
#[derive(Debug)]
pub struct Entry {
    tool: &'static Tool,
    /// Made when it is asked for: most processes are never asked.
    shown: OnceLock<model::Tool>,
    validator: OnceLock<Option<Validator>>,
}

impl Entry {
    /// The tool with what is added to it.
    pub const fn new(tool: &'static Tool) -> Self {
        Self {
            tool,
            shown: OnceLock::new(),
            validator: OnceLock::new(),
        }
    }

    /// The tool itself.
    pub const fn tool(&self) -> &'static Tool {
        self.tool
    }

    /// The tool as clients see it.
    pub fn shown(&self) -> &model::Tool {
        self.shown.get_or_init(|| shown(self.tool))
    }

    fn properties(&self) -> Option<&Map<String, Value>> {
        self.shown()
            .input_schema
            .get("properties")
            .and_then(Value::as_object)
    }

    /// The names of its arguments.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &str> {
        self.properties()
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }

    /// The argument that a client means by `name`, in either spelling.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        let wanted = folded(name);
        self.arguments().find(|argument| *argument == name).or_else(|| {
            let mut arguments = self.arguments();
            arguments.find(|argument| folded(argument) == wanted)
        })
    }

    /// Whether null is a value of this argument, and not its absence.
    pub(crate) fn takes_null(&self, argument: &str) -> bool {
        let schema = self.properties().and_then(|properties| properties.get(argument));
        schema.is_none_or(schema::takes_null)
    }

    /// Whether arguments under the names of the schema hold to it.
    ///
    /// # Errors
    /// They do not; the error says where.
    pub(crate) fn validate(&self, arguments: &Value) -> Result<(), ToolError> {
        let validator = self.validator.get_or_init(|| {
            let schema = Value::Object(self.shown().input_schema.as_ref().clone());
            // A schema that is none is found by the test over the registry.
            jsonschema::draft202012::new(&schema).ok()
        });
        let Some(validator) = validator else { return Ok(()) };
        let mut violations = validator.iter_errors(arguments).map(|error| {
            let place = error.instance_path().to_string();
            let place = place.trim_start_matches('/').to_owned();
            if let Some(missing) = missing(&error, &place) {
                return missing;
            }
            let text = error.masked_with("the value").to_string();
            if place.is_empty() {
                text
            } else {
                format!("`{place}`: {text}")
            }
        });
        let told: Vec<_> = violations.by_ref().take(MOST_VIOLATIONS).collect();
        if told.is_empty() {
            return Ok(());
        }
        Err(ToolError::new(
            format!("the arguments do not hold: {}", told.join("; ")),
            format!(
                "Correct them and call `{}` again; its input schema says what it takes.",
                self.tool.name
            ),
        ))
    }
}

fn shown(tool: &Tool) -> model::Tool {
    let shown = model::Tool::new(tool.name, tool.description, input_schema(tool))
        .with_title(tool.title)
        .with_annotations(annotations(tool));
    match tool.run {
        Run::Json(_) => shown.with_raw_output_schema(Arc::new(output_schema(tool))),
        Run::Wire(_) => shown,
    }
}

/// "name is required", which people read and clients look for.
fn missing(error: &ValidationError<'_>, place: &str) -> Option<String> {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str()?;
            Some(if place.is_empty() {
                format!("{name} is required")
            } else {
                format!("`{place}`: {name} is required")
            })
        }
        ValidationErrorKind::MinLength { limit: 1 } if !place.is_empty() => {
            Some(format!("{place} is required and must not be empty"))
        }
        _ => None,
    }
}

fn annotations(tool: &Tool) -> ToolAnnotations {
    let idempotent = match tool.effect {
        Effect::ReadOnly | Effect::Destructive => true,
        Effect::Change { idempotent } => idempotent,
    };
    let hints = ToolAnnotations::new()
        .read_only(!tool.effect.changes())
        .destructive(tool.effect == Effect::Destructive)
        .idempotent(idempotent);
    // The protocol takes every tool for one that reaches the world unless it says that it does not.
    if tool.open_world {
        hints
    } else {
        hints.open_world(false)
    }
}

fn input_schema(tool: &Tool) -> JsonObject {
    let mut schema = object((tool.input)());
    if matches!(tool.run, Run::Wire(_)) {
        return schema;
    }
    schema.entry("type").or_insert_with(|| "object".into());
    schema.insert("additionalProperties".to_owned(), false.into());
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        // What the two do is said once, in the instructions: every byte here is there again with every tool.
        // What changes something answers in few words, so there is nothing to leave out.
        if tool.effect.changes() {
            properties.insert(DRY_RUN.to_owned(), json!({ "type": "boolean" }));
        } else {
            let fields = json!({ "type": "array", "items": { "type": "string" } });
            properties.entry(FIELDS).or_insert(fields);
        }
    }
    schema
}

fn output_schema(tool: &Tool) -> JsonObject {
    let mut schema = object(schema::without_required((tool.output)()));
    schema.entry("type").or_insert_with(|| "object".into());
    schema
}

fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
