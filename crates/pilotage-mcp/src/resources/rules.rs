use pilotage_core::ports::Role;

use crate::{
    resource::{Content, Resource},
    tools::pilotage::rules,
    toolset::PILOTAGE,
};

pub(crate) static RESOURCES: &[Resource] = &[Resource {
    uri: "pilotage://rules/{id}",
    name: "rule",
    title: "A rule",
    description: "When it matches, what it does, where it comes from, and what it has done.",
    mime_type: "application/json",
    toolset: &PILOTAGE,
    role: Role::Viewer,
    untrusted: false,
    watched: false,
    read: |context, id| Box::pin(async move { rules::fetch(context, id).await.map(Content::Json) }),
    complete: Some(|context, typed| Box::pin(rules::complete(context, typed))),
}];
