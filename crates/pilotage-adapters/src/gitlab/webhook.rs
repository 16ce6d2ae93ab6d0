//! GitLab's project, group and system hooks (docs.gitlab.com, "Webhooks" and "Webhook events").

use std::{borrow::Cow, sync::Arc};

use pilotage_core::{
    config::SecretRef,
    ports::{Delivery, Received, Refusal, WebhookSource},
};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    sources::{
        BuildScope, Headers, Outgoing, Sample, SignError, SourceKind,
        fields::{Fields, Found},
        payload::{Attributes, delivery_id, digest_id, event_type, first_header, require_json},
        sending::json_headers,
        settings::{Built, from_env, read},
    },
    verification::{
        Basic, Credential, header, is_presented, resolve_secrets, signing_keys,
        standard_webhooks::{self, SIGNATURE_HEADER, SigningKey},
    },
};

/// The source `gitlab`. A delivery's id is `Idempotency-Key` (GitLab 17.4 and later) or `webhook-id`, both the same
/// across retries; older versions send none, and a digest of hook, event and body stands in. `X-Gitlab-Event-UUID` is no
/// id of a delivery: recursive hooks share it.
pub(crate) const KIND: SourceKind = SourceKind {
    name: "gitlab",
    max_body_bytes: 5 * 1024 * 1024,
    build,
    schema: |generator| generator.subschema_for::<GitLabSettings>(),
    sign,
    samples: &[
        Sample {
            event: "push",
            body: include_str!("../../../../fixtures/gitlab/push.json"),
        },
        Sample {
            event: "merge_request",
            body: include_str!("../../../../fixtures/gitlab/merge_request.json"),
        },
        Sample {
            event: "pipeline",
            body: include_str!("../../../../fixtures/gitlab/pipeline.json"),
        },
    ],
};

/// Deliveries are verified by secret token, by signing token, or by both; without any every one is refused.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GitLabSettings {
    /// Secret tokens, sent in clear as `X-Gitlab-Token`; each of them is accepted, at most 16. Where nothing is
    /// configured, the environment variable `GITLAB_WEBHOOK_SECRET` is (as a signing token if it begins with `whsec_`).
    #[serde(default)]
    secrets: Vec<SecretRef>,
    /// Signing tokens `whsec_...`, used as in Standard Webhooks; each of them is accepted, at most 16.
    #[serde(default)]
    signing_secrets: Vec<SecretRef>,
}

const TOKEN_HEADER: &str = "x-gitlab-token";

const TIMES: [&str; 9] = [
    "object_attributes.finished_at",
    "object_attributes.updated_at",
    "object_attributes.created_at",
    "build_finished_at",
    "build_started_at",
    "build_created_at",
    "status_changed_at",
    "updated_at",
    "released_at",
];

struct GitLab {
    token: Option<Credential>,
    signing: Vec<SigningKey>,
    fields: Fields,
}

fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    let settings: GitLabSettings = section.map(read).transpose()?.unwrap_or_default();
    let (mut tokens, mut signing) = (Vec::new(), Vec::new());
    if !settings.secrets.is_empty() {
        tokens = resolve_secrets(&settings.secrets, "/secrets", scope)?;
    }
    if !settings.signing_secrets.is_empty() {
        signing = signing_keys(&settings.signing_secrets, "/signingSecrets", scope)?;
    }
    if tokens.is_empty() && signing.is_empty() {
        let secret = from_env("GITLAB_WEBHOOK_SECRET", scope);
        match (secret.as_ref().and_then(signing_token), secret) {
            (Some(key), _) => signing.push(key),
            (None, secret) => tokens.extend(secret),
        }
    }
    let token = (!tokens.is_empty()).then(|| Credential::new(&tokens, &[TOKEN_HEADER], false, Basic::No));
    let fields = Fields::of(
        ["object_kind", "event_name", "object_attributes.action", "action"]
            .into_iter()
            .chain(TIMES),
    );
    Ok(Arc::new(GitLab {
        token,
        signing,
        fields,
    }))
}

fn signing_token(secret: &SecretString) -> Option<SigningKey> {
    let branded = secret.expose_secret().starts_with("whsec_");
    branded.then(|| SigningKey::parse(secret).ok()).flatten()
}

impl GitLab {
    /// What is presented and configured must hold: a wrong signature is not made good by a right token, nor the other
    /// way round. One of the two suffices only where the other is not sent, as while moving from one to the other.
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let signed = !self.signing.is_empty() && is_presented(delivery, SIGNATURE_HEADER);
        let token = self.token.as_ref();
        if signed {
            standard_webhooks::verify(&self.signing, delivery)?;
        }
        match token {
            Some(token) if !signed || is_presented(delivery, TOKEN_HEADER) => token.verify(delivery),
            _ if signed => Ok(()),
            _ if self.signing.is_empty() => Err(Refusal::Unverified(
                "no secret is configured for gitlab: set GITLAB_WEBHOOK_SECRET, sources.gitlab.secrets or \
                 sources.gitlab.signingSecrets"
                    .to_owned(),
            )),
            _ => standard_webhooks::verify(&self.signing, delivery),
        }
    }
}

impl WebhookSource for GitLab {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        self.verify(delivery)?;
        require_json(delivery)?;
        let found = self.fields.read_object(delivery.body)?;
        let said = first_header(delivery, &["idempotency-key", "webhook-id"]).map(Cow::Borrowed);
        let id = said.unwrap_or_else(|| fallback_id(delivery));
        Ok(Received {
            event_type: event_type(kind_of(&found, delivery)?)?,
            delivery_id: delivery_id(Some(id), delivery.body)?,
            timestamp: found.first_time(&TIMES),
            verified: true,
            data: Cow::Borrowed(delivery.body),
            attributes: Attributes::default()
                // Releases and milestones have it at the top level.
                .with(
                    "action",
                    found
                        .text("object_attributes.action")
                        .or_else(|| found.text("action")),
                )
                .with("hookId", header(delivery, "x-gitlab-webhook-uuid"))
                .with("eventUuid", header(delivery, "x-gitlab-event-uuid"))
                .with("instance", header(delivery, "x-gitlab-instance"))
                .done(),
        })
    }

    fn verifies(&self) -> bool {
        true
    }
}

/// `object_kind`, as in `push` and `merge_request`; system hooks have `event_name` instead; a custom webhook template may
/// have neither, and then the header's words stand in: `Merge Request Hook` is `merge_request`.
fn kind_of<'a>(found: &Found<'_, 'a>, delivery: &Delivery<'a>) -> Result<Cow<'a, str>, Refusal> {
    if let Some(kind) = found.text("object_kind").or_else(|| found.text("event_name")) {
        return Ok(kind);
    }
    let title = header(delivery, "x-gitlab-event").ok_or_else(|| {
        Refusal::Malformed("neither `object_kind` in the body nor `X-Gitlab-Event` is there".to_owned())
    })?;
    let words = title.strip_suffix(" Hook").unwrap_or(title);
    Ok(Cow::Owned(words.to_lowercase().replace(' ', "_")))
}

/// Lengths go in first, so that no two different triples give the same bytes.
fn fallback_id(delivery: &Delivery<'_>) -> Cow<'static, str> {
    let hook = header(delivery, "x-gitlab-webhook-uuid").unwrap_or_default();
    let event = header(delivery, "x-gitlab-event").unwrap_or_default();
    let mut bytes = format!("{}:{hook}{}:{event}", hook.len(), event.len()).into_bytes();
    bytes.extend_from_slice(delivery.body);
    digest_id(&bytes)
}

fn sign(outgoing: &Outgoing<'_>) -> Result<Headers, SignError> {
    let title = hook_title(outgoing.event);
    let mut headers = json_headers(&[
        ("user-agent", "GitLab/pilotage"),
        ("x-gitlab-event", &title),
        ("idempotency-key", outgoing.delivery_id),
    ]);
    if let Some(secret) = outgoing.secret {
        if secret.expose_secret().starts_with("whsec_") {
            headers.extend(outgoing.standard_webhooks(secret)?);
        } else {
            headers.push((TOKEN_HEADER.to_owned(), secret.expose_secret().to_owned()));
        }
    }
    Ok(headers)
}

/// `merge_request` is `Merge Request Hook`.
fn hook_title(event: &str) -> String {
    let mut title = String::new();
    for word in event.split('_') {
        let mut letters = word.chars();
        title.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        title.push_str(letters.as_str());
        title.push(' ');
    }
    title + "Hook"
}
