//! A door of Pilotage over a feed in memory that changes at a steady rate: the fan-out of live status alone, without the
//! work of which it tells. `watched ADDRESS HEALTH OPERATIONS PER_SECOND`.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use pilotage_core::{
    Operation, OperationId, OperationStatus, TenantId, Timestamp,
    operation::{Change, Progress},
    ports::{Bell, News, OperationFeed, OperationFilter, Page, Snapshot, StoreError},
};
use pilotage_engine::{
    Ports,
    actions::Catalog,
    executing::{Executor, ExecutorSettings},
    gates::{GateBook, GateDesk, GateFoundation},
    operations::Operations,
    pipelines::PipelineDesk,
    redaction::Redactor,
    rule_book::{Foundation, RuleBook},
};
use pilotage_store::{LocalBell, SqliteStore};
use pilotage_web::{Connections, Door, WebSettings};
use tokio::{net::TcpListener, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// As `pilotage` has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Operations by the number of their last change.
#[derive(Default)]
struct Feed(Mutex<BTreeMap<i64, Operation>>);

impl Feed {
    fn with<T>(&self, ask: impl FnOnce(&mut BTreeMap<i64, Operation>) -> T) -> T {
        ask(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Change number `change`, of the operations in turn.
    fn change(&self, change: i64, operations: i64) {
        self.with(|feed| {
            feed.remove(&(change - operations));
            feed.insert(change, operation(change, change % operations));
        });
    }
}

/// As large as an execution's.
fn operation(change: i64, number: i64) -> Operation {
    let metadata = serde_json::json!({
        "rule": format!("rule-{number}"), "source": "github", "eventType": "push",
        "deliveryId": Uuid::from_u128(7), "eventId": Uuid::from_u128(u128::MAX / 3),
    });
    let now = Timestamp::now();
    Operation {
        id: OperationId(Uuid::from_u128(number.unsigned_abs().into())),
        tenant: TenantId("default".to_owned()),
        kind: "execution".to_owned(),
        name: format!("rule-{number}"),
        status: OperationStatus::Running,
        progress: Progress { current: 1, total: 3 },
        message: format!("action 2 of 3: webhook, attempt {}", change % 5),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        created_at: now,
        updated_at: now,
        finished_at: None,
        change: Change(change),
    }
}

#[async_trait]
impl OperationFeed for Feed {
    async fn changed_after(&self, after: Change, limit: usize) -> Result<Vec<Operation>, StoreError> {
        Ok(self.with(|feed| {
            feed.range(after.0 + 1..)
                .take(limit)
                .map(|(_, operation)| operation.clone())
                .collect()
        }))
    }

    async fn active(&self, _: Timestamp, limit: usize) -> Result<Snapshot, StoreError> {
        Ok(self.with(|feed| Snapshot {
            operations: feed.values().rev().take(limit).cloned().collect(),
            through: Change(feed.keys().next_back().copied().unwrap_or(0)),
            truncated: feed.len() > limit,
        }))
    }

    async fn last_change(&self) -> Result<Change, StoreError> {
        Ok(self.with(|feed| Change(feed.keys().next_back().copied().unwrap_or(0))))
    }

    async fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        Ok(self.with(|feed| feed.values().find(|operation| operation.id == id).cloned()))
    }

    async fn operations(
        &self,
        _: &OperationFilter,
        _: Option<i64>,
        _: usize,
    ) -> Result<Page<Operation>, StoreError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, health, operations, per_second] = arguments.as_slice() else {
        anyhow::bail!("watched ADDRESS HEALTH OPERATIONS PER_SECOND");
    };
    let (address, health): (SocketAddr, SocketAddr) = (address.parse()?, health.parse()?);
    let feed = Arc::new(Feed::default());
    let bell: Arc<dyn Bell> = Arc::new(LocalBell::new());
    let door = door(feed.clone(), bell.clone()).await?;
    door.started();
    let stop = CancellationToken::new();
    let long = Duration::from_secs(1);
    let router = pilotage_web::main_router(door.clone(), pilotage_web::OtherDoors::default());
    let main = TcpListener::bind(address).await?;
    tokio::spawn(pilotage_web::serve(
        main,
        router,
        Connections::default(),
        stop.clone(),
        long,
    ));
    let router = pilotage_web::health_router(door);
    let probes = TcpListener::bind(health).await?;
    tokio::spawn(pilotage_web::serve(
        probes,
        router,
        Connections::default(),
        stop,
        long,
    ));
    change_steadily(&feed, bell.as_ref(), operations.parse()?, per_second.parse()?).await;
    Ok(())
}

/// Never ends.
async fn change_steadily(feed: &Feed, bell: &dyn Bell, operations: i64, per_second: u32) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut change = 0;
    loop {
        ticks.tick().await;
        change += 1;
        feed.change(change, operations.max(1));
        bell.ring(News::Operations);
    }
}

/// A door over an empty store, whose feed is another.
async fn door(feed: Arc<Feed>, bell: Arc<dyn Bell>) -> anyhow::Result<Arc<Door>> {
    let folder = std::env::current_dir()?.join("watched.db");
    let store = SqliteStore::open(&folder, bell.clone()).context("cannot open the store")?;
    let shared = Arc::new(store);
    let ports = Ports {
        log: shared.clone(),
        queue: shared.clone(),
        history: shared.clone(),
        audit: shared.clone(),
        registry: shared.clone(),
        gate_runs: shared.clone(),
        pipeline_runs: shared.clone(),
        test_runs: shared,
        operations: feed,
        bell,
    };
    let foundation = Foundation {
        rules: Vec::new(),
        sources: std::iter::empty().collect(),
        catalog: Arc::new(Catalog::new([])),
    };
    let rules = Arc::new(RuleBook::open(ports.registry.clone(), foundation).await?);
    let executor = Executor::new(
        ports.clone(),
        rules.clone(),
        Redactor::new([]),
        ExecutorSettings::default(),
    );
    let operations = Arc::new(Operations::new(ports.clone(), rules.clone(), executor.clone()));
    let settings = WebSettings::default();
    let book = GateBook::open(ports.gate_runs.clone(), GateFoundation::built_in()).await?;
    let gates = GateDesk::new(ports.gate_runs.clone(), book);
    let pipelines = PipelineDesk::new(ports.clone());
    Ok(Door::new(
        ports,
        rules,
        operations,
        executor,
        (gates, pipelines),
        settings,
        BTreeMap::new(),
    ))
}
