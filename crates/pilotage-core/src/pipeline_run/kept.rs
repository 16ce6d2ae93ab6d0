//! Runs as they are kept here: what was asked for, by whom, and how the platform last said that it stands.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{PipelineRun, RunJob, RunState, Standing, StartRun};
use crate::{
    ExecutionId, OperationStatus, TenantId, Timestamp,
    audit::{NewAuditRecord, kind},
    operation::{Progress, short_line},
};

/// Most jobs of a run that are kept, and most steps of each.
const MOST_JOBS: usize = 500;
const MOST_STEPS: usize = 100;
/// Bytes of a name, a word or a message that are kept.
const MOST_TEXT_BYTES: usize = 500;

/// Identity of a run as it is kept here; that of its operation as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PipelineRunId(pub Uuid);

impl fmt::Display for PipelineRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A start that is about to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPipelineRun {
    /// Its identity.
    pub id: PipelineRunId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The platform, by its name in the configuration.
    pub platform: String,
    /// What to start, without secrets. A start with a key is kept once for each platform.
    pub start: StartRun,
    /// Who asked.
    pub actor: String,
    /// The execution of a rule that asked.
    pub execution: Option<ExecutionId>,
    /// When.
    pub at: Timestamp,
}

/// A run as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRun {
    /// Its identity here.
    pub id: PipelineRunId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The platform, by its name in the configuration.
    pub platform: String,
    /// What was asked for.
    pub start: StartRun,
    /// Who asked.
    pub actor: String,
    /// The execution of a rule that asked.
    pub execution: Option<ExecutionId>,
    /// Where it stands.
    pub standing: Standing,
    /// What there is to say beside that, such as why it was not started; mostly empty.
    pub message: String,
    /// As the platform last told it; `None` while it is not known that it was started.
    pub seen: Option<PipelineRun>,
    /// Its jobs, as the platform last told them.
    pub jobs: Vec<RunJob>,
    /// Whoever asked for it was sent back to do so again: what failed is to run again.
    pub again: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When something about it last changed.
    pub updated_at: Timestamp,
    /// When its end was seen.
    pub finished_at: Option<Timestamp>,
}

/// What is found out about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLook {
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// What there is to say beside that.
    pub message: String,
    /// As the platform tells it; `None` leaves what was told before.
    pub seen: Option<(PipelineRun, Vec<RunJob>)>,
}

impl RunLook {
    /// What the platform tells.
    pub fn seen(at: Timestamp, mut run: PipelineRun, mut jobs: Vec<RunJob>) -> Self {
        let short = |text: &mut String| *text = short_line(text, MOST_TEXT_BYTES);
        short(&mut run.title);
        short(&mut run.standing.word);
        jobs.truncate(MOST_JOBS);
        for job in &mut jobs {
            short(&mut job.name);
            job.steps.truncate(MOST_STEPS);
            job.steps.iter_mut().for_each(|step| short(&mut step.name));
        }
        Self {
            at,
            standing: run.standing.clone(),
            message: String::new(),
            seen: Some((run, jobs)),
        }
    }

    /// The platform could not be asked; the run stands as it did.
    pub fn trouble(at: Timestamp, kept: &KeptRun, message: &str) -> Self {
        Self {
            at,
            standing: kept.standing.clone(),
            message: short_line(message, MOST_TEXT_BYTES),
            seen: None,
        }
    }

    /// It stands so by what we know ourselves, in this word of ours.
    pub fn told(at: Timestamp, state: RunState, word: &str, message: &str) -> Self {
        Self {
            at,
            standing: Standing::new(state, word),
            message: short_line(message, MOST_TEXT_BYTES),
            seen: None,
        }
    }
}

impl NewPipelineRun {
    /// How it stands before the platform was asked.
    pub fn kept(self) -> KeptRun {
        KeptRun {
            id: self.id,
            tenant: self.tenant,
            platform: self.platform,
            start: self.start,
            actor: self.actor,
            execution: self.execution,
            standing: Standing::new(RunState::Queued, KeptRun::STARTING),
            message: String::new(),
            seen: None,
            jobs: Vec::new(),
            again: false,
            created_at: self.at,
            updated_at: self.at,
            finished_at: None,
        }
    }
}

impl KeptRun {
    /// Our word while the platform is asked to start it.
    pub const STARTING: &'static str = "starting";
    /// Our word for one that was not started.
    pub const NOT_STARTED: &'static str = "not started";
    /// Our word once the platform was asked to run it again.
    pub const AGAIN: &'static str = "asked to run again";

    /// The platform's name for it.
    pub fn run(&self) -> Option<&str> {
        self.seen.as_ref().map(|run| run.id.as_str())
    }

    /// The pipeline as the platform calls it, or as it was asked for.
    pub fn pipeline(&self) -> Option<&str> {
        let seen = self.seen.as_ref().map(|run| run.pipeline.as_str());
        seen.filter(|name| !name.is_empty())
            .or(self.start.pipeline.as_deref())
    }

    /// Branch or tag.
    pub fn reference(&self) -> Option<&str> {
        let seen = self.seen.as_ref().and_then(|run| run.reference.as_deref());
        seen.or(self.start.reference.as_deref())
    }

    /// Its page on the platform.
    pub fn url(&self) -> Option<&str> {
        self.seen.as_ref().and_then(|run| run.url.as_deref())
    }

    /// It has ended, and not well.
    pub fn is_bad(&self) -> bool {
        self.standing.state.is_final() && self.standing.state != RunState::Succeeded
    }

    /// How it stands once this was found out. `updated_at` stays where nothing else changes.
    #[must_use]
    pub fn after(&self, look: RunLook) -> Self {
        let mut next = self.clone();
        next.standing = look.standing;
        next.message = look.message;
        if let Some((run, jobs)) = look.seen {
            next.seen = Some(run);
            next.jobs = jobs;
        }
        let is_over = next.standing.state.is_final();
        next.again &= is_over;
        let attempt = |kept: &Self| kept.seen.as_ref().map(|run| run.attempt);
        next.finished_at = match self.finished_at {
            _ if !is_over => None,
            Some(before) if attempt(self) == attempt(&next) => Some(before),
            // Another attempt began and ended while nobody looked.
            _ => Some(look.at),
        };
        if next != *self {
            next.updated_at = look.at;
        }
        next
    }

    /// Finished jobs of all.
    pub fn progress(&self) -> Progress {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let done = self.jobs.iter().filter(|job| job.standing.state.is_final());
        Progress {
            current: count(done.count()),
            total: count(self.jobs.len()),
        }
    }

    /// The operation's status.
    pub const fn status(&self) -> OperationStatus {
        match self.standing.state {
            RunState::Queued | RunState::Waiting => OperationStatus::Pending,
            RunState::Running => OperationStatus::Running,
            RunState::Succeeded => OperationStatus::Success,
            RunState::Failed => OperationStatus::Failure,
            RunState::Cancelled | RunState::Skipped => OperationStatus::Cancelled,
        }
    }

    /// What people call it.
    pub fn name(&self) -> String {
        match self.pipeline() {
            Some(pipeline) => format!("{pipeline} on {}", self.platform),
            None => format!("pipeline on {}", self.platform),
        }
    }

    /// What happens or has happened, in one line.
    pub fn summary(&self) -> String {
        if !self.message.is_empty() {
            return self.message.clone();
        }
        let state = self.standing.state.as_str();
        let named = |wanted: RunState| {
            let jobs = self.jobs.iter().filter(|job| job.standing.state == wanted);
            let names: Vec<&str> = jobs.take(5).map(|job| job.name.as_str()).collect();
            names.join(", ")
        };
        let who = match self.standing.state {
            RunState::Running | RunState::Waiting | RunState::Failed => named(self.standing.state),
            _ => String::new(),
        };
        let Progress { current, total } = self.progress();
        match (total, who.is_empty()) {
            (0, _) if self.standing.word == state => state.to_owned(),
            (0, _) => format!("{state} ({})", self.standing.word),
            (_, true) => format!("{state}: {current} of {total} jobs are over"),
            (_, false) => format!("{state}: {who}; {current} of {total} jobs are over"),
        }
    }

    /// Facts for those who watch. Texts are short, and inputs are left out.
    pub fn metadata(&self) -> Map<String, Value> {
        let mut facts = Map::new();
        let execution = self.execution.map(|id| id.to_string());
        let commit = self.seen.as_ref().and_then(|run| run.commit.as_deref());
        let all = [
            ("platform", Some(self.platform.as_str())),
            ("pipeline", self.pipeline()),
            ("ref", self.reference()),
            ("commit", commit),
            ("run", self.run()),
            ("url", self.url()),
            ("state", Some(self.standing.state.as_str())),
            ("word", Some(self.standing.word.as_str())),
            ("actor", Some(self.actor.as_str())),
            ("execution", execution.as_deref()),
        ];
        for (name, value) in all {
            if let Some(value) = value {
                facts.insert(name.to_owned(), short_line(value, 200).into());
            }
        }
        facts
    }

    /// The record of its beginning.
    pub fn began(&self) -> NewAuditRecord {
        let StartRun {
            pipeline,
            reference,
            inputs,
            key,
        } = &self.start;
        let names: Vec<&String> = inputs.keys().collect();
        let facts = json!({
            "platform": self.platform, "pipeline": pipeline, "ref": reference, "inputs": names, "key": key,
            "execution": self.execution,
        });
        self.record(self.created_at, &self.actor, kind::PIPELINE_RUN_BEGAN, &facts)
    }

    /// The record of its end.
    pub fn ended(&self) -> NewAuditRecord {
        let facts = json!({
            "platform": self.platform, "run": self.run(), "state": self.standing.state,
            "word": self.standing.word, "message": self.message,
        });
        let at = self.finished_at.unwrap_or(self.updated_at);
        self.record(at, "system", kind::PIPELINE_RUN_ENDED, &facts)
    }

    /// The record of its going on after an end.
    pub fn reopened(&self) -> NewAuditRecord {
        let facts = json!({
            "platform": self.platform, "run": self.run(), "state": self.standing.state, "word": self.standing.word,
            "attempt": self.seen.as_ref().map(|run| run.attempt),
        });
        self.record(self.updated_at, "system", kind::PIPELINE_RUN_REOPENED, &facts)
    }

    /// The record of somebody's wish, or of what became of it.
    pub fn operated(
        &self,
        at: Timestamp,
        actor: &str,
        what: &str,
        more: &BTreeMap<&str, String>,
    ) -> NewAuditRecord {
        let facts = json!({ "what": what, "platform": self.platform, "run": self.run(), "more": more });
        self.record(at, actor, kind::PIPELINE_RUN_OPERATED, &facts)
    }

    fn record(&self, at: Timestamp, actor: &str, kind: &str, facts: &Value) -> NewAuditRecord {
        NewAuditRecord {
            at,
            tenant: self.tenant.0.clone(),
            actor: actor.to_owned(),
            kind: kind.to_owned(),
            subject: self.id.to_string(),
            facts: facts.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> KeptRun {
        let new = NewPipelineRun {
            id: PipelineRunId(Uuid::nil()),
            tenant: TenantId::default(),
            platform: "gh".to_owned(),
            start: StartRun::default(),
            actor: "token:ci".to_owned(),
            execution: None,
            at: Timestamp::from_secs(1),
        };
        new.kept()
    }

    fn job(name: &str, state: RunState) -> RunJob {
        RunJob {
            id: name.to_owned(),
            name: name.to_owned(),
            stage: None,
            standing: Standing::new(state, ""),
            may_fail: false,
            url: None,
            started_at: None,
            finished_at: None,
            log: None,
            steps: Vec::new(),
        }
    }

    fn run(state: RunState) -> PipelineRun {
        PipelineRun {
            id: "7".to_owned(),
            pipeline: "ci.yml".to_owned(),
            title: "t".repeat(2_000),
            standing: Standing::new(state, "in_progress"),
            reference: None,
            commit: None,
            url: None,
            attempt: 1,
            created_at: None,
            started_at: None,
            finished_at: None,
            log: None,
        }
    }

    #[test]
    fn a_look_that_finds_nothing_new_changes_nothing() {
        let jobs = || vec![job("lint", RunState::Succeeded), job("test", RunState::Running)];
        let look = |second| RunLook::seen(Timestamp::from_secs(second), run(RunState::Running), jobs());
        let first = new().after(look(2));
        assert_eq!(first.updated_at, Timestamp::from_secs(2));
        assert_eq!(first.after(look(3)), first);
        assert_eq!(first.summary(), "running: test; 1 of 2 jobs are over");
        assert_eq!(first.name(), "ci.yml on gh");
        assert!(first.seen.as_ref().unwrap().title.len() <= MOST_TEXT_BYTES);
    }

    #[test]
    fn an_end_is_kept_until_it_goes_on() {
        let at = Timestamp::from_secs;
        let mut ended = new().after(RunLook::seen(at(2), run(RunState::Failed), Vec::new()));
        assert_eq!((ended.finished_at, ended.is_bad()), (Some(at(2)), true));
        ended.again = true;
        let later = ended.after(RunLook::trouble(at(3), &ended, "cannot be reached"));
        assert_eq!((later.finished_at, later.again), (Some(at(2)), true));
        assert_eq!(later.summary(), "cannot be reached");
        let again = ended.after(RunLook::told(at(4), RunState::Queued, KeptRun::AGAIN, ""));
        assert_eq!((again.finished_at, again.again), (None, false));
        assert_eq!(again.status(), OperationStatus::Pending);
    }
}
