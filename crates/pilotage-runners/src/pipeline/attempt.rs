//! One attempt at the steps of a task.

use std::{fs, io, sync::Arc};

use pilotage_core::pipeline::{Status, Step};
use tokio::time::{Duration, Instant};

use super::{
    Task,
    environment::{self, Environment, Given},
    files::{Kept, Patterns},
    local::{Local, slug},
    log::Log,
    service::Services,
    shell::{self, Stop},
    step::{self, Doing},
};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeded,
    Failed,
    Stopped,
}

/// How an attempt ended, and why it did not succeed.
pub(crate) struct Tried {
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
}

/// One attempt.
pub(crate) struct Attempt<'a> {
    pub(crate) local: &'a Arc<Local>,
    pub(crate) task: &'a Arc<Task>,
    pub(crate) given: &'a Given,
}

/// Why a step did not succeed, and whether others may follow all the same.
enum Trouble {
    Failed(String),
    TimedOut(String),
    Stopped,
}

impl Attempt<'_> {
    /// Runs every step whose condition holds.
    pub(crate) async fn run(&self, log: &mut Log, halt: &mut Stop) -> Tried {
        let local = self.local;
        let services = Services::start(
            &self.task.job.services,
            &local.settings.root,
            &self.given.all,
            |name| local.log_path(self.task, &format!(".{name}.log")),
        );
        let started = tokio::select! {
            started = services => started,
            () = shell::stopped(halt) => return stopped(),
        };
        let services = match started {
            Ok(services) => services,
            Err(reason) => {
                log.say(&reason).await;
                return Tried {
                    outcome: Outcome::Failed,
                    reason,
                };
            }
        };
        let tried = self.steps(log, halt).await;
        services.end().await;
        tried
    }

    async fn steps(&self, log: &mut Log, halt: &mut Stop) -> Tried {
        let own = Duration::from_secs(u64::from(self.task.job.timeout_minutes) * 60);
        let limit = self
            .local
            .settings
            .longest
            .map_or(own, |longest| longest.min(own));
        let deadline = Instant::now() + limit;
        let mut failed: Option<String> = None;
        for step in &self.task.job.steps {
            let runs = match step.when {
                Status::Success | Status::UnlessFailed => failed.is_none(),
                Status::Failure => failed.is_some(),
                Status::Always => true,
            };
            if !runs {
                continue;
            }
            match self.step(step, log, deadline, halt).await {
                Ok(()) => {}
                Err(Trouble::Stopped) => return stopped(),
                Err(Trouble::TimedOut(at)) => {
                    let reason = format!(
                        "{at} was ended after {} s, the longest time of the job",
                        limit.as_secs()
                    );
                    log.say(&reason).await;
                    return Tried {
                        outcome: Outcome::Failed,
                        reason,
                    };
                }
                Err(Trouble::Failed(reason)) => {
                    log.say(&reason).await;
                    failed.get_or_insert(reason);
                }
            }
        }
        match failed {
            None => Tried {
                outcome: Outcome::Succeeded,
                reason: String::new(),
            },
            Some(reason) => Tried {
                outcome: Outcome::Failed,
                reason,
            },
        }
    }

    async fn step(
        &self,
        step: &Step,
        log: &mut Log,
        deadline: Instant,
        halt: &mut Stop,
    ) -> Result<(), Trouble> {
        let settings = &self.local.settings;
        let fill = |template: &_| settings.occasion.fill(template, &self.task.combination);
        let reports = reports(self.task);
        let all = step::doing(step, settings.deploys, &reports, &fill).map_err(Trouble::Failed)?;
        for doing in all {
            match doing {
                Doing::Say(text) => log.say(&text).await,
                Doing::Run(commands) => self.commands(step, &commands, log, deadline, halt).await?,
                Doing::Version(tool, wanted) => {
                    let said = self.local.ask(step::version(tool), self.given).await;
                    log.say(&step::about(tool, &wanted, said.as_deref())).await;
                }
                Doing::Keep(name, patterns) => {
                    let kept = keep(self.local, &name, &patterns)
                        .map_err(|error| Trouble::Failed(error.to_string()));
                    log.say(&format!("{} in artifacts/{name}", files(kept?))).await;
                }
                Doing::Bring(name, folder) => {
                    let brought = bring(self.local, &name, &folder).map_err(Trouble::Failed)?;
                    log.say(&format!("{} from artifacts/{name}", files(brought)))
                        .await;
                }
            }
        }
        Ok(())
    }

    async fn commands(
        &self,
        step: &Step,
        commands: &str,
        log: &mut Log,
        deadline: Instant,
        halt: &mut Stop,
    ) -> Result<(), Trouble> {
        let title = title(step, commands);
        log.say(&title).await;
        let environment = self.environment(step).map_err(Trouble::Failed)?;
        let settings = &self.local.settings;
        let folder = settings.root.join(step.directory.as_deref().unwrap_or_default());
        match shell::run(commands, &folder, &environment, log, deadline, halt).await {
            shell::Ended::Code(0) => Ok(()),
            shell::Ended::Code(code) => {
                Err(Trouble::Failed(format!("`{title}` ended with exit code {code}")))
            }
            shell::Ended::Signal => Err(Trouble::Failed(format!("`{title}` was ended by a signal"))),
            shell::Ended::TimedOut => Err(Trouble::TimedOut(format!("`{title}`"))),
            shell::Ended::Stopped => Err(Trouble::Stopped),
            shell::Ended::NotStarted(reason) => Err(Trouble::Failed(reason)),
        }
    }

    fn environment(&self, step: &Step) -> Result<Environment, String> {
        let settings = &self.local.settings;
        let mut environment = self.given.all.clone();
        let step = Step {
            secrets: step::secrets(step, settings.deploys),
            ..step.clone()
        };
        let secrets = environment::secrets(&settings.environment, &step)?;
        environment.extend(secrets.into_iter().map(|(name, value)| (name, value.into())));
        if matches!(step.action, pilotage_core::pipeline::Action::Gate(_)) {
            step::with_own_program(&mut environment);
        }
        Ok(environment)
    }
}

fn stopped() -> Tried {
    Tried {
        outcome: Outcome::Stopped,
        reason: "the run was stopped".to_owned(),
    }
}

/// The name of a step: its own, or its first line.
fn title(step: &Step, commands: &str) -> String {
    /// Longest title, in characters.
    const LONGEST: usize = 80;
    if let Some(name) = &step.name {
        return name.clone();
    }
    let first = commands
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim();
    let mut title: String = first.chars().take(LONGEST).collect();
    if title.len() < commands.trim().len() {
        title.push_str(" ...");
    }
    title
}

fn files(count: usize) -> String {
    if count == 1 {
        "1 file".to_owned()
    } else {
        format!("{count} files")
    }
}

/// Where the reports of a task are kept.
fn reports(task: &Task) -> String {
    format!("reports/{}", slug(&task.name))
}

/// Keeps the files of every step that keeps some, as they are now.
///
/// # Errors
/// A file cannot be copied; the text is for people.
pub(crate) fn keep_files(local: &Local, task: &Task) -> Result<(), String> {
    let fill = |template: &_| local.settings.occasion.fill(template, &task.combination);
    for step in task.job.steps.iter().filter(|step| step.when != Status::Failure) {
        for doing in step::doing(step, local.settings.deploys, &reports(task), &fill)? {
            if let Doing::Keep(name, patterns) = doing {
                keep(local, &name, &patterns).map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}

/// Copies files that are there to `artifacts/NAME`; how many.
fn keep(local: &Local, name: &str, patterns: &Patterns) -> io::Result<usize> {
    let found = local.ground.snapshot(&local.ground.list(patterns)?)?;
    let folder = local.settings.data.join("artifacts").join(name);
    fs::create_dir_all(&folder)?;
    let mut kept = 0;
    for (path, what) in &found {
        if matches!(what, Kept::File { .. }) {
            copy(&local.ground.root.join(path), &folder.join(path))?;
            kept += 1;
        }
    }
    Ok(kept)
}

/// Copies what was kept under a name to a folder below the root; how many files.
fn bring(local: &Local, name: &str, folder: &str) -> Result<usize, String> {
    let kept = local.settings.data.join("artifacts").join(name);
    if !kept.is_dir() {
        return Err(format!("no job before has kept `{name}`"));
    }
    let into = local.ground.root.join(folder);
    if local.ground.is_behind_a_link(&format!("{folder}/x")) {
        return Err(format!("{folder} leads elsewhere by a link"));
    }
    let ground = super::files::Ground {
        root: kept.clone(),
        data: kept.join(".none"),
    };
    let all = Patterns::new(&["**".to_owned()])?;
    let brought = ground.list(&all).and_then(|paths| {
        for path in &paths {
            copy(&kept.join(path), &into.join(path))?;
        }
        Ok(paths.len())
    });
    brought.map_err(|error| error.to_string())
}

/// Copies a file; what stands in its place goes first, so that nothing is written through a link.
fn copy(from: &std::path::Path, to: &std::path::Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::copy(from, to).map(drop)
}
