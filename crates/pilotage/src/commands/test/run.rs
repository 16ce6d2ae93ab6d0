//! `pilotage test run`.

use std::{path::Path, sync::Arc, time::Instant};

use clap::Args;
use pilotage_core::testing::{History, Policy, ShardReport, TestsFile, coverage::CoverageFile};
use pilotage_runners::testing::{self, Ready, Suite, services::Services};
use tokio::task::JoinSet;

use super::{
    choosing::{Choosing, look, policy, scratch, today},
    coverage::{Asked, Measuring},
    keeping::Keeping,
    planning::{self, Planning, Share},
    printing::{Printing, Timing, Whole},
    progress::Progress,
    serving::{self, Serving},
    text,
};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::remark,
};

const EXAMPLES: &str = "\
Examples:
  pilotage test run                                    every suite, side by side, one verdict
  pilotage test run --suite pytest --dry-run           who would run what, and how long that would take
  pilotage test run --affected main                    what the changes since main ask for
  pilotage test run --shards 4 --shard 2 --format json --output shard-2.json
  pilotage test run --coverage --base origin/main      what the tests reach, of the change too
  pilotage test run --format junit --output tests.xml
  pilotage test run --server https://pilotage.example  shown there while it runs, and kept

--format also takes markdown, junit and code-quality (for GitLab) here. A change of a test file asks for that file; any other change below the folder of
a suite asks for the whole suite, and one outside of every suite for everything.

Exit codes: 0 passed, 1 failed, 2 usage or configuration, 3 could not run.";

/// What is run, and how.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    #[command(flatten)]
    choosing: Choosing,
    /// Runners at once; without it as configured, else as many as there are cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Machines that share the work; each is started with the same history
    #[arg(long, value_name = "N", requires = "shard", value_parser = clap::value_parser!(u16).range(1..=1024))]
    shards: Option<u16>,
    /// Which of them this is, from 1
    #[arg(long, value_name = "I", requires = "shards", value_parser = clap::value_parser!(u16).range(1..))]
    shard: Option<u16>,
    /// Only what the changes since this commit ask for
    #[arg(long, value_name = "BASE")]
    affected: Option<String>,
    /// Show the plan, and run nothing
    #[arg(long = "dry-run")]
    plan_only: bool,
    /// Measure what the tests reach, and judge it by `tests.coverage` of the configuration
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    measuring: Measuring,
    /// Do not remember how long it took and how it ended
    #[arg(long)]
    no_keep: bool,
    #[command(flatten)]
    serving: Serving,
    #[command(flatten)]
    printing: Printing,
}

impl Run {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let root = std::env::current_dir()?;
        let (file, declared) = self.choosing.known.sections()?;
        let mut suites = self.choosing.suites(&root, &file)?;
        for suite in &mut suites {
            suite.is_measured = self.coverage;
        }
        let users = serving::users(&file, &suites);
        let services = self.serving.arrange(&root, declared, &users).await?;
        let mut bringing_up = JoinSet::new();
        if let Some(services) = services.clone() {
            serving::hand_over(&mut suites, &services);
            // While the suites are looked at. What a change does not ask for is not known yet.
            if !self.plan_only && self.affected.is_none() {
                bringing_up.spawn(async move { services.start().await });
            }
        }
        let keeping = Keeping::new(context)?;
        // Everything that was started is ended when this goes away.
        let done = tokio::select! {
            done = self.judge((context, &keeping), &root, &file, suites, services.clone()) => done,
            () = interrupted() => Err(anyhow::anyhow!("Interrupted: nothing was judged.")),
        };
        bringing_up.shutdown().await;
        keeping.leave().await;
        serving::end(services.as_deref()).await;
        done
    }

    async fn judge(
        &self,
        (context, keeping): (&Context, &Keeping),
        root: &Path,
        file: &TestsFile,
        suites: Vec<Suite>,
        services: Option<Arc<Services>>,
    ) -> anyhow::Result<Done> {
        let (policy, mut history) = (policy(file)?, self.choosing.known.history()?);
        let scratch = scratch()?;
        let mut suites = look(suites, scratch.path()).await;
        if let Some(base) = &self.affected {
            let choices = testing::affected(root, base, &suites, scratch.path())
                .await
                .map_err(usage)?;
            if !planning::choose(&mut suites, &choices) {
                context.output.line(format!(
                    "Nothing that differs from {} asks for a test.",
                    crate::output::clean(base)
                ))?;
                return Ok(Done::Yes);
            }
        }
        let share = self.share(file.workers)?;
        let planning = planning::make(&suites, &history, share, services.as_deref(), scratch.path()).await;
        if self.plan_only {
            text::plan(context, &suites, &planning)?;
            return Ok(Done::Yes);
        }
        keeping
            .begin(root, &planning.results, share, &planning.digest)
            .await;
        let work = Work {
            suites,
            services,
            planning,
            share,
            memory_mb: file.memory_mb,
            policy,
            asked: file.coverage.clone(),
        };
        let whole = self
            .carry_out((context, keeping), work, &mut history, scratch.path())
            .await?;
        let printed = self.printing.print(context, &whole);
        keeping.end(context, &whole).await;
        printed?;
        Ok(Done::when(whole.shard.verdict.passed))
    }

    fn share(&self, configured: Option<usize>) -> anyhow::Result<Share> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = self.workers.map(usize::from).or(configured).unwrap_or(cores);
        let (shards, shard) = (
            usize::from(self.shards.unwrap_or(1)),
            usize::from(self.shard.unwrap_or(1)),
        );
        if shard > shards {
            return Err(usage(format!("There is no shard {shard} of {shards}.")));
        }
        Ok(Share {
            shards,
            shard,
            workers,
        })
    }

    /// Learns from a run, unless that is not wanted.
    fn remember(&self, ran: &testing::Ran, history: &mut History) {
        if self.no_keep {
            return;
        }
        ran.teach(history, &testing::machine_class(), today());
        history.forget(today());
        if let Err(why) = testing::write_history(&self.choosing.known.history, history) {
            remark(format!("{why}: the next plan knows nothing of this run"));
        }
    }

    async fn carry_out(
        &self,
        (context, keeping): (&Context, &Keeping),
        work: Work,
        history: &mut History,
        scratch: &Path,
    ) -> anyhow::Result<Whole> {
        let Work {
            suites,
            services,
            planning,
            share,
            memory_mb,
            policy,
            asked: file,
        } = work;
        let Planning {
            plan,
            costs,
            results,
            whole,
            digest,
            ..
        } = planning;
        let (predicted, lower_bound) = (plan.makespan, plan.lower_bound);
        let asked = Asked::when(self.coverage, &suites, scratch).await?;
        let progress = Progress::new(&results, context);
        let run = testing::Run {
            suites,
            plan,
            costs,
            workers: share.workers,
            memory_mb,
            policy: policy.clone(),
            scratch: scratch.to_owned(),
            token: uuid::Uuid::new_v4().to_string(),
            services,
            coverage: asked.as_ref().map(|asked| asked.collecting.clone()),
        };
        let begun = Instant::now();
        let (shown, counts) = (progress.clone(), keeping.counts());
        let happens = move |happened| {
            counts.note(&happened);
            shown.show(&happened);
        };
        let ran = run.run(results, happens).await;
        let seconds = begun.elapsed().as_secs_f64();
        progress.end();
        self.remember(&ran, history);
        let verdict = policy.judge(ran.suites, Vec::new());
        let mut report = ShardReport {
            shard: share.shard,
            shards: share.shards,
            plan: digest,
            whole,
            verdict,
            reached: None,
        };
        let mut notes = ran.notes;
        let coverage = self
            .measuring
            .settle(asked, &file, &mut report, &mut notes)
            .await?;
        let timing = Timing {
            seconds,
            workers: share.workers,
            predicted,
            lower_bound,
        };
        Ok(Whole {
            shard: report,
            timing: Some(timing),
            coverage,
            notes,
        })
    }
}

/// What is to be done.
struct Work {
    suites: Vec<Ready>,
    services: Option<Arc<Services>>,
    planning: Planning,
    share: Share,
    memory_mb: Option<u32>,
    policy: Policy,
    asked: CoverageFile,
}

/// Ctrl-C, or a polite request to end. Without a handler nothing would kill what was started.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
