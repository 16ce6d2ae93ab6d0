//! Nothing that is offered is half described: agents choose tools by their words, and people trust them by their hints.

use std::{collections::BTreeSet, path::Path};

use pilotage_mcp::{
    registry::{Entry, Registry, Selection, all_prompts, all_resources, all_tools},
    tool::{Effect, Run},
    toolset::TOOLSETS,
};
use serde_json::{Value, json};

/// Bytes of the default toolsets' `tools/list`: 8,000 tokens.
const MOST_LIST_BYTES: usize = 32_000;

fn is_kebab(name: &str) -> bool {
    let letters = name
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    letters
        && (1..=128).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn assert_unique<'a>(names: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for name in names {
        assert!(seen.insert(name), "`{name}` is there twice");
    }
}

#[track_caller]
fn assert_holds(what: &str, schema: &Value, value: &Value) {
    let validator = jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("{what}: {error}"));
    let problems: Vec<_> = validator
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(problems.is_empty(), "{what}: {problems:?} in {value}");
}

#[test]
fn names_are_unique_and_in_kebab_case() {
    assert_unique(all_tools().map(|tool| tool.name));
    assert_unique(all_prompts().map(|prompt| prompt.name));
    assert_unique(all_resources().map(|resource| resource.name));
    assert_unique(all_resources().map(|resource| resource.uri));
    let names = all_tools().map(|tool| tool.name);
    let names = names.chain(all_prompts().map(|prompt| prompt.name));
    for name in names.chain(all_resources().map(|resource| resource.name)) {
        assert!(is_kebab(name), "`{name}` is not in kebab-case");
    }
}

#[test]
fn every_tool_is_described_and_its_hints_are_complete() {
    for tool in all_tools() {
        let name = tool.name;
        assert!(
            !tool.title.is_empty() && !tool.title.ends_with('.'),
            "{name}: the title"
        );
        assert!(
            (20..=600).contains(&tool.description.len()),
            "{name}: the description"
        );
        assert!(
            TOOLSETS.contains(&tool.toolset),
            "{name}: its toolset cannot be chosen"
        );
        assert!(matches!(tool.run, Run::Json(_)), "{name} is no fixture");
        let entry = Entry::new(tool);
        let hints = entry.shown().annotations.clone().unwrap();
        assert_eq!(
            hints.read_only_hint,
            Some(tool.effect == Effect::ReadOnly),
            "{name}"
        );
        assert_eq!(
            hints.destructive_hint,
            Some(tool.effect == Effect::Destructive),
            "{name}"
        );
        assert!(hints.idempotent_hint.is_some(), "{name}");
        assert_eq!(hints.open_world_hint.unwrap_or(true), tool.open_world, "{name}");
    }
}

#[test]
fn every_schema_takes_the_documented_example() {
    for tool in all_tools() {
        let entry = Entry::new(tool);
        let shown = serde_json::to_value(entry.shown()).unwrap();
        let (input, output) = ((tool.input)(), (tool.output)());
        for (what, schema) in [("input", &input), ("output", &output)] {
            assert_eq!(schema["type"], "object", "{}: the {what} schema", tool.name);
        }
        assert_holds(tool.name, &shown["inputSchema"], &(tool.example.input)());
        assert_holds(tool.name, &output, &(tool.example.output)());
        assert_holds(tool.name, &shown["outputSchema"], &(tool.example.output)());
        assert_holds(
            tool.name,
            &shown["outputSchema"],
            &json!({ "dry_run": true, "would": "x", "facts": {} }),
        );
    }
}

#[test]
fn dry_run_is_offered_where_something_changes_and_nowhere_else() {
    for tool in all_tools() {
        let entry = Entry::new(tool);
        let properties = &entry.shown().input_schema["properties"];
        assert_eq!(
            properties.get("dry_run").is_some(),
            tool.effect.changes(),
            "{}",
            tool.name
        );
        assert_eq!(
            properties.get("fields").is_some(),
            !tool.effect.changes(),
            "{}",
            tool.name
        );
    }
}

#[test]
fn read_only_leaves_out_whatever_changes_anything() {
    let selection = Selection {
        toolsets: vec!["all".to_owned()],
        read_only: true,
        conformance: false,
    };
    let registry = Registry::new(&selection);
    assert!(
        registry
            .tools()
            .all(|entry| entry.tool().effect == Effect::ReadOnly)
    );
    assert!(registry.tools().count() > 0);
}

#[test]
fn the_list_of_the_default_toolsets_is_short() {
    let registry = Registry::new(&Selection::default());
    let tools: Vec<_> = registry.tools().map(Entry::shown).collect();
    let bytes = serde_json::to_string(&tools).unwrap().len();
    assert!(
        bytes <= MOST_LIST_BYTES,
        "tools/list of the default toolsets has {bytes} bytes, and {MOST_LIST_BYTES} are allowed"
    );
}

#[test]
fn every_tool_resource_and_prompt_is_on_the_reference_page() {
    let now = pilotage_mcp::reference::page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/mcp-tools.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == now,
        "docs/reference/mcp-tools.md is not what the program says now; write it anew with `UPDATE=1 cargo test -p pilotage-mcp --test registry`"
    );
    for name in all_tools()
        .map(|tool| tool.name)
        .chain(all_prompts().map(|prompt| prompt.name))
    {
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
    }
    for resource in all_resources() {
        assert!(page.contains(resource.uri), "{} is not on the page", resource.uri);
    }
}
