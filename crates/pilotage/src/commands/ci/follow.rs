//! Follows a run to its end: on a terminal one picture that changes, elsewhere a line for every change, for programs a JSON
//! document for every change. The platform is asked again the sooner the more goes on.

mod lines;
mod picture;

use std::time::Duration;

use clap::Args;
use pilotage_core::{
    pipeline_run::{PipelineRun, RunJob, RunState},
    ports::CiError,
};

use self::{lines::Lines, picture::Picture};
use super::{log, platform::Named};
use crate::{
    exit::Done,
    output::{Output, remark},
};

/// How often a platform that cannot be reached is asked again before that is given up.
const MOST_FAILURES: u32 = 10;
/// A longer pause says nothing new.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How often the platform is asked.
#[derive(Args, Clone, Debug)]
pub(super) struct Pace {
    /// Ask again after so many milliseconds; where nothing changes, ever later up to 15 s
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    interval_ms: u64,
    /// Show no logs of what failed
    #[arg(long)]
    no_logs: bool,
}

/// A run in one look.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    run: PipelineRun,
    jobs: Vec<RunJob>,
}

/// How it is shown.
enum Shown {
    Picture(Picture),
    Lines(Lines),
}

/// A run that is followed.
pub(super) struct Following {
    named: Named,
    run: String,
    output: Output,
    pace: Pace,
    shown: Shown,
}

impl Following {
    pub(super) fn new(named: Named, run: &str, output: Output, pace: &Pace) -> Self {
        let shown = if output.is_terminal() && !output.is_json() {
            Shown::Picture(Picture::new(output))
        } else {
            Shown::Lines(Lines::new(output))
        };
        Self {
            named,
            run: run.to_owned(),
            output,
            pace: pace.clone(),
            shown,
        }
    }

    /// Until it ends, or Ctrl-C leaves it alone.
    ///
    /// # Errors
    /// The platform refuses, or cannot be reached for a while.
    pub(super) async fn until_it_ends(mut self) -> anyhow::Result<Done> {
        let ended = tokio::select! {
            ended = self.follow() => Some(ended?),
            stop = tokio::signal::ctrl_c() => {
                stop?;
                None
            }
        };
        let Some(look) = ended else {
            remark(format_args!(
                "\nDetached; the run goes on. Follow it again: {}",
                self.named.command("watch", &self.run)
            ));
            return Ok(Done::Detached);
        };
        let state = look.run.standing.state;
        if state == RunState::Failed && !self.pace.no_logs {
            log::failed(&self.named, self.output, &look.run, &look.jobs).await;
        }
        Ok(Done::when(state == RunState::Succeeded))
    }

    async fn follow(&mut self) -> Result<Look, anyhow::Error> {
        let shortest = Duration::from_millis(self.pace.interval_ms);
        let (mut pause, mut failures) = (shortest, 0);
        let mut before: Option<Look> = None;
        loop {
            match self.look().await {
                Ok(look) => {
                    failures = 0;
                    let changed = before.as_ref() != Some(&look);
                    self.show(&look, changed)?;
                    if look.run.standing.state.is_final() {
                        return Ok(look);
                    }
                    pause = if changed {
                        shortest
                    } else {
                        (pause + pause / 2).min(LONGEST_PAUSE.max(shortest))
                    };
                    before = Some(look);
                }
                Err(error) => {
                    failures += 1;
                    if !error.trouble.may_pass() || failures >= MOST_FAILURES {
                        return Err(error.into());
                    }
                    remark(format_args!("{error}. Asking again."));
                    self.picture_is_spoilt();
                    pause = (pause * 2).min(LONGEST_PAUSE.max(shortest));
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&mut self) -> Result<Look, CiError> {
        let run = self.named.platform.run(&self.run).await?;
        // What waits in a queue is another thing on some platforms than the run that it becomes.
        self.run.clone_from(&run.id);
        let jobs = self.named.platform.jobs(&run.id).await?;
        Ok(Look { run, jobs })
    }

    fn show(&mut self, look: &Look, changed: bool) -> anyhow::Result<()> {
        match &mut self.shown {
            // Times go on also where nothing changes.
            Shown::Picture(picture) => picture.draw(look)?,
            Shown::Lines(lines) if changed => lines.tell(look)?,
            Shown::Lines(_) => {}
        }
        Ok(())
    }

    fn picture_is_spoilt(&mut self) {
        if let Shown::Picture(picture) = &mut self.shown {
            picture.begin_anew();
        }
    }
}
