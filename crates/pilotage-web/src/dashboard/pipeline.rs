//! One run of a pipeline: its jobs and steps, the logs of what failed, and what people may do about it.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{Redirect, Response},
};
use pilotage_core::{
    pipeline_run::{KeptRun, PipelineRunId, RunJob, RunState},
    ports::Role,
};

use super::{
    actions::{Confirm, needs},
    pipelines::took,
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, cut, duration, short_id},
};
use crate::{api::Id, auth::Actor, door::Door, problem::Problem};

/// Jobs that are shown.
const MOST_JOBS: usize = 200;

/// A job with its steps.
struct Job {
    name: String,
    stage: String,
    state: Word,
    word: String,
    took: String,
    url: Option<String>,
    may_fail: bool,
    open: bool,
    /// Each with its state and the platform's word.
    steps: Vec<(String, Word, String)>,
}

impl From<&RunJob> for Job {
    fn from(job: &RunJob) -> Self {
        let took = job.started_at.zip(job.finished_at);
        let took = took.filter(|_| job.standing.state != RunState::Skipped);
        let steps = job.steps.iter().map(|step| {
            let state = Word::of_run(step.standing.state);
            (cut(&step.name, 120), state, word(state, &step.standing.word))
        });
        let state = Word::of_run(job.standing.state);
        Self {
            name: cut(&job.name, 120),
            stage: job
                .stage
                .as_deref()
                .map_or_else(String::new, |stage| cut(stage, 60)),
            word: word(state, &job.standing.word),
            took: took.map_or_else(String::new, |(began, ended)| {
                duration(ended.as_micros().saturating_sub(began.as_micros()))
            }),
            url: job.url.as_deref().and_then(web),
            may_fail: job.may_fail,
            open: matches!(job.standing.state, RunState::Failed | RunState::Running),
            steps: steps.collect(),
            state,
        }
    }
}

/// The platform's own word, where it says more than ours.
fn word(state: Word, word: &str) -> String {
    if word == state.word {
        String::new()
    } else {
        cut(word, 60)
    }
}

/// Only addresses of the web become links.
fn web(url: &str) -> Option<String> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web.then(|| url.to_owned())
}

/// The end of a log.
struct Log {
    name: String,
    text: String,
    cut: bool,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct RunPage {
    shell: Shell,
    id: String,
    name: String,
    title: String,
    state: Word,
    word: String,
    says: String,
    done: u32,
    total: u32,
    url: Option<String>,
    facts: Vec<(&'static str, String)>,
    inputs: Vec<(String, String)>,
    execution: Option<(String, String)>,
    began: Moment,
    ended: Option<Moment>,
    took: String,
    jobs: Vec<Job>,
    logs: Vec<Log>,
    no_logs: Option<String>,
    may_cancel: bool,
    may_retry: bool,
    may_approve: bool,
}

pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let kept = door.pipelines.run(PipelineRunId(id)).await?;
    let (logs, no_logs) = logs(&door, &kept).await;
    let (is_operator, state) = (visitor.may(Role::Operator), kept.standing.state);
    let is_known = kept.seen.is_some();
    let progress = kept.progress();
    page(&RunPage {
        shell: visitor.shell(
            format!("{}, run {}", cut(&kept.name(), 60), short_id(&kept.id)),
            "/pipelines",
        ),
        id: kept.id.to_string(),
        name: cut(&kept.name(), 120),
        title: kept
            .seen
            .as_ref()
            .map_or_else(String::new, |run| cut(&run.title, 200)),
        state: Word::of_run(state),
        word: word(Word::of_run(state), &kept.standing.word),
        says: says(&kept),
        done: progress.current,
        total: progress.total,
        url: kept.url().and_then(web),
        facts: facts(&kept),
        inputs: kept
            .start
            .inputs
            .iter()
            .map(|(name, value)| (cut(name, 80), cut(value, 200)))
            .collect(),
        execution: kept
            .execution
            .map(|id| (format!("/executions/{id}"), short_id(&id))),
        began: visitor.moment(kept.created_at),
        ended: kept.finished_at.map(|at| visitor.moment(at)),
        took: took(&kept),
        jobs: kept.jobs.iter().take(MOST_JOBS).map(Job::from).collect(),
        logs,
        no_logs,
        may_cancel: is_operator && is_known && !state.is_final(),
        may_retry: is_operator && is_known && state.is_final(),
        may_approve: is_operator && is_known && state == RunState::Waiting,
    })
}

/// What is going on; the state stands beside it.
fn says(kept: &KeptRun) -> String {
    let summary = kept.summary();
    let beside = format!("{}: ", kept.standing.state.as_str());
    cut(summary.strip_prefix(&beside).unwrap_or(&summary), 500)
}

async fn logs(door: &Door, kept: &KeptRun) -> (Vec<Log>, Option<String>) {
    match door.pipelines.failure(kept).await {
        Ok(None) => (Vec::new(), None),
        Ok(Some(shown)) => {
            let logs = shown.logs.iter().map(|log| Log {
                name: cut(&log.name, 200),
                text: log.text.clone(),
                cut: log.is_cut,
                problem: log.problem.clone(),
            });
            (logs.collect(), None)
        }
        Err(why) => (Vec::new(), Some(why)),
    }
}

fn facts(kept: &KeptRun) -> Vec<(&'static str, String)> {
    let seen = kept.seen.as_ref();
    let all = [
        ("Platform", Some(kept.platform.clone())),
        ("Run on the platform", kept.run().map(str::to_owned)),
        ("Branch or tag", kept.reference().map(str::to_owned)),
        ("Commit", seen.and_then(|run| run.commit.clone())),
        ("Attempt", seen.map(|run| run.attempt.to_string())),
        ("Asked by", Some(kept.actor.clone())),
        ("Key", kept.start.key.clone()),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, cut(&value?, 300))))
        .collect()
}

struct Question {
    verb: &'static str,
    /// With `{}` for the run.
    asks: &'static str,
    title: &'static str,
    button: &'static str,
    consequence: &'static str,
    dangerous: bool,
}

async fn ask(
    door: &Door,
    id: PipelineRunId,
    visitor: &Visitor,
    question: Question,
) -> Result<Response, Problem> {
    needs(visitor, Role::Operator)?;
    let kept = door.pipelines.run(id).await?;
    page(&Confirm {
        shell: visitor.shell(question.title, "/pipelines"),
        question: question.asks.replace("{}", &cut(&kept.name(), 80)),
        consequence: question.consequence,
        button: question.button,
        dangerous: question.dangerous,
        choice: false,
        action: format!("/pipelines/{id}/{}", question.verb),
        back: format!("/pipelines/{id}"),
    })
}

pub(super) async fn ask_retry(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let question = Question {
        verb: "retry",
        asks: "Run {} again?",
        title: "Run a pipeline again",
        button: "Run it again",
        consequence: "The platform runs again what failed. What that does outside, it does once more.",
        dangerous: false,
    };
    ask(&door, PipelineRunId(id), &visitor, question).await
}

pub(super) async fn retry(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<Redirect, Problem> {
    door.pipelines.retry(&actor, PipelineRunId(id), true).await?;
    Ok(Redirect::to(&format!("/pipelines/{id}?done=asked")))
}

pub(super) async fn ask_cancel(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let question = Question {
        verb: "cancel",
        asks: "Stop the run of {}?",
        title: "Stop a pipeline",
        button: "Stop the run",
        consequence: "The platform is asked to stop it. What its jobs have done already is not undone.",
        dangerous: true,
    };
    ask(&door, PipelineRunId(id), &visitor, question).await
}

pub(super) async fn cancel(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<Redirect, Problem> {
    door.pipelines.cancel(&actor, PipelineRunId(id)).await?;
    Ok(Redirect::to(&format!("/pipelines/{id}?done=asked")))
}

pub(super) async fn ask_approve(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let question = Question {
        verb: "approve",
        asks: "Let {} go on?",
        title: "Let a pipeline go on",
        button: "Let it go on",
        consequence: "Everything that waits for a decision in this run goes on, such as a deployment to production.",
        dangerous: true,
    };
    ask(&door, PipelineRunId(id), &visitor, question).await
}

pub(super) async fn approve(
    State(door): State<Arc<Door>>,
    Id(id): Id,
    Actor(actor): Actor,
) -> Result<Redirect, Problem> {
    let run = PipelineRunId(id);
    door.pipelines.decide(&actor, run, None, true, "").await?;
    Ok(Redirect::to(&format!("/pipelines/{id}?done=asked")))
}
