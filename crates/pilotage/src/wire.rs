//! Connects the rooms: plain statements, top down.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use pilotage_core::ports::Bell;
use pilotage_engine::{
    Ports,
    executing::{Executor, ExecutorSettings},
    gates::{GateBook, GateDesk},
    matching::Matcher,
    operations::Operations,
    pipelines::PipelineDesk,
    rule_book::{RuleBook, RuleBookError},
};
use pilotage_store::{LocalBell, SqliteStore, verify_file};
use pilotage_web::{Door, Verify, WebSettings, intake::Limit};

use crate::{
    descriptors,
    settings::{Settings, Surroundings},
};

/// Everything that runs, connected.
pub(crate) struct Wired {
    /// The store itself, for closing it.
    pub(crate) store: SqliteStore,
    /// The ports that it serves.
    pub(crate) ports: Ports,
    /// The rules in force.
    pub(crate) rules: Arc<RuleBook>,
    /// Decides events.
    pub(crate) matcher: Arc<Matcher>,
    /// Runs executions.
    pub(crate) executor: Arc<Executor>,
    /// Where gates are asked.
    pub(crate) gates: Arc<GateDesk>,
    /// Where runs of pipelines are started and followed.
    pub(crate) pipelines: Arc<PipelineDesk>,
    /// The door for HTTP.
    pub(crate) door: Arc<Door>,
}

/// Where the store lies in a data folder.
pub(crate) fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("pilotage.db")
}

/// The check of the whole store in `data_dir`, as `audit verify` makes it, for the dashboard's button.
pub(crate) fn verification(data_dir: &Path) -> Verify {
    let database = database(data_dir);
    Arc::new(move |progress| match verify_file(&database, progress) {
        Ok(report) => Ok(format!(
            "{} records, {} events with {} bodies, {} executions; head {}",
            report.head.sequence, report.events, report.bodies, report.executions, report.head.hash
        )),
        Err(error) => Err(error.to_string()),
    })
}

/// Opens the store in `data_dir`.
///
/// # Errors
/// The folder cannot be used.
pub(crate) fn open_store(data_dir: &Path) -> anyhow::Result<(SqliteStore, Ports)> {
    let bell: Arc<dyn Bell> = Arc::new(LocalBell::default());
    let store = SqliteStore::open(&database(data_dir), bell.clone())
        .with_context(|| format!("cannot open the store in {}", data_dir.display()))?;
    let shared = Arc::new(store.clone());
    let ports = Ports {
        log: shared.clone(),
        queue: shared.clone(),
        history: shared.clone(),
        operations: shared.clone(),
        audit: shared.clone(),
        registry: shared.clone(),
        gate_runs: shared.clone(),
        pipeline_runs: shared.clone(),
        test_runs: shared,
        bell,
    };
    Ok((store, ports))
}

/// Connects everything over an opened store.
///
/// # Errors
/// The configuration does not hold, or the store cannot be read.
pub(crate) async fn wire(
    (store, ports): (SqliteStore, Ports),
    settings: &Settings,
    surroundings: &Surroundings,
) -> anyhow::Result<Wired> {
    let foundation = settings.gate_foundation()?;
    let book = GateBook::open(ports.gate_runs.clone(), foundation).await?;
    let gates = GateDesk::new(ports.gate_runs.clone(), book);
    let composed = settings.compose(surroundings, Some(gates.clone()))?;
    let pipelines = match &surroundings.pipelines {
        Some(pipelines) => pipelines.clone(),
        None => PipelineDesk::new(ports.clone()),
    };
    pipelines.replace(composed.platforms, composed.ways, &composed.redactor);
    let rules = RuleBook::open(ports.registry.clone(), composed.foundation).await;
    let rules = Arc::new(rules.map_err(|error| explain(settings, error))?);
    let limits = &settings.file.execution;
    let executing = ExecutorSettings {
        workers: limits.workers,
        lease: Duration::from_millis(limits.lease_ms),
    };
    let executor = Executor::new(ports.clone(), rules.clone(), composed.redactor, executing);
    let matcher = Arc::new(Matcher::new(ports.clone(), rules.clone()));
    let operations = Arc::new(Operations::new(ports.clone(), rules.clone(), executor.clone()));
    let web = web_settings(settings);
    let door = Door::new(
        ports.clone(),
        rules.clone(),
        operations,
        executor.clone(),
        (gates.clone(), pipelines.clone()),
        web,
        composed.sources,
    );
    Ok(Wired {
        store,
        ports,
        rules,
        matcher,
        executor,
        gates,
        pipelines,
        door,
    })
}

/// Deliveries per second from one address where the configuration does not say: a small part of what a source may take, so that
/// no single address uses up a source's allowance.
const ADDRESS_PER_SECOND: u32 = 2_000;

fn web_settings(settings: &Settings) -> WebSettings {
    let server = &settings.file.server;
    let per_second = server.address_per_second.unwrap_or(ADDRESS_PER_SECOND);
    WebSettings {
        open_on_loopback: server.open_on_loopback,
        allowed_hosts: server.allowed_hosts.clone(),
        max_inflight_bytes: server.max_inflight_bytes,
        address_limit: Limit {
            per_second,
            burst: server.address_burst.unwrap_or(per_second.saturating_mul(2)),
        },
        most_subscribers: descriptors::subscribers(server),
        keep_ended: Duration::from_mins(server.keep_ended_minutes.into()),
        limit_loopback: server.address_per_second.is_some() || server.address_burst.is_some(),
    }
}

/// Puts another configuration in force, or leaves everything as it was.
///
/// # Errors
/// The configuration does not hold.
pub(crate) async fn reload(
    wired: &Wired,
    settings: &Settings,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
    let foundation = settings.gate_foundation()?;
    let composed = settings.compose(surroundings, Some(wired.gates.clone()))?;
    // Before anything can use them.
    wired.executor.add_secrets(&composed.redactor);
    wired
        .rules
        .replace_foundation(composed.foundation)
        .await
        .map_err(|error| explain(settings, error))?;
    wired
        .pipelines
        .replace(composed.platforms, composed.ways, &composed.redactor);
    wired.gates.book.replace_foundation(foundation).await?;
    wired.door.replace_sources(composed.sources);
    Ok(())
}

/// Problems of rules point into the file; everything else is passed on.
pub(crate) fn explain(settings: &Settings, error: RuleBookError) -> anyhow::Error {
    match error {
        RuleBookError::Invalid(problems) => settings.problems(&problems).into(),
        other => other.into(),
    }
}
