//! `pilotage gate history` and `pilotage gate report`.

use clap::Args;
use pilotage_core::{
    Timestamp,
    gate::{GateRunId, GateRunStatus, Verdict},
    ports::GateRunFilter,
};
use serde_json::json;

use super::{
    place::{Place, Run, run_id},
    printing::Printing,
};
use crate::{
    cli::{Context, DataDir},
    exit::{Done, usage},
    output::{Cell, Style, Table, parse_moment, remark},
};

/// Which runs are listed.
#[derive(Args, Debug)]
pub(crate) struct History {
    /// Only runs for this environment
    #[arg(long = "env", value_name = "NAME")]
    environment: Option<String>,
    /// Only runs that asked this gate
    #[arg(long, value_name = "ID")]
    gate: Option<String>,
    /// Only runs of the commit whose hash begins like this
    #[arg(long, value_name = "HASH")]
    commit: Option<String>,
    /// Only runs since this moment: a time like 2026-11-22T18:30:00Z, or a span like 2h or 7d
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    since: Option<Timestamp>,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    #[command(flatten)]
    data_dir: DataDir,
}

impl History {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let filter = GateRunFilter {
            environment: self.environment,
            gate: self.gate,
            commit: self.commit.map(|commit| commit.to_ascii_lowercase()),
            since: self.since,
            ..GateRunFilter::default()
        };
        let place = Place::open(context, &self.data_dir)?;
        let runs = place.runs(&filter, self.limit.into()).await;
        place.close().await;
        let runs = runs?;
        if context.output.is_json() {
            context.output.json(&json!({ "items": runs, "next": null }))?;
        } else if runs.is_empty() {
            remark("No run passes. `pilotage gate run` judges and keeps one.");
        } else {
            context.output.table(&table(context, &runs))?;
        }
        Ok(Done::Yes)
    }
}

fn table(context: &Context, runs: &[Run]) -> Table {
    let mut table = Table::new(&["RUN", "ENVIRONMENT", "COMMIT", "VERDICT", "SCORE", "BEGAN", "BY"]);
    for run in runs {
        let (style, verdict) = word(run);
        table.row([
            Cell::id(&run.id.to_string()),
            run.environment.as_str().into(),
            short(run).as_str().into(),
            Cell::styled(style, verdict),
            run.score.to_string().into(),
            context.output.age(run.started_at).into(),
            run.actor.as_str().into(),
        ]);
    }
    table
}

/// The beginning of the commit's hash; a star where files differed.
pub(super) fn short(run: &Run) -> String {
    let commit: String = run.commit.as_deref().unwrap_or("-").chars().take(12).collect();
    if run.changed { commit + "*" } else { commit }
}

/// The word for how a run came out.
pub(super) const fn word(run: &Run) -> (Style, &'static str) {
    match (run.status, run.verdict) {
        (GateRunStatus::Running, _) => (Style::Plain, "running"),
        (GateRunStatus::BrokenOff, _) => (Style::Warning, "broken off"),
        (_, verdict) => verdict_word(verdict),
    }
}

/// The word for a verdict.
pub(super) const fn verdict_word(verdict: Option<Verdict>) -> (Style, &'static str) {
    match verdict {
        Some(Verdict::Ready) => (Style::Good, "ready"),
        Some(Verdict::NotReady) => (Style::Bad, "not ready"),
        _ => (Style::Warning, "not judged"),
    }
}

/// Which run is shown.
#[derive(Args, Debug)]
pub(crate) struct ShowReport {
    /// The run; the newest where it is not given
    #[arg(value_parser = run_id)]
    id: Option<GateRunId>,
    #[command(flatten)]
    printing: Printing,
    #[command(flatten)]
    data_dir: DataDir,
}

impl ShowReport {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let place = Place::open(context, &self.data_dir)?;
        let found = self.find(&place).await;
        place.close().await;
        self.printing.print(context, &found?)?;
        Ok(Done::Yes)
    }

    async fn find(&self, place: &Place) -> anyhow::Result<pilotage_core::gate::Report> {
        let newest = place.runs(&GateRunFilter::default(), 1).await?;
        let id = self.id.or_else(|| newest.first().map(|run| run.id));
        let id = id.ok_or_else(|| usage("There is no run yet."))?;
        let whole = place.whole(id).await?;
        let none = || {
            let why = if whole.pruned {
                "was pruned: it is older than `retention.evidenceDays`. `pilotage gate history` has the verdict."
            } else {
                "is not there: it did not come to a verdict."
            };
            anyhow::anyhow!("The report of the run {id} {why}")
        };
        whole.report.ok_or_else(none)
    }
}
