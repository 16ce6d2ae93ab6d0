//! What a request that begins a run may hold, bounded while it is read.

use std::{fmt, marker::PhantomData};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pilotage_core::{
    Timestamp,
    config::Problem as Finding,
    gate::{self, Commit, GateRunOrigin, MOST_DOCUMENT_BYTES},
    ports::{SentReport, SentRole},
};
use pilotage_engine::gates::RunRequest;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::problem::{Kind, Problem};

/// Gates, values and reports that one request may name.
const MOST_ITEMS: usize = 500;
/// Bytes of a report's name and kind.
const MOST_NAME_BYTES: usize = 300;

/// What is to be judged.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunBody {
    /// Where it is to go.
    environment: String,
    /// The full hash of the commit.
    commit: String,
    /// When it was committed: reports that are older say nothing about it.
    #[schema(value_type = Option<String>, format = DateTime)]
    committed_at: Option<Timestamp>,
    /// True where the evidence is about files that differ from the commit. It is judged, and counts for no other run.
    #[serde(default)]
    changed: bool,
    /// Only these gates; all of the environment where nothing is said.
    #[serde(default, deserialize_with = "bounded")]
    #[schema(value_type = Vec<String>)]
    gates: Vec<String>,
    /// False looks at gate after gate in their order.
    #[serde(default = "yes")]
    #[schema(default = true)]
    parallel: bool,
    /// True ends at the first blocking gate that fails.
    #[serde(default)]
    stop_on_failure: bool,
    /// What was measured elsewhere.
    #[serde(default)]
    evidence: EvidenceBody,
}

/// Evidence that was measured elsewhere.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EvidenceBody {
    /// Values with where they come from, as `measured` of a run has them.
    #[serde(default, deserialize_with = "bounded")]
    #[schema(value_type = Vec<Object>)]
    values: Vec<gate::Finding>,
    /// Reports of test tools and scanners, read here.
    #[serde(default, deserialize_with = "bounded")]
    #[schema(value_type = Vec<ReportBody>)]
    reports: Vec<ReportBody>,
}

/// A report file.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReportBody {
    /// What it is called, such as its path in the repository.
    name: String,
    /// The kind of evidence that reads it: `junit`, `cargo-test`, `coverage`, `sarif`, `load`, `npm-audit`, `pip-audit`,
    /// `cargo-audit`, `bundler-audit` or `osv-scanner`.
    kind: String,
    /// What it is to that kind; the others than `report` are for the audits.
    #[serde(default)]
    role: Role,
    /// What else is said in the configuration of that kind: `atLeast`, for `coverage` `paths`, for `sarif` `about` and
    /// `control`, for the audits `maxDatabaseAge`.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// The file, at most 8 MiB.
    content: String,
    /// How `content` is written: `text` or `base64`.
    #[serde(default)]
    encoding: Encoding,
    /// When it was written; now where nothing is said.
    #[schema(value_type = Option<String>, format = DateTime)]
    measured_at: Option<Timestamp>,
}

/// What a file is to the kind of evidence that reads it.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Role {
    /// What the tool wrote.
    #[default]
    Report,
    /// The lock file that it looked at.
    Lock,
    /// A report of the same scanner on something that it must find.
    Control,
    /// An `OpenVEX` document.
    Vex,
}

impl From<Role> for SentRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Report => Self::Report,
            Role::Lock => Self::Lock,
            Role::Control => Self::Control,
            Role::Vex => Self::Vex,
        }
    }
}

/// How the content of a report is written.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Encoding {
    /// As it is.
    #[default]
    Text,
    /// RFC 4648, with padding.
    Base64,
}

fn yes() -> bool {
    true
}

impl RunBody {
    /// What the engine is asked.
    ///
    /// # Errors
    /// A report is too long, or is not written as it says.
    pub(super) fn request(self, actor: String, now: Timestamp) -> Result<RunRequest, Problem> {
        let reports = self.evidence.reports.into_iter().enumerate();
        let reports: Result<Vec<_>, _> = reports.map(|(place, report)| report.read(place, now)).collect();
        let reports = reports.map_err(|finding| {
            Problem::new(Kind::Invalid, "a report cannot be taken").with_errors(vec![*finding])
        })?;
        Ok(RunRequest {
            environment: self.environment,
            commit: Commit {
                id: self.commit.to_ascii_lowercase(),
                at: self.committed_at,
                changed: self.changed,
            },
            gates: self.gates,
            parallel: self.parallel,
            stop_on_failure: self.stop_on_failure,
            findings: self.evidence.values,
            reports,
            origin: GateRunOrigin::Api,
            actor,
            key: None,
        })
    }
}

impl ReportBody {
    fn read(self, place: usize, now: Timestamp) -> Result<SentReport, Box<Finding>> {
        let at = |member: &str, message: String| {
            Box::new(Finding::at(
                format!("/evidence/reports/{place}/{member}"),
                message,
            ))
        };
        if self.name.len() > MOST_NAME_BYTES || self.kind.len() > MOST_NAME_BYTES {
            return Err(at(
                "name",
                format!("name and kind have at most {MOST_NAME_BYTES} bytes"),
            ));
        }
        let data = match self.encoding {
            Encoding::Text => self.content.into_bytes(),
            Encoding::Base64 => STANDARD
                .decode(self.content.as_bytes())
                .map_err(|error| at("content", format!("it is no base64: {error}")))?,
        };
        if data.len() > MOST_DOCUMENT_BYTES {
            return Err(at(
                "content",
                format!("a report has at most {MOST_DOCUMENT_BYTES} bytes"),
            ));
        }
        Ok(SentReport {
            name: self.name,
            kind: self.kind,
            role: self.role.into(),
            settings: self.settings,
            data: data.into(),
            measured_at: self.measured_at.unwrap_or(now),
        })
    }
}

/// A list that ends early rather than fill the memory.
fn bounded<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Bounded<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST_ITEMS}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                if items.len() == MOST_ITEMS {
                    return Err(A::Error::custom(format!("a list has at most {MOST_ITEMS} items")));
                }
                items.push(item);
            }
            Ok(items)
        }
    }

    deserializer.deserialize_seq(Bounded(PhantomData))
}
