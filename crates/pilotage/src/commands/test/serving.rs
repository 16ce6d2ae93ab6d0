//! The services of a command: arranged from the configuration, brought up, told of, and ended.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use pilotage_core::testing::{ServicesFile, TestsFile};
use pilotage_mock::Seed;
use pilotage_runners::testing::{
    Suite,
    services::{self, Services, Setup},
};

use crate::{exit::usage, output::remark};

/// Where records of services are kept.
const STATE: &str = ".pilotage";

/// Where services come from.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum From {
    /// From containers where an engine answers, else from programs.
    #[default]
    Any,
    /// From containers.
    Containers,
    /// From programs of this machine.
    Programs,
}

/// How services are had.
#[derive(Args, Debug)]
pub(super) struct Serving {
    /// Where services come from: containers where an engine answers and else programs, or only one of both
    #[arg(
        long,
        value_name = "FROM",
        env = "PILOTAGE_SERVICES_FROM",
        value_enum,
        default_value = "any"
    )]
    services_from: From,
}

impl Serving {
    /// Arranges the services of these users, after what runs left behind that are no more has been removed. Nothing is started.
    ///
    /// # Errors
    /// A service cannot be arranged.
    pub(super) async fn arrange(
        &self,
        root: &Path,
        declared: ServicesFile,
        users: &[(String, Vec<String>)],
    ) -> anyhow::Result<Option<Arc<Services>>> {
        let state = root.join(STATE);
        for told in services::reap(&state).await {
            remark(told);
        }
        let setup = Setup {
            declared,
            root: root.to_owned(),
            state,
            program: program()?,
            mock_token,
            from: match self.services_from {
                From::Any => services::From::Any,
                From::Containers => services::From::Containers,
                From::Programs => services::From::Programs,
            },
        };
        let arranged = Services::arrange(setup, users).map_err(usage)?;
        Ok(arranged.map(Arc::new))
    }
}

fn program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot tell where this program lies")
}

/// The token of the mock of Make's API that holds what this file says.
fn mock_token(seed: Option<&Path>) -> Result<String, String> {
    let Some(file) = seed else {
        return Seed::built_in()
            .map(|seed| seed.token())
            .map_err(|error| error.to_string());
    };
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    let seed = Seed::parse(&text).map_err(|error| named(&error))?;
    Ok(seed.token())
}

/// Which services each suite uses.
pub(super) fn users(file: &TestsFile, suites: &[Suite]) -> Vec<(String, Vec<String>)> {
    let of = |suite: &Suite| {
        let mut services = file.services.clone();
        services.extend(suite.settings.services.clone());
        services.sort();
        services.dedup();
        (suite.name.clone(), services)
    };
    suites.iter().map(of).collect()
}

/// Hands each suite the variables of its services, beside its own.
pub(super) fn hand_over(suites: &mut [Suite], services: &Services) {
    for suite in suites {
        for (name, value) in services.variables(&suite.name) {
            suite.settings.environment.entry(name).or_insert(value);
        }
    }
}

/// Ends services, and says what is still there.
pub(super) async fn end(services: Option<&Services>) {
    if let Some(services) = services {
        for told in services.end().await {
            remark(told);
        }
    }
}
