//! A step as people write it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Status, Text};

/// A step: exactly one of the things from `run` on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StepFile {
    /// For people.
    pub name: Option<String>,
    /// How the steps before have to have ended.
    pub when: Option<Status>,
    /// Where it runs, below the repository.
    pub working_directory: Option<String>,
    /// Secrets that it is given, each as the environment variable of its name.
    pub secrets: Vec<String>,
    /// Commands for bash, ended by the first that fails. Values come in through `variables`: `"$NAME"`.
    pub run: Option<String>,
    /// Gets the code.
    pub checkout: Option<CheckoutFile>,
    /// Brings one toolchain in a version: `{node: 20}`.
    pub setup: Option<BTreeMap<Tool, Text>>,
    /// Keeps files from run to run.
    pub cache: Option<CacheFile>,
    /// Keeps files of this run.
    pub upload: Option<UploadFile>,
    /// Gets files that a job before has kept.
    pub download: Option<DownloadFile>,
    /// Shows results of tests, from `JUnit` files.
    pub tests: Option<TestsFile>,
    /// Shows coverage, from a Cobertura file, and asks for some.
    pub coverage: Option<CoverageFile>,
    /// Shows findings of a scan, from a SARIF file.
    pub sarif: Option<SarifFile>,
    /// Builds a container image, and pushes it.
    pub container: Option<ContainerFile>,
    /// Asks the quality gates of Pilotage.
    pub gate: Option<GateStepFile>,
    /// Deploys; the job has an `environment`.
    pub deploy: Option<DeployFile>,
    /// Tells people.
    pub notify: Option<NotifyFile>,
}

/// How the code is got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CheckoutFile {
    /// How many commits; 0 is all of them, 1 where it is not given.
    pub depth: Option<u32>,
    /// Whether submodules come along.
    pub submodules: bool,
}

/// A toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Tool {
    /// Node.js.
    Node,
    /// Python.
    Python,
    /// Ruby.
    Ruby,
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// Java.
    Java,
}

impl Tool {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Ruby => "ruby",
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Java => "java",
        }
    }
}

/// Files that are kept from run to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheFile {
    /// Names what is kept.
    pub name: String,
    /// What is kept, below the repository.
    pub paths: Vec<String>,
    /// What is kept is forgotten when one of these changes, for example a lock file.
    pub key_files: Vec<String>,
}

/// Files of this run that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadFile {
    /// Names them.
    pub name: String,
    /// Which, below the repository.
    pub paths: Vec<String>,
    /// For how long.
    pub keep_days: Option<u32>,
}

/// Files that a job before has kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DownloadFile {
    /// Their name.
    pub name: String,
    /// Where to; the root of the repository where it is not given.
    pub path: Option<String>,
}

/// Results of tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestsFile {
    /// `JUnit` files, below the repository; patterns may be used.
    pub files: Vec<String>,
}

/// Coverage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CoverageFile {
    /// A Cobertura file, below the repository.
    pub file: String,
    /// The step fails below that many percent of the lines.
    pub threshold: Option<u32>,
}

/// Findings of a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SarifFile {
    /// A SARIF file, below the repository.
    pub file: String,
}

/// A container image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerFile {
    /// Its name with the registry, without a tag.
    pub image: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The folder that it is built from; the root of the repository where it is not given.
    pub context: Option<String>,
    /// The file that says how; `Dockerfile` where it is not given.
    pub file: Option<String>,
    /// Whether it is pushed.
    #[serde(default)]
    pub push: bool,
    /// Who pushes; without it who runs the job.
    pub login: Option<LoginFile>,
}

/// Who pushes to a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginFile {
    /// The name of the secret with the user's name.
    pub user_secret: String,
    /// The name of the secret with the password or token.
    pub key_secret: String,
}

/// The quality gates of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GateStepFile {
    /// The environment.
    pub environment: String,
}

/// Deploys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployFile {
    /// The commands that do, as in `run`.
    pub run: String,
}

/// Tells people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifyFile {
    /// The name of the secret that holds the address of an incoming webhook (Slack, Teams, ...).
    pub webhook_secret: String,
    /// What they are told; the address of the run is added.
    pub text: String,
}
