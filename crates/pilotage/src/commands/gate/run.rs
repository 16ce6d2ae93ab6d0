//! `pilotage gate run`.

use clap::Args;
use pilotage_core::{
    Timestamp,
    gate::{Commit, Gate, Report, Verdict, Waived, check_environment},
};
use pilotage_runners::{Site, Source, collector, process};

use super::{
    Config,
    collecting::{Cache, Judging, Way},
    keeping::{Asked, Keeper},
    printing::Printing,
    replay::{Stretch, replay, stretch},
};
use crate::{
    cli::{Context, DataDir},
    exit::{Done, usage},
    settings::Gates,
};

const EXAMPLES: &str = "\
Examples:
  pilotage gate run --env production               may this commit go, and why not
  pilotage gate run --env staging --gate build-validation
  pilotage gate run --format junit --output gates.xml
  pilotage gate run --server https://pilotage.example.com     send what is measured, and judge it there
  pilotage gate run --replay 30d.. --config draft.yaml        what a draft would have stopped

--format also takes markdown, junit and sarif here. What is built and tested is run: use it where you would build.

A run is kept in the data folder, or on the server that is named; `gate history` lists them.

Exit codes: 0 ready, 1 not ready, 2 usage or configuration, 3 could not judge.";

/// What is judged, and how.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// Where it is to go
    #[arg(long = "env", value_name = "NAME", default_value = "production", value_parser = environment)]
    environment: String,
    /// Only this gate; may be given several times
    #[arg(long, value_name = "ID")]
    gate: Vec<String>,
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    order: Order,
    /// Judge past runs by these criteria instead, on the evidence that they had: FROM..TO, such as 30d.. or 60d..30d
    #[arg(long, value_name = "FROM..TO", value_parser = stretch, conflicts_with_all = ["stop_on_failure", "sequential", "fresh"])]
    replay: Option<Stretch>,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    printing: Printing,
    #[command(flatten)]
    data_dir: DataDir,
}

/// In which order gates are looked at.
#[derive(Args, Debug)]
struct Order {
    /// End at the first blocking gate that fails; the gates after it are not run
    #[arg(long)]
    stop_on_failure: bool,
    /// One after the other, in their order
    #[arg(long)]
    sequential: bool,
}

/// What earlier runs mean for this one, and this one for later ones.
#[derive(Args, Debug)]
struct Memory {
    /// Run everything, also what was run over the same files before
    #[arg(long)]
    fresh: bool,
    /// Neither keep the run nor look at earlier ones
    #[arg(long)]
    no_keep: bool,
}

fn environment(text: &str) -> Result<String, String> {
    check_environment(text).map(|()| text.to_owned())
}

impl Run {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let Gates {
            in_force, sources, ..
        } = self.config.gates()?;
        let gates = self.select(in_force)?;
        if let Some(stretch) = self.replay {
            return replay(context, &self.data_dir, &self.environment, &gates, stretch).await;
        }
        let report = tokio::select! {
            report = self.judge(context, &gates, sources) => report?,
            () = interrupted() => anyhow::bail!("Interrupted: nothing was judged."),
        };
        self.printing.print(context, &report)?;
        match report.verdict {
            Verdict::Ready => Ok(Done::Yes),
            Verdict::NotReady => Ok(Done::NotReady),
            Verdict::NotJudged => {
                anyhow::bail!("No blocking gate was judged, so nothing says that this may go.")
            }
        }
    }

    fn select(&self, gates: Vec<Gate>) -> anyhow::Result<Vec<Gate>> {
        for id in &self.gate {
            let Some(gate) = gates.iter().find(|gate| gate.id == *id) else {
                let ids: Vec<_> = gates.iter().map(|gate| gate.id.as_str()).collect();
                return Err(usage(format!(
                    "There is no gate `{id}`. The gates are {}.",
                    ids.join(", ")
                )));
            };
            if !gate.applies_to(&self.environment) {
                let environments = gate.environments.join(", ");
                return Err(usage(format!(
                    "The gate `{id}` is for {environments}, not for {}.",
                    self.environment
                )));
            }
        }
        let is_asked = |gate: &Gate| self.gate.is_empty() || self.gate.contains(&gate.id);
        let selected = gates
            .into_iter()
            .filter(|gate| gate.applies_to(&self.environment) && is_asked(gate));
        Ok(selected.collect())
    }

    async fn judge(
        &self,
        context: &Context,
        gates: &[Gate],
        mut sources: Vec<Source>,
    ) -> anyhow::Result<Report> {
        let begun = Timestamp::now();
        let root = std::env::current_dir()?;
        sources.extend(collector::detected(&root, &sources));
        let commit = process::commit(&root).await.map(|(id, at, changed)| Commit {
            id,
            at: Some(Timestamp::from_secs(at)),
            changed,
        });
        let keeper = Keeper::open(context, &self.data_dir.data_dir, self.memory.no_keep)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let way = Way {
            at_once: if self.order.sequential { 1 } else { cores },
            in_order: self.order.sequential,
            stop_on_failure: self.order.stop_on_failure,
            quiet: context.output.is_json(),
        };
        let cache = Cache::new(keeper.store(), &root, self.memory.fresh).await;
        let waivers = keeper.waivers(commit.as_ref()).await?;
        let waived = Waived {
            environment: &self.environment,
            commit: commit.as_ref(),
            waivers: &waivers,
        };
        let judging = Judging::new(gates, &sources, waived, way, &cache);
        let collected = judging.run(&Site { root }).await;
        let asked = Asked {
            environment: &self.environment,
            only: &self.gate,
            gates,
            stop_on_failure: self.order.stop_on_failure,
            sequential: self.order.sequential,
            begun,
            quiet: context.output.is_json(),
            keep: self.config.evidence_age()?,
        };
        keeper.keep(&asked, commit, collected).await
    }
}

/// Ctrl-C, or a polite request to end. Without a handler nothing would kill what was started.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
