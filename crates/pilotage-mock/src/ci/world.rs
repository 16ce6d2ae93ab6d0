//! Runs and what becomes of them, tick by tick. Every tick is a second of the world's own time.

use std::{collections::BTreeMap, time::Duration};

use pilotage_core::{Digest, Timestamp};
use serde_json::Value;

use super::plan;

/// The token that may do everything, and the one that may only look.
pub(crate) const TOKEN: &str = "mock-token-that-may-write";
pub(crate) const READER: &str = "mock-token-that-may-read";
/// A person's own, which may do everything but what GitHub leaves to Apps.
pub(crate) const PERSONAL: &str = "mock-token-of-a-person";
/// Starts pipelines on platforms that have tokens for that alone.
pub(crate) const TRIGGER: &str = "mock-token-that-starts";
/// Most runs that are kept; the oldest go first.
const MOST_RUNS: usize = 1_000;

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure,
    Cancelled,
    Skipped,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Waiting,
    Running,
    Done(Outcome),
}

/// What somebody asks for.
pub(crate) struct Start {
    pub(crate) reference: String,
    pub(crate) inputs: BTreeMap<String, String>,
    pub(crate) title: String,
}

pub(crate) struct Run {
    pub(crate) id: u64,
    /// Where it was before it began, for platforms with a queue of their own.
    pub(crate) queue_id: u64,
    /// For platforms that have tags.
    pub(crate) tags: Vec<String>,
    pub(crate) title: String,
    pub(crate) reference: String,
    pub(crate) commit: String,
    pub(crate) inputs: BTreeMap<String, String>,
    pub(crate) attempt: u32,
    pub(crate) phase: Phase,
    pub(crate) created: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) jobs: Vec<Job>,
}

pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) environment: Option<&'static str>,
    pub(crate) phase: Phase,
    pub(crate) started: Option<Timestamp>,
    pub(crate) finished: Option<Timestamp>,
    /// It waits for nobody, or somebody has let it go on.
    pub(crate) may_run: bool,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) phase: Phase,
    pub(crate) started: Option<Timestamp>,
    pub(crate) finished: Option<Timestamp>,
    /// What it has written, and when.
    pub(crate) written: Vec<(Timestamp, String)>,
    planned: Vec<String>,
    fails: bool,
}

/// Everything that a platform holds.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) runs: Vec<Run>,
    /// Marks on commits, in the order in which they came.
    pub(crate) marks: Vec<Value>,
    /// Checks of commits, with every field that they were written with.
    pub(crate) checks: Vec<Value>,
    next_id: u64,
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            // Whole seconds, as most platforms tell times.
            now: Timestamp::from_secs(now.as_micros() / 1_000_000),
            runs: Vec::new(),
            marks: Vec::new(),
            checks: Vec::new(),
            next_id: 1_000,
        }
    }

    pub(crate) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn start(&mut self, start: Start) -> &mut Run {
        let id = self.id();
        let jobs = self.jobs(&start.inputs, 1);
        if self.runs.len() >= MOST_RUNS {
            self.runs.remove(0);
        }
        self.runs.push(Run {
            id,
            queue_id: id + 500_000,
            tags: Vec::new(),
            commit: commit(&start.reference),
            title: start.title,
            reference: start.reference,
            inputs: start.inputs,
            attempt: 1,
            phase: Phase::Queued,
            created: self.now,
            started: self.now,
            updated: self.now,
            jobs,
        });
        let last = self.runs.len() - 1;
        &mut self.runs[last]
    }

    pub(crate) fn run(&mut self, id: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// The run that a job belongs to, and the job's place in it.
    pub(crate) fn job(&self, id: u64) -> Option<(&Run, &Job)> {
        let mut jobs = self
            .runs
            .iter()
            .flat_map(|run| run.jobs.iter().map(move |job| (run, job)));
        jobs.find(|(_, job)| job.id == id)
    }

    /// Runs a run again, or only what did not succeed; false while it is not over.
    pub(crate) fn retry(&mut self, id: u64, failed_only: bool) -> bool {
        let Some(run) = self.run(id) else {
            return false;
        };
        if !matches!(run.phase, Phase::Done(_)) {
            return false;
        }
        let (inputs, attempt) = (run.inputs.clone(), run.attempt + 1);
        let fresh = self.jobs(&inputs, attempt);
        let now = self.now;
        let Some(run) = self.run(id) else {
            return false;
        };
        let old = std::mem::take(&mut run.jobs);
        run.jobs = old
            .into_iter()
            .zip(fresh)
            .map(|(old, fresh)| {
                let stays = failed_only && old.phase == Phase::Done(Outcome::Success);
                if stays { old } else { fresh }
            })
            .collect();
        (run.attempt, run.phase, run.started, run.updated) = (attempt, Phase::Queued, now, now);
        true
    }

    fn jobs(&mut self, inputs: &BTreeMap<String, String>, attempt: u32) -> Vec<Job> {
        let asks = inputs.get("approval").is_some_and(|value| value == "true");
        let planned = plan::jobs(inputs, attempt);
        let job = |planned: plan::PlannedJob| Job {
            id: self.id(),
            name: planned.name,
            stage: planned.stage,
            environment: planned.environment,
            phase: Phase::Queued,
            started: None,
            finished: None,
            may_run: !(asks && planned.environment.is_some()),
            steps: planned.steps.into_iter().map(Step::new).collect(),
        };
        planned.into_iter().map(job).collect()
    }

    /// A second goes by.
    pub(crate) fn tick(&mut self) {
        self.now = self.now + Duration::from_secs(1);
        let now = self.now;
        self.runs.iter_mut().for_each(|run| run.tick(now));
    }
}

/// The commit at the tip of a branch: always the same for one name.
fn commit(reference: &str) -> String {
    Digest::of(reference.as_bytes())
        .to_string()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(40)
        .collect()
}

impl Step {
    fn new(planned: plan::PlannedStep) -> Self {
        Self {
            name: planned.name,
            phase: Phase::Queued,
            started: None,
            finished: None,
            written: Vec::new(),
            planned: planned.lines,
            fails: planned.fails,
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.phase = Phase::Running;
        self.started.get_or_insert(now);
        if let Some(line) = self.planned.get(self.written.len()) {
            self.written.push((now, line.clone()));
        }
        if self.written.len() >= self.planned.len() {
            let outcome = if self.fails {
                Outcome::Failure
            } else {
                Outcome::Success
            };
            (self.phase, self.finished) = (Phase::Done(outcome), Some(now));
        }
    }
}

impl Job {
    fn end(&mut self, outcome: Outcome, now: Timestamp) {
        (self.phase, self.finished) = (Phase::Done(outcome), Some(now));
        let rest = if outcome == Outcome::Cancelled {
            Outcome::Cancelled
        } else {
            Outcome::Skipped
        };
        for step in &mut self.steps {
            if !matches!(step.phase, Phase::Done(_)) {
                step.phase = Phase::Done(rest);
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        if self.phase != Phase::Running {
            (self.phase, self.started) = (Phase::Running, Some(now));
            return;
        }
        let Some(step) = self
            .steps
            .iter_mut()
            .find(|step| !matches!(step.phase, Phase::Done(_)))
        else {
            return self.end(Outcome::Success, now);
        };
        step.tick(now);
        if step.phase == Phase::Done(Outcome::Failure) {
            self.end(Outcome::Failure, now);
        }
    }
}

impl Run {
    fn tick(&mut self, now: Timestamp) {
        match self.phase {
            Phase::Done(_) => return,
            Phase::Queued => {
                (self.phase, self.started) = (Phase::Running, now);
            }
            Phase::Waiting | Phase::Running => self.go_on(now),
        }
        self.updated = now;
    }

    fn go_on(&mut self, now: Timestamp) {
        let Some(at) = self
            .jobs
            .iter()
            .position(|job| !matches!(job.phase, Phase::Done(_)))
        else {
            self.phase = Phase::Done(Outcome::Success);
            return;
        };
        let job = &mut self.jobs[at];
        if !job.may_run {
            (job.phase, self.phase) = (Phase::Waiting, Phase::Waiting);
            return;
        }
        self.phase = Phase::Running;
        job.tick(now);
        if job.phase == Phase::Done(Outcome::Failure) {
            for later in &mut self.jobs[at + 1..] {
                later.end(Outcome::Skipped, now);
            }
            self.phase = Phase::Done(Outcome::Failure);
        }
    }

    /// Stops it; false when it is over.
    pub(crate) fn cancel(&mut self, now: Timestamp) -> bool {
        if matches!(self.phase, Phase::Done(_)) {
            return false;
        }
        for job in &mut self.jobs {
            if !matches!(job.phase, Phase::Done(_)) {
                job.end(Outcome::Cancelled, now);
            }
        }
        (self.phase, self.updated) = (Phase::Done(Outcome::Cancelled), now);
        true
    }

    /// Lets what waits go on, or not; false when nothing waits.
    pub(crate) fn decide(&mut self, approve: bool, now: Timestamp) -> bool {
        let Some(job) = self.jobs.iter_mut().find(|job| job.phase == Phase::Waiting) else {
            return false;
        };
        if approve {
            (job.may_run, job.phase) = (true, Phase::Queued);
            self.phase = Phase::Running;
        } else {
            job.end(Outcome::Failure, now);
            self.phase = Phase::Done(Outcome::Failure);
        }
        self.updated = now;
        true
    }

    /// What it leaves behind once its tests have run.
    pub(crate) fn has_artifact(&self) -> bool {
        let test = self.jobs.iter().find(|job| job.name == "test");
        test.is_some_and(|job| matches!(job.phase, Phase::Done(Outcome::Success | Outcome::Failure)))
    }
}

/// The artifact `report`: a real archive, with one file in it that is not compressed.
pub(crate) fn archive() -> Vec<u8> {
    const NAME: &[u8] = b"report.txt";
    const TEXT: &[u8] = b"12 tests, 12 passed\n";
    // CRC-32 of the text, as the format wants it.
    let crc = crc32(TEXT).to_le_bytes();
    let size = u32::try_from(TEXT.len()).unwrap_or_default().to_le_bytes();
    let name = u16::try_from(NAME.len()).unwrap_or_default().to_le_bytes();
    // Version 2.0, no flags, stored, no time.
    let about = [
        [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0].as_slice(),
        &crc,
        &size,
        &size,
        &name,
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04".as_slice(), &about, NAME, TEXT].concat();
    let central = [b"PK\x01\x02\x14\x00".as_slice(), &about, &[0; 14], NAME].concat();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(),
        &length(&central),
        &length(&local),
        &[0, 0],
    ];
    [local.as_slice(), &central, &end.concat()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
