use futures::future::BoxFuture;
use pilotage_core::ports::Role;

use crate::{
    answer::ToolError,
    context::Context,
    resource::{Content, Resource},
    tools::make::reading,
    toolset::MAKE,
};

pub(crate) static RESOURCES: &[Resource] = &[
    Resource {
        uri: "make://scenarios",
        name: "make-scenarios",
        title: "Scenarios in Make",
        description: "The scenarios of the default team: names, whether they are on, when they run next.",
        mime_type: "application/json",
        toolset: &MAKE,
        role: Role::Viewer,
        untrusted: true,
        watched: false,
        read: |context, _| list(context, "list-scenarios"),
        complete: None,
    },
    Resource {
        uri: "make://scenarios/{id}",
        name: "make-scenario",
        title: "A scenario in Make",
        description: "One scenario with its blueprint, without credentials.",
        mime_type: "application/json",
        toolset: &MAKE,
        role: Role::Viewer,
        untrusted: true,
        watched: false,
        read: |context, id| Box::pin(async move { reading::scenario(context, id).await.map(Content::Json) }),
        complete: Some(|context, typed| Box::pin(reading::complete_scenarios(context, typed))),
    },
    Resource {
        uri: "make://connections",
        name: "make-connections",
        title: "Connections in Make",
        description: "The connections of the default team: which accounts scenarios act with.",
        mime_type: "application/json",
        toolset: &MAKE,
        role: Role::Viewer,
        untrusted: true,
        watched: false,
        read: |context, _| list(context, "list-connections"),
        complete: None,
    },
    Resource {
        uri: "make://users",
        name: "make-users",
        title: "Users in Make",
        description: "Who belongs to the default organization, and with which roles.",
        mime_type: "application/json",
        toolset: &MAKE,
        role: Role::Viewer,
        untrusted: true,
        watched: false,
        read: |context, _| list(context, "list-users"),
        complete: None,
    },
];

fn list<'a>(context: &'a Context, operation: &'static str) -> BoxFuture<'a, Result<Content, ToolError>> {
    Box::pin(async move { reading::list(context, operation).await.map(Content::Json) })
}
