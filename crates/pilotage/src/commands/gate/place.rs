//! Where runs are kept: on the server that is named, else in the data folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pilotage_core::{
    Timestamp,
    gate::{Finding, GateRun, GateRunId, GateRunStatus, Report, Verdict},
    ports::{GateRunFilter, GateRuns as _},
};
use pilotage_engine::gates::{findings_of, report_of};
use pilotage_store::SqliteStore;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    cli::{Context, DataDir},
    client::Client,
    exit::usage,
    wire,
};

/// Where runs are kept.
pub(super) enum Place {
    /// A server was named.
    Server(Client),
    /// In the data folder.
    Here(SqliteStore),
}

/// A run in a list, wherever it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) id: GateRunId,
    pub(super) environment: String,
    pub(super) commit: Option<String>,
    pub(super) changed: bool,
    pub(super) status: GateRunStatus,
    pub(super) verdict: Option<Verdict>,
    pub(super) score: u32,
    pub(super) actor: String,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) message: String,
}

impl From<GateRun> for Run {
    fn from(run: GateRun) -> Self {
        Self {
            id: run.id,
            environment: run.environment,
            commit: run.commit,
            changed: run.changed,
            status: run.status,
            verdict: run.verdict,
            score: run.score,
            actor: run.actor,
            started_at: run.started_at,
            finished_at: run.finished_at,
            message: run.message,
        }
    }
}

/// What a run rests on.
#[derive(Deserialize)]
pub(super) struct Whole {
    /// Its report; `None` while there is none, and where it was pruned.
    pub(super) report: Option<Report>,
    /// Whether report and evidence were pruned.
    #[serde(default)]
    pub(super) pruned: bool,
    /// Everything that was measured.
    #[serde(default)]
    pub(super) measured: Vec<Finding>,
}

/// One page of a collection of the API.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Place {
    /// The server that was named, or the data folder of an earlier run.
    ///
    /// # Errors
    /// Nothing was ever kept there.
    pub(super) fn open(context: &Context, data_dir: &DataDir) -> anyhow::Result<Self> {
        if context.global.server.is_some() {
            return Ok(Self::Server(context.client()?));
        }
        data_dir.require()?;
        Ok(Self::Here(wire::open_store(&data_dir.data_dir)?.0))
    }

    /// Writes out what is kept here.
    pub(super) async fn close(self) {
        if let Self::Here(store) = self {
            store.close().await;
        }
    }

    /// The runs that pass the filter, newest first, at most so many.
    pub(super) async fn runs(&self, filter: &GateRunFilter, most: usize) -> anyhow::Result<Vec<Run>> {
        let mut found: Vec<Run> = Vec::new();
        let mut after: Option<String> = None;
        while found.len() < most {
            let limit = (most - found.len()).min(500);
            let (items, next) = self.page(filter, after, limit).await?;
            found.extend(items);
            after = next;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn page(
        &self,
        filter: &GateRunFilter,
        after: Option<String>,
        limit: usize,
    ) -> anyhow::Result<(Vec<Run>, Option<String>)> {
        match self {
            Self::Here(store) => {
                let after = after.map(|after| after.parse()).transpose()?;
                let page = store.gate_runs(filter, after, limit).await?;
                let items = page.items.into_iter().map(Run::from).collect();
                Ok((items, page.next.map(|next| next.to_string())))
            }
            Self::Server(client) => {
                let mut query = vec![("limit", limit.to_string())];
                query.extend(after.map(|after| ("after", after)));
                query.extend(filter.environment.clone().map(|name| ("environment", name)));
                query.extend(filter.gate.clone().map(|gate| ("gate", gate)));
                query.extend(filter.commit.clone().map(|commit| ("commit", commit)));
                query.extend(filter.since.map(|since| ("since", since.to_string())));
                query.extend(filter.until.map(|until| ("until", until.to_string())));
                let page: Page<Run> = client.get(&["gates", "runs"], &query).await?.read()?;
                Ok((page.items, page.next))
            }
        }
    }

    /// What a run rests on.
    pub(super) async fn whole(&self, id: GateRunId) -> anyhow::Result<Whole> {
        match self {
            Self::Server(client) => Ok(client
                .get(&["gates", "runs", &id.to_string()], &[])
                .await?
                .read()?),
            Self::Here(store) => {
                let run = store.gate_run(id).await?;
                let run = run.ok_or_else(|| usage(format!("There is no gate run {id}.")))?;
                let report = report_of(store, &run).await?;
                Ok(Whole {
                    pruned: report.is_none() && run.report.is_some(),
                    report,
                    measured: findings_of(store, &run).await?,
                })
            }
        }
    }
}

/// Reads a collection of the API whole.
pub(super) async fn collection<T: DeserializeOwned>(
    client: &Client,
    path: &[&str],
    query: &[(&str, String)],
) -> anyhow::Result<Vec<T>> {
    let page: Page<T> = client.get(path, query).await?.read()?;
    Ok(page.items)
}

/// Opens the data folder for keeping runs, and makes it where there is none. Git is told to leave it alone.
pub(super) fn make_here(data_dir: &Path) -> anyhow::Result<SqliteStore> {
    let is_new = !data_dir.exists();
    let (store, _) = wire::open_store(data_dir)?;
    if is_new {
        let ignore: PathBuf = data_dir.join(".gitignore");
        std::fs::write(&ignore, "*\n").with_context(|| format!("cannot write {}", ignore.display()))?;
    }
    Ok(store)
}

/// The id of a run, as an argument takes it.
pub(super) fn run_id(text: &str) -> Result<GateRunId, String> {
    text.parse::<Uuid>()
        .map(GateRunId)
        .map_err(|_| "want an id from `pilotage gate history`".to_owned())
}
