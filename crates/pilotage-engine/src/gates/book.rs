//! The gates in force: the built-in ones, those of the configuration file and those that came through the API.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pilotage_core::{
    Digest, Timestamp,
    audit::{NewAuditRecord, kind},
    config::Problem,
    gate::{Gate, GateFile, Measured, Metrics, resolve, written_out},
    ports::{GateRuns, Gatherer, SentReport, StoreError, StoredGate, Tell, Wanted},
};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::GateError;

/// What the configuration file contributes.
#[derive(Clone)]
pub struct GateFoundation {
    /// The gates written in it, in order.
    pub files: Vec<GateFile>,
    /// The metrics that there are, with those of its evidence.
    pub metrics: Metrics,
    /// Where evidence comes from.
    pub gatherer: Arc<dyn Gatherer>,
}

/// Collects nothing.
struct Nowhere;

#[async_trait]
impl Gatherer for Nowhere {
    async fn read(&self, _: &[SentReport]) -> Result<Measured, Vec<Problem>> {
        Ok(Measured::new())
    }

    fn collects(&self) -> Vec<String> {
        Vec::new()
    }

    async fn collect(&self, _: &str, _: &[Wanted], _: &Measured, _: Tell<'_>) -> Measured {
        Measured::new()
    }
}

impl GateFoundation {
    /// The built-in gates, and no evidence but what is sent as values.
    pub fn built_in() -> Self {
        Self {
            files: Vec::new(),
            metrics: Metrics::default(),
            gatherer: Arc::new(Nowhere),
        }
    }
}

/// Where a gate comes from, and so where it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GateOrigin {
    /// Nobody wrote it.
    BuiltIn,
    /// The configuration file.
    File,
    /// The API.
    Api,
}

/// The gates as of one moment.
pub struct GatesInForce {
    /// Those that are asked, in the order in which they are judged.
    pub gates: Vec<Gate>,
    /// All of them written out whole, those that are switched off as well.
    pub files: Vec<GateFile>,
    /// Gates of the API that the configuration of today cannot carry, and why.
    pub set_aside: BTreeMap<String, Vec<Problem>>,
    /// Where evidence comes from.
    pub gatherer: Arc<dyn Gatherer>,
    /// The metrics that there are.
    pub metrics: Metrics,
    origins: BTreeMap<String, GateOrigin>,
    foundation: GateFoundation,
    stored: BTreeMap<String, GateFile>,
}

impl GatesInForce {
    /// A gate written out whole, with where it comes from.
    pub fn gate(&self, id: &str) -> Option<(&GateFile, GateOrigin)> {
        let file = self.files.iter().find(|file| file.id == id)?;
        Some((file, self.origin(id)))
    }

    fn origin(&self, id: &str) -> GateOrigin {
        self.origins.get(id).copied().unwrap_or(GateOrigin::BuiltIn)
    }
}

/// What `put` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutGate {
    /// There was no gate with this id.
    Created,
    /// There was one, be it built in.
    Replaced,
}

/// Holds the gates in force and changes them.
pub struct GateBook {
    in_force: ArcSwap<GatesInForce>,
    runs: Arc<dyn GateRuns>,
    changing: Mutex<()>,
}

impl GateBook {
    /// Loads the gates of the file and of the store. What came through the API and does not fit is set aside.
    ///
    /// # Errors
    /// The file's gates do not hold, or the store cannot be read.
    pub async fn open(runs: Arc<dyn GateRuns>, foundation: GateFoundation) -> Result<Self, GateError> {
        let stored = read_stored(runs.as_ref()).await?;
        let in_force = load(foundation, stored)?;
        for (id, problems) in &in_force.set_aside {
            let problem = problems.first().map(ToString::to_string).unwrap_or_default();
            tracing::error!(gate = %id, %problem, "a gate made through the API does not fit the configuration and is set aside");
        }
        Ok(Self {
            in_force: ArcSwap::from_pointee(in_force),
            runs,
            changing: Mutex::new(()),
        })
    }

    /// The gates in force.
    pub fn current(&self) -> Arc<GatesInForce> {
        self.in_force.load_full()
    }

    /// Takes a new configuration file's part, or leaves everything as it was.
    ///
    /// # Errors
    /// The new gates do not hold.
    pub async fn replace_foundation(&self, foundation: GateFoundation) -> Result<(), GateError> {
        let _changing = self.changing.lock().await;
        let stored = self.in_force.load().stored.clone();
        self.in_force.store(Arc::new(load(foundation, stored)?));
        Ok(())
    }

    /// Creates or replaces a gate, durably and with its audit record. One with the id of a built-in gate inherits what it
    /// does not say.
    ///
    /// # Errors
    /// It does not hold, or its id is taken by the file.
    pub async fn put(&self, now: Timestamp, actor: &str, gate: GateFile) -> Result<PutGate, GateError> {
        let _changing = self.changing.lock().await;
        let current = self.in_force.load_full();
        let id = gate.id.clone();
        if current.origin(&id) == GateOrigin::File {
            return Err(GateError::InFile(id));
        }
        let outcome = if current.gate(&id).is_some() || current.set_aside.contains_key(&id) {
            PutGate::Replaced
        } else {
            PutGate::Created
        };
        let json = serde_json::to_string(&gate)
            .map_err(|error| GateError::invalid("", format!("it cannot be written: {error}")))?;
        let mut stored = current.stored.clone();
        stored.insert(id.clone(), gate);
        let mut loaded = load(current.foundation.clone(), stored)?;
        if let Some(problems) = loaded.set_aside.remove(&id) {
            return Err(GateError::Invalid(problems));
        }
        let change = match outcome {
            PutGate::Created => "created",
            PutGate::Replaced => "replaced",
        };
        let audit = changed(now, actor, &id, change, Some(Digest::of(json.as_bytes())));
        let gate = StoredGate {
            id,
            json,
            changed_at: now,
        };
        self.runs.put_gate(gate, audit).await?;
        self.in_force.store(Arc::new(loaded));
        Ok(outcome)
    }

    /// Deletes a gate that came through the API; a built-in one is then as it was.
    ///
    /// # Errors
    /// There is none, it belongs to the file, or it is built in.
    pub async fn delete(&self, now: Timestamp, actor: &str, id: &str) -> Result<(), GateError> {
        let _changing = self.changing.lock().await;
        let current = self.in_force.load_full();
        if !current.stored.contains_key(id) {
            return Err(match current.gate(id) {
                Some((_, GateOrigin::File)) => GateError::InFile(id.to_owned()),
                Some(_) => GateError::BuiltIn(id.to_owned()),
                None => GateError::NotFound(format!("gate `{id}`")),
            });
        }
        let mut stored = current.stored.clone();
        stored.remove(id);
        let loaded = load(current.foundation.clone(), stored)?;
        self.runs
            .delete_gate(id, changed(now, actor, id, "deleted", None))
            .await?;
        self.in_force.store(Arc::new(loaded));
        Ok(())
    }
}

fn changed(now: Timestamp, actor: &str, id: &str, change: &str, digest: Option<Digest>) -> NewAuditRecord {
    let facts = match digest {
        Some(digest) => json!({ "change": change, "digest": digest }),
        None => json!({ "change": change }),
    };
    NewAuditRecord {
        at: now,
        tenant: "default".to_owned(),
        actor: actor.to_owned(),
        kind: kind::GATE_CHANGED.to_owned(),
        subject: id.to_owned(),
        facts: facts.to_string(),
    }
}

async fn read_stored(runs: &dyn GateRuns) -> Result<BTreeMap<String, GateFile>, StoreError> {
    let parse = |stored: StoredGate| {
        let gate = serde_json::from_str(&stored.json)
            .map_err(|error| StoreError::Corrupt(format!("gate `{}`: {error}", stored.id)))?;
        Ok((stored.id, gate))
    };
    runs.gates().await?.into_iter().map(parse).collect()
}

/// A gate of the API that does not fit is set aside.
fn load(foundation: GateFoundation, stored: BTreeMap<String, GateFile>) -> Result<GatesInForce, GateError> {
    let metrics = &foundation.metrics;
    let mut gates = resolve(&foundation.files, metrics).map_err(GateError::Invalid)?;
    let mut files = foundation.files.clone();
    let mut origins: BTreeMap<_, _> = files
        .iter()
        .map(|file| (file.id.clone(), GateOrigin::File))
        .collect();
    let mut set_aside = BTreeMap::new();
    for (id, gate) in &stored {
        if origins.contains_key(id) {
            let problem = Problem::at("/id", format!("the configuration file has a gate `{id}` as well"));
            set_aside.insert(id.clone(), vec![problem]);
            continue;
        }
        files.push(gate.clone());
        match resolve(&files, metrics) {
            Ok(all) => {
                gates = all;
                origins.insert(id.clone(), GateOrigin::Api);
            }
            Err(problems) => {
                files.pop();
                set_aside.insert(id.clone(), problems.into_iter().map(at_itself).collect());
            }
        }
    }
    Ok(GatesInForce {
        gates,
        files: written_out(&files),
        set_aside,
        gatherer: foundation.gatherer.clone(),
        metrics: metrics.clone(),
        origins,
        foundation,
        stored,
    })
}

/// The pointer of a problem without the place of the gate among others: `/gates/3/criteria` becomes `/criteria`.
fn at_itself(mut problem: Problem) -> Problem {
    let inside = problem.pointer.strip_prefix("/gates/");
    if let Some((_, rest)) = inside.map(|inside| inside.split_once('/').unwrap_or((inside, ""))) {
        problem.pointer = if rest.is_empty() {
            String::new()
        } else {
            format!("/{rest}")
        };
    }
    problem
}
