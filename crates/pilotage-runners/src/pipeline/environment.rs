//! The environment of commands: what the definition says, what names the machine, and nothing else.

use std::{collections::BTreeMap, ffi::OsString};

use pilotage_core::pipeline::{Step, Variables};

use super::{Occasion, Task};

/// Variables by name.
pub type Environment = BTreeMap<String, OsString>;

/// What names places and ways of this machine: it is passed on, and is no part of what a result depends on.
const MACHINE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "PYENV_ROOT",
    "GEM_HOME",
    "GEM_PATH",
    "JAVA_HOME",
    "GOPATH",
    "GOCACHE",
];

/// What changes how tools work: it is passed on, and a result depends on it.
const WAYS: &[&str] = &[
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "SOURCE_DATE_EPOCH",
    "RUSTUP_TOOLCHAIN",
    "CARGO_TARGET_DIR",
    "VIRTUAL_ENV",
    "PYENV_VERSION",
];

/// The environment of a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// What commands see, without secrets.
    pub(crate) all: Environment,
    /// The part that a result depends on; a variable that is named and not set has no value.
    pub(crate) counted: BTreeMap<String, Option<OsString>>,
}

/// What `task` is given of `caller`, the environment of the person who runs it.
pub(crate) fn given(caller: &Environment, pipeline: &Variables, task: &Task, occasion: &Occasion) -> Given {
    let mut given = Given::default();
    for name in MACHINE {
        if let Some(value) = caller.get(*name) {
            given.all.insert((*name).to_owned(), value.clone());
        }
    }
    let named = task.job.inputs.iter().flat_map(|inputs| &inputs.variables);
    for name in WAYS.iter().copied().chain(named.map(String::as_str)) {
        given.counted.insert(name.to_owned(), caller.get(name).cloned());
    }
    // Programs ask nobody and draw nothing, as at the platforms.
    let fixed = [("CI", "true"), ("TERM", "dumb")].map(|(name, value)| (name.to_owned(), value.into()));
    let said = pipeline.iter().chain(&task.job.variables);
    let said = said.map(|(name, value)| (name.clone(), occasion.fill(value, &task.combination).into()));
    let said: BTreeMap<String, OsString> = fixed.into_iter().chain(said).collect();
    given
        .counted
        .extend(said.into_iter().map(|(name, value)| (name, Some(value))));
    for (name, value) in &given.counted {
        given.all.extend(value.clone().map(|value| (name.clone(), value)));
    }
    given
}

/// The secrets of a step, from the caller's environment.
///
/// # Errors
/// One is not there, or is no text.
pub(crate) fn secrets(caller: &Environment, step: &Step) -> Result<Vec<(String, String)>, String> {
    let found = step.secrets.iter().map(|name| {
        let value = caller
            .get(name)
            .ok_or_else(|| format!("the secret `{name}` is not in the environment"))?;
        let value = value
            .to_str()
            .ok_or_else(|| format!("the secret `{name}` is no text"))?;
        Ok((name.clone(), value.to_owned()))
    });
    found.collect()
}
