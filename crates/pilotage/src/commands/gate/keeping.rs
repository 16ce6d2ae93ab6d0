//! Keeps a run in the data folder, or has it judged by the server that was named.

use std::{path::Path, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget};
use pilotage_core::{
    Digest, TenantId, Timestamp,
    gate::{
        Commit, Gate, GateRunEnding, GateRunId, GateRunOrigin, GateRunStatus, Judged, KeptFile,
        MOST_DOCUMENT_BYTES, Measured, NewGateRun, Report, Waiver, findings,
    },
    ports::GateRuns as _,
};
use pilotage_engine::gates::conclude;
use pilotage_store::SqliteStore;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{collecting::Collected, place::make_here};
use crate::{
    cli::Context,
    client::Client,
    exit::usage,
    output::{clean, remark},
};

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
    /// Only these gates; all of the environment where it is empty.
    pub(super) only: &'a [String],
    pub(super) gates: &'a [Gate],
    pub(super) stop_on_failure: bool,
    pub(super) sequential: bool,
    pub(super) begun: Timestamp,
    /// Whether progress is shown.
    pub(super) quiet: bool,
    /// How long reports and evidence are kept; `None` is for ever.
    pub(super) keep: Option<Duration>,
}

/// Documents that are pruned behind one run, where no server does it.
const MOST_PRUNED: usize = 100;

/// Between two looks at a run of the server.
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

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

    /// What was waived here for a commit. What was waived on a server counts where the server judges.
    ///
    /// # Errors
    /// The data folder cannot be read.
    pub(super) async fn waivers(&self, commit: Option<&Commit>) -> anyhow::Result<Vec<Waiver>> {
        match (self, commit) {
            (Self::Here(store), Some(commit)) => Ok(store.waivers(Some(&commit.id)).await?),
            _ => Ok(Vec::new()),
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
            files: attached(&collected.measured),
            reusable: collected.reusable,
        }),
    };
    store.keep_gate_run(new, ending).await?;
    if let Some(age) = asked.keep {
        let now = Timestamp::now();
        store.prune_documents(now, now - age, MOST_PRUNED).await?;
    }
    Ok(())
}

/// Bills of materials that were made for this run, which are kept with it.
fn attached(measured: &Measured) -> Vec<(KeptFile, Vec<u8>)> {
    let evidence = measured.values().filter_map(|found| found.as_ref().ok());
    let made = evidence.filter(|evidence| evidence.collector.contains("sbom"));
    let files = made.flat_map(|evidence| &evidence.files).filter_map(|file| {
        let data = std::fs::read(&file.path).ok()?;
        let kept = KeptFile {
            name: file.path.clone(),
            kind: "sbom".to_owned(),
            digest: file.digest,
            bytes: data.len() as u64,
        };
        let is_it = data.len() <= MOST_DOCUMENT_BYTES && Digest::of(&data) == file.digest;
        (is_it && is_bill(&data)).then_some((kept, data))
    });
    files.collect()
}

/// The lock files that it was made of are not the bill.
fn is_bill(data: &[u8]) -> bool {
    let document = serde_json::from_slice::<Value>(data);
    document.is_ok_and(|document| document.get("bomFormat").is_some())
}

/// The same, as a server takes files.
fn bills(measured: &Measured) -> Vec<Value> {
    let files = attached(measured).into_iter();
    files
        .map(|(file, data)| json!({ "name": file.name, "kind": file.kind, "content": String::from_utf8_lossy(&data) }))
        .collect()
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
        "gates": asked.only, "stopOnFailure": asked.stop_on_failure, "parallel": !asked.sequential,
        "evidence": { "values": findings(&collected.measured), "reports": bills(&collected.measured) },
    });
    let begun = client
        .change(Method::POST, &["gates", "runs"], Some(&body))
        .await?;
    let begun: Sent = begun.read()?;
    let bar = waiting(asked.quiet);
    let ended = until_judged(client, begun, &bar).await;
    bar.finish_and_clear();
    ended
}

/// A run of the server, as far as it has come.
#[derive(Deserialize)]
struct Sent {
    id: GateRunId,
    status: GateRunStatus,
    message: String,
    report: Option<Report>,
}

/// The server may look for evidence itself, which takes as long as its gates allow.
async fn until_judged(client: &Client, mut run: Sent, bar: &ProgressBar) -> anyhow::Result<Report> {
    while run.status == GateRunStatus::Running {
        bar.set_message(clean(&run.message));
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let path = ["gates", "runs", &run.id.to_string()];
        run = client.get(&path, &[]).await?.read()?;
    }
    run.report.ok_or_else(|| anyhow::anyhow!(clean(&run.message)))
}

/// Shown on a terminal alone, which indicatif sees to.
fn waiting(quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
