//! The categories of Make's API: a file for each, and a line for each here.

mod agents;
mod connections;
mod credential_requests;
mod custom_properties;
mod data_stores;
mod data_structures;
mod devices;
mod enums;
mod executions;
mod folders;
mod functions;
mod hooks;
mod incomplete;
mod keys;
mod organizations;
mod private_spaces;
mod roles;
mod scenarios;
mod sdk_apps;
mod teams;
mod templates;
mod usage;
mod users;
mod variables;

use super::routing::Route;
pub(crate) use hooks::receive;
pub(crate) use scenarios::add_version;

/// A part of the API.
pub(crate) struct Category {
    /// As the guide names it.
    pub(crate) name: &'static str,
    /// The first that fits answers.
    pub(crate) routes: &'static [Route],
}

/// All of them.
pub(crate) const ALL: &[Category] = &[
    scenarios::CATEGORY,
    executions::CATEGORY,
    incomplete::CATEGORY,
    folders::CATEGORY,
    usage::CATEGORY,
    hooks::CATEGORY,
    connections::CATEGORY,
    credential_requests::CATEGORY,
    keys::CATEGORY,
    data_stores::CATEGORY,
    data_structures::CATEGORY,
    functions::CATEGORY,
    templates::CATEGORY,
    variables::CATEGORY,
    organizations::CATEGORY,
    teams::CATEGORY,
    roles::CATEGORY,
    users::CATEGORY,
    private_spaces::CATEGORY,
    custom_properties::CATEGORY,
    agents::CATEGORY,
    devices::CATEGORY,
    enums::CATEGORY,
    sdk_apps::CATEGORY,
];
