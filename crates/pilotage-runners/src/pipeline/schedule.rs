//! The order in which tasks run: each when what it needs is over, as many at once as is allowed.

use std::{collections::BTreeMap, sync::Arc};

use pilotage_core::pipeline::{Pipeline, Status};
use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinError, JoinSet},
};

use super::{
    Choice, Ended, Event, Settings, State, Task,
    assess::{self, Before, Left},
    job::{self, Over},
    local::Local,
    shell,
};

/// Runs tasks to their end and says how each of them ended, in their order. `stop` ends all of it.
///
/// # Errors
/// The files cannot be looked at; the text is for people.
pub async fn run(
    settings: Settings,
    pipeline: &Pipeline,
    tasks: &[Task],
    choices: &[Choice],
    events: mpsc::Sender<Event>,
    mut stop: watch::Receiver<bool>,
) -> Result<Vec<Ended>, String> {
    let local = Arc::new(Local::new(settings, pipeline, tasks, events).await?);
    let mut board = Board::new(local, tasks, choices);
    while board.start_what_can().await {
        tokio::select! {
            Some(over) = board.running.join_next_with_id() => board.finish(over).await,
            () = shell::stopped(&mut stop), if !board.is_stopping => board.stop_all(),
        }
    }
    Ok(board
        .over
        .into_iter()
        .map(|over| over.map_or_else(never, |over| over.ended))
        .collect())
}

/// Every task is over when nothing can be started and nothing runs; this is for a mistake of ours.
fn never() -> Ended {
    Ended::without_running(State::Failed, "it was never started")
}

struct Board {
    local: Arc<Local>,
    tasks: Vec<Arc<Task>>,
    choices: Vec<Choice>,
    over: Vec<Option<Over>>,
    running: JoinSet<Over>,
    /// The place of each task that runs.
    places: BTreeMap<Id, usize>,
    /// Tells all combinations of a job to stop.
    stops: BTreeMap<String, watch::Sender<bool>>,
    is_stopping: bool,
}

impl Board {
    fn new(local: Arc<Local>, tasks: &[Task], choices: &[Choice]) -> Self {
        Self {
            stops: tasks
                .iter()
                .map(|task| (task.job.id.clone(), watch::Sender::new(false)))
                .collect(),
            tasks: tasks.iter().cloned().map(Arc::new).collect(),
            choices: choices.to_vec(),
            over: tasks.iter().map(|_| None).collect(),
            running: JoinSet::new(),
            places: BTreeMap::new(),
            is_stopping: false,
            local,
        }
    }

    /// Starts every task that can run; whether any runs.
    async fn start_what_can(&mut self) -> bool {
        let mut again = true;
        while again {
            again = false;
            for place in 0..self.tasks.len() {
                if let Some(task) = self.next(place) {
                    again |= self.start(place, task).await;
                }
            }
        }
        !self.running.is_empty()
    }

    /// The task, if it waits and nothing before it does.
    fn next(&self, place: usize) -> Option<Arc<Task>> {
        let waits = self.over.get(place)?.is_none() && !self.places.values().any(|known| *known == place);
        let task = self.tasks.get(place)?;
        let is_over = |place: &usize| self.over.get(*place).is_some_and(Option::is_some);
        (waits && task.needs.iter().chain(&task.apart).all(is_over)).then(|| Arc::clone(task))
    }

    /// Starts a task, or decides that it does not run; whether something changed.
    async fn start(&mut self, place: usize, task: Arc<Task>) -> bool {
        if let Some((state, reason)) = self.not_to_run(place, &task) {
            let before = self.before(&task);
            let left = at_rest(&self.local, &task, &before, state).await;
            self.put(
                place,
                Over {
                    ended: Ended::without_running(state, reason),
                    left,
                },
            )
            .await;
            return true;
        }
        if self.is_held_back(&task) {
            return false;
        }
        let Some(stop) = self.stops.get(&task.job.id).map(watch::Sender::subscribe) else {
            return false;
        };
        let before = self.before(&task);
        let handle = self
            .running
            .spawn(job::run(Arc::clone(&self.local), place, task, before, stop));
        self.places.insert(handle.id(), place);
        true
    }

    /// Why a task does not run, if it does not.
    fn not_to_run(&self, place: usize, task: &Task) -> Option<(State, String)> {
        let is_stopped = self.stops.get(&task.job.id).is_some_and(|stop| *stop.borrow());
        if is_stopped {
            let why = if self.is_stopping {
                "the run was stopped"
            } else {
                "another combination failed"
            };
            return Some((State::Cancelled, why.to_owned()));
        }
        if self.choices.get(place) == Some(&Choice::LeaveOut) {
            return Some((State::Unaffected, "nothing that it depends on changed".to_owned()));
        }
        let skipped = self.local.settings.not_here(task).or_else(|| self.unmet(task));
        skipped.map(|reason| (State::Skipped, reason))
    }

    /// What keeps a task from running in how those before it ended.
    fn unmet(&self, task: &Task) -> Option<String> {
        let of = |place: &usize| {
            let (task, over) = (self.tasks.get(*place)?, self.over.get(*place)?.as_ref()?);
            Some((task, over.ended.state))
        };
        let failed = task
            .before
            .iter()
            .filter_map(of)
            .find(|(task, state)| is_failure(*state) && !task.job.allow_failure);
        match task.job.when.status {
            Status::Always => None,
            Status::Failure => match failed {
                Some(_) => None,
                None => Some("nothing before it failed".to_owned()),
            },
            Status::UnlessFailed => failed.map(|(task, _)| format!("`{}` failed", task.name)),
            Status::Success => task
                .needs
                .iter()
                .filter_map(of)
                .find_map(|(task, state)| match state {
                    State::Succeeded | State::Unaffected => None,
                    State::Failed if task.job.allow_failure => None,
                    State::Failed => Some(format!("`{}` failed", task.name)),
                    State::Cancelled => Some(format!("`{}` was cancelled", task.name)),
                    State::Skipped => Some(format!("`{}` was skipped", task.name)),
                }),
        }
    }

    /// Whether a task has to wait for others that run: for their number, or for a word that they share.
    fn is_held_back(&self, task: &Task) -> bool {
        let running = || self.places.values().filter_map(|place| self.tasks.get(*place));
        let same_job = running().filter(|other| other.job.id == task.job.id).count();
        let most = task.job.matrix.as_ref().and_then(|matrix| matrix.max_parallel);
        let word = task.job.concurrency.as_ref();
        self.running.len() >= self.local.settings.jobs.max(1)
            || most.is_some_and(|most| same_job >= most as usize)
            || word.is_some() && running().any(|other| other.job.concurrency.as_ref() == word)
    }

    fn before(&self, task: &Task) -> Before {
        let left = |place: &usize| {
            let (task, over) = (self.tasks.get(*place)?, self.over.get(*place)?.as_ref()?);
            Some((Arc::clone(task), over.left.clone()))
        };
        Before(task.before.iter().filter_map(left).collect())
    }

    async fn finish(&mut self, over: Result<(Id, Over), JoinError>) {
        let (id, over) = match over {
            Ok(over) => over,
            Err(error) => {
                let ended = Ended::without_running(State::Failed, format!("Pilotage failed: {error}"));
                (
                    error.id(),
                    Over {
                        ended,
                        left: Left::Unknown("it broke off".to_owned()),
                    },
                )
            }
        };
        let Some(place) = self.places.remove(&id) else {
            return;
        };
        let fails_fast = self
            .tasks
            .get(place)
            .is_some_and(|task| task.job.matrix.as_ref().is_some_and(|matrix| matrix.fail_fast));
        if fails_fast
            && over.ended.state == State::Failed
            && let Some(stop) = self
                .tasks
                .get(place)
                .and_then(|task| self.stops.get(&task.job.id))
        {
            stop.send_replace(true);
        }
        self.put(place, over).await;
    }

    async fn put(&mut self, place: usize, over: Over) {
        let ended = over.ended.clone();
        if let Some(slot) = self.over.get_mut(place) {
            *slot = Some(over);
        }
        // Nobody may be watching.
        let _ = self.local.events.send(Event::Ended { task: place, ended }).await;
    }

    fn stop_all(&mut self) {
        self.is_stopping = true;
        for stop in self.stops.values() {
            stop.send_replace(true);
        }
    }
}

/// Whether a pipeline is not as it should be when a task ended so.
fn is_failure(state: State) -> bool {
    matches!(state, State::Failed | State::Cancelled)
}

/// What a task that does not run leaves: what it would, if that is the same as the last time.
async fn at_rest(local: &Arc<Local>, task: &Arc<Task>, before: &Before, state: State) -> Left {
    let key = match state {
        State::Unaffected => {
            let assessed = assess::assess(local, task, before).await;
            assessed.ingredients.map(|ingredients| ingredients.key())
        }
        _ => Ok(pilotage_core::Digest::of(b"skipped")),
    };
    assess::left(local, task, key).await
}
