//! What is sent to start a run and to change one, within bounds.

use std::collections::BTreeMap;

use pilotage_core::{config::Problem as Finding, pipeline_run::StartRun};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::problem::{Kind, Problem};

/// Inputs of one start.
const MOST_INPUTS: usize = 100;
/// Bytes of a name, a key or a comment.
const MOST_NAME_BYTES: usize = 500;
/// Bytes of the value of an input; GitHub takes 65,535 characters in all.
const MOST_VALUE_BYTES: usize = 64 << 10;

/// What to start.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PipelineStart)]
pub(in crate::api) struct StartBody {
    /// The platform, by its name under `platforms:`.
    platform: String,
    /// The pipeline: on GitHub a workflow's file, on Jenkins a job, on Azure DevOps a pipeline's id; not needed where the
    /// configuration names it, and on GitLab never.
    pipeline: Option<String>,
    /// The branch or tag; without it the platform's own default.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Inputs, variables or parameters, as the platform calls them.
    #[serde(default)]
    inputs: BTreeMap<String, String>,
    /// Starts it once, however often it is asked for.
    key: Option<String>,
}

impl StartBody {
    /// The platform and what to start there.
    pub(super) fn read(self, header: Option<&str>) -> Result<(String, StartRun), Problem> {
        let key = self.key.or_else(|| header.map(str::to_owned));
        let mut findings = Vec::new();
        for (pointer, text) in [
            ("/platform", Some(&self.platform)),
            ("/pipeline", self.pipeline.as_ref()),
            ("/ref", self.reference.as_ref()),
            ("/key", key.as_ref()),
        ] {
            if let Some(text) = text {
                findings.extend(check(pointer, text));
            }
        }
        let fits = |(name, value): (&String, &String)| {
            (1..=MOST_NAME_BYTES).contains(&name.len()) && value.len() <= MOST_VALUE_BYTES
        };
        if self.inputs.len() > MOST_INPUTS || !self.inputs.iter().all(fits) {
            let message = format!("at most {MOST_INPUTS} inputs, each of at most {MOST_VALUE_BYTES} bytes");
            findings.push(Finding::at("/inputs", message));
        }
        if !findings.is_empty() {
            return Err(Problem::new(Kind::Invalid, "the body does not hold").with_errors(findings));
        }
        let start = StartRun {
            pipeline: self.pipeline,
            reference: self.reference,
            inputs: self.inputs,
            key,
        };
        Ok((self.platform, start))
    }
}

fn check(pointer: &str, text: &str) -> Option<Finding> {
    let fits = (1..=MOST_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    let message = format!("1 to {MOST_NAME_BYTES} bytes without control characters");
    (!fits).then(|| Finding::at(pointer, message))
}

/// How much of it runs again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = PipelineRetry)]
pub(in crate::api) struct RetryBody {
    /// All of it, and not only what failed.
    pub(super) all: bool,
}

/// What is decided.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = PipelineDecision)]
pub(in crate::api) struct ApproveBody {
    /// Only this environment, job or question; without it everything that waits.
    name: Option<String>,
    /// It shall not go on.
    pub(super) reject: bool,
    /// Why, for those who read it on the platform.
    comment: String,
}

impl ApproveBody {
    pub(super) fn read(&self) -> Result<(Option<&str>, &str), Problem> {
        if self.comment.len() > MOST_NAME_BYTES {
            let finding = Finding::at("/comment", format!("at most {MOST_NAME_BYTES} bytes"));
            return Err(Problem::new(Kind::Invalid, "the body does not hold").with_errors(vec![finding]));
        }
        Ok((self.name.as_deref(), &self.comment))
    }
}
