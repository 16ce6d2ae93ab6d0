use pilotage_core::ports::Role;

use crate::{
    resource::{Content, Resource},
    tools::pilotage::operations,
    toolset::PILOTAGE,
};

pub(crate) static RESOURCES: &[Resource] = &[Resource {
    uri: "pilotage://operations/{id}",
    name: "operation",
    title: "Something that goes on",
    description: "How far an execution, a gate run, a test or a deployment has come. Subscribe to follow it.",
    mime_type: "application/json",
    toolset: &PILOTAGE,
    role: Role::Viewer,
    untrusted: true,
    watched: true,
    read: |context, id| Box::pin(async move { operations::fetch(context, id).await.map(Content::Json) }),
    complete: Some(|context, typed| Box::pin(operations::complete(context, typed))),
}];
