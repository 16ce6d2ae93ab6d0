//! `pilotage check`: is the configuration right?

use std::path::{Path, PathBuf};

use clap::Args;
use pilotage_engine::rule_book;
use pilotage_web::SourceTable;
use serde_json::json;

use crate::{
    exit::Done,
    output::{Output, remark},
    settings::{Settings, SettingsError, Surroundings, fresh_signing_secret},
};

/// Check the configuration: shape, names, secrets, expressions, templates
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The configuration file
    #[arg(
        long,
        env = "PILOTAGE_CONFIG",
        default_value = "pilotage.yaml",
        value_name = "FILE"
    )]
    config: PathBuf,
}

/// Checks without touching any state. Exit 2 when something is wrong.
///
/// # Errors
/// The configuration does not hold.
pub(crate) fn run(check: &Check, output: Output) -> anyhow::Result<Done> {
    match verify(check) {
        Ok(held) if output.is_json() => {
            output.json(&json!({
                "ok": true, "file": check.config, "sources": held.sources, "configured": held.configured,
                "rules": held.rules, "loopbackOnly": held.loopback_only,
            }))?;
            Ok(Done::Yes)
        }
        Ok(held) => {
            output.line(held.words(&check.config))?;
            for name in &held.loopback_only {
                remark(format_args!(
                    "{name} has no secret: its deliveries are accepted on loopback only, and refused on any other address."
                ));
            }
            Ok(Done::Yes)
        }
        Err(SettingsError::Problems(findings)) if output.is_json() => {
            output.json(&json!({ "ok": false, "file": check.config, "problems": findings.found }))?;
            Ok(Done::Misconfigured)
        }
        Err(error) => Err(error.into()),
    }
}

/// What a configuration that holds has.
struct Held {
    /// Sources that there are, configured or not.
    sources: usize,
    /// Sources with a section.
    configured: usize,
    rules: usize,
    /// Sources that are configured or that a rule names, and that are refused beyond loopback.
    loopback_only: Vec<String>,
}

impl Held {
    fn words(&self, file: &Path) -> String {
        let Self {
            sources,
            configured,
            rules,
            ..
        } = self;
        let plural = if *rules == 1 { "" } else { "s" };
        format!(
            "{} holds: {configured} of {sources} sources configured, {rules} rule{plural}.",
            file.display()
        )
    }
}

fn verify(check: &Check) -> Result<Held, SettingsError> {
    let settings = Settings::read(&check.config)?;
    let compose = |loopback_only| {
        settings.compose(
            &Surroundings {
                loopback_only,
                signing_secret: fresh_signing_secret(),
                pipelines: None,
            },
            None,
        )
    };
    let (composed, public) = (compose(true)?, compose(false)?);
    let problems = rule_book::check_file(&composed.foundation);
    if !problems.is_empty() {
        return Err(settings.problems(&problems));
    }
    let file = &settings.file;
    let is_used = |name: &str| {
        file.sources.contains_key(name) || file.rules.iter().any(|rule| rule.trigger.source == name)
    };
    let unchecked =
        |sources: &SourceTable, name: &str| sources.get(name).is_some_and(|entry| !entry.source.verifies());
    let loopback_only = composed.sources.keys().filter(|name| {
        is_used(name) && unchecked(&composed.sources, name) && !unchecked(&public.sources, name)
    });
    Ok(Held {
        sources: composed.sources.len(),
        configured: file.sources.len(),
        rules: file.rules.len(),
        loopback_only: loopback_only.cloned().collect(),
    })
}
