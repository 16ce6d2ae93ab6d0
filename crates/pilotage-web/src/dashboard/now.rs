//! The first page: what goes on at this moment, and whether all is well.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{
    Operation, OperationStatus,
    operation::Progress,
    ports::{EventFilter, OperationFilter, Totals},
};

use super::{
    chart::Chart,
    events::EventRow,
    figures,
    shell::{Shell, Visitor, page},
    words::{Moment, State as Word, count, cut, duration},
};
use crate::{door::Door, metrics::age, problem::Problem};

/// Lines of each list.
const LINES: usize = 12;
/// Dead letters shown.
const DEAD_LETTERS: usize = 5;
/// Behind by more than this is worth a word, in seconds.
const LAG_SECONDS: f64 = 5.0;

/// One thing that goes on.
pub(super) struct Activity {
    pub(super) id: String,
    pub(super) href: Option<String>,
    pub(super) name: String,
    pub(super) state: Word,
    pub(super) message: String,
    /// Steps done and steps in all, where that is known.
    pub(super) steps: Option<(u32, u32)>,
    pub(super) changed: Moment,
}

/// A number with its name and where to see what it counts.
struct Tile {
    name: &'static str,
    value: String,
    note: String,
    href: &'static str,
    class: &'static str,
}

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    shell: Shell,
    troubles: Vec<Trouble>,
    tiles: Vec<Tile>,
    active: Vec<Activity>,
    more_active: bool,
    failed: Vec<Activity>,
    events: Vec<EventRow>,
    chart: Chart,
}

/// Something that somebody should look at.
struct Trouble {
    text: String,
    href: Option<&'static str>,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let history = &door.ports.history;
    let totals = history.totals().await?;
    let events = history.events(&EventFilter::default(), None, LINES).await?.items;
    let (active, more_active) = active(&door, &visitor).await?;
    let lag = age(totals.oldest_undecided, visitor.now);
    page(&Now {
        troubles: troubles(&door, lag),
        tiles: tiles(&totals, lag),
        failed: failed(&door, &visitor).await?,
        events: events
            .into_iter()
            .map(|event| EventRow::new(&visitor, event))
            .collect(),
        chart: figures::lately(&door, visitor.now).await?,
        active,
        more_active,
        shell: visitor.shell("Now", "/"),
    })
}

/// What has not ended, the one that changed last first.
async fn active(door: &Door, visitor: &Visitor) -> Result<(Vec<Activity>, bool), Problem> {
    let snapshot = door.ports.operations.active(visitor.now, 4 * LINES).await?;
    let going = snapshot.operations.iter().filter(|one| !one.status.is_final());
    let mut active: Vec<Activity> = going.map(|one| activity(visitor, one)).collect();
    let more = active.len() > LINES;
    active.truncate(LINES);
    Ok((active, more))
}

async fn failed(door: &Door, visitor: &Visitor) -> Result<Vec<Activity>, Problem> {
    let filter = OperationFilter {
        status: Some(OperationStatus::Failure),
        ..OperationFilter::default()
    };
    let page = door
        .ports
        .operations
        .operations(&filter, None, DEAD_LETTERS)
        .await?;
    Ok(page.items.iter().map(|one| activity(visitor, one)).collect())
}

fn activity(visitor: &Visitor, operation: &Operation) -> Activity {
    let Progress { current, total } = operation.progress;
    let folder = match operation.kind.as_str() {
        "execution" => Some("/executions"),
        "gate" => Some("/gates/runs"),
        "pipeline" => Some("/pipelines"),
        "test" => Some("/tests/runs"),
        _ => None,
    };
    Activity {
        id: operation.id.to_string(),
        href: folder.map(|folder| format!("{folder}/{}", operation.id)),
        name: cut(&operation.name, 120),
        state: Word::of_operation(operation.status),
        message: cut(&operation.message, 300),
        steps: (total > 0).then_some((current, total)),
        changed: visitor.moment(operation.updated_at),
    }
}

fn troubles(door: &Door, lag: f64) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |text, href| troubles.push(Trouble { text, href });
    if door.is_stopping() {
        add("The server is stopping.".to_owned(), None);
    }
    if let Some(error) = door.config_error.load().as_ref() {
        let text = format!(
            "The changed configuration was refused, the one before is in force: {}",
            cut(error, 600)
        );
        add(text, None);
    }
    if lag > LAG_SECONDS {
        add(
            format!("Deciding events is behind: the oldest has waited for {lag:.0} s."),
            Some("/events"),
        );
    }
    let circuits = door.executor.open_circuits();
    if circuits > 0 {
        let text = format!("{circuits} target(s) fail so often that they are left alone for a while.");
        add(text, Some("/executions?status=pending"));
    }
    troubles
}

fn tiles(totals: &Totals, lag: f64) -> Vec<Tile> {
    let tile = |name, value: i64, note: &str, href, class| Tile {
        name,
        value: count(value),
        note: note.to_owned(),
        href,
        class,
    };
    let waiting = totals.pending.saturating_add(totals.waiting);
    let bad = if totals.failed > 0 { "bad" } else { "" };
    #[expect(clippy::cast_possible_truncation, reason = "a lag in microseconds fits")]
    let lag = if totals.undecided == 0 {
        "none".to_owned()
    } else {
        duration((lag * 1e6) as i64)
    };
    vec![
        tile(
            "Running",
            totals.running,
            "at this moment",
            "/executions?status=running",
            "",
        ),
        tile(
            "Waiting",
            waiting,
            "pending or held back",
            "/executions?status=pending",
            "",
        ),
        tile(
            "Dead letters",
            totals.failed,
            "failed for good",
            "/executions?status=failed",
            bad,
        ),
        tile(
            "Succeeded",
            totals.succeeded,
            "executions in all",
            "/executions?status=succeeded",
            "",
        ),
        tile("Events", totals.events, "in the log", "/events", ""),
        tile(
            "Unhandled",
            totals.unhandled,
            "matched no rule",
            "/events?unhandled=true",
            "",
        ),
        Tile {
            name: "Matching lag",
            value: lag,
            note: super::words::plural(totals.undecided, "event") + " to decide",
            href: "/events",
            class: "",
        },
    ]
}
