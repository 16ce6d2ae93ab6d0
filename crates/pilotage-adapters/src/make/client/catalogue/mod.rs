//! Every operation of Make's API, as data: a file for each category, and a line for each here.
//!
//! What Make's own SDK, CLI and MCP server offer is all here (181 tools of `@makehq/sdk` 1.6.10), and what they lack:
//! versions of blueprints, cloning, queues of webhooks, retries of incomplete executions, usage, variables, templates
//! and audit logs.

mod agents;
mod audit;
mod connections;
mod credential_requests;
mod custom_apps;
mod custom_properties;
mod data_stores;
mod data_structures;
mod executions;
mod folders;
mod functions;
mod hooks;
mod incomplete;
mod keys;
mod organizations;
mod places;
mod scenarios;
mod teams;
mod templates;
mod usage;
mod users;
mod variables;

use super::operation::Operation;

/// A part of the API.
#[derive(Debug)]
pub struct Category {
    /// In kebab case.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// What can be done.
    pub operations: &'static [Operation],
}

/// All of them.
pub const CATALOGUE: &[Category] = &[
    scenarios::CATEGORY,
    executions::CATEGORY,
    incomplete::CATEGORY,
    folders::CATEGORY,
    hooks::CATEGORY,
    connections::CATEGORY,
    organizations::CATEGORY,
    teams::CATEGORY,
    users::CATEGORY,
    usage::CATEGORY,
    audit::CATEGORY,
    variables::CATEGORY,
    keys::CATEGORY,
    credential_requests::CATEGORY,
    data_stores::CATEGORY,
    data_structures::CATEGORY,
    functions::CATEGORY,
    templates::CATEGORY,
    agents::CATEGORY,
    custom_properties::CATEGORY,
    places::PRIVATE_SPACES,
    places::DEVICES,
    places::ENUMS,
    custom_apps::APPS,
    custom_apps::CONNECTIONS,
    custom_apps::WEBHOOKS,
    custom_apps::MODULES,
    custom_apps::RPCS,
    custom_apps::FUNCTIONS,
    custom_apps::ENDPOINTS,
];

/// Every operation of every category.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    CATALOGUE.iter().flat_map(|category| category.operations)
}

/// The operation of that id.
pub fn find(id: &str) -> Option<&'static Operation> {
    operations().find(|operation| operation.id == id)
}

#[cfg(test)]
mod tests;
