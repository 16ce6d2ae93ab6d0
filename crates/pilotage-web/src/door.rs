use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use pilotage_core::ports::WebhookSource;
use pilotage_engine::{
    Ports, dora::Dora, executing::Executor, gates::GateDesk, operations::Operations, pipelines::PipelineDesk,
    rule_book::RuleBook,
};

use tokio::sync::Semaphore;

use crate::{
    auth::{Sessions, Tokens},
    dashboard::{Verify, Verifying},
    health::Readiness,
    intake::{AddressLimits, ByteBudget, Limit, LiveSources},
    live::{Hub, LiveSettings},
    metrics::Metrics,
};

/// Wrong tokens that may be tried at the login page from one address. They have 256 random bits: this only keeps guessing from
/// being work for us.
const LOGINS: Limit = Limit {
    per_second: 1,
    burst: 10,
};

/// Uploads of evidence being received at once; each may have 16 MiB.
const UPLOADS: usize = 4;

/// How the door is configured.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Whether a peer on loopback that names a loopback host needs no token, as long as there is none at all.
    pub open_on_loopback: bool,
    /// Further names that a `Host` header may give, without a port, in lower case. They need a token.
    pub allowed_hosts: Vec<String>,
    /// Bytes of delivery bodies above 64 KiB that may be in memory while they are received, and at most a quarter of it for
    /// one address (one /64 of IPv6); deliveries beyond that are answered 503.
    pub max_inflight_bytes: usize,
    /// Deliveries taken from one address (one /64 of IPv6).
    pub address_limit: Limit,
    /// Whether that limit is for clients on this machine as well.
    pub limit_loopback: bool,
    /// Subscribers to live status at once, over all transports; further ones are answered 503.
    pub most_subscribers: usize,
    /// How long an operation that has ended stays among the active ones.
    pub keep_ended: Duration,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            open_on_loopback: true,
            allowed_hosts: Vec::new(),
            max_inflight_bytes: 64 << 20,
            address_limit: Limit {
                per_second: 1_000,
                burst: 2_000,
            },
            limit_loopback: true,
            most_subscribers: 12_000,
            keep_ended: Duration::from_mins(30),
        }
    }
}

/// A source of deliveries and how much is taken from it.
#[derive(Clone)]
pub struct SourceEntry {
    /// Verifies and translates its deliveries.
    pub source: Arc<dyn WebhookSource>,
    /// Whether it answers under `/webhooks/custom/{name}` instead of `/webhooks/{name}`.
    pub custom: bool,
    /// Deliveries taken from it; `None` means any number.
    pub limit: Option<Limit>,
    /// Longest body in bytes; longer ones are answered 413.
    pub max_body_bytes: usize,
}

/// The sources by name.
pub type SourceTable = BTreeMap<String, SourceEntry>;

/// When `/ready` says no.
#[derive(Clone, Copy, Debug)]
pub struct ReadyLimits {
    /// Age of the oldest undecided event above which the process counts as behind.
    pub max_cursor_lag: Duration,
}

impl Default for ReadyLimits {
    fn default() -> Self {
        Self {
            max_cursor_lag: Duration::from_secs(30),
        }
    }
}

/// What the routers share.
pub struct Door {
    pub(crate) ports: Ports,
    pub(crate) rules: Arc<RuleBook>,
    pub(crate) operations: Arc<Operations>,
    pub(crate) executor: Arc<Executor>,
    pub(crate) gates: Arc<GateDesk>,
    pub(crate) pipelines: Arc<PipelineDesk>,
    pub(crate) uploads: Semaphore,
    pub(crate) dora: Dora,
    pub(crate) settings: WebSettings,
    pub(crate) sources: ArcSwap<LiveSources>,
    pub(crate) addresses: AddressLimits,
    pub(crate) budget: ByteBudget,
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) logins: AddressLimits,
    pub(crate) verifying: Verifying,
    pub(crate) metrics: Metrics,
    pub(crate) live: Arc<Hub>,
    pub(crate) readiness: Readiness,
    pub(crate) ready_limits: ArcSwap<ReadyLimits>,
    pub(crate) config_error: ArcSwapOption<String>,
    pub(crate) opened: Instant,
    started: AtomicBool,
    stopping: AtomicBool,
}

impl Door {
    /// A door over these ports. `/startup` and `/ready` answer 503 until `started`.
    pub fn new(
        ports: Ports,
        rules: Arc<RuleBook>,
        operations: Arc<Operations>,
        executor: Arc<Executor>,
        (gates, pipelines): (Arc<GateDesk>, Arc<PipelineDesk>),
        settings: WebSettings,
        sources: SourceTable,
    ) -> Arc<Self> {
        let metrics = Metrics::new();
        let sources = LiveSources::new(sources, &LiveSources::default(), &metrics);
        let (feed, bell) = (ports.operations.clone(), ports.bell.clone());
        let watched = LiveSettings {
            most_subscribers: settings.most_subscribers,
            ended_for: settings.keep_ended,
        };
        Arc::new(Self {
            live: Hub::new(feed, bell, watched, metrics.live.clone()),
            uploads: Semaphore::new(UPLOADS),
            addresses: AddressLimits::new(settings.address_limit),
            budget: ByteBudget::new(settings.max_inflight_bytes),
            tokens: Tokens::new(ports.registry.clone()),
            sessions: Sessions::default(),
            logins: AddressLimits::new(LOGINS),
            verifying: Verifying::default(),
            readiness: Readiness::default(),
            ready_limits: ArcSwap::from_pointee(ReadyLimits::default()),
            config_error: ArcSwapOption::empty(),
            opened: Instant::now(),
            started: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            sources: ArcSwap::from_pointee(sources),
            dora: Dora::new(ports.history.clone()),
            ports,
            rules,
            operations,
            executor,
            gates,
            pipelines,
            settings,
            metrics,
        })
    }

    /// Takes the sources of a reloaded configuration. Deliveries under way end with the source that they began with;
    /// a source whose limit is as it was keeps its count.
    pub fn replace_sources(&self, sources: SourceTable) {
        let live = LiveSources::new(sources, &self.sources.load(), &self.metrics);
        self.sources.store(Arc::new(live));
    }

    /// Takes other limits for `/ready`.
    pub fn set_ready_limits(&self, limits: ReadyLimits) {
        self.ready_limits.store(Arc::new(limits));
    }

    /// Says how the audit trail is verified; until then the dashboard says that it cannot be.
    pub fn verify_with(&self, verify: Verify) {
        self.verifying.set(verify);
    }

    /// From now on `/startup` answers 200.
    pub fn started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// From now on `/ready` answers 503, and live status has ended. What else comes is still served: whoever sends it may
    /// not have noticed yet.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Release);
        self.live.stop();
    }

    /// Says why the last configuration was refused, or that it was taken. It is shown in the statistics until the next one
    /// is taken; `/ready` and a metric, which need no token, show only that there is one.
    pub fn config_error(&self, error: Option<String>) {
        self.config_error.store(error.map(Arc::new));
    }

    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
