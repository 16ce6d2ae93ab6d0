use pilotage_core::ports::Role;

use crate::{
    resource::{Content, Resource},
    tools::pilotage::executions,
    toolset::PILOTAGE,
};

pub(crate) static RESOURCES: &[Resource] = &[Resource {
    uri: "pilotage://executions/{id}",
    name: "execution",
    title: "What a rule did about an event",
    description: "How it stands, and its attempts with what the targets answered.",
    mime_type: "application/json",
    toolset: &PILOTAGE,
    role: Role::Viewer,
    untrusted: true,
    watched: true,
    read: |context, id| Box::pin(async move { executions::fetch(context, id).await.map(Content::Json) }),
    complete: Some(|context, typed| Box::pin(executions::complete(context, typed))),
}];
