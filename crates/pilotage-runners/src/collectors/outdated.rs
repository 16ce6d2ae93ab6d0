//! What everything that looks for newer releases shares. Direct dependencies are counted: what they need in turn is theirs to
//! keep up.

use std::path::PathBuf;

use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit},
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Measures, Site,
    process::{self, Ran},
    reading::{Proof, brief, count},
};

const METRIC: &str = "outdated_dependencies";
/// Most packages that are named.
const MAX_NAMES: usize = 10;

/// How newer releases are looked for.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Section {
    /// The folder of the project, from that of the repository.
    #[serde(default)]
    pub(super) folder: Option<String>,
    /// The program and what comes before its own arguments, such as `[.venv/bin/python]`.
    #[serde(default)]
    pub(super) command: Vec<String>,
    /// Fewer dependencies looked at than this are no evidence.
    #[serde(default)]
    at_least: Option<u64>,
    /// Environment variables that the tool is given beside the harmless ones.
    #[serde(default)]
    env: Vec<String>,
}

/// A dependency with a newer release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Old {
    pub(super) name: String,
    pub(super) current: String,
    pub(super) latest: String,
}

/// What a tool said.
pub(super) struct Looked {
    /// Of the direct dependencies those with a newer release.
    pub(super) old: Vec<Old>,
    /// How many direct dependencies there are.
    pub(super) direct: u64,
    /// What it wrote.
    pub(super) output: Vec<u8>,
    /// Who.
    pub(super) tool: &'static str,
}

impl Section {
    pub(super) fn read(value: &Json) -> Result<Self, Vec<Problem>> {
        let section: Self = section(value)?;
        match &section.folder {
            Some(folder) if !crate::reading::is_within(folder) => Err(vec![Problem::at(
                "/folder",
                "a path from the folder of the repository, without `..`",
            )]),
            _ => Ok(section),
        }
    }

    pub(super) fn folder(&self, site: &Site) -> PathBuf {
        match &self.folder {
            Some(folder) => site.root.join(folder),
            None => site.root.clone(),
        }
    }

    /// Runs the tool: what the configuration says, or else `usual`, and then `arguments`.
    pub(super) async fn run(
        &self,
        folder: &std::path::Path,
        usual: &[&str],
        arguments: &[&str],
    ) -> Result<Ran, String> {
        let mut words: Vec<String> = if self.command.is_empty() {
            usual.iter().map(ToString::to_string).collect()
        } else {
            self.command.clone()
        };
        words.extend(arguments.iter().map(ToString::to_string));
        let (program, arguments) = words.split_first().ok_or("there is no command")?;
        process::run(program, arguments, folder, &self.env).await
    }

    pub(super) fn answer(&self, looked: Result<Looked, String>) -> Measured {
        let answer = looked.map(|looked| {
            let tool = Tool {
                name: looked.tool.to_owned(),
                version: None,
            };
            let old = looked.old.iter().take(MAX_NAMES);
            let notes: Vec<_> = old
                .map(|old| brief(&format!("{} {}, newest {}", old.name, old.current, old.latest)))
                .collect();
            let examined = match looked.direct {
                0 => (1, "project without dependencies"),
                direct => (direct, "direct dependencies"),
            };
            let number = count(looked.old.len() as u64);
            Proof::of_run(tool, &looked.output, self.at_least.unwrap_or(1)).evidence(
                number,
                Unit::Count,
                examined,
                &notes,
            )
        });
        Measured::from([(METRIC.to_owned(), answer)])
    }
}

pub(super) fn measures() -> Measures {
    vec![(METRIC.to_owned(), Unit::Count)]
}

/// The end of what a tool said, for a reason.
pub(super) fn failed(what: &str, ran: &Ran) -> String {
    let code = ran
        .code
        .map_or_else(|| "a signal".to_owned(), |code| code.to_string());
    format!("{what} ended with {code}; it said: {}", ran.said)
}
