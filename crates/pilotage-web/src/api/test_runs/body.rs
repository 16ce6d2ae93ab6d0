//! What a run of tests tells of itself.

use pilotage_core::{
    TenantId, Timestamp,
    config::Problem as Finding,
    operation::short_line,
    testing::{NewTestRun, TestRunId, TestShard},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::{Kind, Problem};

/// Bytes of a name, and of a message.
const MOST_TEXT_BYTES: usize = 200;
/// Suites that are named when a run begins.
const MOST_SUITES: usize = 200;
/// Files and machines.
const MOST_FILES: u32 = 10_000_000;
const MOST_SHARDS: u32 = 1_024;

/// A run that begins.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TestRunBegins)]
pub(in crate::api) struct BeginBody {
    /// The identity that the run is to have; without it one is made up.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uuid)]
    id: Option<Uuid>,
    /// What people call it, such as the branch.
    name: String,
    /// The full hash of the commit.
    #[serde(default)]
    commit: Option<String>,
    /// Its part, where several machines share a plan.
    #[serde(default)]
    shard: Option<ShardBody>,
    /// Its suites.
    #[serde(default)]
    suites: Vec<String>,
    /// Files that are planned.
    #[serde(default)]
    files: u32,
}

/// A part of a plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TestRunShard)]
pub(in crate::api) struct ShardBody {
    /// Which machine, from 1.
    shard: u32,
    /// Machines in all.
    shards: u32,
    /// What is the same for all that belong together.
    plan: String,
}

/// How far a run has come.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TestRunProgress)]
pub(in crate::api) struct ProgressBody {
    /// Files that are through.
    pub(super) current: u32,
    /// Files in all.
    pub(super) total: u32,
    /// What happens, in one sentence.
    pub(super) message: String,
}

impl BeginBody {
    /// # Errors
    /// Everything that does not hold.
    pub(super) fn run(self, actor: String, now: Timestamp) -> Result<NewTestRun, Problem> {
        let findings = self.findings();
        if !findings.is_empty() {
            return Err(Problem::new(Kind::Invalid, "the run cannot begin").with_errors(findings));
        }
        let short = |text: &String| short_line(text, MOST_TEXT_BYTES);
        Ok(NewTestRun {
            id: TestRunId(self.id.unwrap_or_else(Uuid::now_v7)),
            tenant: TenantId::default(),
            name: short(&self.name),
            commit: self.commit.map(|commit| commit.to_ascii_lowercase()),
            shard: self.shard.map(|part| TestShard {
                shard: part.shard,
                shards: part.shards,
                plan: short(&part.plan),
            }),
            actor,
            suites: self.suites.iter().map(short).collect(),
            files: self.files,
            at: now,
        })
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut require = |holds: bool, pointer: &str, message: &str| {
            if !holds {
                findings.push(Finding::at(pointer, message));
            }
        };
        let is_commit = |commit: &String| {
            (7..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let is_part = |part: &ShardBody| {
            (1..=part.shards.min(MOST_SHARDS)).contains(&part.shard)
                && part.shards <= MOST_SHARDS
                && !part.plan.trim().is_empty()
        };
        require(!self.name.trim().is_empty(), "/name", "it is empty");
        require(
            self.commit.as_ref().is_none_or(is_commit),
            "/commit",
            "it is not the hash of a commit",
        );
        require(
            self.shard.as_ref().is_none_or(is_part),
            "/shard",
            "`shard` is 1 to `shards`, `shards` at most 1024, and `plan` is not empty",
        );
        require(
            self.suites.len() <= MOST_SUITES,
            "/suites",
            "there are at most 200 suites",
        );
        require(
            self.files <= MOST_FILES,
            "/files",
            "there are at most ten million files",
        );
        findings
    }
}
