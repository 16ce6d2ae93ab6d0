//! `pilotage mcp`: the protocol on standard input and output, for agents that start their servers themselves.

mod bridge;

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use pilotage_core::Caller;
use pilotage_engine::pipelines::PipelineDesk;
use pilotage_mcp::doors::serve_lines;
use tokio::{
    io::BufReader,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    agents,
    cli::Context,
    commands::up::{config_path, lock, log_to_stderr, signing_secret},
    exit::{Done, usage},
    make,
    settings::{self, Settings, Surroundings},
    wire,
};

const EXAMPLES: &str = "\
Examples:
  claude mcp add pilotage -- pilotage mcp --data-dir /var/lib/pilotage
  pilotage mcp --read-only --toolsets pilotage

While a `pilotage up` runs on that folder, messages are carried to it (--server), with the token
in PILOTAGE_TOKEN if there is one; what is offered is then that server's to say.";

/// Let an agent work with Pilotage over standard input and output
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct McpCommand {
    /// Folder with the state.
    #[arg(
        long,
        value_name = "DIR",
        env = "PILOTAGE_DATA_DIR",
        default_value = ".pilotage"
    )]
    data_dir: PathBuf,
    /// The configuration file [default: pilotage.yaml, if there is one]
    #[arg(long, env = "PILOTAGE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The toolsets to offer, separated by commas; `all` is every one.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    toolsets: Option<Vec<String>>,
    /// Leave out the tools that change anything.
    #[arg(long)]
    read_only: bool,
    /// Let destructive tools run without the agreement of a person.
    #[arg(long)]
    allow_unconfirmed: bool,
    /// Work on a mock of Make.com within this process instead of an account.
    #[arg(long)]
    mock_make: bool,
}

/// Runs until the input ends or a signal comes.
///
/// # Errors
/// The configuration does not hold, the store cannot be opened, or the server cannot be reached.
pub(crate) async fn run(command: McpCommand, context: &Context) -> anyhow::Result<Done> {
    log_to_stderr();
    if let Some(unknown) = command.toolsets.iter().flatten().find(|name| !is_toolset(name)) {
        let instead = settings::instead_of(unknown);
        return Err(usage(format!("There is no toolset `{unknown}`: {instead}")));
    }
    let stop = stop_on_signals()?;
    match lock::try_hold(&command.data_dir)? {
        Some(_held) => alone(&command, stop).await?,
        None => bridge::carry(context, stop).await?,
    }
    Ok(Done::Yes)
}

fn is_toolset(name: &str) -> bool {
    settings::toolset_names().any(|known| known == name)
}

/// Serves from this process: the store is ours, and what is asked for runs here.
async fn alone(command: &McpCommand, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = match config_path(command.config.as_deref()) {
        Some(path) => Settings::read(&path)?,
        None => Settings::empty(),
    };
    let opened = wire::open_store(&command.data_dir)?;
    let surroundings = Surroundings {
        loopback_only: true,
        signing_secret: signing_secret(&command.data_dir)?,
        pipelines: Some(PipelineDesk::new(opened.1.clone())),
    };
    let wired = Arc::new(wire::wire(opened, &settings, &surroundings).await?);
    let mut offered = settings.file.mcp.selection();
    if let Some(toolsets) = &command.toolsets {
        offered.toolsets.clone_from(toolsets);
    }
    offered.read_only |= command.read_only;
    let unconfirmed = command.allow_unconfirmed || settings.file.mcp.allow_unconfirmed;
    let make = make::connect(&settings.file.make, command.mock_make).await?;
    let server = agents::server(&wired, &offered, unconfirmed, make)?;
    // What an agent replays or retries is to run, and nobody else is here to run it.
    let mut loops = JoinSet::new();
    let (matcher, stopped) = (wired.matcher.clone(), stop.clone());
    loops.spawn(async move { matcher.run(stopped).await });
    loops.spawn(wired.executor.clone().run(stop.clone()));
    loops.spawn(wired.pipelines.clone().follow(stop.clone()));
    loops.spawn(agents::telling(&wired, &server, stop.clone()));
    wired.door.started();
    let limits = agents::limits(&settings.file.mcp);
    let (input, output) = (BufReader::new(tokio::io::stdin()), tokio::io::stdout());
    let conversation = serve_lines(
        server.clone(),
        Caller::local(),
        limits,
        input,
        output,
        stop.clone(),
    )
    .await;
    stop.cancel();
    while loops.join_next().await.is_some() {}
    server.dispatcher().trail().close().await;
    wired.store.close().await;
    conversation.context("standard input or output broke")
}

/// Cancelled by SIGINT and SIGTERM.
fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        cancelled.cancel();
    });
    Ok(stop)
}
