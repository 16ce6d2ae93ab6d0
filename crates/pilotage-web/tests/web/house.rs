//! A whole door over a store in a temporary folder.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, request::Builder};
use pilotage_core::{
    Digest, Timestamp,
    audit::{ChainVerifier, Head},
    config::Problem,
    json,
    ports::{Bell, Delivery, Received, Refusal, Role, WebhookSource},
    rule::{Action, Rule},
};
use pilotage_engine::{
    Ports,
    actions::{ActionKind, Attempting, Catalog, Report, Verdict},
    executing::{Executor, ExecutorSettings},
    gates::{GateBook, GateDesk, GateFoundation},
    matching::Matcher,
    operations::Operations,
    pipelines::PipelineDesk,
    redaction::Redactor,
    rule_book::{Foundation, RuleBook},
};
use pilotage_store::{LocalBell, SqliteStore};
use pilotage_web::{Door, SourceEntry, SourceTable, WebSettings, create_token, intake::Limit};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::answers::Answer;

/// What the toy source takes for a signature.
pub(crate) const SIGNATURE: &str = "x-toy-signature";
/// A body may have this many bytes.
pub(crate) const MOST_BYTES: usize = 1_000_000;

/// A source with the three refusals, which counts how often it is asked.
#[derive(Default)]
pub(crate) struct Toy {
    pub(crate) asked: AtomicUsize,
    /// Whether it plays a source that has no secret and is accepted only because the server listens on loopback.
    pub(crate) local: AtomicBool,
}

impl WebhookSource for Toy {
    fn receive<'a>(&self, delivery: &Delivery<'a>) -> Result<Received<'a>, Refusal> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if delivery.header(SIGNATURE) != Some("good") {
            return Err(Refusal::Unverified("the signature does not hold".into()));
        }
        if delivery
            .header("content-type")
            .is_some_and(|value| value != "application/json")
        {
            return Err(Refusal::UnsupportedType("send application/json".into()));
        }
        json::check(delivery.body).map_err(|error| Refusal::Malformed(error.to_string()))?;
        let digest = || format!("sha256:{}", Digest::of(delivery.body));
        Ok(Received {
            event_type: delivery.header("x-toy-event").unwrap_or("ping").into(),
            delivery_id: delivery
                .header("x-toy-delivery")
                .map_or_else(|| digest().into(), Into::into),
            timestamp: None,
            verified: !self.local.load(Ordering::SeqCst),
            data: delivery.body.into(),
            attributes: BTreeMap::new(),
        })
    }

    fn verifies(&self) -> bool {
        !self.local.load(Ordering::SeqCst)
    }

    fn unverified_only_locally(&self) -> bool {
        self.local.load(Ordering::SeqCst)
    }
}

/// An action that does nothing, to any target but `bad`.
struct Nothing;

#[async_trait]
impl ActionKind for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn check(&self, action: &Action) -> Vec<Problem> {
        if action.target == "bad" {
            vec![Problem::at("/target", "a bad target")]
        } else {
            Vec::new()
        }
    }

    fn throttle_key(&self, target: &str) -> String {
        target.to_owned()
    }

    async fn run(&self, _: Attempting<'_>) -> Report {
        Report {
            request: "nothing".into(),
            status: None,
            response: None,
            verdict: Verdict::Success,
        }
    }
}

/// How a house differs from the usual one.
pub(crate) struct Plan {
    pub(crate) settings: WebSettings,
    pub(crate) source_limit: Option<Limit>,
    pub(crate) file_rules: Vec<Rule>,
}

impl Default for Plan {
    fn default() -> Self {
        let many = Limit {
            per_second: 1_000_000,
            burst: 1_000_000,
        };
        let allowed_hosts = vec!["pilotage.example".to_owned()];
        Self {
            settings: WebSettings {
                address_limit: many,
                allowed_hosts,
                ..WebSettings::default()
            },
            source_limit: None,
            file_rules: Vec::new(),
        }
    }
}

/// A rule that takes every event of a type and does nothing.
pub(crate) fn rule(id: &str, event_type: &str) -> serde_json::Value {
    serde_json::json!({
        "id": id,
        "trigger": { "source": "toy", "eventTypes": [event_type] },
        "actions": [{ "type": "nothing", "target": "anywhere" }],
    })
}

/// Everything behind the door.
pub(crate) struct House {
    pub(crate) door: Arc<Door>,
    pub(crate) main: Router,
    pub(crate) health: Router,
    pub(crate) ports: Ports,
    pub(crate) store: SqliteStore,
    pub(crate) matcher: Matcher,
    pub(crate) toy: Arc<Toy>,
    folder: Arc<TempDir>,
}

impl House {
    pub(crate) async fn usual() -> Self {
        Self::open(Plan::default()).await
    }

    pub(crate) async fn open(plan: Plan) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let bell: Arc<dyn Bell> = Arc::new(LocalBell::new());
        let store = SqliteStore::open(&folder.path().join("pilotage.db"), bell.clone()).unwrap();
        let house = Self::build(plan, folder, store, bell).await;
        house.door.started();
        house
    }

    /// A second door over the store of another, as after a start anew.
    pub(crate) async fn over(other: &Self) -> Self {
        let house = Self::over_unstarted(other).await;
        house.door.started();
        house
    }

    pub(crate) async fn over_unstarted(other: &Self) -> Self {
        let (folder, store, bell) = (
            other.folder.clone(),
            other.store.clone(),
            other.ports.bell.clone(),
        );
        Self::build(Plan::default(), folder, store, bell).await
    }

    async fn build(plan: Plan, folder: Arc<TempDir>, store: SqliteStore, bell: Arc<dyn Bell>) -> Self {
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
        let kind: Arc<dyn ActionKind> = Arc::new(Nothing);
        let foundation = Foundation {
            rules: plan.file_rules,
            sources: ["toy", "mine"].map(str::to_owned).into(),
            catalog: Arc::new(Catalog::new([kind])),
        };
        let rules = Arc::new(RuleBook::open(ports.registry.clone(), foundation).await.unwrap());
        let settings = ExecutorSettings::default();
        let executor = Executor::new(ports.clone(), rules.clone(), Redactor::new([]), settings);
        let operations = Arc::new(Operations::new(ports.clone(), rules.clone(), executor.clone()));
        let matcher = Matcher::new(ports.clone(), rules.clone());
        let toy = Arc::new(Toy::default());
        let sources = sources(&toy, plan.source_limit);
        let book = GateBook::open(ports.gate_runs.clone(), GateFoundation::built_in())
            .await
            .unwrap();
        let gates = GateDesk::new(ports.gate_runs.clone(), book);
        let door = Door::new(
            ports.clone(),
            rules,
            operations,
            executor,
            (gates, PipelineDesk::new(ports.clone())),
            plan.settings,
            sources,
        );
        Self {
            main: pilotage_web::main_router(door.clone(), pilotage_web::OtherDoors::default()),
            health: pilotage_web::health_router(door.clone()),
            door,
            ports,
            store,
            matcher,
            toy,
            folder,
        }
    }

    /// Sends to the main router from loopback, unless the request carries its own peer.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            request.extensions_mut().insert(ConnectInfo(peer("127.0.0.1")));
        }
        Answer::read(self.main.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(local("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        let request = local(method, path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.send(local("POST", path).body(Body::empty()).unwrap()).await
    }

    /// A delivery that is taken, with the id of its event.
    pub(crate) async fn deliver(&self, event_type: &str, delivery: &str) -> String {
        let request = signed("/webhooks/toy")
            .header("x-toy-event", event_type)
            .header("x-toy-delivery", delivery);
        let answer = self
            .send(request.body(Body::from(r#"{"n":1}"#)).unwrap())
            .await
            .is(202);
        answer.at("/eventId")
    }

    pub(crate) async fn token(&self, name: &str, role: Role) -> String {
        let now = Timestamp::now();
        create_token(self.ports.registry.as_ref(), now, "local", name, role)
            .await
            .unwrap()
    }

    pub(crate) fn asked(&self) -> usize {
        self.toy.asked.load(Ordering::SeqCst)
    }

    pub(crate) async fn events(&self) -> i64 {
        self.ports.history.totals().await.unwrap().events
    }

    /// Whatever was done, the audit trail holds.
    pub(crate) async fn leave(self) {
        let mut verifier = ChainVerifier::after(Head::EMPTY);
        loop {
            let records = self
                .ports
                .audit
                .records_after(verifier.head().sequence, 500)
                .await
                .unwrap();
            if records.is_empty() {
                break;
            }
            records
                .iter()
                .try_for_each(|record| verifier.check(record))
                .unwrap();
        }
        assert_eq!(verifier.head(), self.ports.audit.head().await.unwrap());
        self.store.close().await;
    }
}

/// `toy` as a built-in source, `mine` as a custom one.
pub(crate) fn sources(toy: &Arc<Toy>, limit: Option<Limit>) -> SourceTable {
    let entry = |custom| SourceEntry {
        source: toy.clone(),
        custom,
        limit,
        max_body_bytes: MOST_BYTES,
    };
    [("toy".to_owned(), entry(false)), ("mine".to_owned(), entry(true))].into()
}

pub(crate) fn peer(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 50_000)
}

/// A request as a local client sends it.
pub(crate) fn local(method: &str, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:8080")
}

/// A delivery with a good signature.
pub(crate) fn signed(path: &str) -> Builder {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("host", "hooks.example");
    request
        .header(SIGNATURE, "good")
        .header("content-type", "application/json")
}
