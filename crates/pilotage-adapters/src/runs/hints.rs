//! What deliveries of the vendors say about runs. The fields are those of the vendors' own descriptions: GitHub "Webhook
//! events and payloads", GitLab "Webhook events", Azure DevOps "Service hooks events", Jenkins' notification plugin.

use pilotage_core::ports::RunHints;
use serde_json::Value;

use crate::jenkins::runs::shown_job;

pub(crate) static GITHUB: RunHints = RunHints {
    source: "github",
    types: &[
        "workflow_run",
        "workflow_job",
        "check_run",
        "check_suite",
        "deployment",
    ],
    ids: &["/workflow_run/id", "/workflow_job/run_id"],
    names: None,
};

pub(crate) static GITLAB: RunHints = RunHints {
    source: "gitlab",
    types: &["pipeline", "build", "job"],
    ids: &["/pipeline_id", "/object_attributes/id"],
    names: None,
};

/// A build is named by its address there, and by the queue's item that it was.
pub(crate) static JENKINS: RunHints = RunHints {
    source: "jenkins",
    types: &["build"],
    ids: &[],
    names: Some(build_of_jenkins),
};

/// `folder/job/42` and `queue:17`, of `build.url` (or of `url`, the job's) with `build.number`, and of `build.queue_id`.
fn build_of_jenkins(data: &Value) -> Vec<String> {
    let build = &data["build"];
    let number = build["number"].as_u64();
    let of_build = build["url"].as_str().and_then(|url| {
        let job = url.trim_matches('/').rsplit_once('/')?.0;
        Some(shown_job(job))
    });
    let job = of_build.or_else(|| data["url"].as_str().map(shown_job));
    let job = job.filter(|job| !job.is_empty());
    let named = job.zip(number).map(|(job, number)| format!("{job}/{number}"));
    let queued = build["queue_id"].as_u64().map(|id| format!("queue:{id}"));
    named.into_iter().chain(queued).collect()
}

pub(crate) static AZURE_DEVOPS: RunHints = RunHints {
    source: "azure-devops",
    types: &["build.", "ms.vss-pipelines.", "ms.vss-pipelinechecks-"],
    ids: &["/resource/run/id", "/resource/pipeline/run/id", "/resource/id"],
    names: None,
};

#[cfg(test)]
mod tests {
    use pilotage_core::ports::Concern;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_delivery_names_its_run_or_none() {
        let run = |id: &str| Concern::Run(vec![id.to_owned()]);
        let table = [
            (
                &GITHUB,
                json!({"workflow_run": {"id": 30_433_642}}),
                run("30433642"),
            ),
            (&GITHUB, json!({"workflow_job": {"id": 1, "run_id": 7}}), run("7")),
            (&GITHUB, json!({"check_run": {"id": 1}}), Concern::Any),
            (&GITLAB, json!({"object_attributes": {"id": 31}}), run("31")),
            (&GITLAB, json!({"build_id": 1, "pipeline_id": 2366}), run("2366")),
            (
                &JENKINS,
                json!({"build": {"number": 218, "queue_id": 5120, "url": "job/acme/job/my%20shop/218/"}}),
                Concern::Run(vec!["acme/my shop/218".to_owned(), "queue:5120".to_owned()]),
            ),
            (
                &JENKINS,
                json!({"url": "job/acme/job/feature%252Fx/", "build": {"number": 3}}),
                run("acme/feature%2Fx/3"),
            ),
            (&JENKINS, json!({"build": {"number": 218}}), Concern::Any),
            (
                &JENKINS,
                json!({"build": {"url": "/", "number": -1}}),
                Concern::Any,
            ),
            (&AZURE_DEVOPS, json!({"resource": {"id": 2727}}), run("2727")),
            (
                &AZURE_DEVOPS,
                json!({"resource": {"run": {"id": 5}, "stage": {"id": "x"}}}),
                run("5"),
            ),
            (&AZURE_DEVOPS, json!([]), Concern::Any),
        ];
        for (hints, data, expected) in table {
            assert_eq!(hints.concern(&data), expected, "{data}");
        }
    }
}
