//! Deployments, which Azure DevOps keeps for each environment (REST API 7.1, "Environments" and "Environment deployment
//! records").

use std::cmp::Reverse;

use pilotage_core::{
    pipeline_run::{PlatformDeployment, RunState, Standing},
    ports::CiError,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{AzureDevOps, read::List};
use crate::runs::{api::Ask, moment};

/// Environments that are looked at.
const MOST_ENVIRONMENTS: usize = 50;

#[derive(Deserialize)]
struct Environment {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: u64,
    result: Option<String>,
    queue_time: Option<String>,
    start_time: Option<String>,
    finish_time: Option<String>,
}

impl Record {
    fn standing(&self) -> Standing {
        let word = match (&self.result, &self.start_time) {
            (Some(result), _) if self.finish_time.is_some() => result.as_str(),
            (_, Some(_)) => "inProgress",
            (_, None) => "pending",
        };
        let state = match word {
            "succeeded" | "succeededWithIssues" => RunState::Succeeded,
            "canceled" | "abandoned" => RunState::Cancelled,
            "skipped" => RunState::Skipped,
            "inProgress" => RunState::Running,
            "pending" => RunState::Queued,
            _ => RunState::Failed,
        };
        Standing::new(state, word)
    }

    fn into_deployment(self, environment: &str) -> PlatformDeployment {
        PlatformDeployment {
            standing: self.standing(),
            id: self.id.to_string(),
            environment: environment.to_owned(),
            reference: None,
            commit: None,
            created_at: moment(self.queue_time.or(self.start_time).as_deref()),
        }
    }
}

impl AzureDevOps {
    async fn of_environments<T: DeserializeOwned>(&self, path: &str, what: &str) -> Result<Vec<T>, CiError> {
        let ask = Ask::get(self.below(path), what).needs("the scope Environment (read)");
        let read: List<T> = self.api.json(&ask, &self.auth().await?).await?;
        Ok(read.value)
    }

    /// The newest deployments over all environments.
    pub(super) async fn records(&self, limit: usize) -> Result<Vec<PlatformDeployment>, CiError> {
        let path = format!("/pipelines/environments?$top={MOST_ENVIRONMENTS}");
        let environments: Vec<Environment> = self.of_environments(&path, "environments").await?;
        let mut all = Vec::new();
        for environment in environments.into_iter().take(MOST_ENVIRONMENTS) {
            let path = format!(
                "/pipelines/environments/{}/environmentdeploymentrecords?top={limit}",
                environment.id
            );
            let what = format!("environment `{}`", environment.name);
            let records: Vec<Record> = self.of_environments(&path, &what).await?;
            let records = records.into_iter().take(limit);
            all.extend(records.map(|record| record.into_deployment(&environment.name)));
        }
        all.sort_by_key(|one| Reverse(one.created_at));
        all.truncate(limit);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stands_as_it_says() {
        let table = [
            (r#"{"id":1}"#, RunState::Queued, "pending"),
            (r#"{"id":1,"startTime":"x"}"#, RunState::Running, "inProgress"),
            (
                r#"{"id":1,"startTime":"x","finishTime":"y","result":"succeededWithIssues"}"#,
                RunState::Succeeded,
                "succeededWithIssues",
            ),
            (
                r#"{"id":1,"startTime":"x","finishTime":"y","result":"failed"}"#,
                RunState::Failed,
                "failed",
            ),
            (
                r#"{"id":1,"finishTime":"y","result":"abandoned"}"#,
                RunState::Cancelled,
                "abandoned",
            ),
        ];
        for (text, state, word) in table {
            let record: Record = serde_json::from_str(text).unwrap();
            assert_eq!(record.standing(), Standing::new(state, word), "{text}");
        }
    }
}
