//! Logs of runs, as much of them as is asked for and no more than is bearable.

use std::time::Duration;

use pilotage_core::{
    Timestamp,
    pipeline_run::{KeptRun, NamedLog, PipelineRunId, RunJob, RunState, as_seen},
    ports::CiError,
};
use tokio::time::{Instant, timeout_at};

use super::{PipelineDesk, PipelineError, operating::Known};

/// Lines that are answered where nobody says how many, and the most of them.
const USUAL_LINES: usize = 200;
const MOST_LINES: usize = 2_000;
/// Bytes of text that are answered.
const MOST_ANSWERED_BYTES: usize = 256 << 10;
/// Bytes of a log that are kept in memory while it is read; the end is what matters.
const MOST_READ_BYTES: usize = 8 << 20;
/// Logs that are answered at once.
const MOST_LOGS: usize = 5;
/// Empty parts before a log is taken as it is.
const MOST_EMPTY: u32 = 2;
/// For everything that one request reads.
const TIME: Duration = Duration::from_secs(20);
/// Bytes of a line.
const MOST_LINE_BYTES: usize = 4 << 10;

/// What of the logs is asked for.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Only of the job with this name or id; without it, what failed, or the whole run.
    pub job: Option<String>,
    /// The last lines.
    pub tail: Option<usize>,
    /// From there on: the `next` of an earlier answer. Of one log only.
    pub after: Option<u64>,
    /// Only lines that hold this text, in whatever case.
    pub search: Option<String>,
}

/// A log, as much of it as was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownLog {
    /// Of what it is.
    pub name: String,
    /// Its lines, without colours and secrets.
    pub text: String,
    /// Where to go on.
    pub next: u64,
    /// There will be no more of it.
    pub is_complete: bool,
    /// Lines before or between were left out.
    pub is_cut: bool,
    /// Why it cannot be had.
    pub problem: Option<String>,
}

/// Logs of a run, and which jobs have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownLogs {
    /// What was asked for, at most five.
    pub logs: Vec<ShownLog>,
    /// The names of the jobs.
    pub jobs: Vec<String>,
    /// They were kept here at that time, and the platform was not asked or has them no longer.
    pub kept_at: Option<Timestamp>,
    /// Why the platform does not show them.
    pub away: Option<String>,
}

impl ShownLogs {
    /// Every log could be had.
    pub(super) fn is_there(&self) -> bool {
        self.logs.iter().all(|log| log.problem.is_none())
    }
}

impl PipelineDesk {
    /// The logs of a run: of what failed where no job is named, of everything that there is where nothing failed. Where the
    /// platform cannot be asked or has them no longer, those of what failed that were kept here.
    ///
    /// # Errors
    /// There is no such run or job, or the platform refused. A single log that cannot be had says why instead.
    pub async fn logs(&self, id: PipelineRunId, query: &LogQuery) -> Result<ShownLogs, PipelineError> {
        let _asking = self.may_ask()?;
        let kept = self.run(id).await?;
        let there = self.logs_there(&kept, query).await;
        let away = match &there {
            Ok(shown) if shown.is_there() => return there,
            Ok(shown) => shown.logs.iter().find_map(|log| log.problem.clone()),
            Err(PipelineError::Platform(_) | PipelineError::NoPlatform { .. }) => {
                there.as_ref().err().map(|error| self.clean(&error.to_string()))
            }
            Err(_) => return there,
        };
        match self.kept_logs(&kept, query).await? {
            Some(shown) => Ok(ShownLogs { away, ..shown }),
            None => there,
        }
    }

    /// The logs as the platform has them.
    pub(super) async fn logs_there(
        &self,
        kept: &KeptRun,
        query: &LogQuery,
    ) -> Result<ShownLogs, PipelineError> {
        let known = self.known_as(kept.clone())?;
        let deadline = Instant::now() + TIME;
        let jobs = timeout_at(deadline, known.platform.jobs(&known.run.id)).await;
        let jobs = match jobs {
            Ok(jobs) => jobs?,
            Err(_) => known.kept.jobs.clone(),
        };
        let mut wanted = wanted(&known, &jobs, query.job.as_deref())?;
        wanted.truncate(MOST_LOGS);
        if query.after.is_some() && wanted.len() > 1 {
            let help = "`after` goes on in one log: name a job that has one".to_owned();
            return Err(PipelineError::Invalid(help));
        }
        let mut logs = Vec::new();
        for log in &wanted {
            logs.push(self.show(&known, log, query, deadline, wanted.len()).await);
        }
        Ok(ShownLogs {
            logs,
            jobs: jobs.into_iter().map(|job| job.name).collect(),
            kept_at: None,
            away: None,
        })
    }

    async fn show(
        &self,
        known: &Known,
        log: &NamedLog,
        query: &LogQuery,
        deadline: Instant,
        count: usize,
    ) -> ShownLog {
        let mut read = Read::at(query.after.unwrap_or(0));
        let problem = match timeout_at(deadline, read.go_on(known, &log.log)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(self.clean(&error.to_string())),
            Err(_) => Some("it took too long to read all of it".to_owned()),
        };
        let text = self.clean(&as_seen(&read.text));
        let (text, is_cut) = narrow(&text, query, count);
        ShownLog {
            name: self.clean(&log.name),
            text,
            next: read.next,
            is_complete: read.is_complete,
            is_cut: is_cut || read.is_cut,
            problem,
        }
    }
}

fn wanted(known: &Known, jobs: &[RunJob], job: Option<&str>) -> Result<Vec<NamedLog>, PipelineError> {
    if let Some(named) = job {
        let found: Vec<&RunJob> = jobs
            .iter()
            .filter(|job| job.name == named || job.id == named)
            .collect();
        if found.is_empty() {
            let names: Vec<&str> = jobs.iter().take(20).map(|job| job.name.as_str()).collect();
            return Err(PipelineError::Invalid(format!(
                "the run has no job called `{named}`; there are: {}",
                names.join(", ")
            )));
        }
        return Ok(found.into_iter().flat_map(RunJob::logs).collect());
    }
    let failed = known.run.logs_of_failure(jobs);
    if !failed.is_empty() {
        return Ok(failed);
    }
    if let Some(log) = known.run.whole_log() {
        return Ok(vec![log]);
    }
    // What has not begun has no log; the last ones say most.
    let begun = jobs
        .iter()
        .filter(|job| !matches!(job.standing.state, RunState::Queued | RunState::Skipped));
    let mut logs: Vec<NamedLog> = begun.flat_map(RunJob::logs).collect();
    Ok(logs.split_off(logs.len().saturating_sub(MOST_LOGS)))
}

/// A log as far as it was read.
struct Read {
    text: String,
    next: u64,
    is_complete: bool,
    is_cut: bool,
}

impl Read {
    const fn at(next: u64) -> Self {
        Self {
            text: String::new(),
            next,
            is_complete: false,
            is_cut: false,
        }
    }

    async fn go_on(&mut self, known: &Known, log: &str) -> Result<(), CiError> {
        let mut empty = 0;
        while !self.is_complete && empty < MOST_EMPTY {
            let part = known.platform.log(&known.run.id, log, self.next).await?;
            self.text.push_str(&part.text);
            if self.text.len() > MOST_READ_BYTES {
                let from = self.text.ceil_char_boundary(self.text.len() - MOST_READ_BYTES);
                self.text.drain(..from);
                self.is_cut = true;
            }
            empty += u32::from(part.text.is_empty());
            self.next = part.next;
            self.is_complete = part.is_complete;
        }
        Ok(())
    }
}

/// The last lines of a log that is there, within what one of so many may take.
pub(super) fn narrow(text: &str, query: &LogQuery, count: usize) -> (String, bool) {
    pick(text, query, MOST_ANSWERED_BYTES / count.max(1))
}

/// The last lines that are asked for, within the bytes that there are; true where some were left out.
fn pick(text: &str, query: &LogQuery, most_bytes: usize) -> (String, bool) {
    let search = query.search.as_ref().map(|search| search.to_lowercase());
    let most = query.tail.unwrap_or(USUAL_LINES).min(MOST_LINES);
    let mut picked = Vec::new();
    let (mut bytes, mut is_cut) = (0, false);
    for line in text.lines().rev() {
        if search
            .as_ref()
            .is_some_and(|search| !line.to_lowercase().contains(search))
        {
            continue;
        }
        let line = &line[..line.floor_char_boundary(MOST_LINE_BYTES)];
        bytes += line.len() + 1;
        if picked.len() >= most || bytes > most_bytes {
            is_cut = true;
            break;
        }
        picked.push(line);
    }
    picked.reverse();
    let mut text = picked.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    (text, is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_that_hold_a_text_are_picked() {
        let text = "Error: one\nfine\nerror: two\nfine\n";
        let query = |tail, search: Option<&str>| LogQuery {
            tail,
            search: search.map(str::to_owned),
            ..LogQuery::default()
        };
        let table = [
            (query(None, None), text, false),
            (query(Some(1), None), "fine\n", true),
            (query(None, Some("ERROR")), "Error: one\nerror: two\n", false),
            (query(Some(1), Some("error")), "error: two\n", true),
            (query(None, Some("none")), "", false),
        ];
        for (query, expected, is_cut) in table {
            assert_eq!(pick(text, &query, 1_000), (expected.to_owned(), is_cut));
        }
        assert_eq!(pick(text, &LogQuery::default(), 6), ("fine\n".to_owned(), true));
    }
}
