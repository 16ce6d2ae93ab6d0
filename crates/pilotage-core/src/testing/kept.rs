//! Runs of tests as a server keeps them: told as they go, and judged when their report has come.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Totals, report::Standouts};
use crate::{
    Digest, TenantId, Timestamp,
    audit::{NewAuditRecord, kind},
    operation::Description,
};

/// Identity of a run of tests, and of the operation that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TestRunId(pub Uuid);

impl fmt::Display for TestRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a run of tests stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TestRunStatus {
    /// Tests are running.
    Running,
    /// Everything that was planned was heard of, and nothing stands in the way.
    Passed,
    /// Something stands in the way.
    Failed,
    /// It was interrupted, or nothing was heard of it any more.
    BrokenOff,
}

impl TestRunStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Running, Self::Passed, Self::Failed, Self::BrokenOff];

    /// The word used in API, store and UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::BrokenOff => "brokenOff",
        }
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// Which part of a plan a run carries out, where several machines share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestShard {
    /// Which machine, from 1.
    pub shard: u32,
    /// Machines in all.
    pub shards: u32,
    /// What all of them found together: shards that belong together have the same.
    pub plan: String,
}

/// A run that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTestRun {
    /// Its identity. Whoever begins it chooses, so that beginning it twice begins it once.
    pub id: TestRunId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What people call it: the branch, where nothing else was said; at most 200 bytes.
    pub name: String,
    /// The full hash of the commit; `None` where it is not known.
    pub commit: Option<String>,
    /// Its part, where it is only one.
    pub shard: Option<TestShard>,
    /// Who runs it, as the audit trail names people.
    pub actor: String,
    /// Its suites.
    pub suites: Vec<String>,
    /// Files that are planned.
    pub files: u32,
    /// When it begins.
    pub at: Timestamp,
}

impl NewTestRun {
    /// The record of its beginning.
    pub fn audit(&self) -> NewAuditRecord {
        let facts = json!({
            "name": self.name, "commit": self.commit, "shard": self.shard, "suites": self.suites, "files": self.files,
        });
        NewAuditRecord {
            at: self.at,
            tenant: self.tenant.0.clone(),
            actor: self.actor.clone(),
            kind: kind::TEST_RUN_BEGAN.to_owned(),
            subject: self.id.to_string(),
            facts: facts.to_string(),
        }
    }

    /// As people watch it.
    pub fn description(&self) -> Description {
        let part = self.shard.as_ref();
        let part = part.map_or_else(String::new, |part| {
            format!(", shard {} of {}", part.shard, part.shards)
        });
        let mut description = Description::new(&format!("tests of {}{part}", self.name), []);
        if let Some(commit) = &self.commit {
            description.add("commit", commit);
        }
        description
    }
}

/// A run as it is kept: everything but its report.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRun {
    /// Its identity.
    pub id: TestRunId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// The full hash of the commit.
    pub commit: Option<String>,
    /// Its part, where it is only one.
    pub shard: Option<TestShard>,
    /// Files that are planned.
    pub files: u32,
    /// Files that are through, as far as was told.
    pub done: u32,
    /// Where it stands.
    pub status: TestRunStatus,
    /// How many of what; zeros while it runs.
    pub totals: Totals,
    /// Who began it.
    pub actor: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What happens or has happened, in one sentence.
    pub message: String,
    /// The digest of its report.
    pub report: Option<Digest>,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRunEnding {
    /// When.
    pub at: Timestamp,
    /// Who says so.
    pub actor: String,
    /// What happened, in one sentence.
    pub message: String,
    /// What came of it; `None` where it was broken off.
    pub came: Option<Came>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    /// Whether it holds.
    pub passed: bool,
    /// How many of what.
    pub totals: Totals,
    /// Its report, as JSON.
    pub report: Vec<u8>,
    /// The tests that stand out, which are looked at over many runs.
    pub standouts: Standouts,
}

impl TestRunEnding {
    /// Where the run stands after it.
    pub fn status(&self) -> TestRunStatus {
        match &self.came {
            Some(came) if came.passed => TestRunStatus::Passed,
            Some(_) => TestRunStatus::Failed,
            None => TestRunStatus::BrokenOff,
        }
    }

    /// The record of the ending of a run, with the digest of its report.
    pub fn audit(&self, id: TestRunId, tenant: &TenantId, report: Option<Digest>) -> NewAuditRecord {
        let facts = json!({
            "status": self.status(), "totals": self.came.as_ref().map(|came| came.totals), "report": report,
        });
        NewAuditRecord {
            at: self.at,
            tenant: tenant.0.clone(),
            actor: self.actor.clone(),
            kind: kind::TEST_RUN_ENDED.to_owned(),
            subject: id.to_string(),
            facts: facts.to_string(),
        }
    }
}
