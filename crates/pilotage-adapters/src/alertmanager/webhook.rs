//! Prometheus Alertmanager's webhook receiver, version 4 (prometheus.io, "Alerting configuration", `webhook_config`).

use std::{borrow::Cow, sync::Arc};

use pilotage_core::{
    Timestamp,
    ports::{Delivery, Received, Refusal, WebhookSource},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    sources::{
        BuildScope, Headers, Outgoing, Sample, SourceKind,
        fields::{Fields, parse_time},
        payload::{Attributes, delivery_id, digest_id, event_type, require_json},
        sending::json_headers,
        settings::{Built, Places, UnsignedSettings},
    },
    verification::Verifier,
};

/// The source `alertmanager`: `alert.firing` and `alert.resolved`. A group is sent again every `repeat_interval`; the
/// delivery's id is made of what makes a notification another one (group, and each alert's fingerprint, status and
/// start), so that a repetition is a duplicate.
pub(crate) const KIND: SourceKind = SourceKind {
    name: "alertmanager",
    max_body_bytes: 5 * 1024 * 1024,
    build,
    schema: |generator| generator.subschema_for::<UnsignedSettings>(),
    sign: |outgoing| Ok(sign(outgoing)),
    samples: &[Sample {
        event: "alert.firing",
        body: include_str!("../../../../fixtures/alertmanager/firing.json"),
    }],
};

const PLACES: Places = Places {
    source: "alertmanager",
    headers: &[],
    bearer: true,
    basic: true,
    env: None,
};

/// What is read of a group. Alertmanager is the only source whose list of things counts, so it is read on its own.
#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, rename = "groupKey")]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    receiver: Option<Cow<'a, str>>,
    #[serde(borrow)]
    alerts: Vec<Alert<'a>>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    #[serde(borrow)]
    fingerprint: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    starts_at: Cow<'a, str>,
    #[serde(borrow, default)]
    ends_at: Option<Cow<'a, str>>,
}

struct Alertmanager {
    verifier: Verifier,
    whole: Fields,
}

fn build(section: Option<&Value>, scope: &BuildScope<'_>) -> Built {
    Ok(Arc::new(Alertmanager {
        verifier: PLACES.verifier(section, scope)?,
        whole: Fields::of([]),
    }))
}

impl WebhookSource for Alertmanager {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        let verified = self.verifier.verify(delivery)?;
        require_json(delivery)?;
        self.whole.read(delivery.body)?;
        let mut group: Group<'_> = serde_json::from_slice(delivery.body)
            .map_err(|error| Refusal::Malformed(format!("not Alertmanager's format, version 4: {error}")))?;
        let kind = match group.status.as_ref() {
            "firing" => "alert.firing",
            "resolved" => "alert.resolved",
            _ => {
                return Err(Refusal::Malformed(
                    "`status` is neither `firing` nor `resolved`".to_owned(),
                ));
            }
        };
        group.alerts.sort();
        Ok(Received {
            event_type: event_type(Cow::Borrowed(kind))?,
            delivery_id: delivery_id(Some(identity(&group)), delivery.body)?,
            timestamp: happened_at(&group),
            verified,
            data: Cow::Borrowed(delivery.body),
            attributes: Attributes::default()
                .with("groupKey", Some(&group.key))
                .with("receiver", group.receiver.as_ref())
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

/// Each word goes in with its length before it, so that no two different groups give the same bytes.
fn identity(group: &Group<'_>) -> Cow<'static, str> {
    let alerts = group
        .alerts
        .iter()
        .flat_map(|alert| [&alert.fingerprint, &alert.status, &alert.starts_at]);
    let mut text = String::new();
    for word in [&group.status, &group.key].into_iter().chain(alerts) {
        text.push_str(&word.len().to_string());
        text.push(':');
        text.push_str(word);
    }
    digest_id(text.as_bytes())
}

/// The newest start while firing, the newest end once resolved.
fn happened_at(group: &Group<'_>) -> Option<Timestamp> {
    let moments = group
        .alerts
        .iter()
        .filter_map(|alert| match group.status.as_ref() {
            "resolved" => alert.ends_at.as_deref(),
            _ => Some(&*alert.starts_at),
        });
    moments.filter_map(parse_time).max()
}

fn sign(outgoing: &Outgoing<'_>) -> Headers {
    let mut headers = json_headers(&[("user-agent", "Alertmanager/pilotage")]);
    headers.extend(outgoing.bearer());
    headers
}
