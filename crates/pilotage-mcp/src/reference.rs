//! The page `docs/reference/mcp-tools.md`, from the registry.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    prompt::Prompt,
    registry::{Entry, all_prompts, all_resources, all_tools},
    resource::Resource,
    tool::{Effect, Tool},
    toolset::{TOOLSETS, Toolset},
};

/// Every tool, resource and prompt, by toolset, as Markdown.
pub fn page() -> String {
    let mut page = "# Tools, resources and prompts\n\nWhat agents are offered over MCP; \
                    [the guide](../guides/mcp.md) says how. Every tool takes `fields` (keep only these fields of the \
                    answer), and every tool that changes something takes `dry_run` (only say what would happen). Written by \
                    `UPDATE=1 cargo test -p pilotage-mcp --test registry`; do not edit.\n"
        .to_owned();
    for toolset in TOOLSETS {
        describe(toolset, &mut page);
    }
    page
}

fn describe(toolset: &'static Toolset, page: &mut String) {
    let offered = if toolset.by_default {
        "offered unless others are named"
    } else {
        "offered when named"
    };
    let _ = writeln!(
        page,
        "\n## Toolset `{}`\n\n{}; {offered}.",
        toolset.name, toolset.description
    );
    let mut tools: Vec<_> = all_tools().filter(|tool| tool.toolset == toolset).collect();
    tools.sort_by_key(|tool| tool.name);
    for tool in tools {
        describe_tool(tool, page);
    }
    for resource in all_resources().filter(|resource| resource.toolset == toolset) {
        describe_resource(resource, page);
    }
    for prompt in all_prompts().filter(|prompt| prompt.toolset == toolset) {
        describe_prompt(prompt, page);
    }
}

fn describe_tool(tool: &'static Tool, page: &mut String) {
    let effect = match tool.effect {
        Effect::ReadOnly => "reads only",
        Effect::Change { idempotent: true } => "changes; once more changes nothing further",
        Effect::Change { idempotent: false } => "changes, each time anew",
        Effect::Destructive => "may destroy: a person confirms",
    };
    let _ = writeln!(
        page,
        "\n### `{}`\n\n{}. {}\n\nEffect: {effect}. Role: `{}`.\n",
        tool.name,
        tool.title,
        tool.description,
        tool.role.as_str()
    );
    let entry = Entry::new(tool);
    let schema = &entry.shown().input_schema;
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for (name, schema) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if matches!(name.as_str(), "dry_run" | "fields") {
            continue;
        }
        let needed = if required.contains(&Value::from(name.as_str())) {
            ", required"
        } else {
            ""
        };
        let description = schema
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let line = format!("- `{name}` ({}{needed}) {description}", kind(schema));
        let _ = writeln!(page, "{}", line.trim_end());
    }
    let _ = writeln!(page, "\nExample: `{}`", (tool.example.input)());
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<_> = values.iter().map(ToString::to_string).collect();
        return values.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "any value".to_owned(),
    }
}

fn describe_resource(resource: &Resource, page: &mut String) {
    let watched = if resource.watched {
        " Clients may subscribe to it."
    } else {
        ""
    };
    let _ = writeln!(
        page,
        "\n### Resource `{}`\n\n`{}`: {}. {}{watched}",
        resource.uri, resource.name, resource.title, resource.description
    );
}

fn describe_prompt(prompt: &Prompt, page: &mut String) {
    let _ = writeln!(
        page,
        "\n### Prompt `{}`\n\n{}. {}",
        prompt.name, prompt.title, prompt.description
    );
    for argument in prompt.arguments {
        let needed = if argument.required { " (required)" } else { "" };
        let _ = writeln!(page, "\n- `{}`{needed}: {}", argument.name, argument.description);
    }
}
