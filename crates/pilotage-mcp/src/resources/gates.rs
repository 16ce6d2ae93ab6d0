use pilotage_core::ports::Role;

use crate::{
    resource::{Content, Resource},
    tools::pilotage::gates,
    toolset::GATES,
};

pub(crate) static RESOURCES: &[Resource] = &[Resource {
    uri: "pilotage://gates/{id}",
    name: "gate",
    title: "A quality gate",
    description: "What its criteria ask, and how the newest run that asked it found them.",
    mime_type: "application/json",
    toolset: &GATES,
    role: Role::Viewer,
    untrusted: true,
    watched: false,
    read: |context, id| Box::pin(async move { gates::explained(context, id, None).await.map(Content::Json) }),
    complete: Some(|context, typed| Box::pin(gates::complete(context, typed))),
}];
