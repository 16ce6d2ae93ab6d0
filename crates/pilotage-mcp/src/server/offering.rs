//! What is offered, as the protocol lists it, in an order that never changes.

use rmcp::model::{
    self, CacheScope, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    MetaObject, ResourceTemplate,
};

use crate::{
    prompt::{Prompt, PromptArgument},
    registry::{Entry, Registry},
    resource::Resource,
    toolset::MAKE,
};

/// How long clients may keep a list, in milliseconds: what is offered changes only with the program and its settings.
const LISTS_TTL_MS: u64 = 300_000;

/// `tools/list`, with its `_meta`.
pub(super) fn tools(registry: &Registry, meta: &MetaObject) -> ListToolsResult {
    let tools = registry.tools().map(Entry::shown).cloned().collect();
    let mut result = ListToolsResult::with_all_items(tools);
    result.meta = Some(meta.clone());
    result
        .with_ttl_ms(LISTS_TTL_MS)
        .with_cache_scope(CacheScope::Private)
}

/// What can be read: without Make.com set up there is nothing at its addresses.
fn readable(registry: &Registry, has_make: bool) -> impl Iterator<Item = &'static Resource> {
    registry
        .resources()
        .filter(move |resource| has_make || *resource.toolset != MAKE)
}

/// `resources/list`: those with a fixed address.
pub(super) fn resources(registry: &Registry, has_make: bool) -> ListResourcesResult {
    let fixed = readable(registry, has_make).filter(|resource| resource.template().is_none());
    let resources = fixed.map(shown_resource).collect();
    ListResourcesResult::with_all_items(resources)
        .with_ttl_ms(LISTS_TTL_MS)
        .with_cache_scope(CacheScope::Private)
}

/// `resources/templates/list`: those with an id in their address.
pub(super) fn templates(registry: &Registry, has_make: bool) -> ListResourceTemplatesResult {
    let templates = readable(registry, has_make).filter(|resource| resource.template().is_some());
    let templates = templates.map(shown_template).collect();
    ListResourceTemplatesResult::with_all_items(templates)
        .with_ttl_ms(LISTS_TTL_MS)
        .with_cache_scope(CacheScope::Private)
}

/// `prompts/list`.
pub(super) fn prompts(registry: &Registry) -> ListPromptsResult {
    let prompts = registry.prompts().map(shown_prompt).collect();
    ListPromptsResult::with_all_items(prompts)
        .with_ttl_ms(LISTS_TTL_MS)
        .with_cache_scope(CacheScope::Private)
}

fn shown_resource(resource: &Resource) -> model::Resource {
    model::Resource::new(resource.uri, resource.name)
        .with_title(resource.title)
        .with_description(resource.description)
        .with_mime_type(resource.mime_type)
}

fn shown_template(resource: &Resource) -> ResourceTemplate {
    ResourceTemplate::new(resource.uri, resource.name)
        .with_title(resource.title)
        .with_description(resource.description)
        .with_mime_type(resource.mime_type)
}

fn shown_prompt(prompt: &Prompt) -> model::Prompt {
    let arguments = prompt.arguments.iter().map(shown_argument).collect();
    model::Prompt::new(prompt.name, Some(prompt.description), Some(arguments)).with_title(prompt.title)
}

fn shown_argument(argument: &PromptArgument) -> model::PromptArgument {
    model::PromptArgument::new(argument.name)
        .with_description(argument.description)
        .with_required(argument.required)
}
