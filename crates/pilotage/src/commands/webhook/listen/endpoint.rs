//! Endpoints as they are written on the command line, and what judges what arrives there.

use std::{collections::BTreeMap, sync::Arc};

use pilotage_adapters::sources::{self, BuildScope};
use pilotage_core::{config::nearest, ports::WebhookSource};
use pilotage_mock::Endpoint;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::{
    commands::webhook::{ALWAYS_SIGNED, secret_variable},
    exit::usage,
};

/// Most endpoints at once.
const MOST_ENDPOINTS: usize = 100;
/// Longest name.
const MOST_NAME_BYTES: usize = 100;
/// How a sender signs that is none of the known ones; the words of `webhook send --scheme`.
const SCHEMES: [&str; 3] = ["standard-webhooks", "hmac-sha256", "bearer"];
/// What the secret is called towards the sources; only `build` hands it out under this name.
const VARIABLE: &str = "LISTEN_SECRET";

/// An endpoint as it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) source: Option<&'static str>,
}

/// Where the secret comes from.
pub(super) enum Secret {
    /// This environment variable.
    Variable(String),
    /// A file, read already.
    Given(SecretString),
    /// The source's own environment variable, if it has one.
    Usual,
}

pub(super) fn parse(text: &str) -> Result<Named, String> {
    let (name, source) = match text.split_once(':') {
        Some((name, source)) => (name, Some(known(source)?)),
        None => (text, None),
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let sound = !name.is_empty() && name.len() <= MOST_NAME_BYTES && name.chars().all(plain);
    if !sound || name.trim_matches('/') != name {
        return Err("a name has 1 to 100 letters, digits, `-`, `_`, `.` and, within it, `/`".to_owned());
    }
    Ok(Named {
        name: name.to_owned(),
        source,
    })
}

fn known(text: &str) -> Result<&'static str, String> {
    let names = || sources::kinds().iter().map(|kind| kind.name).chain(SCHEMES);
    names().find(|name| *name == text).ok_or_else(|| {
        let known = names().collect::<Vec<_>>().join(", ");
        let meant = nearest(text, names())
            .map(|name| format!("; did you mean `{name}`?"))
            .unwrap_or_default();
        format!("the sources are {known}{meant}")
    })
}

/// The endpoints with what judges them.
///
/// # Errors
/// A name is there twice, or a secret is missing or not of its source's form.
pub(super) fn build(named: &[Named], secret: &Secret, loopback: bool) -> anyhow::Result<Vec<Endpoint>> {
    if named.len() > MOST_ENDPOINTS {
        return Err(usage(format!("at most {MOST_ENDPOINTS} endpoints")));
    }
    let mut endpoints: BTreeMap<&str, Endpoint> = BTreeMap::new();
    for one in named {
        let name = one.name.clone();
        let source = one
            .source
            .map(|source| judge(source, secret, loopback))
            .transpose()?;
        if endpoints.insert(&one.name, Endpoint { name, source }).is_some() {
            return Err(usage(format!("the endpoint `{}` is there twice", one.name)));
        }
    }
    Ok(endpoints.into_values().collect())
}

fn judge(source: &'static str, secret: &Secret, loopback: bool) -> anyhow::Result<Arc<dyn WebhookSource>> {
    let secret = find(source, secret);
    let is_scheme = SCHEMES.contains(&source);
    if secret.is_none() && (is_scheme || ALWAYS_SIGNED.contains(&source)) {
        return Err(usage(format!(
            "{source} is verified by a secret: name it with --secret-env or --secret-file, or leave `:{source}` away"
        )));
    }
    let section = secret.as_ref().map(|secret| section(source, secret));
    let read = |name: &str| {
        (name == VARIABLE).then(|| secret.as_ref().map(|secret| secret.expose_secret().to_owned()))
    };
    let scope = BuildScope {
        env: &|name| read(name).flatten(),
        read_file: &|_| Err("no file is read here".to_owned()),
        loopback_only: loopback,
    };
    let config: BTreeMap<String, Value> = section
        .into_iter()
        .map(|section| (source.to_owned(), section))
        .collect();
    let mut built = sources::build_all(&config, &scope).map_err(|problems| {
        let messages: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
        usage(format!("{source}: {}", messages.join("; ")))
    })?;
    let judge = built.remove(source).map(|configured| configured.source);
    judge.ok_or_else(|| usage(format!("{source} cannot be listened for")))
}

fn find(source: &str, secret: &Secret) -> Option<SecretString> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match secret {
        Secret::Given(secret) => Some(secret.clone()),
        Secret::Variable(name) => variable(name).map(SecretString::from),
        Secret::Usual => secret_variable(source).and_then(variable).map(SecretString::from),
    }
}

/// The source's section of a configuration.
fn section(source: &str, secret: &SecretString) -> Value {
    let secrets = [format!("${{env:{VARIABLE}}}")];
    match source {
        "standard-webhooks" | "bearer" => json!({"verification": {"type": source, "secrets": secrets}}),
        "hmac-sha256" => json!({"verification": {
            "type": "hmac", "header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": secrets,
        }}),
        "gitlab" if secret.expose_secret().starts_with("whsec_") => json!({"signingSecrets": secrets}),
        _ => json!({"secrets": secrets}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_a_name_and_perhaps_a_source() {
        let read = |text| parse(text).map(|named| (named.name, named.source));
        assert_eq!(read("ci"), Ok(("ci".to_owned(), None)));
        assert_eq!(
            read("webhooks/github:github"),
            Ok(("webhooks/github".to_owned(), Some("github")))
        );
        for bad in ["", ":github", "/a", "a/", "a b", "a?b"] {
            assert!(read(bad).unwrap_err().starts_with("a name has"), "{bad}");
        }
        assert!(read("a:gihub").unwrap_err().ends_with("did you mean `github`?"));
    }

    #[test]
    fn every_source_can_be_listened_for() {
        let standard: SecretString = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let kinds = sources::kinds().iter().map(|kind| kind.name).chain(SCHEMES);
        for name in kinds {
            let judge = judge(name, &Secret::Given(standard.clone()), false).unwrap();
            assert!(judge.verifies(), "{name}");
        }
        assert!(judge("standard-webhooks", &Secret::Given("short".into()), true).is_err());
    }

    #[test]
    fn a_name_is_there_once() {
        let named = [parse("a").unwrap(), parse("a").unwrap()];
        assert!(build(&named, &Secret::Usual, true).is_err());
    }
}
