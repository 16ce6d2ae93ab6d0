//! What was measured, as policies see it: metrics with their values, and what is known of each.

use pilotage_core::{
    Timestamp,
    gate::{Evidence, Measured, Metrics, Value},
};
use serde_json::{Map, Value as Json, json};

use crate::{Site, process};

/// Evidence that a policy may build on.
pub(crate) struct Known<'a> {
    measured: &'a Measured,
    /// When the policy judges.
    pub(crate) now: Timestamp,
    commit_at: Option<Timestamp>,
    commit: Option<String>,
}

impl<'a> Known<'a> {
    pub(crate) async fn new(site: &Site, measured: &'a Measured) -> Self {
        let commit = process::commit(&site.root).await;
        Self {
            measured,
            now: crate::collector::now(),
            commit_at: commit.as_ref().map(|(_, at, _)| Timestamp::from_secs(*at)),
            commit: commit.map(|(id, ..)| id),
        }
    }

    /// The evidence on a metric, if it is enough.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn evidence(&self, metric: &str) -> Result<&Evidence, String> {
        let metric = Metrics::canonical(metric);
        match self.measured.get(metric) {
            None => Err(format!("nothing here measures `{metric}`")),
            Some(Err(reason)) => Err(format!("no evidence of `{metric}`: {reason}")),
            Some(Ok(evidence)) => match evidence.insufficient(evidence.unit, self.now, self.commit_at) {
                Some(reason) => Err(format!("no evidence of `{metric}`: {reason}")),
                None => Ok(evidence),
            },
        }
    }

    /// How old the evidence is, in seconds.
    pub(crate) fn age(&self, evidence: &Evidence) -> u64 {
        let at = serde_json::to_value(evidence.measured_at).ok();
        let at = at.and_then(|moment| moment.get("at")?.as_str()?.parse::<Timestamp>().ok());
        at.map_or(u64::MAX, |at| self.now.since(at).as_secs())
    }

    /// Values by metric, and what is known of each, of the metrics that have evidence.
    pub(crate) fn documents(&self, metrics: &[String]) -> (Json, Json) {
        let (mut values, mut details) = (Map::new(), Map::new());
        for metric in metrics {
            if let Ok(evidence) = self.evidence(metric) {
                values.insert(metric.clone(), plain(&evidence.value));
                details.insert(metric.clone(), self.detail(evidence));
            }
        }
        (Json::Object(values), Json::Object(details))
    }

    fn detail(&self, evidence: &Evidence) -> Json {
        json!({
            "value": plain(&evidence.value),
            "unit": evidence.unit.name(),
            "source": evidence.source,
            "collector": evidence.collector,
            "tool": evidence.tool.name,
            "examined": evidence.examined.count,
            "ageSeconds": self.age(evidence),
            "digest": evidence.digest.to_string(),
            "notes": evidence.notes,
        })
    }

    /// The commit that is judged, as text; empty where the folder is no repository.
    pub(crate) fn commit(&self) -> Json {
        json!(self.commit.clone().unwrap_or_default())
    }
}

/// A whole number without a point: languages tell `1` and `1.0` apart.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only whole numbers below 2^53, which an i64 holds"
)]
fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Text(text) => json!(text),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => json!(*number as i64),
        Value::Number(number) => json!(number),
    }
}
