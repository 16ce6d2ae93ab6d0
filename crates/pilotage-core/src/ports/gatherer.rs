use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{Timestamp, config::Problem, gate::Measured};

/// What a file that was sent is to the collector that reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SentRole {
    /// What the tool wrote.
    #[default]
    Report,
    /// The lock file that a scanner looked at.
    Lock,
    /// A report of the same scanner on something that it must find.
    Control,
    /// A VEX document, which says what does not matter.
    Vex,
}

/// A report file that came from outside: what a test tool or a scanner wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct SentReport {
    /// As whoever sent it calls it; a path within his repository, for people.
    pub name: String,
    /// The kind of collector that reads it, such as `junit`.
    pub kind: String,
    /// What it is to that collector.
    pub role: SentRole,
    /// What else the collector is told, as its section in the configuration has it.
    pub settings: Map<String, Value>,
    /// Its bytes.
    pub data: Bytes,
    /// When it was written.
    pub measured_at: Timestamp,
}

impl fmt::Debug for SentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SentReport({} {}, {} bytes)",
            self.kind,
            self.name,
            self.data.len()
        )
    }
}

/// A metric that is wanted, and the longest time for measuring it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The metric.
    pub metric: String,
    /// For the source that measures it.
    pub limit: Duration,
}

/// What is told while evidence is gathered, for those who watch.
pub type Tell<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Gathers evidence: from reports that came from outside, and where the configuration says so from a folder of this
/// machine. Dropping a future stops what it started.
#[async_trait]
pub trait Gatherer: Send + Sync {
    /// The evidence in reports of strangers. Reports of one kind are read as one.
    ///
    /// # Errors
    /// A report is of a kind that cannot be sent, or there are too many; pointers begin at the list.
    async fn read(&self, reports: &[SentReport]) -> Result<Measured, Vec<Problem>>;

    /// The metrics that can be measured here; empty where nothing is collected.
    fn collects(&self) -> Vec<String>;

    /// Measures what is wanted about `commit`; `known` is what policies may build on beside it. What it says nothing about was
    /// not measured.
    async fn collect(&self, commit: &str, wanted: &[Wanted], known: &Measured, tell: Tell<'_>) -> Measured;
}
