use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    pipeline_run::{KeptRun, RunState},
    ports::PipelineRunFilter,
};

use super::{
    query::{Pager, Query},
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, cut, duration, short_id},
};
use crate::{
    door::Door,
    problem::{Kind, Problem},
};

/// Runs on a page.
const LINES: usize = 50;

/// A run in the list.
struct Row {
    id: String,
    short: String,
    href: String,
    name: String,
    state: Word,
    word: String,
    says: String,
    from: String,
    began: Moment,
    took: String,
    by: String,
}

impl Row {
    fn new(visitor: &Visitor, kept: &KeptRun) -> Self {
        let reference = kept.reference().map_or_else(String::new, |text| cut(text, 60));
        Self {
            href: format!("/pipelines/{}", kept.id),
            short: short_id(&kept.id),
            id: kept.id.to_string(),
            name: cut(&kept.name(), 80),
            state: Word::of_run(kept.standing.state),
            word: cut(&kept.standing.word, 60),
            says: cut(&kept.summary(), 160),
            from: reference,
            began: visitor.moment(kept.created_at),
            took: took(kept),
            by: cut(&kept.actor, 60),
        }
    }
}

/// From asked for to ended; nothing while it goes on.
pub(super) fn took(kept: &KeptRun) -> String {
    kept.finished_at.map_or_else(String::new, |ended| {
        duration(ended.as_micros().saturating_sub(kept.created_at.as_micros()))
    })
}

/// The filters as they stand in the form.
struct Fields {
    platform: String,
    pipeline: String,
    reference: String,
    state: String,
    any: bool,
}

#[derive(Template)]
#[template(path = "pipelines.html")]
struct List {
    shell: Shell,
    fields: Fields,
    /// Address, word, and whether it is chosen.
    choices: Vec<(String, &'static str, bool)>,
    platforms: Vec<String>,
    runs: Vec<Row>,
    pager: Pager,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let query = &visitor.query;
    let text = |name: &str| query.text(name).map(str::to_owned);
    let state = query.text("state").map(state_named).transpose()?;
    let filter = PipelineRunFilter {
        platform: text("platform"),
        pipeline: text("pipeline"),
        reference: text("ref"),
        state,
        ..PipelineRunFilter::default()
    };
    let runs = door.pipelines.runs();
    let found = runs.pipeline_runs(&filter, query.number("after")?, LINES).await?;
    page(&List {
        choices: choices(query, state),
        platforms: door.pipelines.platforms(),
        fields: Fields {
            platform: query.field("platform"),
            pipeline: query.field("pipeline"),
            reference: query.field("ref"),
            state: query.field("state"),
            any: ["platform", "pipeline", "ref"]
                .iter()
                .any(|name| query.text(name).is_some()),
        },
        pager: Pager::new(query, found.next),
        runs: found.items.iter().map(|kept| Row::new(&visitor, kept)).collect(),
        shell: visitor.shell("Pipelines", "/pipelines"),
    })
}

fn choices(query: &Query, chosen: Option<RunState>) -> Vec<(String, &'static str, bool)> {
    let all = (query.with("state", None), "all", chosen.is_none());
    let each = RunState::ALL.into_iter().map(|state| {
        let word = state.as_str();
        (query.with("state", Some(word)), word, chosen == Some(state))
    });
    std::iter::once(all).chain(each).collect()
}

fn state_named(word: &str) -> Result<RunState, Problem> {
    RunState::parse(word).ok_or_else(|| {
        let words = RunState::ALL.map(RunState::as_str).join(", ");
        Problem::new(Kind::BadRequest, format!("`state` is one of {words}"))
    })
}
