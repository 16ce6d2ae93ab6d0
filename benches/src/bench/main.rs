//! `bench`: measures Pilotage against references in the same run and prints one table.

mod balance;
mod honesty;
mod intake;
mod latency;
mod live;
mod matching;
mod mcp;
mod run;
mod secrets;
mod start;

use std::{io::Write as _, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};
use pilotage_benches::{
    server::Program,
    table::{self, Row},
};

/// Measures Pilotage against references in the same run. Build with --release first; `just bench` does both.
#[derive(Debug, Parser)]
struct Settings {
    /// What to measure; everything when nothing is named.
    what: Vec<Measurement>,
    /// Rounds of each pair; the two sides alternate.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Length of the load of a round.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Connections of the load.
    #[arg(long, default_value_t = 64)]
    connections: u16,
    /// Subscribers of `live` over server-sent events.
    #[arg(long, default_value_t = 10_000)]
    subscribers: usize,
    /// Folder in which npm put `socket.io` (`npm ci` in a copy of .ci/socketio), for the reference of `live`.
    #[arg(long, env = "PILOTAGE_SOCKET_IO")]
    socket_io: Option<PathBuf>,
    /// Folder in which npm put `fastmcp` (`npm ci` in a copy of benches/fastmcp), for a reference of `mcp`.
    #[arg(long, env = "PILOTAGE_FASTMCP")]
    fastmcp: Option<PathBuf>,
    /// A corpus of secrets with labels, for the quality of `secrets` (benches/secrets/corpus.py makes one).
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// What is known about the corpus.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// A large folder, for the speed of `secrets`.
    #[arg(long)]
    tree: Option<PathBuf>,
    /// The binary of kingfisher, to compare `secrets` with; without one it is left out, and so are the next two.
    #[arg(long)]
    kingfisher: Option<PathBuf>,
    /// The binary of ripsecrets.
    #[arg(long)]
    ripsecrets: Option<PathBuf>,
    /// The program detect-secrets.
    #[arg(long)]
    detect_secrets: Option<PathBuf>,
    /// Folder in which npm put `turbo`, for the reference of `run`; without one it is left out.
    #[arg(long, env = "PILOTAGE_TURBO")]
    turbo: Option<PathBuf>,
    /// A clone of TheAlgorithms/C with its history, whose last commits `run` replays in place of a project that it makes.
    #[arg(long, env = "PILOTAGE_ALGORITHMS")]
    algorithms: Option<PathBuf>,
    /// A folder with recorded durations, for `balance`; benches/balance when not given.
    #[arg(long)]
    durations: Option<PathBuf>,
    /// The server; the one beside this binary when not given.
    #[arg(long)]
    pilotage: Option<PathBuf>,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// Durable intake until the 202, against a bare route that reads the body.
    Intake,
    /// Cold start until ready, and memory at idle and under load.
    Start,
    /// Rules matched per second at 10, 1,000 and 100,000 rules.
    Matching,
    /// From the 202 to the action's arrival, against a bare route that forwards at once.
    Latency,
    /// Fan-out of live status to many subscribers, against npm's `socket.io` with fewer.
    Live,
    /// Calls of a tool over MCP, against a bare route for JSON and the same tool on npm's `fastmcp`.
    Mcp,
    /// What `load run` says of a server that stands still now and then, beside the truth, `wrk` and `hey`.
    Load,
    /// How evenly tests are spread over nodes, over the lower bound, beside the ways of others; simulated.
    Balance,
    /// Secrets found in a corpus with labels, and how fast a tree is looked through, beside known scanners.
    Secrets,
    /// A pipeline of 20 jobs on this machine: cached, after a change, over 30 commits; beside Turborepo.
    Run,
}

impl Measurement {
    async fn run(self, settings: &Settings) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Intake => intake::run(settings).await,
            Self::Start => start::run(settings).await,
            Self::Matching => matching::run(settings),
            Self::Latency => latency::run(settings).await,
            Self::Live => live::run(settings).await,
            Self::Mcp => mcp::run(settings).await,
            Self::Load => honesty::run(settings),
            Self::Balance => balance::run(settings.durations.as_deref()),
            Self::Secrets => secrets::run(settings),
            Self::Run => run::run(settings),
        }
    }
}

impl Settings {
    fn binary(name: &str) -> anyhow::Result<PathBuf> {
        let binary = std::env::current_exe()?.with_file_name(name);
        ensure!(
            binary.is_file(),
            "{} is missing; `just bench` builds it",
            binary.display()
        );
        Ok(binary)
    }

    fn bare(forward: Option<String>) -> anyhow::Result<Program> {
        Ok(Program::Bare {
            binary: Self::binary("bare")?,
            forward,
        })
    }

    fn pilotage(&self, config: &str) -> anyhow::Result<Program> {
        let given = self
            .pilotage
            .as_ref()
            .map(|path| path.canonicalize())
            .transpose()?;
        let binary = given.map_or_else(|| Self::binary("pilotage"), Ok)?;
        Ok(Program::Pilotage {
            binary,
            config: config.to_owned(),
            options: &[],
            guarded: false,
        })
    }
}

// One thread makes the load, so that the server has the other cores to itself.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let all = Measurement::value_variants();
    let chosen = if settings.what.is_empty() {
        all
    } else {
        &settings.what
    };
    let mut rows = Vec::new();
    for measurement in chosen {
        note(&format!("{measurement:?} ..."));
        let measured = measurement.run(&settings).await;
        rows.extend(measured.with_context(|| format!("could not measure {measurement:?}"))?);
    }
    write!(std::io::stdout(), "\n{}", table::render(&rows))?;
    Ok(())
}

/// Says on standard error what goes on, so that standard output holds the table alone.
fn note(text: &str) {
    // Nobody may be reading, and the measurement goes on all the same.
    let _ = writeln!(std::io::stderr(), "{text}");
}
