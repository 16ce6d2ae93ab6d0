use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    gate::{GateRun, GateRunStatus, Verdict},
    ports::GateRunFilter,
};

use super::{
    chart::{Chart, Stack, WIDE},
    query::{Pager, Query, link},
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, cut, duration, short_id},
};
use crate::{door::Door, problem::Problem};

/// Runs on a page.
const LINES: usize = 50;
/// Runs that are looked through for the environments to choose from.
const LOOKED_THROUGH: usize = 500;
/// Environments to choose from.
const MOST_CHOICES: usize = 12;

/// The word for how a run came out.
pub(super) const fn verdict_word(status: GateRunStatus, verdict: Option<Verdict>) -> Word {
    let (word, class) = match (status, verdict) {
        (GateRunStatus::Running, _) => ("running", "run"),
        (GateRunStatus::BrokenOff, _) => ("broken off", "off"),
        (GateRunStatus::Judged, Some(Verdict::Ready)) => ("ready", "ok"),
        (GateRunStatus::Judged, Some(Verdict::NotReady)) => ("not ready", "bad"),
        (GateRunStatus::Judged, _) => ("not judged", "warn"),
    };
    Word { word, class }
}

/// The beginning of a commit's hash.
pub(super) fn short_commit(commit: Option<&str>) -> String {
    commit.map_or_else(
        || "no commit".to_owned(),
        |commit| commit.chars().take(12).collect(),
    )
}

/// A run in the list.
struct Row {
    id: String,
    short: String,
    href: String,
    environment: String,
    commit: String,
    changed: bool,
    state: Word,
    score: String,
    message: String,
    began: Moment,
    took: String,
    by: String,
}

impl Row {
    fn new(visitor: &Visitor, run: &GateRun) -> Self {
        let took = run
            .finished_at
            .map(|ended| ended.as_micros().saturating_sub(run.started_at.as_micros()));
        Self {
            id: run.id.to_string(),
            short: short_id(&run.id),
            href: format!("/gates/runs/{}", run.id),
            environment: cut(&run.environment, 64),
            commit: short_commit(run.commit.as_deref()),
            changed: run.changed,
            state: verdict_word(run.status, run.verdict),
            score: if run.verdict.is_some() {
                run.score.to_string()
            } else {
                String::new()
            },
            message: cut(&run.message, 200),
            began: visitor.moment(run.started_at),
            took: took.map_or_else(String::new, duration),
            by: cut(&run.actor, 80),
        }
    }
}

/// The filters as they stand in the form.
struct Fields {
    environment: String,
    gate: String,
    commit: String,
    any: bool,
}

#[derive(Template)]
#[template(path = "gates.html")]
struct GatesPage {
    shell: Shell,
    fields: Fields,
    environments: Vec<(String, String, bool)>,
    chart: Chart,
    runs: Vec<Row>,
    gates: Vec<Asked>,
    pager: Pager,
}

/// A gate in force.
struct Asked {
    id: String,
    name: String,
    effect: &'static str,
    environments: String,
    criteria: Vec<String>,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let query = &visitor.query;
    let filter = GateRunFilter {
        environment: query.text("environment").map(str::to_owned),
        gate: query.text("gate").map(str::to_owned),
        commit: query.text("commit").map(str::to_ascii_lowercase),
        ..GateRunFilter::default()
    };
    let runs = door.gates.runs();
    let found = runs.gate_runs(&filter, query.number("after")?, LINES).await?;
    let all = runs
        .gate_runs(&GateRunFilter::default(), None, LOOKED_THROUGH)
        .await?;
    page(&GatesPage {
        fields: Fields {
            environment: query.field("environment"),
            gate: query.field("gate"),
            commit: query.field("commit"),
            any: ["gate", "commit"].iter().any(|name| query.text(name).is_some()),
        },
        environments: environments(query, &all.items),
        chart: chart(&found.items),
        runs: found.items.iter().map(|run| Row::new(&visitor, run)).collect(),
        gates: asked(&door),
        pager: Pager::new(query, found.next),
        shell: visitor.shell("Gates", "/gates"),
    })
}

/// Links to the environments that were judged lately: address, name, whether it is chosen.
fn environments(query: &Query, runs: &[GateRun]) -> Vec<(String, String, bool)> {
    let names: BTreeSet<&str> = runs.iter().map(|run| run.environment.as_str()).collect();
    let chosen = query.text("environment");
    let all = (
        query.with("environment", None),
        "all".to_owned(),
        chosen.is_none(),
    );
    let each = names.into_iter().take(MOST_CHOICES).map(|name| {
        let href = query.with("environment", Some(name));
        (href, cut(name, 64), chosen == Some(name))
    });
    std::iter::once(all).chain(each).collect()
}

/// The score of each run of the page, the oldest first, by how it came out.
fn chart(runs: &[GateRun]) -> Chart {
    let stack = |run: &GateRun| {
        let at = run.started_at.to_string();
        let score = i64::from(run.score);
        let values = match run.verdict {
            Some(Verdict::Ready) => vec![score, 0, 0],
            Some(Verdict::NotReady) => vec![0, score, 0],
            _ => vec![0, 0, score],
        };
        Stack {
            label: at.get(5..16).unwrap_or_default().replace('T', " "),
            name: format!(
                "{} {}",
                at.get(..19).unwrap_or_default().replace('T', " "),
                short_commit(run.commit.as_deref())
            ),
            values,
        }
    };
    let stacks = runs
        .iter()
        .rev()
        .filter(|run| run.verdict.is_some())
        .map(stack)
        .collect();
    let series = [
        "score of what was ready",
        "score of what was not ready",
        "score of what was not judged",
    ];
    Chart::new(
        "Score of the runs below, the oldest first",
        &series,
        WIDE,
        stacks,
        Some(100),
        |value| value.to_string(),
    )
}

fn asked(door: &Door) -> Vec<Asked> {
    let in_force = door.gates.book.current();
    let gates = in_force.gates.iter().map(|gate| Asked {
        id: gate.id.clone(),
        name: cut(&gate.name, 80),
        effect: if gate.blocking { "blocking" } else { "advisory" },
        environments: cut(&gate.environments.join(", "), 120),
        criteria: gate
            .criteria
            .iter()
            .map(|criterion| format!("{} {}", criterion.metric, criterion.test.show(criterion.unit)))
            .collect(),
    });
    gates.collect()
}

/// The list with the runs of one commit.
pub(super) fn of_commit(commit: &str) -> String {
    link("/gates", "commit", commit)
}
