//! What deliveries of the vendors say about runs. The fields are those of the vendors' own descriptions: GitHub "Webhook
//! events and payloads", GitLab "Webhook events", Azure DevOps "Service hooks events", Jenkins' notification plugin.

use pilotage_core::ports::RunHints;

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
};

pub(crate) static GITLAB: RunHints = RunHints {
    source: "gitlab",
    types: &["pipeline", "build", "job"],
    ids: &["/pipeline_id", "/object_attributes/id"],
};

/// A build is named in other words there than in the remote API.
pub(crate) static JENKINS: RunHints = RunHints {
    source: "jenkins",
    types: &["build"],
    ids: &[],
};

pub(crate) static AZURE_DEVOPS: RunHints = RunHints {
    source: "azure-devops",
    types: &["build.", "ms.vss-pipelines.", "ms.vss-pipelinechecks-"],
    ids: &["/resource/run/id", "/resource/pipeline/run/id", "/resource/id"],
};

#[cfg(test)]
mod tests {
    use pilotage_core::ports::Concern;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_delivery_names_its_run_or_none() {
        let run = |id: &str| Concern::Run(id.to_owned());
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
            (&JENKINS, json!({"build": {"number": 218}}), Concern::Any),
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
