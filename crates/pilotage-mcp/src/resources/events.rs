use pilotage_core::ports::Role;

use crate::{
    resource::{Content, Resource},
    tools::pilotage::events,
    toolset::PILOTAGE,
};

pub(crate) static RESOURCES: &[Resource] = &[Resource {
    uri: "pilotage://events/{id}",
    name: "event",
    title: "A delivery that came in",
    description: "Its facts, payload, what the rules said, and its executions. It changes as those do.",
    mime_type: "application/json",
    toolset: &PILOTAGE,
    role: Role::Viewer,
    untrusted: true,
    watched: true,
    read: |context, id| Box::pin(async move { events::fetch(context, id).await.map(Content::Json) }),
    complete: Some(|context, typed| Box::pin(events::complete(context, typed))),
}];
