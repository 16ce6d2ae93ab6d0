//! Runs of gates on the server: each a task of its own, bounded in number, ended in one transaction.

use std::{collections::BTreeSet, sync::Arc};

use pilotage_core::{
    Digest, TenantId, Timestamp,
    config::Problem,
    gate::{
        Commit, Finding, Gate, GateRun, GateRunEnding, GateRunId, GateRunOrigin, GateVerdict, Judged,
        KeptFile, Measured, NewGateRun, Report, Waived, Waiver, check_environment, findings, held_up, judge,
        missed, newest, not_run,
    },
    operation::Progress,
    ports::{GateRuns, SentReport, StoreError, Wanted},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    GateBook, GateError, GatesInForce, WaiverRequest,
    judging::{conclude, stored_evidence},
    waiving,
};

/// Runs under way at once, waiting ones included.
const MOST_RUNS: usize = 64;
/// Runs that collect evidence on this machine at once.
const MOST_COLLECTING: usize = 1;
/// Findings and reports that one request may bring.
const MOST_FINDINGS: usize = 500;
const MOST_REPORTS: usize = 50;

/// What is asked.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// Where it is to go.
    pub environment: String,
    /// What is to go.
    pub commit: Commit,
    /// Only these gates; all of the environment where it is empty.
    pub gates: Vec<String>,
    /// Evidence of all gates is gathered at once; otherwise gate by gate in their order.
    pub parallel: bool,
    /// The first blocking gate that fails ends it.
    pub stop_on_failure: bool,
    /// What was measured elsewhere.
    pub findings: Vec<Finding>,
    /// Reports that were written elsewhere.
    pub reports: Vec<SentReport>,
    /// What asks for it.
    pub origin: GateRunOrigin,
    /// Who asks, as the audit trail names people.
    pub actor: String,
    /// Equal on every attempt at the same action.
    pub key: Option<String>,
}

/// A run that has begun.
pub struct Started {
    /// Its identity.
    pub id: GateRunId,
    /// Whether evidence is collected, which takes a while.
    pub collects: bool,
    task: JoinHandle<()>,
}

impl Started {
    /// Until it has ended. Who stops waiting does not stop it.
    pub async fn ended(self) {
        // However the task ended, the row says how.
        let _ = self.task.await;
    }
}

/// Where gates are asked: the gates in force, runs and waivers.
pub struct GateDesk {
    /// The gates in force.
    pub book: GateBook,
    runs: Arc<dyn GateRuns>,
    room: Arc<Semaphore>,
    collecting: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl GateDesk {
    /// A desk with these gates.
    pub fn new(runs: Arc<dyn GateRuns>, book: GateBook) -> Arc<Self> {
        Arc::new(Self {
            book,
            runs,
            room: Arc::new(Semaphore::new(MOST_RUNS)),
            collecting: Arc::new(Semaphore::new(MOST_COLLECTING)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// The runs that are kept.
    pub fn runs(&self) -> &dyn GateRuns {
        self.runs.as_ref()
    }

    /// Waives a criterion.
    ///
    /// # Errors
    /// See [`GateError`].
    pub async fn waive(
        &self,
        now: Timestamp,
        actor: &str,
        request: WaiverRequest,
    ) -> Result<Waiver, GateError> {
        waiving::waive(self.runs.as_ref(), now, actor, request).await
    }

    /// Begins a run.
    ///
    /// # Errors
    /// What was asked does not hold, or too much is under way. Nothing is kept then.
    pub async fn start(self: &Arc<Self>, request: RunRequest) -> Result<Started, GateError> {
        let in_force = self.book.current();
        let gates = select(&in_force, &request)?;
        check(&request)?;
        let permit = self
            .room
            .clone()
            .try_acquire_owned()
            .map_err(|_| GateError::Busy)?;
        if self.stop.is_cancelled() {
            return Err(GateError::Busy);
        }
        let sent = in_force
            .gatherer
            .read(&request.reports)
            .await
            .map_err(|problems| {
                let problems = problems
                    .into_iter()
                    .map(|problem| problem.under("/evidence/reports"));
                GateError::Invalid(problems.collect())
            })?;
        let id = GateRunId(Uuid::now_v7());
        let new = new_run(id, &request, &gates);
        self.runs.begin_gate_run(new).await?;
        let collects = !in_force.gatherer.collects().is_empty();
        let run = Run {
            desk: self.clone(),
            in_force,
            gates,
            request,
            sent,
            id,
        };
        let task = self.tasks.spawn(run.work(permit));
        Ok(Started { id, collects, task })
    }

    /// Begins a run and waits for its end.
    ///
    /// # Errors
    /// What was asked does not hold, too much is under way, or the store failed.
    pub async fn run(self: &Arc<Self>, request: RunRequest) -> Result<GateRun, GateError> {
        let started = self.start(request).await?;
        let id = started.id;
        started.ended().await;
        let run = self.runs.gate_run(id).await?;
        run.ok_or_else(|| GateError::NotFound(format!("gate run {id}")))
    }

    /// Breaks off what is under way, and takes nothing more.
    pub async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Hashes of commits are hexadecimal.
pub(super) fn check_commit(commit: &str) -> Result<(), String> {
    let hex = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    ((4..=64).contains(&commit.len()) && hex)
        .then_some(())
        .ok_or_else(|| "a commit is the hash of one: 4 to 64 hexadecimal digits".to_owned())
}

fn check(request: &RunRequest) -> Result<(), GateError> {
    let mut problems = Vec::new();
    if let Err(message) = check_commit(&request.commit.id) {
        problems.push(Problem::at("/commit", message));
    }
    if request.findings.len() > MOST_FINDINGS {
        problems.push(Problem::at(
            "/evidence/values",
            format!("at most {MOST_FINDINGS} values"),
        ));
    }
    if request.reports.len() > MOST_REPORTS {
        problems.push(Problem::at(
            "/evidence/reports",
            format!("at most {MOST_REPORTS} reports"),
        ));
    }
    let mut seen = BTreeSet::new();
    for (place, finding) in request.findings.iter().enumerate() {
        let pointer = format!("/evidence/values/{place}");
        problems.extend(finding.problem().map(|message| Problem::at(&pointer, message)));
        if !seen.insert(&finding.metric) {
            problems.push(Problem::at(
                &pointer,
                format!("`{}` is given twice", finding.metric),
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(GateError::Invalid(problems))
    }
}

fn select(in_force: &GatesInForce, request: &RunRequest) -> Result<Vec<Gate>, GateError> {
    let environment = &request.environment;
    check_environment(environment).map_err(|message| GateError::invalid("/environment", message))?;
    for (place, id) in request.gates.iter().enumerate() {
        let gate = in_force.gates.iter().find(|gate| gate.id == *id);
        let message = match gate {
            Some(gate) if gate.applies_to(environment) => continue,
            Some(_) => format!("the gate `{id}` is not for {environment}"),
            None => format!("there is no gate `{id}`"),
        };
        return Err(GateError::invalid(&format!("/gates/{place}"), message));
    }
    let asked = |gate: &&Gate| {
        gate.applies_to(environment) && (request.gates.is_empty() || request.gates.contains(&gate.id))
    };
    Ok(in_force.gates.iter().filter(asked).cloned().collect())
}

fn new_run(id: GateRunId, request: &RunRequest, gates: &[Gate]) -> NewGateRun {
    NewGateRun {
        id,
        tenant: TenantId::default(),
        environment: request.environment.clone(),
        commit: Some(request.commit.id.clone()),
        changed: request.commit.changed,
        origin: request.origin,
        actor: request.actor.clone(),
        key: request.key.clone(),
        gates: gates.iter().map(|gate| gate.id.clone()).collect(),
        at: Timestamp::now(),
    }
}

/// A run under way.
struct Run {
    desk: Arc<GateDesk>,
    in_force: Arc<GatesInForce>,
    gates: Vec<Gate>,
    request: RunRequest,
    sent: Measured,
    id: GateRunId,
}

impl Run {
    /// Whatever happens, the row says so in the end.
    async fn work(self, permit: OwnedSemaphorePermit) {
        let (desk, id) = (self.desk.clone(), self.id);
        let stopped = desk.stop.clone();
        // In a task of its own, so that a panic is an ending like any other.
        let mut judging = tokio::spawn(self.judge());
        let ending = tokio::select! {
            judged = &mut judging => match judged {
                Ok(Ok(ending)) => ending,
                Ok(Err(error)) => broken_off(format!("Broken off: {error}.")),
                Err(error) => {
                    tracing::error!(run = %id, %error, "a gate run panicked");
                    broken_off("Broken off: judging failed inside Pilotage.".to_owned())
                }
            },
            () = stopped.cancelled() => {
                judging.abort();
                broken_off("Broken off: the server was stopped.".to_owned())
            }
        };
        if let Err(error) = desk.runs.finish_gate_run(id, ending).await {
            tracing::error!(run = %id, %error, "the end of a gate run could not be stored");
            let ending = broken_off(format!("Broken off: its report could not be stored ({error})."));
            // Where this fails too, the next start breaks it off.
            let _ = desk.runs.finish_gate_run(id, ending).await;
        }
        drop(permit);
    }

    async fn judge(self) -> Result<GateRunEnding, StoreError> {
        let runs = self.desk.runs.clone();
        let mut known = if self.request.commit.changed {
            Measured::new()
        } else {
            stored_evidence(runs.as_ref(), &self.request.commit.id, Timestamp::now()).await?
        };
        // What was measured elsewhere is as old as it is, also where it says that it was measured just now.
        for (metric, found) in newest([self.request.findings.clone(), findings(&self.sent)]) {
            if found.is_ok() || !matches!(known.get(&metric), Some(Ok(_))) {
                known.insert(metric, found);
            }
        }
        let waivers = runs.waivers(Some(&self.request.commit.id)).await?;
        let verdicts = self.verdicts(&mut known, &waivers).await;
        let commit = Some(self.request.commit.clone());
        let mut report = Report::new(&self.request.environment, commit, Timestamp::now(), verdicts);
        conclude(runs.as_ref(), self.id, &mut report).await?;
        Ok(GateRunEnding {
            at: Timestamp::now(),
            message: report.headline(),
            judged: Some(Judged {
                measured: findings(&known),
                report,
                files: files(&self.request.reports),
                reusable: Vec::new(),
            }),
        })
    }

    /// Every gate with its verdict, in order.
    async fn verdicts(&self, known: &mut Measured, waivers: &[Waiver]) -> Vec<GateVerdict> {
        let waived = Waived {
            environment: &self.request.environment,
            commit: Some(&self.request.commit),
            waivers,
        };
        if self.request.parallel {
            // What a gate that needs others asks is looked at when those are judged.
            let first = self.gates.iter().filter(|gate| gate.needs.is_empty());
            self.collect(&first.cloned().collect::<Vec<_>>(), known, 0).await;
        }
        let mut verdicts: Vec<GateVerdict> = Vec::new();
        let mut stopped = false;
        for (place, gate) in self.gates.iter().enumerate() {
            if stopped {
                verdicts.push(not_run(gate));
                continue;
            }
            let stands = |verdict: &GateVerdict| waived.stands(verdict, Timestamp::now());
            let judged = |id: &str| verdicts.iter().find(|verdict| verdict.id == id);
            let verdict = if let Some(by) = missed(gate, judged, stands) {
                held_up(gate, by)
            } else {
                if !(self.request.parallel && gate.needs.is_empty()) {
                    self.collect(std::slice::from_ref(gate), known, place).await;
                }
                judge(gate, known, Timestamp::now(), self.request.commit.at)
            };
            stopped = self.request.stop_on_failure && gate.blocking && stands(&verdict);
            verdicts.push(verdict);
        }
        verdicts
    }

    /// Measures on this machine what these gates ask and nobody has sent.
    async fn collect(&self, gates: &[Gate], known: &mut Measured, done: usize) {
        let can = self.in_force.gatherer.collects();
        let mut wanted: Vec<Wanted> = Vec::new();
        for gate in gates {
            for criterion in &gate.criteria {
                let has = matches!(known.get(&criterion.metric), Some(Ok(_)));
                let is_listed = wanted.iter().any(|other| other.metric == criterion.metric);
                if !has && !is_listed && can.contains(&criterion.metric) {
                    wanted.push(Wanted {
                        metric: criterion.metric.clone(),
                        limit: gate.timeout,
                    });
                }
            }
        }
        if wanted.is_empty() {
            return;
        }
        // One after the other: two builds in one folder would get in each other's way.
        let _turn = self.desk.collecting.clone().acquire_owned().await;
        let found = self.collect_and_tell(&wanted, known, done).await;
        known.extend(found);
    }

    async fn collect_and_tell(&self, wanted: &[Wanted], known: &Measured, done: usize) -> Measured {
        let (telling, mut told) = mpsc::channel::<String>(8);
        // Who watches is told the latest; what comes too fast is left out.
        let tell = move |message: &str| drop(telling.try_send(message.to_owned()));
        let progress = Progress {
            current: u32::try_from(done).unwrap_or(u32::MAX),
            total: u32::try_from(self.gates.len()).unwrap_or(u32::MAX),
        };
        let show = async {
            while let Some(message) = told.recv().await {
                let shown = self
                    .desk
                    .runs
                    .show_gate_run(self.id, Timestamp::now(), progress, &message);
                if let Err(error) = shown.await {
                    tracing::warn!(%error, "the progress of a gate run could not be shown");
                }
            }
        };
        let commit = &self.request.commit.id;
        let gatherer = &self.in_force.gatherer;
        let gather = async move { gatherer.collect(commit, wanted, known, &tell).await };
        let (found, ()) = tokio::join!(gather, show);
        found
    }
}

fn broken_off(message: String) -> GateRunEnding {
    GateRunEnding {
        at: Timestamp::now(),
        message,
        judged: None,
    }
}

fn files(reports: &[SentReport]) -> Vec<(KeptFile, Vec<u8>)> {
    let kept = reports.iter().map(|report| {
        let file = KeptFile {
            name: report.name.clone(),
            kind: report.kind.clone(),
            digest: Digest::of(&report.data),
            bytes: report.data.len() as u64,
        };
        (file, report.data.to_vec())
    });
    kept.collect()
}
