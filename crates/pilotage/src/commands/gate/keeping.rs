//! Keeps a run in the data folder, or has it judged by the server that was named.

use std::path::Path;

use pilotage_core::{
    TenantId, Timestamp,
    gate::{Commit, Gate, GateRunEnding, GateRunId, GateRunOrigin, Judged, NewGateRun, Report, findings},
    ports::GateRuns as _,
};
use pilotage_engine::gates::conclude;
use pilotage_store::SqliteStore;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{
    collecting::Collected,
    place::{Whole, make_here},
};
use crate::{cli::Context, client::Client, exit::usage, output::remark};

/// Who keeps what.
pub(super) enum Keeper {
    /// A server judges and keeps.
    Server(Client),
    /// The data folder.
    Here(SqliteStore),
    /// Nobody.
    Nobody,
}

/// What was asked.
pub(super) struct Asked<'a> {
    pub(super) environment: &'a str,
    pub(super) gates: &'a [Gate],
    pub(super) stop_on_failure: bool,
    pub(super) sequential: bool,
    pub(super) begun: Timestamp,
}

impl Keeper {
    /// The server that was named, else the data folder. A folder that cannot be written is said, and stops nothing.
    ///
    /// # Errors
    /// The token cannot be read.
    pub(super) fn open(context: &Context, data_dir: &Path, no_keep: bool) -> anyhow::Result<Self> {
        if no_keep {
            return Ok(Self::Nobody);
        }
        if context.global.server.is_some() {
            return Ok(Self::Server(context.client()?));
        }
        Ok(match make_here(data_dir) {
            Ok(store) => Self::Here(store),
            Err(error) => {
                remark(format_args!("This run is not kept: {error:#}"));
                Self::Nobody
            }
        })
    }

    /// The data folder, where that is what keeps.
    pub(super) const fn store(&self) -> Option<&SqliteStore> {
        match self {
            Self::Here(store) => Some(store),
            Self::Server(_) | Self::Nobody => None,
        }
    }

    /// The report: judged by the server that was named, else by what was found here.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub(super) async fn keep(
        self,
        asked: &Asked<'_>,
        commit: Option<Commit>,
        collected: Collected,
    ) -> anyhow::Result<Report> {
        match self {
            Self::Server(client) => send(&client, asked, commit, &collected).await,
            Self::Nobody => Ok(report(asked, commit, &collected)),
            Self::Here(store) => {
                let mut report = report(asked, commit, &collected);
                if let Err(error) = keep_here(&store, asked, &mut report, collected).await {
                    remark(format_args!("This run is not kept: {error:#}"));
                }
                store.close().await;
                Ok(report)
            }
        }
    }
}

fn report(asked: &Asked<'_>, commit: Option<Commit>, collected: &Collected) -> Report {
    Report::new(
        asked.environment,
        commit,
        Timestamp::now(),
        collected.verdicts.clone(),
    )
}

async fn keep_here(
    store: &SqliteStore,
    asked: &Asked<'_>,
    report: &mut Report,
    collected: Collected,
) -> anyhow::Result<()> {
    let id = GateRunId(Uuid::now_v7());
    conclude(store, id, report).await?;
    let commit = report.commit.as_ref();
    let new = NewGateRun {
        id,
        tenant: TenantId::default(),
        environment: asked.environment.to_owned(),
        commit: commit.map(|commit| commit.id.clone()),
        changed: commit.is_some_and(|commit| commit.changed),
        origin: GateRunOrigin::Cli,
        actor: "local".to_owned(),
        key: None,
        gates: asked.gates.iter().map(|gate| gate.id.clone()).collect(),
        at: asked.begun,
    };
    let ending = GateRunEnding {
        at: report.judged_at,
        message: report.headline(),
        judged: Some(Judged {
            report: report.clone(),
            measured: findings(&collected.measured),
            files: Vec::new(),
            reusable: collected.reusable,
        }),
    };
    store.keep_gate_run(new, ending).await?;
    Ok(())
}

/// Has the server judge what was measured here, by the gates that are in force there.
async fn send(
    client: &Client,
    asked: &Asked<'_>,
    commit: Option<Commit>,
    collected: &Collected,
) -> anyhow::Result<Report> {
    let commit = commit.ok_or_else(|| usage("A server judges commits, and this folder is no repository."))?;
    let body = json!({
        "environment": asked.environment, "commit": commit.id, "committedAt": commit.at, "changed": commit.changed,
        "stopOnFailure": asked.stop_on_failure, "parallel": !asked.sequential,
        "evidence": { "values": findings(&collected.measured) },
    });
    let begun = client
        .change(Method::POST, &["gates", "runs"], Some(&body))
        .await?;
    let whole: Whole = begun.read()?;
    whole.report.ok_or_else(|| {
        anyhow::anyhow!(
            "The server goes on looking for evidence itself; `pilotage gate history` shows how it ends."
        )
    })
}
