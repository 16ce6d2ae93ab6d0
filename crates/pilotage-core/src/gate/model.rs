//! Gates as people write them, and as they are judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Test, Unit};

/// What a gate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GateKind {
    /// It compiles and is tidy.
    Build,
    /// It is tested.
    Test,
    /// It holds nothing known to be dangerous.
    Security,
    /// It is fast enough.
    Performance,
    /// It may be released now, by the rules of the house.
    Compliance,
    /// Whatever else.
    Custom,
}

/// How a value is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// Greater than.
    Gt,
    /// Greater than or equal to.
    Gte,
    /// Less than.
    Lt,
    /// Less than or equal to.
    Lte,
    /// Equal to.
    Eq,
    /// Not equal to.
    Ne,
    /// A text that holds the threshold.
    Contains,
    /// A text that the regular expression matches.
    Regex,
    /// One of a list.
    In,
}

impl Operator {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Contains => "contains",
            Self::Regex => "regex",
            Self::In => "in",
        }
    }
}

/// How much a criterion matters: its weight in the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Impact {
    /// Weighs three.
    Critical,
    /// Weighs two.
    #[default]
    Major,
    /// Weighs one.
    Minor,
}

impl Impact {
    /// Its share in the score.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Critical => 3,
            Self::Major => 2,
            Self::Minor => 1,
        }
    }

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Major => "major",
            Self::Minor => "minor",
        }
    }
}

/// What becomes of a criterion that nothing was measured for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnNoEvidence {
    /// It counts as failed.
    #[default]
    Fail,
    /// It is left out, and shown as left out.
    Skip,
}

/// A gate as people write it. One with the id of a built-in gate inherits what it does not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GateFile {
    /// Names the gate.
    pub id: String,
    /// For people; the id where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about; `custom` where it is not given.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<GateKind>,
    /// Names of environments, or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<String>>,
    /// Whether its failing stops a deployment; `false` makes it advisory. `true` where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocking: Option<bool>,
    /// Longest time for each piece of evidence, such as `10m`; ten minutes where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Json>,
    /// Ids of gates that come before it: where one of them does not pass, this one is not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Vec<String>>,
    /// What becomes of criteria that nothing was measured for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_no_evidence: Option<OnNoEvidence>,
    /// `false` switches a built-in gate off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What is asked. Criteria of a built-in gate are replaced by metric.
    #[serde(default)]
    pub criteria: Vec<CriterionFile>,
}

/// A criterion as people write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CriterionFile {
    /// What is measured.
    pub metric: String,
    /// How it is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// With what: a value in the unit of the metric, for `in` a list of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Json>,
    /// How much it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// What it is about, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What to do when it fails, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<String>,
    /// What becomes of it when nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_no_evidence: Option<OnNoEvidence>,
    /// `false` takes a criterion out of a built-in gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A gate that can be judged.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Names it.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it is about.
    pub kind: GateKind,
    /// Names of environments, or `all`.
    pub environments: Vec<String>,
    /// Whether its failing stops a deployment.
    pub blocking: bool,
    /// Longest time for each piece of evidence.
    pub timeout: Duration,
    /// Ids of gates that come before it.
    pub needs: Vec<String>,
    /// What is asked, at least one thing.
    pub criteria: Vec<Criterion>,
}

impl Gate {
    /// Whether it is asked in this environment.
    pub fn applies_to(&self, environment: &str) -> bool {
        self.environments
            .iter()
            .any(|name| name == "all" || name == environment)
    }
}

/// A criterion that can be judged.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// What is measured; its canonical name.
    pub metric: String,
    /// What it is measured in.
    pub unit: Unit,
    /// The comparison.
    pub test: Test,
    /// How much it matters.
    pub impact: Impact,
    /// What it is about; may be empty.
    pub description: String,
    /// What to do when it fails; may be empty.
    pub recommendation: String,
    /// What becomes of it when nothing was measured.
    pub on_no_evidence: OnNoEvidence,
}

/// Names of environments are short and plain, since they are shown and compared.
///
/// # Errors
/// It is none; the text says what is.
pub fn check_environment(name: &str) -> Result<(), String> {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./".contains(letter);
    if (1..=64).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err("an environment is 1 to 64 letters, digits, `-`, `_`, `.` or `/`".to_owned())
}
