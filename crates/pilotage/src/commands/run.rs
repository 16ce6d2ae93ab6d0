//! `pilotage run`: a pipeline on this machine.

mod place;
mod report;
mod screen;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use pilotage_core::pipeline::{Pipeline, Trigger};
use pilotage_runners::pipeline::{self as local, Choice, Ended, Environment, Occasion, Settings, Task};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
};

use self::{place::Place, report::Report, screen::Screen};
use super::ci::Definition;
use crate::{
    cli::{Context, DataDir},
    exit::{Done, usage},
};

const EXAMPLES: &str = "\
Examples:
  pilotage run                          every job of the pipeline
  pilotage run lint test                these jobs, and what they need
  pilotage run 'test[node=20]'          one combination of a matrix
  pilotage run --dry-run                what would run, what is cached, and why
  pilotage run --affected origin/main   what the changes of this branch could break
  pilotage run --cache s3://bucket/ci   share results with other machines

Secrets come from the environment, by the names that the steps give. What deploys or pushes does so with --deploy only.

Exit codes: 0 all jobs went well, 1 one failed or was stopped, 2 usage or configuration, 3 could not run.";

/// Events that may wait for whoever watches.
const MOST_EVENTS: usize = 1_024;

/// What runs, and how.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// Jobs to run, with what they need: `job` or `job[axis=value]`. Without any all of them
    #[arg(value_name = "JOB")]
    names: Vec<String>,
    #[command(flatten)]
    definition: Definition,
    /// Most jobs that run at once; as many as there are cores where nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// What would have started the pipeline
    #[arg(long, value_enum, default_value_t = Event::Push)]
    event: Event,
    /// The branch that is built; git says which where nothing is said
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// The tag that is built
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    /// An answer to a question of the pipeline; may be given several times
    #[arg(long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// Only jobs whose inputs changed since this commit, and those that need them
    #[arg(long, value_name = "BASE")]
    affected: Option<String>,
    /// Run nothing; say what would run, what is cached, and why
    #[arg(long = "dry-run")]
    only_looks: bool,
    #[command(flatten)]
    caching: Caching,
    /// The longest time of a job, where the definition lets it take longer
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
    /// Let jobs deploy and push, which they do not do otherwise
    #[arg(long)]
    deploy: bool,
    /// On a terminal too, show every line of every job
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    data_dir: DataDir,
}

/// Where results are kept.
#[derive(Args, Debug)]
struct Caching {
    /// A cache that is shared with other machines: a folder, or file://, s3://, http:// or https://
    #[arg(
        long,
        value_name = "DIR|URL",
        env = "PILOTAGE_CACHE",
        conflicts_with = "no_cache"
    )]
    cache: Option<String>,
    /// Take no result from the cache and keep none
    #[arg(long)]
    no_cache: bool,
    /// The most that the cache on this machine may hold
    #[arg(long, value_name = "SIZE", default_value = "5GiB", value_parser = bytes)]
    cache_limit: u64,
}

/// What would have started a pipeline.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Event {
    /// A push to a branch, or of a tag
    Push,
    /// A pull request
    PullRequest,
    /// A time
    Schedule,
    /// A person
    Manual,
}

impl Run {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let pipeline = self.pipeline()?;
        let tasks = local::tasks(&pipeline, &self.names).map_err(usage)?;
        let place = Place::open(&self.data_dir.data_dir).await?;
        let settings = self.settings(&place, &pipeline).await?;
        let choices = self.choices(&place, &settings, &tasks).await?;
        let (sender, events) = mpsc::channel(MOST_EVENTS);
        let mut screen = Screen::new(context.output, &tasks, self.verbose);
        if self.only_looks {
            let looked = local::preview(settings, &pipeline, &tasks, &choices, sender);
            let (previews, ()) = tokio::join!(looked, screen.follow(events));
            let previews = previews.map_err(anyhow::Error::msg)?;
            report::preview(context.output, &pipeline, &tasks, &previews)?;
            return Ok(Done::Yes);
        }
        let begun = std::time::Instant::now();
        let (tell, stop) = watch::channel(false);
        let run = local::run(settings, &pipeline, &tasks, &choices, sender, stop);
        let ends = tokio::select! {
            (ends, ()) = async { tokio::join!(run, screen.follow(events)) } => Some(ends.map_err(anyhow::Error::msg)?),
            // Dropping what runs kills the process groups of all jobs.
            interrupted = twice(&tell) => {
                interrupted?;
                None
            }
        };
        screen.close();
        let ends = ends.unwrap_or_else(|| tasks.iter().map(|_| Ended::stopped()).collect());
        let report = Report::new(&place, &pipeline, &tasks, &ends, begun.elapsed());
        report.keep(&place);
        report.show(context.output, screen.notes())?;
        self.tidy(&place);
        Ok(Done::when(report.went_well()))
    }

    fn pipeline(&self) -> anyhow::Result<Pipeline> {
        let mut pipelines = self.definition.read()?;
        let names: Vec<String> = pipelines.iter().map(|pipeline| pipeline.id.clone()).collect();
        match (pipelines.pop(), pipelines.is_empty()) {
            (Some(only), true) => Ok(only),
            _ => Err(usage(format!(
                "There are several pipelines, {}; choose one with --pipeline.",
                names.join(", ")
            ))),
        }
    }

    async fn choices(
        &self,
        place: &Place,
        settings: &Settings,
        tasks: &[Task],
    ) -> anyhow::Result<Vec<Choice>> {
        let Some(base) = &self.affected else {
            return Ok(vec![Choice::Run(None); tasks.len()]);
        };
        let definition = place.below(&self.definition.files());
        local::affected(&place.root, base, &definition, tasks, |task| {
            settings.not_here(task).is_none()
        })
        .await
        .map_err(usage)
    }

    async fn settings(&self, place: &Place, pipeline: &Pipeline) -> anyhow::Result<Settings> {
        let environment: Environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        let cache = self.caching.open(place, &environment)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Settings {
            root: place.root.clone(),
            data: place.data.clone(),
            logs: place.run.clone(),
            environment,
            occasion: self.occasion(place, pipeline).await?,
            jobs: self.jobs.map_or(cores, usize::from),
            longest: self.timeout.map(Duration::from_secs),
            deploys: self.deploy,
            cache,
        })
    }

    async fn occasion(&self, place: &Place, pipeline: &Pipeline) -> anyhow::Result<Occasion> {
        let event = match self.event {
            Event::Push => Trigger::Push,
            Event::PullRequest => Trigger::PullRequest,
            Event::Schedule => Trigger::Schedule,
            Event::Manual => Trigger::Manual,
        };
        let mut occasion = Occasion::of(&place.root, event).await;
        if let Some(branch) = &self.branch {
            occasion.branch = Some(branch.clone());
            occasion.tag = None;
        }
        if let Some(tag) = &self.tag {
            occasion.tag = Some(tag.clone());
        }
        for input in &self.inputs {
            let (name, answer) = input
                .split_once('=')
                .ok_or_else(|| usage(format!("`{input}` is no answer; write NAME=VALUE.")))?;
            occasion.answer(pipeline, name, answer).map_err(usage)?;
        }
        Ok(occasion)
    }

    /// Keeps the cache and the logs within their bounds. That it cannot is no failure of the run.
    fn tidy(&self, place: &Place) {
        let cache = local::Cache::open(&place.cache(), None, self.caching.cache_limit, &BTreeMap::new());
        if let Ok(cache) = cache {
            let _ = cache.prune();
        }
        place.forget_old_runs();
    }
}

impl Caching {
    fn open(&self, place: &Place, environment: &Environment) -> anyhow::Result<local::Cache> {
        let shared = self.cache.as_deref().filter(|_| !self.no_cache);
        let cache =
            local::Cache::open(&place.cache(), shared, self.cache_limit, environment).map_err(usage)?;
        Ok(if self.no_cache { cache.unused() } else { cache })
    }
}

/// Tells what runs to stop when a person or the system says so; returns when a person says so again.
async fn twice(tell: &watch::Sender<bool>) -> anyhow::Result<()> {
    let hear = |kind| signal(kind).context("cannot listen to signals");
    let mut interrupt = hear(SignalKind::interrupt())?;
    let mut terminate = hear(SignalKind::terminate())?;
    let mut hangup = hear(SignalKind::hangup())?;
    loop {
        let again = *tell.borrow();
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        if again {
            return Ok(());
        }
        tell.send_replace(true);
    }
}

/// Bytes of `500MiB` or `5GiB`.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let found = units.iter().find_map(|(unit, shift)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(1 << shift)
    });
    found.ok_or_else(|| "want a number with KiB, MiB, GiB or TiB, such as 5GiB".to_owned())
}
