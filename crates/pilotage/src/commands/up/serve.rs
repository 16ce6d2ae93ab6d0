use std::{
    io::IsTerminal as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use pilotage_core::{
    Timestamp,
    audit::{NewAuditRecord, kind},
    ports::Registry,
};
use pilotage_engine::{
    executing::Executor, pipelines::PipelineDesk, reporting::Reporter, retention, test_runs,
};
use pilotage_mcp::Server;
use secrecy::SecretString;
use serde_json::json;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    Up, lock,
    reload::{Reloader, WatchedFile},
    story::Story,
};
use crate::{
    agents,
    demo::Demo,
    descriptors,
    exit::{self, Done},
    make,
    output::{Output, Style},
    settings::{Mcp, Settings, Surroundings, fresh_signing_secret},
    wire::{self, Wired},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Read where no other configuration file is named.
const DEFAULT_CONFIG: &str = "pilotage.yaml";

/// Runs until a signal.
///
/// # Errors
/// The configuration does not hold, an address is taken, or the store cannot be opened.
pub(crate) async fn run(up: Up, output: Output) -> anyhow::Result<Done> {
    let begun = Instant::now();
    log_to_stderr();
    // Before anything else: without it a hangup ends the process.
    let hangup = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    let data_dir = if up.demo {
        up.data_dir.join("demo")
    } else {
        up.data_dir.clone()
    };
    let demo = if up.demo {
        Some(Demo::start(data_dir.clone(), up.once).await?)
    } else {
        None
    };
    let (file, settings) = match (&demo, config_path(up.config.as_deref())) {
        (Some(demo), _) => (None, Settings::parse("demo.yaml", demo.config().as_bytes())?),
        (None, Some(path)) => {
            let (file, settings) = WatchedFile::read(path)?;
            (Some(file), settings)
        }
        (None, None) => (None, Settings::empty()),
    };
    if !wire::database(&data_dir).is_file() {
        // Where there is no store there is no token, and a refusal must not begin one.
        refuse_unprotected(&up, &data_dir, None).await?;
    }
    // Held until the end; the operating system takes it back however that comes.
    let _lock = lock::hold(&data_dir)?;
    let opened = wire::open_store(&data_dir)?;
    // The folder is ours alone: what is shown as running was left behind by a server that died.
    let left = opened.1.gate_runs.break_off_gate_runs(Timestamp::now()).await?;
    if left > 0 {
        tracing::warn!(
            runs = left,
            "gate runs were under way when the server before ended; they are broken off"
        );
    }
    refuse_unprotected(&up, &data_dir, Some(opened.1.registry.as_ref())).await?;
    let surroundings = Surroundings {
        loopback_only: up.listen.ip().is_loopback(),
        signing_secret: signing_secret(&data_dir)?,
        pipelines: Some(PipelineDesk::new(opened.1.clone())),
    };
    let main = listen(up.listen, "--listen").await?;
    let health = listen(up.health_listen, "--health-listen").await?;
    let wired = Arc::new(wire::wire(opened, &settings, &surroundings).await?);
    wired.door.verify_with(wire::verification(&data_dir));
    let mut offered = settings.file.mcp.selection();
    offered.conformance = up.mcp_conformance_fixtures;
    let make = make::connect(&settings.file.make, up.mock_make || up.demo).await?;
    let agents = agents::server(&wired, &offered, settings.file.mcp.allow_unconfirmed, make)?;
    let running = Running {
        begun,
        wired,
        agents,
        mcp: settings.file.mcp.clone(),
        main,
        health,
        hangup,
        connections: descriptors::connections(&settings.file.server),
        shutdown: Duration::from_millis(settings.file.server.shutdown_timeout_ms),
    };
    let reloader = Reloader::new(file, &settings, surroundings);
    running.until_signal(reloader, demo, &up, output).await
}

/// The library that speaks MCP would tell of every request. `PILOTAGE_LOG` takes tracing's filter syntax; `FASTMCP_LOG_LEVEL`, a level, is what the project before this one read.
pub(crate) fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let asked = std::env::var("PILOTAGE_LOG")
        .or_else(|_| std::env::var("FASTMCP_LOG_LEVEL").map(|level| level.to_lowercase()));
    let filter = asked
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new("info,rmcp=error"));
    let colour = std::io::stderr().is_terminal();
    // A second start in one process keeps the first one's log.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .try_init();
}

/// The configuration file that is named, or the one that is there.
pub(crate) fn config_path(named: Option<&Path>) -> Option<PathBuf> {
    named
        .map(Path::to_owned)
        .or_else(|| Path::new(DEFAULT_CONFIG).exists().then(|| DEFAULT_CONFIG.into()))
}

/// Beyond loopback everybody can ask: without a token nobody could be told apart.
async fn refuse_unprotected(up: &Up, data_dir: &Path, registry: Option<&dyn Registry>) -> anyhow::Result<()> {
    if up.listen.ip().is_loopback() {
        return Ok(());
    }
    if let Some(registry) = registry
        && !registry.tokens().await?.is_empty()
    {
        return Ok(());
    }
    Err(exit::usage(format!(
        "{} can be reached from other machines, and there is no token yet to protect the API and the page.\n\
         Make one first:  pilotage token create admin --role admin --data-dir {}\n\
         or listen on loopback:  pilotage up --listen 127.0.0.1:{}",
        up.listen,
        data_dir.display(),
        up.listen.port(),
    )))
}

/// The installation's own secret for signing outgoing webhooks, made at the first start.
pub(crate) fn signing_secret(data_dir: &Path) -> anyhow::Result<SecretString> {
    let path = data_dir.join("webhook-signing-secret");
    match std::fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => anyhow::bail!(
            "{} is empty, and nothing can be signed with it. Put it back from a backup, or delete it to have a new one \
             made, which every receiver must then be told",
            path.display()
        ),
        Ok(text) => return Ok(text.trim().to_owned().into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    let secret = fresh_signing_secret();
    write_whole(data_dir, &path, &secret).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(secret)
}

/// The file is there with the whole secret, or it is not there, wherever a crash comes. The data folder is locked, so
/// nobody else writes here.
fn write_whole(data_dir: &Path, path: &Path, secret: &SecretString) -> std::io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let unfinished = path.with_extension("new");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(secrecy::ExposeSecret::expose_secret(secret).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    std::fs::File::open(data_dir)?.sync_all()
}

async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; is another Pilotage running? Choose another address with {option}"
        )
    })
}

struct Running {
    begun: Instant,
    wired: Arc<Wired>,
    agents: Arc<Server>,
    mcp: Mcp,
    main: TcpListener,
    health: TcpListener,
    hangup: Signal,
    connections: pilotage_web::Connections,
    shutdown: Duration,
}

impl Running {
    async fn until_signal(
        self,
        reloader: Reloader,
        demo: Option<Demo>,
        up: &Up,
        output: Output,
    ) -> anyhow::Result<Done> {
        let Self {
            begun,
            wired,
            agents,
            mcp,
            main,
            health,
            hangup,
            connections,
            shutdown,
        } = self;
        let (address, health_address) = (main.local_addr()?, health.local_addr()?);
        let stop_signals = StopSignals::listen()?;
        let stop_intake = CancellationToken::new();
        let stop_loops = CancellationToken::new();
        let stop_reports = CancellationToken::new();

        let doors = agents::doors(&wired, agents.clone(), &mcp, stop_intake.clone());
        let mut servers = JoinSet::new();
        servers.spawn(pilotage_web::serve(
            main,
            pilotage_web::main_router(wired.door.clone(), doors),
            connections,
            stop_intake.clone(),
            shutdown,
        ));
        servers.spawn(pilotage_web::serve(
            health,
            pilotage_web::health_router(wired.door.clone()),
            pilotage_web::Connections::default(),
            stop_reports.clone(),
            shutdown,
        ));

        let reporter = Reporter::from_now(wired.ports.clone()).await?;
        let mut loops = JoinSet::new();
        spawn_loops(&mut loops, &wired, &reloader, &stop_loops);
        loops.spawn(agents::telling(&wired, &agents, stop_loops.clone()));
        note(&wired, "started", &address).await;
        wired.door.started();
        announce(begun, address, health_address, up, output)?;
        // Whoever reads this looks for the addresses in the first line.
        let reports = tell(reporter, &wired, up, output, stop_reports.clone());

        let reloads = tokio::spawn(reloader.run(wired.clone(), hangup, stop_loops.clone()));
        let demo_over = CancellationToken::new();
        if let Some(demo) = demo {
            let (wired, over, once) = (wired.clone(), demo_over.clone(), up.once);
            let stop = stop_loops.clone();
            loops.spawn(async move {
                demo.play(address, &wired.ports, output, stop).await;
                if once {
                    over.cancel();
                }
            });
        }
        stop_signals.wait(&demo_over).await;
        wired.door.stopping();
        stop_intake.cancel();
        stop_loops.cancel();
        wired.gates.close().await;
        end_loops(&mut loops, &wired.executor, shutdown).await;
        reloads.abort();
        note(&wired, "stopped", &address).await;
        stop_reports.cancel();
        let _ = reports.await;
        while servers.join_next().await.is_some() {}
        agents.dispatcher().trail().close().await;
        wired.store.close().await;
        Ok(Done::Yes)
    }
}

fn spawn_loops(loops: &mut JoinSet<()>, wired: &Arc<Wired>, reloader: &Reloader, stop: &CancellationToken) {
    let (matcher, stopped) = (wired.matcher.clone(), stop.clone());
    loops.spawn(async move { matcher.run(stopped).await });
    loops.spawn(wired.executor.clone().run(stop.clone()));
    loops.spawn(wired.pipelines.clone().follow(stop.clone()));
    loops.spawn(wired.pipelines.clone().write_back(stop.clone()));
    loops.spawn(retention::run(
        wired.ports.clone(),
        reloader.retention(),
        stop.clone(),
    ));
    loops.spawn(test_runs::watch(wired.ports.clone(), stop.clone()));
}

fn tell(
    reporter: Reporter,
    wired: &Wired,
    up: &Up,
    output: Output,
    stop: CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let told = up.demo || output.is_json() || output.is_terminal();
    let mut story = Story::new(output, wired.rules.clone());
    tokio::spawn(async move {
        if told {
            reporter.run(stop, |record| story.tell(record)).await;
        } else {
            stop.cancelled().await;
        }
    })
}

async fn note(wired: &Wired, what: &str, address: &SocketAddr) {
    let facts = json!({ "what": what, "version": VERSION, "listen": address.to_string() });
    let audit = NewAuditRecord {
        at: Timestamp::now(),
        tenant: "default".into(),
        actor: "system".into(),
        kind: kind::SERVER.into(),
        subject: "server".into(),
        facts: facts.to_string(),
    };
    if let Err(error) = wired.ports.registry.note(audit).await {
        tracing::error!(%error, "could not record that the server {what}");
    }
}

fn announce(
    begun: Instant,
    address: SocketAddr,
    health: SocketAddr,
    up: &Up,
    output: Output,
) -> std::io::Result<()> {
    if output.is_json() {
        return output.line(json!({ "listening": address.to_string(), "health": health.to_string() }));
    }
    let name = output.paint(Style::Strong, "Pilotage");
    let with = if up.demo {
        ", with a demonstration configuration"
    } else {
        ""
    };
    output.line(format_args!(
        "{name} {VERSION} is up after {} ms{with}",
        begun.elapsed().as_millis()
    ))?;
    output.line(format_args!("  dashboard http://{address}/"))?;
    output.line(format_args!("  webhooks  http://{address}/webhooks/{{github|gitlab|make|kubernetes|jenkins|azure-devops|alertmanager}}"))?;
    output.line(format_args!("            http://{address}/webhooks/custom/NAME"))?;
    output.line(format_args!(
        "  API       http://{address}/api/v1/events  http://{address}/api/openapi.json"
    ))?;
    output.line(format_args!(
        "  agents    http://{address}/mcp  ws://{address}/ws"
    ))?;
    output.line(format_args!("  health    http://{health}/ready"))?;
    let stop = if up.once { "" } else { "  stop with Ctrl-C\n" };
    output.line(stop)
}

/// For the release of what is cut off at the end of a shutdown's time.
const RELEASE: Duration = Duration::from_secs(2);

/// Waits for what runs; what does not end in time is released, and goes on at once after the next start.
async fn end_loops(loops: &mut JoinSet<()>, executor: &Executor, shutdown: Duration) {
    let mut ended = async || while loops.join_next().await.is_some() {};
    if tokio::time::timeout(shutdown, ended()).await.is_ok() {
        return;
    }
    tracing::warn!("some executions did not end in time: they are released, and go on after the next start");
    executor.cut();
    if tokio::time::timeout(RELEASE, ended()).await.is_err() {
        tracing::warn!("some executions could not be released: they go on when their lease has ended");
        loops.abort_all();
    }
}

/// SIGINT and SIGTERM, listened for from before the server says that it is up.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Returns at a signal or at the end of the demonstration; a second signal ends the process at once.
    async fn wait(mut self, over: &CancellationToken) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = over.cancelled() => return,
        }
        tracing::info!("stopping: finishing what runs; once more stops at once");
        tokio::spawn(async move {
            tokio::select! { _ = self.interrupt.recv() => {}, _ = self.terminate.recv() => {} }
            std::process::exit(130);
        });
    }
}
