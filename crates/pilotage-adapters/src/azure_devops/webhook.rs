//! Azure DevOps service hooks (learn.microsoft.com, "Webhooks with Azure DevOps" and "Service hooks events").

use std::{borrow::Cow, sync::Arc};

use pilotage_core::ports::{Delivery, Received, Refusal, WebhookSource};
use serde_json::Value;

use crate::{
    sources::{
        BuildScope, Headers, Outgoing, Sample, SourceKind,
        fields::{Fields, Found},
        payload::{Attributes, delivery_id, event_type, require_json},
        sending::json_headers,
        settings::{Built, Places, UnsignedSettings},
    },
    verification::Verifier,
};

/// The source `azure-devops`. Service hooks do not sign; they can send basic authentication (any user name, the secret
/// as the password) or a header that their owner names.
pub(crate) const KIND: SourceKind = SourceKind {
    name: "azure-devops",
    max_body_bytes: 5 * 1024 * 1024,
    build,
    schema: |generator| generator.subschema_for::<UnsignedSettings>(),
    sign: |outgoing| Ok(sign(outgoing)),
    samples: &[Sample {
        event: "git.push",
        body: include_str!("../../../../fixtures/azure-devops/git.push.json"),
    }],
};

const PLACES: Places = Places {
    source: "azure-devops",
    headers: &["x-azure-devops-token"],
    bearer: true,
    basic: true,
    env: None,
};

const FIELDS: [&str; 6] = [
    "eventType",
    "subscriptionId",
    "notificationId",
    "id",
    "createdDate",
    "publisherId",
];

struct AzureDevOps {
    verifier: Verifier,
    fields: Fields,
}

fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    Ok(Arc::new(AzureDevOps {
        verifier: PLACES.verifier(section, scope)?,
        fields: Fields::of(FIELDS),
    }))
}

impl WebhookSource for AzureDevOps {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        let verified = self.verifier.verify(delivery)?;
        require_json(delivery)?;
        let found = self.fields.read(delivery.body)?;
        let kind = found
            .text("eventType")
            .ok_or_else(|| Refusal::Malformed("the body has no `eventType`".to_owned()))?;
        Ok(Received {
            event_type: event_type(kind)?,
            delivery_id: delivery_id(identity(&found), delivery.body)?,
            timestamp: found.time("createdDate"),
            verified,
            data: Cow::Borrowed(delivery.body),
            attributes: Attributes::default()
                .with("subscriptionId", found.text("subscriptionId"))
                .with("publisherId", found.text("publisherId"))
                .done(),
        })
    }

    fn verifies(&self) -> bool {
        self.verifier.verifies()
    }

    fn unverified_only_locally(&self) -> bool {
        self.verifier.unverified_only_locally()
    }
}

/// A notification is numbered within its subscription. `id` is the event's, which several subscriptions share, so it is
/// used only where there is no notification. A subscription's id is a UUID, which has no colon.
fn identity<'a>(found: &Found<'_, 'a>) -> Option<Cow<'a, str>> {
    match (found.text("subscriptionId"), found.word("notificationId")) {
        (Some(subscription), Some(notification)) => {
            Some(Cow::Owned(format!("{subscription}:{notification}")))
        }
        _ => found.word("id"),
    }
}

fn sign(outgoing: &Outgoing<'_>) -> Headers {
    let mut headers = json_headers(&[("user-agent", "VSServices/pilotage")]);
    headers.extend(outgoing.basic("pilotage"));
    headers
}
