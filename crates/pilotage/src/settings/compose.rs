//! From what people wrote to the parts that the wiring needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use pilotage_adapters::{
    notifiers, outbound, runs,
    sources::{self, BuildScope},
    verification::standard_webhooks::{self, SigningKey},
};
use pilotage_core::{
    Timestamp,
    config::{Problem, pointer_segment},
    pipeline_run::PlatformWays,
    ports::Outbound,
};
use pilotage_engine::{
    actions::{
        ActionKind, Catalog, CheckAddress, Endpoint, EndpointConfig, GateAction, NotificationAction,
        PipelineAction, Sign, WebhookAction, check_header,
    },
    gates::GateDesk,
    pipelines::{PipelineDesk, Platforms},
    redaction::Redactor,
    rule_book::Foundation,
};
use pilotage_web::{SourceEntry, SourceTable, intake::Limit};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{Settings, SettingsError};

/// What the configuration depends on beside its text.
pub(crate) struct Surroundings {
    /// Whether the server can be reached from this machine alone.
    pub(crate) loopback_only: bool,
    /// Signs outgoing webhooks whose endpoint has no secret of its own.
    pub(crate) signing_secret: SecretString,
    /// Where runs of pipelines are kept; `None` where the file is only checked.
    pub(crate) pipelines: Option<Arc<PipelineDesk>>,
}

/// A fresh secret in the form of Standard Webhooks: `whsec_` and base64 of 32 bytes, from 366 random bits.
pub(crate) fn fresh_signing_secret() -> SecretString {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let random: Vec<u8> = (0..3).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
    format!("whsec_{}", STANDARD.encode(pilotage_core::Digest::of(&random).0)).into()
}

/// The parts, ready for the wiring.
pub(crate) struct Composed {
    /// Rules, source names and action kinds.
    pub(crate) foundation: Foundation,
    /// Who may deliver.
    pub(crate) sources: SourceTable,
    /// Platforms that run pipelines.
    pub(crate) platforms: Platforms,
    /// How the server goes about each of them.
    pub(crate) ways: BTreeMap<String, PlatformWays>,
    /// Knows every secret of this configuration.
    pub(crate) redactor: Redactor,
}

impl Settings {
    /// Builds every part, or says everything that is wrong. `gates` is where rules have gates asked; `None` where the file
    /// is only checked.
    ///
    /// # Errors
    /// A source, notifier, endpoint or secret does not hold. The rules are checked by the rule book.
    pub(crate) fn compose(
        &self,
        surroundings: &Surroundings,
        gates: Option<Arc<GateDesk>>,
    ) -> Result<Composed, SettingsError> {
        let mut problems = Vec::new();
        let secrets = Secrets::default();
        let sources = self.sources(surroundings, &secrets).unwrap_or_else(|found| {
            problems.extend(found);
            SourceTable::new()
        });
        let (catalog, platforms) = self
            .catalog(surroundings, gates, &secrets)
            .unwrap_or_else(|found| {
                problems.extend(found);
                Default::default()
            });
        let ways = runs::ways(&self.file.platforms).unwrap_or_else(|found| {
            problems.extend(found);
            BTreeMap::new()
        });
        if !problems.is_empty() {
            return Err(self.problems(&problems));
        }
        secrets.note(surroundings.signing_secret.expose_secret());
        let foundation = Foundation {
            rules: self.file.rules.clone(),
            sources: sources.keys().cloned().collect::<BTreeSet<_>>(),
            catalog: Arc::new(catalog),
        };
        Ok(Composed {
            foundation,
            sources,
            platforms,
            ways,
            redactor: Redactor::new(secrets.into_inner()),
        })
    }

    fn sources(&self, surroundings: &Surroundings, secrets: &Secrets) -> Result<SourceTable, Vec<Problem>> {
        let env = |name: &str| secrets.env(name);
        let read_file = |path: &str| secrets.read_file(path);
        let scope = BuildScope {
            env: &env,
            read_file: &read_file,
            loopback_only: surroundings.loopback_only,
        };
        self.file
            .sources
            .values()
            .for_each(|section| note_literals(section, false, secrets));
        let configured = sources::build_all(&self.file.sources, &scope)?;
        let entry = |configured: sources::Configured| SourceEntry {
            source: configured.source,
            custom: configured.custom,
            limit: configured.rate_limit.map(|limit| Limit {
                per_second: limit.per_second,
                burst: limit.burst,
            }),
            max_body_bytes: configured.max_body_bytes,
        };
        Ok(configured
            .into_iter()
            .map(|(name, configured)| (name, entry(configured)))
            .collect())
    }

    fn catalog(
        &self,
        surroundings: &Surroundings,
        gates: Option<Arc<GateDesk>>,
        secrets: &Secrets,
    ) -> Result<(Catalog, Platforms), Vec<Problem>> {
        let policy = outbound::AddressPolicy::new(&self.file.outgoing.allow).map_err(|found| {
            found
                .into_iter()
                .map(|problem| problem.under("/outgoing/allow"))
                .collect::<Vec<_>>()
        })?;
        let judge = policy.clone();
        let check_address: CheckAddress = Arc::new(move |text: &str| judge.check_written(text));
        let outbound: Arc<dyn Outbound> = Arc::new(outbound::HttpOutbound::new(policy));
        let mut problems = Vec::new();
        let mut endpoints = BTreeMap::new();
        for (name, config) in &self.file.endpoints {
            match endpoint(config, surroundings, secrets, &check_address) {
                Ok(endpoint) => _ = endpoints.insert(name.clone(), endpoint),
                Err(problem) => {
                    problems.push(problem.under(&format!("/endpoints/{}", pointer_segment(name))));
                }
            }
        }
        let env = |name: &str| std::env::var(name).ok();
        let platform_scope = runs::PlatformScope::new(&env, &read_text);
        let platforms = runs::build_all(&self.file.platforms, &platform_scope);
        let platforms = platforms.unwrap_or_else(|found| {
            problems.extend(found);
            BTreeMap::new()
        });
        platform_scope
            .secrets()
            .iter()
            .for_each(|secret| secrets.note(secret.expose_secret()));
        let scope =
            notifiers::NotifierScope::new(outbound.clone(), |name| std::env::var(name).ok(), read_text);
        let built = notifiers::build_all(&self.file.notifiers, self.file.slack.as_ref(), &scope);
        let built = built.unwrap_or_else(|found| {
            problems.extend(found);
            notifiers::Notifiers::default()
        });
        scope
            .secrets()
            .iter()
            .for_each(|secret| secrets.note(secret.expose_secret()));
        if !problems.is_empty() {
            return Err(problems);
        }
        let default_sign = sign_with(&surroundings.signing_secret).map_err(|problem| vec![problem])?;
        let webhook = WebhookAction::new(
            outbound,
            endpoints,
            default_sign,
            outbound::redact_url,
            check_address,
        );
        let notification = NotificationAction::new(built.named, built.slack);
        let pipeline = PipelineAction::new(platforms.clone(), surroundings.pipelines.clone());
        let catalog = Catalog::new([
            Arc::new(webhook) as Arc<dyn ActionKind>,
            Arc::new(notification),
            Arc::new(GateAction::new(gates)),
            Arc::new(pipeline),
        ]);
        Ok((catalog, platforms))
    }
}

fn endpoint(
    config: &EndpointConfig,
    surroundings: &Surroundings,
    secrets: &Secrets,
    check_address: &CheckAddress,
) -> Result<Endpoint, Problem> {
    let env = |name: &str| secrets.env(name);
    let read_file = |path: &str| secrets.read_file(path);
    let secret = match &config.secret {
        Some(secret) => {
            let secret = secret
                .resolve(&env, &read_file)
                .map_err(|error| Problem::at("/secret", error.to_string()))?;
            secrets.note(secret.expose_secret());
            secret
        }
        None => surroundings.signing_secret.clone(),
    };
    let mut headers = Vec::new();
    for (name, value) in &config.headers {
        let pointer = format!("/headers/{}", pointer_segment(name));
        let value = value
            .resolve(&env, &read_file)
            .map_err(|error| Problem::at(&pointer, error.to_string()))?;
        secrets.note(value.expose_secret());
        let name =
            check_header(name, value.expose_secret()).map_err(|message| Problem::at(&pointer, message))?;
        headers.push((name, value.expose_secret().to_owned()));
    }
    let is_web = config.url.starts_with("https://") || config.url.starts_with("http://");
    if !is_web || url::Url::parse(&config.url).is_err() {
        return Err(Problem::at("/url", "an endpoint's url is an http(s) address"));
    }
    check_address(&config.url).map_err(|problem| problem.under("/url"))?;
    Ok(Endpoint {
        url: config.url.clone(),
        sign: sign_with(&secret)?,
        headers,
        rate_limit: config.rate_limit,
    })
}

/// Signs as Standard Webhooks with this secret; problems point at a field `secret`.
fn sign_with(secret: &SecretString) -> Result<Sign, Problem> {
    let keys = [SigningKey::parse(secret).map_err(|error| Problem::at("/secret", error.to_string()))?];
    Ok(Arc::new(move |id: &str, now: Timestamp, body: &[u8]| {
        let signature = standard_webhooks::sign(&keys, id, now, body);
        let stamp = standard_webhooks::unix_seconds(now);
        let headers = [
            (standard_webhooks::ID_HEADER, id.to_owned()),
            (standard_webhooks::TIMESTAMP_HEADER, stamp),
            (standard_webhooks::SIGNATURE_HEADER, signature),
        ];
        headers.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }))
}

/// A file that a secret stands in.
pub(super) fn read_text(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// The keys under which sources have secrets.
const SECRET_KEYS: [&str; 5] = ["secret", "secrets", "signingSecrets", "token", "password"];

/// Remembers the secrets that are written out in a section: texts below a key that names one.
fn note_literals(value: &Value, secret: bool, secrets: &Secrets) {
    match value {
        Value::String(text) if secret => secrets.note(text),
        Value::Array(items) => items.iter().for_each(|item| note_literals(item, secret, secrets)),
        Value::Object(members) => members
            .iter()
            .for_each(|(key, member)| note_literals(member, SECRET_KEYS.contains(&key.as_str()), secrets)),
        _ => {}
    }
}

/// Fetches secrets and remembers them, so that they can be kept out of what is recorded.
#[derive(Default)]
struct Secrets(std::cell::RefCell<Vec<String>>);

impl Secrets {
    fn note(&self, secret: &str) {
        self.0.borrow_mut().push(secret.to_owned());
    }

    fn env(&self, name: &str) -> Option<String> {
        let value = std::env::var(name).ok()?;
        self.note(&value);
        Some(value)
    }

    fn read_file(&self, path: &str) -> Result<String, String> {
        let text = read_text(path)?;
        self.note(text.trim_end());
        Ok(text)
    }

    fn into_inner(self) -> Vec<String> {
        self.0.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_header_that_cannot_be_sent_is_said_when_the_file_is_loaded() {
        let compose = |header: &str| {
            let text = format!(
                "version: 1\nendpoints:\n  ci:\n    url: https://ci.example.com/\n    headers: {{ {header} }}\n"
            );
            let surroundings = Surroundings {
                loopback_only: true,
                signing_secret: fresh_signing_secret(),
                pipelines: None,
            };
            let settings = Settings::parse("pilotage.yaml", text.as_bytes()).unwrap();
            settings
                .compose(&surroundings, None)
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(compose("X-Api-Key: abc"), None);
        for (header, reason) in [
            ("Host: other.example", "`Host` is set by Pilotage"),
            ("Content-Length: '1'", "`Content-Length` is set by Pilotage"),
            ("Webhook-Id: x", "`Webhook-Id` is set by Pilotage"),
            ("'a b': x", "`a b` is no header name"),
            (
                "X-A: \"hidden\\r\\nX-B: c\"",
                "header `X-A` holds a control character",
            ),
        ] {
            let told = compose(header).unwrap_or_else(|| panic!("{header} was taken"));
            assert!(told.contains(reason), "{told}");
        }
    }

    #[test]
    fn a_secret_that_is_written_out_is_known_to_the_redactor() {
        let text = b"version: 1\nsources:\n  github: {secrets: [first-literal, second-literal]}\n  own: {verification: {type: bearer, secrets: [third-literal]}}\n";
        let surroundings = Surroundings {
            loopback_only: true,
            signing_secret: fresh_signing_secret(),
            pipelines: None,
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let composed = Settings::parse("x", text)
            .unwrap()
            .compose(&surroundings, None)
            .unwrap();
        let cleaned = composed
            .redactor
            .clean("first-literal second-literal third-literal own");
        assert_eq!(cleaned, "*** *** *** own");
    }
}
