//! Logs of runs: of what failed, of one job, or of all, as far as the platform hands them out.

use std::{io::Write as _, time::Duration};

use clap::Args;
use pilotage_core::{
    pipeline_run::{LogPart, NamedLog, PipelineRun, RunJob, RunState, as_seen},
    ports::CiError,
};
use serde_json::json;

use super::platform::{Named, Target};
use crate::{
    cli::Context,
    exit::{Done, usage},
    output::{Output, Style, clean, clean_lines, escape_json, remark, stdout},
};

/// Lines that are shown of what failed without being asked for.
const LAST_LINES: usize = 40;
/// How often a log that broke off is gone on with before that is given up.
const MOST_FAILURES: u32 = 5;
/// A longer line is shown in pieces.
const MOST_LINE_BYTES: usize = 64 << 10;
/// Between two looks at a log that grows.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a log is asked for that should be there and is not yet.
const MOST_EMPTY: u32 = 5;

const EXAMPLES: &str = "\
Examples:
  pilotage ci logs 1234567 --failed
  pilotage ci logs 1234567 --job test --follow

GitHub has a job's log once the job has ended; the others show it as it grows.";

/// Which logs to show.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Logs {
    /// The run, as `ci trigger` names it
    #[arg(value_name = "RUN")]
    run: String,
    /// Only the job with this name or id
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Only what failed: the steps, where the platform keeps a log of each
    #[arg(long, conflicts_with = "job")]
    failed: bool,
    /// Go on until the run has ended
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    target: Target,
}

impl Logs {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let named = self.target.choose(context)?;
        let output = context.output;
        let mut shown: Vec<String> = Vec::new();
        let mut id = self.run.clone();
        loop {
            let run = named.platform.run(&id).await?;
            id.clone_from(&run.id);
            let jobs = named.platform.jobs(&id).await?;
            for wanted in self.wanted(&run, &jobs)? {
                if !shown.contains(&wanted.log) {
                    shown.push(wanted.log.clone());
                    heading(output, &wanted.name)?;
                    self.print(&named, output, &id, &wanted).await?;
                }
            }
            if !self.follow || run.standing.state.is_final() {
                return Ok(Done::Yes);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What is to be shown of a run as it stands now.
    fn wanted(&self, run: &PipelineRun, jobs: &[RunJob]) -> anyhow::Result<Vec<NamedLog>> {
        if self.failed {
            return Ok(run.logs_of_failure(jobs));
        }
        if let (Some(log), None) = (run.whole_log(), &self.job) {
            return Ok(vec![log]);
        }
        let is_meant = |job: &&RunJob| {
            self.job
                .as_ref()
                .is_none_or(|named| *named == job.name || *named == job.id)
        };
        let found: Vec<&RunJob> = jobs.iter().filter(is_meant).collect();
        if let (Some(named), true) = (&self.job, found.is_empty()) {
            let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
            return Err(usage(format!(
                "The run has no job called `{named}`; there are: {}.",
                clean(&names.join(", "))
            )));
        }
        // What has not begun has no log; with --follow it is looked at again.
        let begun = found
            .into_iter()
            .filter(|job| !matches!(job.standing.state, RunState::Queued | RunState::Skipped));
        Ok(begun.flat_map(RunJob::logs).collect())
    }

    async fn print(&self, named: &Named, output: Output, run: &str, wanted: &NamedLog) -> anyhow::Result<()> {
        let mut reader = Reader::new(named, run, &wanted.log);
        let (mut empty, mut rest) = (0, String::new());
        loop {
            let part = reader.next().await?;
            rest.push_str(&part.text);
            // A line that is not whole yet is shown with what comes of it, so that nothing of it is torn apart.
            let whole = if part.is_complete || part.text.is_empty() || rest.len() > MOST_LINE_BYTES {
                rest.len()
            } else {
                rest.rfind('\n').map_or(0, |at| at + 1)
            };
            print(output, &wanted.name, &rest[..whole])?;
            rest.drain(..whole);
            if part.is_complete || (!self.follow && !wanted.has_ended && part.text.is_empty()) {
                return Ok(());
            }
            if part.text.is_empty() {
                empty += 1;
                let ended = wanted.has_ended || self.has_ended(named, run).await?;
                if ended && empty >= MOST_EMPTY {
                    remark("There is no more of this log.");
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn has_ended(&self, named: &Named, run: &str) -> Result<bool, CiError> {
        Ok(named.platform.run(run).await?.standing.state.is_final())
    }
}

/// Shows the ends of the logs of what failed. A log that cannot be had is told of, and changes nothing about the result.
pub(super) async fn failed(named: &Named, output: Output, run: &PipelineRun, jobs: &[RunJob]) {
    for wanted in run.logs_of_failure(jobs) {
        let text = match whole(named, &run.id, &wanted.log).await {
            Ok(text) => text,
            Err(error) => {
                remark(format_args!("The log of {} cannot be had: {error}.", wanted.name));
                continue;
            }
        };
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        if heading(output, &wanted.name).is_err()
            || print(output, &wanted.name, &format!("{last}\n")).is_err()
        {
            return;
        }
    }
    if !output.is_json() {
        remark(format_args!(
            "Whole logs: {} --failed. Run it again: {} --failed",
            named.command("logs", &run.id),
            named.command("retry", &run.id)
        ));
    }
}

async fn whole(named: &Named, run: &str, log: &str) -> Result<String, CiError> {
    const MOST_BYTES: usize = 8 << 20;
    let mut reader = Reader::new(named, run, log);
    let (mut text, mut empty) = (String::new(), 0);
    loop {
        let part = reader.next().await?;
        text.push_str(&part.text);
        if text.len() > MOST_BYTES {
            // Its end says what went wrong.
            text.drain(..text.floor_char_boundary(text.len() - MOST_BYTES));
        }
        empty += u32::from(part.text.is_empty());
        if part.is_complete || empty >= MOST_EMPTY {
            return Ok(text);
        }
        if part.text.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Reads a log on from where it was, also when the connection broke in between.
struct Reader<'a> {
    named: &'a Named,
    run: &'a str,
    log: &'a str,
    from: u64,
    failures: u32,
}

impl<'a> Reader<'a> {
    const fn new(named: &'a Named, run: &'a str, log: &'a str) -> Self {
        Self {
            named,
            run,
            log,
            from: 0,
            failures: 0,
        }
    }

    async fn next(&mut self) -> Result<LogPart, CiError> {
        loop {
            match self.named.platform.log(self.run, self.log, self.from).await {
                Ok(part) => {
                    self.from = part.next;
                    return Ok(part);
                }
                Err(error) => {
                    self.failures += 1;
                    if !error.trouble.may_pass() || self.failures >= MOST_FAILURES {
                        return Err(error);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn heading(output: Output, name: &str) -> std::io::Result<()> {
    if output.is_json() {
        return Ok(());
    }
    output.line(output.paint(Style::Strong, &format!("== {name}")))
}

fn print(output: Output, name: &str, text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    if output.is_json() {
        let line = json!({"type": "log", "of": name, "text": as_seen(text)}).to_string();
        return output.line(escape_json(&line));
    }
    let mut out = stdout();
    write!(out, "{}", clean_lines(&as_seen(text)))?;
    out.flush()
}
