//! Stages of a build and what their steps wrote, as the plugin Pipeline: Stage View tells them (`wfapi`,
//! github.com/jenkinsci/pipeline-stage-view-plugin).

use std::time::Duration;

use pilotage_core::{
    pipeline_run::{LogPart, RunJob, RunState, RunStep, Standing},
    ports::{CiError, CiTrouble},
};
use serde::Deserialize;

use super::{CONSOLE, Jenkins, read::millis};

#[derive(Deserialize)]
pub(super) struct Described {
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    id: String,
    name: String,
    status: String,
    #[serde(default)]
    start_time_millis: u64,
    #[serde(default)]
    duration_millis: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StageDescribed {
    #[serde(default)]
    stage_flow_nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: String,
    name: String,
    status: String,
    parameter_description: Option<String>,
}

#[derive(Deserialize)]
struct NodeLog {
    #[serde(default)]
    text: String,
}

/// A stage's status in our words.
fn state(status: &str) -> RunState {
    match status {
        "SUCCESS" => RunState::Succeeded,
        "IN_PROGRESS" => RunState::Running,
        "PAUSED_PENDING_INPUT" => RunState::Waiting,
        "ABORTED" => RunState::Cancelled,
        "NOT_EXECUTED" => RunState::Skipped,
        "QUEUED" => RunState::Queued,
        _ => RunState::Failed,
    }
}

impl Jenkins {
    /// What the plugin tells of a build; `None` where there is no such plugin, or the job is no pipeline.
    pub(super) async fn described(&self, build: &str) -> Result<Option<Described>, CiError> {
        match self.get(&format!("{build}/wfapi/describe"), "stages").await {
            Err(CiError {
                trouble: CiTrouble::NotFound { .. },
                ..
            }) => Ok(None),
            described => described.map(Some),
        }
    }

    /// The stages as jobs; steps of those only that run or failed, since each stage is a request of its own.
    pub(super) async fn stages(&self, build: &str) -> Result<Vec<RunJob>, CiError> {
        let Some(described) = self.described(build).await? else {
            return Ok(Vec::new());
        };
        let mut jobs = Vec::new();
        for stage in described.stages {
            let standing = Standing::new(state(&stage.status), stage.status);
            let has_more = !matches!(standing.state, RunState::Succeeded | RunState::Skipped);
            let steps = if has_more {
                self.steps(build, &stage.id).await?
            } else {
                Vec::new()
            };
            let began = millis(stage.start_time_millis);
            jobs.push(RunJob {
                finished_at: began
                    .map(|began| began + Duration::from_millis(stage.duration_millis))
                    .filter(|_| standing.state.is_final()),
                id: stage.id,
                name: stage.name,
                stage: None,
                standing,
                may_fail: false,
                url: None,
                started_at: began,
                log: None,
                steps,
            });
        }
        Ok(jobs)
    }

    async fn steps(&self, build: &str, stage: &str) -> Result<Vec<RunStep>, CiError> {
        let Some(stage) = node(stage) else {
            return Ok(Vec::new());
        };
        let path = format!("{build}/execution/node/{stage}/wfapi/describe");
        let described: StageDescribed = self.get(&path, "stage").await?;
        let steps = described.stage_flow_nodes.into_iter().map(|step| RunStep {
            name: step.parameter_description.unwrap_or(step.name),
            standing: Standing::new(state(&step.status), step.status),
            log: Some(step.id),
        });
        Ok(steps.collect())
    }

    /// What one step wrote; the plugin hands out its last 10 KB, as HTML.
    pub(super) async fn node_log(&self, build: &str, log: &str, from: u64) -> Result<LogPart, CiError> {
        let Some(number) = node(log) else {
            let said = format!(
                "`{}` is no log: that is `{CONSOLE}` or a step's number",
                log.escape_default()
            );
            return Err(self.api.error(CiTrouble::Invalid { said }));
        };
        let path = format!("{build}/execution/node/{number}/wfapi/log");
        let read: NodeLog = self.get(&path, "log of the step").await?;
        let mut text = plain(&read.text);
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(text.len());
        let from = text.floor_char_boundary(from);
        Ok(LogPart {
            next: text.len() as u64,
            text: text.split_off(from),
            is_complete: true,
        })
    }
}

/// Numbers alone are put into a path, so that an id leads nowhere else.
fn node(id: &str) -> Option<u64> {
    id.parse().ok()
}

/// HTML as Jenkins writes it for logs, as text: tags go, and the five entities that it uses become characters.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        match rest[at..].find('>') {
            Some(end) => rest = &rest[at + end + 1..],
            None => rest = "",
        }
    }
    text.push_str(rest);
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#039;", "'"),
        ("&amp;", "&"),
    ];
    for (entity, character) in entities {
        text = text.replace(entity, character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_html_is_read_as_text() {
        let html = "<span class=\"timestamp\"><b>10:00</b> </span>a &lt;b&gt; &amp;amp; &quot;c&quot;\n<a href='x'>d</a> <cut";
        assert_eq!(plain(html), "10:00 a <b> &amp; \"c\"\nd ");
    }
}
