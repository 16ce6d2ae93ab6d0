//! One task: from the cache, or by running its steps.

use std::{sync::Arc, time::Instant};

use pilotage_core::Digest;

use super::{
    Ended, Event, State, Task,
    assess::{self, Assessed, Before, Left},
    attempt::{Attempt, Outcome, Tried},
    cache::{Entry, Found, Last, Unusable, remove, restore},
    local::Local,
    log::Log,
    mask::Masker,
    shell::Stop,
    step,
};

/// How a task ended, and what it leaves to others.
pub(crate) struct Over {
    pub(crate) ended: Ended,
    pub(crate) left: Left,
}

/// Runs a task, or takes its result from the cache.
pub(crate) async fn run(
    local: Arc<Local>,
    place: usize,
    task: Arc<Task>,
    before: Before,
    stop: Stop,
) -> Over {
    let begun = Instant::now();
    let assessed = assess::assess(&local, &task, &before).await;
    let key = assessed
        .ingredients
        .as_ref()
        .map(super::cache::Ingredients::key)
        .map_err(Clone::clone);
    let worker = Worker {
        local,
        place,
        task,
        before,
        begun,
    };
    let masker = worker.masker();
    let path = worker.local.log_path(&worker.task, ".log");
    let log = masker.and_then(|masker| {
        let log = Log::new(place, &path, masker, worker.local.events.clone());
        log.map_err(|error| format!("its log cannot be written: {error}"))
    });
    let mut ended = match log {
        Ok(mut log) => worker.decide(&assessed, &mut log, stop).await,
        Err(reason) => worker.ended(State::Failed, reason),
    };
    ended.log = path.is_file().then_some(path);
    let key = key.and_then(|key| match ended.state {
        State::Succeeded => Ok(key),
        _ => Err("it did not succeed".to_owned()),
    });
    let left = assess::left(&worker.local, &worker.task, key).await;
    Over { ended, left }
}

struct Worker {
    local: Arc<Local>,
    place: usize,
    task: Arc<Task>,
    before: Before,
    begun: Instant,
}

impl Worker {
    fn ended(&self, state: State, reason: impl Into<String>) -> Ended {
        let seconds = self.begun.elapsed().as_secs_f64();
        Ended {
            seconds,
            ..Ended::without_running(state, reason)
        }
    }

    /// Masks every secret that a step is given; one that is not there is told when its step begins.
    fn masker(&self) -> Result<Masker, String> {
        let settings = &self.local.settings;
        let names = self
            .task
            .job
            .steps
            .iter()
            .flat_map(|step| step::secrets(step, settings.deploys));
        let found: Vec<(String, String)> = names
            .filter_map(|name| {
                let value = settings.environment.get(&name)?.to_str()?.to_owned();
                Some((name, value))
            })
            .collect();
        Masker::new(found.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    async fn decide(&self, assessed: &Assessed, log: &mut Log, stop: Stop) -> Ended {
        for pattern in &assessed.unmatched {
            self.remark(format!("its input `{pattern}` names no file")).await;
        }
        let mut why = match &assessed.ingredients {
            Ok(_) => why(&self.local, &self.task, assessed),
            Err(reason) => format!("never cached: {reason}"),
        };
        if let Ok(ingredients) = &assessed.ingredients {
            let key = ingredients.key();
            match self.local.settings.cache.find(key, &self.task).await {
                Found::Entry(entry) => match self.bring_back(key, *entry, log).await {
                    Ok(ended) => {
                        self.remember(assessed, true).await;
                        return ended;
                    }
                    Err(reason) => why = reason,
                },
                Found::Nothing(Some(said)) => {
                    self.remark(said.clone()).await;
                    why = said;
                }
                Found::Nothing(None) => {}
            }
        }
        // Nobody may be watching.
        let _ = self
            .local
            .events
            .send(Event::Started {
                task: self.place,
                why: why.clone(),
            })
            .await;
        self.work(assessed, &why, log, stop).await
    }

    async fn remark(&self, text: impl std::fmt::Display) {
        self.local.note(format!("{}: {text}", self.task.name)).await;
    }

    /// Restores what an earlier run made and says what it said.
    async fn bring_back(&self, key: Digest, mut entry: Entry, log: &mut Log) -> Result<Ended, String> {
        let seconds = entry.manifest.seconds;
        let said = std::mem::take(&mut entry.log);
        let (local, task) = (Arc::clone(&self.local), Arc::clone(&self.task));
        let restored = assess::aside(move || {
            let staging = local.settings.cache.staging();
            match restore(&mut entry, &local.ground, &task.makes, &local.protected, &staging) {
                Ok(changed) => Ok(changed),
                Err(Unusable::Damaged(reason)) => Err(local.settings.cache.give_up(key, &reason)),
                Err(Unusable::NotPlaced(reason)) => Err(format!("its files cannot be restored: {reason}")),
            }
        });
        let restored = match restored.await {
            Ok(restored) => restored,
            Err(reason) => {
                self.remark(&reason).await;
                return Err(reason);
            }
        };
        log.replay(&said).await;
        if let Err(reason) = super::attempt::keep_files(&self.local, &self.task) {
            self.remark(reason).await;
        }
        let files = match restored {
            0 => "its files are as they were".to_owned(),
            1 => "1 file restored".to_owned(),
            many => format!("{many} files restored"),
        };
        let reason = format!("cached because nothing that it depends on changed; {files}");
        Ok(Ended {
            cached: true,
            saved_seconds: seconds,
            ..self.ended(State::Succeeded, reason)
        })
    }

    /// Runs the steps, as often as the job allows, and keeps the result.
    async fn work(&self, assessed: &Assessed, why: &str, log: &mut Log, mut stop: Stop) -> Ended {
        let most = self.task.job.retries + 1;
        let mut tried = Tried {
            outcome: Outcome::Failed,
            reason: String::new(),
        };
        let mut attempts = 0;
        while attempts < most {
            attempts += 1;
            if attempts > 1 {
                log.say(&format!("attempt {attempts} of {most}: {}", tried.reason))
                    .await;
            }
            if assessed.ingredients.is_ok()
                && let Err(reason) = self.clear().await
            {
                tried.reason = format!("what it made before cannot be removed: {reason}");
                break;
            }
            let attempt = Attempt {
                local: &self.local,
                task: &self.task,
                given: &assessed.given,
            };
            tried = attempt.run(log, &mut stop).await;
            if tried.outcome != Outcome::Failed {
                break;
            }
        }
        self.local.forget_tools().await;
        let state = match tried.outcome {
            Outcome::Succeeded => State::Succeeded,
            Outcome::Failed => State::Failed,
            Outcome::Stopped => State::Cancelled,
        };
        if state == State::Succeeded {
            self.keep(assessed, log).await;
        }
        self.remember(assessed, state == State::Succeeded).await;
        let reason = match state {
            State::Succeeded => why.to_owned(),
            _ => tried.reason,
        };
        Ended {
            attempts,
            ..self.ended(state, reason)
        }
    }

    /// Removes what the task made before, so that its result depends on nothing but its inputs. What tasks before it made
    /// and what belongs to people stays.
    async fn clear(&self) -> Result<(), String> {
        let (local, task, before) = (
            Arc::clone(&self.local),
            Arc::clone(&self.task),
            self.before.clone(),
        );
        assess::aside(move || {
            let there = local
                .ground
                .list(&task.makes)
                .map_err(|error| error.to_string())?;
            let of_others = |path: &str| before.0.iter().any(|(task, _)| task.makes.name(path));
            let own = there
                .iter()
                .filter(|path| !local.protected.contains(*path) && !of_others(path));
            remove(&local.ground, own, &task.makes).map_err(|error| error.to_string())
        })
        .await
    }

    /// Keeps the result. That it cannot be kept is said, and is no failure.
    async fn keep(&self, assessed: &Assessed, log: &mut Log) {
        let Ok(ingredients) = &assessed.ingredients else {
            return;
        };
        if !self.local.settings.cache.is_used() {
            return;
        }
        let key = ingredients.key();
        let kept = async {
            assess::check_unchanged(&self.local, &self.task, &self.before, assessed).await?;
            let outputs = assess::made(&self.local, &self.task).await?;
            let said = log.bytes().map_err(|error| error.to_string())?;
            let seconds = self.begun.elapsed().as_secs_f64();
            let (local, task) = (Arc::clone(&self.local), Arc::clone(&self.task));
            assess::aside(move || {
                local
                    .settings
                    .cache
                    .keep(&local.ground, key, &task, seconds, outputs, &said)
            })
            .await
        };
        if let Err(reason) = kept.await {
            return self.remark(format!("its result is not cached: {reason}")).await;
        }
        if let Err(warning) = self.local.settings.cache.share(key).await {
            self.remark(warning).await;
        }
    }

    async fn remember(&self, assessed: &Assessed, succeeded: bool) {
        let made = assess::made(&self.local, &self.task).await.unwrap_or_default();
        let last = Last {
            ingredients: assessed.ingredients.clone().unwrap_or_default(),
            succeeded,
            made: made
                .into_keys()
                .filter(|path| !self.local.protected.contains(path))
                .collect(),
        };
        self.local
            .settings
            .cache
            .remember(&self.local.pipeline, &self.task.name, &last);
    }
}

/// Why a task runs whose result could be in the cache.
pub(crate) fn why(local: &Local, task: &Task, assessed: &Assessed) -> String {
    let (Ok(now), cache) = (&assessed.ingredients, &local.settings.cache) else {
        return String::new();
    };
    if !cache.is_used() {
        return "runs because the cache is not used".to_owned();
    }
    match cache.last(&local.pipeline, &task.name) {
        None => "runs because it has not run here before".to_owned(),
        Some(last) => match now.difference(&last.ingredients) {
            Some(difference) => format!("runs because {difference}"),
            None if !last.succeeded => "runs because it did not succeed the last time".to_owned(),
            None => "runs because its result is not in the cache".to_owned(),
        },
    }
}
