//! `pilotage gate run`.

use std::path::PathBuf;

use clap::Args;
use pilotage_core::{
    Timestamp,
    gate::{Commit, Gate, Report, Verdict, check_environment},
};
use pilotage_runners::{Site, Source, collector, process};

use super::{
    Config,
    collecting::{Judging, Way},
    report, text,
};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::Format,
    settings::Gates,
};

const EXAMPLES: &str = "\
Examples:
  pilotage gate run --env production               may this commit go, and why not
  pilotage gate run --env staging --gate build-validation
  pilotage gate run --format junit --output gates.xml

--format also takes markdown, junit and sarif here. What is built and tested is run: use it where you would build.

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
    /// End at the first blocking gate that fails; the gates after it are not run
    #[arg(long)]
    stop_on_failure: bool,
    /// One after the other, in their order
    #[arg(long)]
    sequential: bool,
    /// Write the report there in the chosen format, and print the verdict for people
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
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
        let report = tokio::select! {
            report = self.judge(context, &gates, sources) => report?,
            () = interrupted() => anyhow::bail!("Interrupted: nothing was judged."),
        };
        self.print(context, &report)?;
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
        let root = std::env::current_dir()?;
        sources.extend(collector::detected(&root, &sources));
        let commit = process::commit(&root).await.map(|(id, at, changed)| Commit {
            id,
            at: Some(Timestamp::from_secs(at)),
            changed,
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let way = Way {
            at_once: if self.sequential { 1 } else { cores },
            in_order: self.sequential,
            stop_on_failure: self.stop_on_failure,
            quiet: context.output.is_json(),
        };
        let judging = Judging::new(gates, &sources, commit.as_ref(), way);
        let verdicts = judging.run(&Site { root }).await;
        Ok(Report::new(&self.environment, commit, Timestamp::now(), verdicts))
    }

    fn print(&self, context: &Context, report: &Report) -> anyhow::Result<()> {
        let output = &context.output;
        let format = context.global.format;
        let for_people = || text::render(report, &|style, text| output.paint(style, text));
        let whole = match format {
            Format::Text => None,
            Format::Json => Some(serde_json::to_string_pretty(report)? + "\n"),
            Format::Markdown => Some(report::markdown(report)),
            Format::Junit => Some(report::junit(report)),
            Format::Sarif => Some(serde_json::to_string_pretty(&report::sarif(report))? + "\n"),
        };
        match (&self.output, whole) {
            (None, None) => output.line(for_people().trim_end())?,
            (None, Some(_)) if format == Format::Json => output.json(report)?,
            (None, Some(whole)) => output.line(whole.trim_end())?,
            (Some(path), whole) => {
                let whole =
                    whole.unwrap_or_else(|| text::render(report, &|_, text| crate::output::clean(text)));
                std::fs::write(path, whole).map_err(|error| {
                    anyhow::Error::from(error).context(format!("cannot write {}", path.display()))
                })?;
                output.line(for_people().trim_end())?;
            }
        }
        Ok(())
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
