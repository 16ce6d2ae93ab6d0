//! `pilotage check`: is the configuration right?

use std::path::PathBuf;

use clap::Args;
use pilotage_engine::rule_book;
use serde_json::json;

use crate::{
    exit::Done,
    output::Output,
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
        Ok((sources, rules)) if output.is_json() => {
            output.json(&json!({ "ok": true, "file": check.config, "sources": sources, "rules": rules }))?;
            Ok(Done::Yes)
        }
        Ok((sources, rules)) => {
            output.line(format_args!(
                "{} holds: {sources} sources, {rules} rules.",
                check.config.display()
            ))?;
            Ok(Done::Yes)
        }
        Err(SettingsError::Problems { problems, .. }) if output.is_json() => {
            output.json(&json!({ "ok": false, "file": check.config, "problems": problems }))?;
            Ok(Done::Misconfigured)
        }
        Err(error) => Err(error.into()),
    }
}

fn verify(check: &Check) -> Result<(usize, usize), SettingsError> {
    let settings = Settings::read(&check.config)?;
    let signing_secret = fresh_signing_secret();
    let composed = settings.compose(&Surroundings {
        loopback_only: true,
        signing_secret,
    })?;
    let counts = (composed.sources.len(), settings.file.rules.len());
    let problems = rule_book::check_file(&composed.foundation);
    if !problems.is_empty() {
        return Err(settings.problems(problems));
    }
    Ok(counts)
}
