//! GitHub's webhooks (docs.github.com, "Webhook events and payloads").

use std::{borrow::Cow, sync::Arc};

use pilotage_core::{
    Timestamp,
    config::{Problem, SecretRef},
    ports::{Delivery, Received, Refusal, WebhookSource},
};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    sources::{
        BuildScope, Headers, Outgoing, Sample, SignError, SourceKind,
        fields::{Fields, Found},
        payload::{Attributes, Content, content, delivery_id, event_type, form_member, required_header},
        sending::json_headers,
        settings::{Built, from_env, read},
    },
    verification::{Algorithm, Encoding, Mac, MacKey, Verifier, header, resolve_secrets},
};

/// The source `github`. GitHub sends bodies of up to 25 MB and never repeats a delivery by itself; one that a person
/// redelivers has the same `X-GitHub-Delivery`.
pub(crate) const KIND: SourceKind = SourceKind {
    name: "github",
    max_body_bytes: 25 * 1024 * 1024,
    build,
    schema: |generator| generator.subschema_for::<GitHubSettings>(),
    sign,
    samples: &[
        Sample {
            event: "push",
            body: include_str!("../../../../fixtures/github/push.json"),
        },
        Sample {
            event: "ping",
            body: include_str!("../../../../fixtures/github/ping.json"),
        },
        Sample {
            event: "pull_request",
            body: include_str!("../../../../fixtures/github/pull_request.opened.json"),
        },
        Sample {
            event: "workflow_run",
            body: include_str!("../../../../fixtures/github/workflow_run.completed.json"),
        },
    ],
};

/// Deliveries are verified by `X-Hub-Signature-256`; without a secret every one is refused.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GitHubSettings {
    /// The webhook's secrets; each of them is accepted, at most 16. Where there is none, the environment variable
    /// `GITHUB_WEBHOOK_SECRET` is.
    #[serde(default)]
    secrets: Vec<SecretRef>,
}

/// Where the body says when it happened, best first. `repository.pushed_at` is a number in `push` events alone and is
/// then the time of the push; elsewhere it is the text of some earlier push's time and is not used.
const TIMES: [&str; 14] = [
    "head_commit.timestamp",
    "deployment_status.updated_at",
    "deployment.updated_at",
    "workflow_job.completed_at",
    "workflow_run.updated_at",
    "check_run.completed_at",
    "check_suite.updated_at",
    "review.submitted_at",
    "comment.updated_at",
    "release.published_at",
    "pull_request.updated_at",
    "issue.updated_at",
    "discussion.updated_at",
    "alert.updated_at",
];
const PUSHED_AT: &str = "repository.pushed_at";

struct GitHub {
    verifier: Verifier,
    fields: Fields,
}

fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    let settings: GitHubSettings = section.map(read).transpose()?.unwrap_or_default();
    let secrets = if settings.secrets.is_empty() {
        from_env("GITHUB_WEBHOOK_SECRET", scope).into_iter().collect()
    } else {
        resolve_secrets(&settings.secrets, "/secrets", scope)?
    };
    let verifier = if secrets.is_empty() {
        Verifier::Refusing(
            "no secret is configured for github: set GITHUB_WEBHOOK_SECRET or sources.github.secrets to the \
             webhook's secret"
                .to_owned(),
        )
    } else {
        Mac::github(&secrets)
            .map(Verifier::Mac)
            .map_err(|error| vec![Problem::at("/secrets", error.to_string())])?
    };
    let fields = Fields::of(["action", PUSHED_AT].into_iter().chain(TIMES));
    Ok(Arc::new(GitHub { verifier, fields }))
}

impl WebhookSource for GitHub {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        let verified = self.verifier.verify(delivery)?;
        let event = required_header(delivery, "x-github-event")?;
        let id = required_header(delivery, "x-github-delivery")?;
        // The signature covers the whole form; what happened is in its one member.
        let data: Cow<'a, [u8]> = match content(delivery)? {
            Content::Json => Cow::Borrowed(delivery.body),
            Content::Form => Cow::Owned(form_member(delivery.body, "payload")?),
            Content::CloudEvent => {
                return Err(Refusal::UnsupportedType(
                    "GitHub sends application/json or a form".to_owned(),
                ));
            }
        };
        let found = self.fields.read_object(&data)?;
        let timestamp = happened_at(&found);
        let attributes = Attributes::default()
            .with("action", found.text("action"))
            .with("hookId", header(delivery, "x-github-hook-id"))
            .with(
                "targetType",
                header(delivery, "x-github-hook-installation-target-type"),
            )
            .with(
                "targetId",
                header(delivery, "x-github-hook-installation-target-id"),
            )
            .done();
        drop(found);
        Ok(Received {
            event_type: event_type(Cow::Borrowed(event))?,
            delivery_id: delivery_id(Some(Cow::Borrowed(id)), delivery.body)?,
            timestamp,
            verified,
            data,
            attributes,
        })
    }

    fn verifies(&self) -> bool {
        self.verifier.verifies()
    }
}

fn happened_at(found: &Found<'_, '_>) -> Option<Timestamp> {
    let pushed_at = if found.text(PUSHED_AT).is_none() {
        found.time(PUSHED_AT)
    } else {
        None
    };
    pushed_at.or_else(|| found.first_time(&TIMES))
}

fn sign(outgoing: &Outgoing<'_>) -> Result<Headers, SignError> {
    let mut headers = json_headers(&[
        ("user-agent", "GitHub-Hookshot/pilotage"),
        ("x-github-event", outgoing.event),
        ("x-github-delivery", outgoing.delivery_id),
    ]);
    if let Some(secret) = outgoing.secret {
        // GitHub still sends the older header beside the one that counts.
        for (algorithm, name) in [
            (Algorithm::Sha256, "x-hub-signature-256"),
            (Algorithm::Sha1, "x-hub-signature"),
        ] {
            let tag = MacKey::new(algorithm, secret.expose_secret().as_bytes())?.tag(&[outgoing.body]);
            headers.push((
                name.to_owned(),
                format!("{}={}", algorithm.as_str(), Encoding::Hex.encode(&tag)),
            ));
        }
    }
    Ok(headers)
}
