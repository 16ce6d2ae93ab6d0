//! Check runs (docs.github.com, "REST API endpoints for check runs"). Apps alone write them, and so does the
//! `GITHUB_TOKEN` of a workflow, which is an App's; a personal token is refused.

use http::Method;
use pilotage_core::{
    operation::short_line,
    pipeline_run::{Annotation, Check, CheckState, WrittenCheck, WrittenKind},
    ports::{CiError, CiTrouble},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use crate::runs::{api::Ask, segment};

/// "The Checks API limits the number of annotations to a maximum of 50 per API request."
const MOST_AT_ONCE: usize = 50;
/// "Maximum length for summary: 65535 characters."
const MOST_SUMMARY_BYTES: usize = 65_000;
/// Bytes of a title; GitHub takes 255 characters of an annotation's.
const MOST_TITLE_BYTES: usize = 250;
/// "The maximum size is 64 KB" for the message of an annotation.
const MOST_MESSAGE_BYTES: usize = 16 << 10;

/// What may write checks, as a refusal names it.
const NEEDS: &str = "to be that of a GitHub App (`app:` in the configuration) or a workflow's `GITHUB_TOKEN`, with the \
     permission `checks: write`; a personal token writes marks on commits alone (`pilotage ci status`)";

#[derive(Deserialize)]
struct CheckRuns {
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    id: u64,
    status: String,
    conclusion: Option<String>,
    external_id: Option<String>,
    html_url: Option<String>,
    #[serde(default)]
    output: Output,
}

#[derive(Default, Deserialize)]
struct Output {
    title: Option<String>,
    summary: Option<String>,
    #[serde(default)]
    annotations_count: usize,
}

/// GitHub's status, and its conclusion where it is over.
const fn words(state: CheckState) -> (&'static str, Option<&'static str>) {
    match state {
        CheckState::Queued => ("queued", None),
        CheckState::Running => ("in_progress", None),
        CheckState::Success => ("completed", Some("success")),
        CheckState::Failure => ("completed", Some("failure")),
        CheckState::Neutral => ("completed", Some("neutral")),
        CheckState::Cancelled => ("completed", Some("cancelled")),
        CheckState::Skipped => ("completed", Some("skipped")),
        CheckState::TimedOut => ("completed", Some("timed_out")),
        CheckState::ActionRequired => ("completed", Some("action_required")),
    }
}

impl CheckRun {
    fn says(&self, check: &Check) -> bool {
        let (status, conclusion) = words(check.state);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        (self.status.as_str(), self.conclusion.as_deref()) == (status, conclusion)
            && (text(&self.output.title), text(&self.output.summary)) == (title(check), summary(check))
            && self.output.annotations_count == check.annotations.len()
    }
}

fn title(check: &Check) -> String {
    match check.title.as_str() {
        "" => short_line(&check.name, MOST_TITLE_BYTES),
        title => short_line(title, MOST_TITLE_BYTES),
    }
}

fn summary(check: &Check) -> String {
    cut(&check.summary, MOST_SUMMARY_BYTES).to_owned()
}

fn cut(text: &str, most_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(most_bytes)]
}

fn annotation(one: &Annotation) -> Value {
    let line = one.line.max(1);
    let mut value = json!({
        "path": one.path, "start_line": line, "end_line": one.end_line.unwrap_or(line).max(line),
        "annotation_level": one.level, "message": cut(&one.message, MOST_MESSAGE_BYTES),
    });
    if let Some(title) = &one.title {
        value["title"] = json!(short_line(title, MOST_TITLE_BYTES));
    }
    value
}

fn output(check: &Check, annotations: &[Annotation]) -> Value {
    let annotations: Vec<Value> = annotations.iter().map(annotation).collect();
    json!({"title": title(check), "summary": summary(check), "annotations": annotations})
}

fn body(check: &Check, annotations: &[Annotation]) -> Value {
    let (status, conclusion) = words(check.state);
    let mut body = json!({
        "name": check.name, "status": status, "external_id": external_id(check),
        "output": output(check, annotations),
    });
    if let Some(conclusion) = conclusion {
        body["conclusion"] = json!(conclusion);
    }
    if let Some(url) = &check.url {
        body["details_url"] = json!(url);
    }
    body
}

/// By this our own checks are known among those that others write under the same name.
fn external_id(check: &Check) -> String {
    format!("pilotage:{}", check.name)
}

impl GitHub {
    /// Writes a check, or a mark where the token may write no check and that will do.
    pub(super) async fn write_check(&self, check: &Check) -> Result<WrittenCheck, CiError> {
        let error = match self.write_as_check(check).await {
            Ok(url) => {
                return Ok(WrittenCheck {
                    kind: WrittenKind::Check,
                    url,
                    remark: None,
                });
            }
            Err(error) => refused(error),
        };
        if !(check.or_mark && matches!(error.trouble, CiTrouble::NotAllowed { .. })) {
            return Err(error);
        }
        // Where not even that is allowed, what would be needed for the check is still what is to be said.
        if self.write_mark(&check.as_mark()).await.is_err() {
            return Err(error);
        }
        Ok(WrittenCheck {
            kind: WrittenKind::Mark,
            url: None,
            remark: Some(format!("a mark was written in place of the check: {error}")),
        })
    }

    /// All at once as far as GitHub takes it, its end included, and then further annotations. What breaks off in between is
    /// over nevertheless, and is written anew the next time.
    async fn write_as_check(&self, check: &Check) -> Result<Option<String>, CiError> {
        let known = self.known_check(check).await?;
        if let Some(known) = known.as_ref().filter(|known| known.says(check)) {
            return Ok(known.html_url.clone());
        }
        let (first, rest) = check
            .annotations
            .split_at(check.annotations.len().min(MOST_AT_ONCE));
        let written = if let Some(known) = known.filter(|known| known.status != "completed") {
            self.change_check(check, known.id, &body(check, first)).await?
        } else {
            let mut body = body(check, first);
            body["head_sha"] = json!(check.commit);
            let path = self.below("/check-runs");
            self.send_check(check, Method::POST, path, &body).await?
        };
        for some in rest.chunks(MOST_AT_ONCE) {
            let more = json!({ "output": output(check, some) });
            self.change_check(check, written.id, &more).await?;
        }
        Ok(written.html_url)
    }

    /// The newest of ours with this name.
    async fn known_check(&self, check: &Check) -> Result<Option<CheckRun>, CiError> {
        let (commit, name) = (segment(&check.commit), segment(&check.name));
        let path = format!("/commits/{commit}/check-runs?check_name={name}&filter=latest&per_page=100");
        let ask = Ask::get(self.below(&path), format!("commit {}", check.commit)).needs(NEEDS);
        let found: CheckRuns = self.api.json(&ask, &self.auth().await?).await?;
        let ours = external_id(check);
        let own = found
            .check_runs
            .into_iter()
            .filter(|run| run.external_id.as_deref() == Some(&ours));
        Ok(own.max_by_key(|run| run.id))
    }

    async fn change_check(&self, check: &Check, id: u64, body: &Value) -> Result<CheckRun, CiError> {
        let path = self.below(&format!("/check-runs/{id}"));
        self.send_check(check, Method::PATCH, path, body).await
    }

    async fn send_check(
        &self,
        check: &Check,
        method: Method,
        path: String,
        body: &Value,
    ) -> Result<CheckRun, CiError> {
        let ask = Ask::new(method, path, format!("commit {}", check.commit)).json(body);
        self.api.json(&ask.needs(NEEDS), &self.auth().await?).await
    }
}

/// GitHub names the permission alone, which a personal token cannot have.
fn refused(mut error: CiError) -> CiError {
    if let CiTrouble::NotAllowed { needs, .. } = &mut error.trouble {
        *needs = Some(NEEDS.to_owned());
    }
    error
}
