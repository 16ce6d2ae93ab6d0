//! A tool from an operation of the catalogue.

use pilotage_adapters::make::client::{
    Arguments, Effect as MakeEffect, Kind, Method, Operation, Paging, Parameter, Place, Prepared,
    catalogue::find,
};
use pilotage_core::ports::Role;
use serde_json::{Map, Value, json};

use super::answers;
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    context::Context,
    make::{Make, refused},
    tool::Effect,
    toolset::Toolset,
};

/// Entries of a page where the caller does not say.
const USUAL_PAGE: u64 = 50;
/// Entries of a list that is read as a whole.
const LONG_PAGE: u64 = 200;

pub(super) const fn effect(operation: &Operation) -> Effect {
    match operation.effect {
        MakeEffect::Read => Effect::ReadOnly,
        MakeEffect::Add => Effect::Change { idempotent: false },
        MakeEffect::Set => Effect::Change { idempotent: true },
        MakeEffect::Destroy => Effect::Destructive,
    }
}

pub(super) const fn role(operation: &Operation) -> Role {
    match operation.effect {
        MakeEffect::Read => Role::Viewer,
        MakeEffect::Add | MakeEffect::Set | MakeEffect::Destroy => Role::Operator,
    }
}

/// `list-hooks` is titled "List hooks". It lives as long as the program, as the names do.
pub(super) fn title(id: &'static str) -> &'static str {
    let words = id.replace('-', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    Box::leak(
        first
            .into_iter()
            .chain(letters)
            .collect::<String>()
            .into_boxed_str(),
    )
}

/// What a tool of this toolset takes: tools that everybody is offered take fewer words.
fn arguments(operation: &'static Operation, toolset: &Toolset) -> impl Iterator<Item = &'static Parameter> {
    let by_default = toolset.by_default;
    operation
        .arguments()
        .filter(move |own| !(by_default && own.wire.starts_with("pg[sort")))
}

/// Whether a default stands in where it is not given: what lies in the path is always named by the caller.
fn has_default(own: &Parameter) -> bool {
    own.place != Place::Path && ["teamId", "organizationId"].contains(&own.name)
}

pub(super) fn input(id: &str, toolset: &Toolset) -> Value {
    let Some(operation) = find(id) else {
        return json!({"type": "object"});
    };
    let properties: Map<String, Value> = arguments(operation, toolset)
        .map(|own| (own.name.to_owned(), property(own, toolset.by_default)))
        .collect();
    let required: Vec<&str> = arguments(operation, toolset)
        .filter(|own| own.required && !has_default(own))
        .map(|own| own.name)
        .collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(own: &Parameter, is_brief: bool) -> Value {
    let mut schema = match own.kind {
        Kind::Integer => json!({"type": "integer"}),
        Kind::MaybeInteger => json!({"type": ["integer", "null"]}),
        Kind::Number => json!({"type": "number"}),
        Kind::Text if own.required => json!({"type": "string", "minLength": 1}),
        Kind::Text => json!({"type": "string"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Integers => json!({"type": "array", "items": {"type": "integer"}}),
        Kind::Objects => json!({"type": "array", "items": {"type": "object"}}),
        Kind::Object => json!({"type": "object"}),
        // Callers of Make's own API have it as a JSON text.
        Kind::Embedded => json!({"type": ["object", "string"]}),
        Kind::Any => json!({}),
    };
    if !own.choices.is_empty() {
        schema = json!({"enum": own.choices});
    }
    if let Some(description) = described(own, is_brief) {
        schema["description"] = description.into();
    }
    schema
}

/// Where every byte counts, names that say it themselves are not explained.
fn described(own: &Parameter, is_brief: bool) -> Option<String> {
    let description = own.description.trim_end_matches('.');
    let is_plain = own.place == Place::Path || own.wire.starts_with("pg[") || has_default(own);
    match (own.required && has_default(own), is_brief && is_plain) {
        (true, true) => Some("Has a default".to_owned()),
        (true, false) => Some(format!("{description}; has a default")),
        (false, true) => None,
        (false, false) => Some(description.to_owned()),
    }
}

pub(super) fn input_example(id: &str, toolset: &Toolset) -> Value {
    let given = find(id)
        .into_iter()
        .flat_map(|operation| arguments(operation, toolset));
    let examples = given.filter(|own| !own.example.is_empty());
    let read = |own: &Parameter| serde_json::from_str(own.example).unwrap_or(Value::Null);
    Value::Object(examples.map(|own| (own.name.to_owned(), read(own))).collect())
}

/// Does the operation, or says what it would do.
pub(super) async fn run(context: &Context, id: &'static str, given: Value) -> ToolAnswer {
    let make = context.make()?;
    let (operation, arguments) = prepare(make, context, id, given, USUAL_PAGE).await?;
    if context.is_dry_run() {
        return would(make, context, operation, &arguments).await;
    }
    // A tool that destroys runs only once a person has agreed.
    let confirmed = operation.effect == MakeEffect::Destroy;
    let answer = make.call(context, operation, &arguments, confirmed).await?;
    Ok(answers::of(make, operation, &arguments, answer))
}

/// Does an operation that only reads, whether this is a dry run or not.
pub(super) async fn read(context: &Context, id: &'static str, given: Value) -> ToolAnswer {
    let make = context.make()?;
    let (operation, arguments) = prepare(make, context, id, given, LONG_PAGE).await?;
    if operation.effect != MakeEffect::Read {
        return Err(fault(id));
    }
    let answer = make.call(context, operation, &arguments, false).await?;
    Ok(answers::of(make, operation, &arguments, answer))
}

/// The operation, and its arguments with what stands where nothing is said.
async fn prepare(
    make: &Make,
    context: &Context,
    id: &str,
    given: Value,
    page: u64,
) -> Result<(&'static Operation, Arguments), ToolError> {
    let (Some(operation), Value::Object(mut arguments)) = (find(id), given) else {
        return Err(fault(id));
    };
    fill(make, context, operation, &mut arguments).await?;
    if operation.paging != Paging::None {
        arguments.entry("limit").or_insert_with(|| page.into());
    }
    Ok((operation, arguments))
}

fn fault(id: &str) -> ToolError {
    ToolError::new(
        format!("`{id}` is no operation of Make's"),
        "This is a fault of the server.",
    )
}

/// Puts the default team or organization where the call names none.
async fn fill(
    make: &Make,
    context: &Context,
    operation: &Operation,
    arguments: &mut Arguments,
) -> Result<(), ToolError> {
    let mut open = operation.parameters.iter().filter(|own| has_default(own));
    if open.clone().any(|own| own.required) {
        for own in open
            .filter(|own| own.required && !arguments.contains_key(own.name))
            .collect::<Vec<_>>()
        {
            let id = match own.name {
                "teamId" => make.default_team(context).await?,
                _ => make.default_organization(context).await?,
            };
            arguments.insert(own.name.to_owned(), id.into());
        }
        return Ok(());
    }
    // One of the two is needed: the organization shows more.
    let is_open = open.clone().count() == 2 && open.all(|own| !arguments.contains_key(own.name));
    if is_open && let Some(team) = make.configured_team() {
        arguments.insert("teamId".to_owned(), team.into());
    } else if is_open {
        let organization = make.default_organization(context).await?;
        arguments.insert("organizationId".to_owned(), organization.into());
    }
    Ok(())
}

/// The request as it would go out, and what it is about as it stands now.
pub(super) async fn would(
    make: &Make,
    context: &Context,
    operation: &'static Operation,
    arguments: &Arguments,
) -> ToolAnswer {
    let prepared = Prepared::new(operation, arguments, false).map_err(|error| refused(&error))?;
    let mut facts = json!({"request": prepared.shown()});
    if let Some(present) = present(make, context, operation, arguments).await {
        facts["present"] = present;
    }
    answers::mark(make, &mut facts);
    let words = operation.id.replace('-', " ");
    let what = format!(
        "{words} at Make ({} {})",
        operation.method.as_str(),
        operation.path
    );
    Ok(Answer::would(&what, &facts).untrusted())
}

/// What the path names, as it is now; nothing where it cannot be shown.
async fn present(
    make: &Make,
    context: &Context,
    operation: &'static Operation,
    arguments: &Arguments,
) -> Option<Value> {
    let shows = |own: &&&'static Operation| own.method == Method::Get && own.path == operation.path;
    let all = pilotage_adapters::make::client::catalogue::operations().collect::<Vec<_>>();
    let show = *all.iter().find(shows).filter(|own| own.path.contains('{'))?;
    let named = show.parameters.iter().filter(|own| own.place == Place::Path);
    let named: Arguments = named
        .filter_map(|own| Some((own.name.to_owned(), arguments.get(own.name)?.clone())))
        .collect();
    let answer = make.call(context, show, &named, false).await.ok()?;
    Some(answers::part(show, &answer))
}
