//! A project of GitLab, as people write it.

use pilotage_core::config::SecretRef;
use schemars::JsonSchema;
use serde::Deserialize;

/// How inputs are handed to a pipeline.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SendAs {
    /// As variables of the pipeline.
    #[default]
    Variables,
    /// As the inputs that the pipeline declares under `spec: inputs` (GitLab 18.1 and later).
    Inputs,
}

/// Pipelines of one GitLab project.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GitLabConfig {
    /// The project's path, such as `acme/shop`, or its id.
    pub(super) project: String,
    /// A personal, group or project access token with the scope `api`.
    pub(super) token: Option<SecretRef>,
    /// The `CI_JOB_TOKEN` of a job instead; GitLab lets it do less.
    pub(super) job_token: Option<SecretRef>,
    /// A trigger token: starts pipelines, and nothing else.
    pub(super) trigger_token: Option<SecretRef>,
    /// Where GitLab answers.
    pub(super) url: Option<String>,
    /// The branch that is meant where nobody names one; else the project's default branch.
    pub(super) branch: Option<String>,
    /// What inputs become.
    #[serde(default)]
    pub(super) send_as: SendAs,
}
