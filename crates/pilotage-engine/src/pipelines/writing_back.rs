//! Ends of runs are written back to their commits, where the configuration asks for it: of gates, and of pipelines on
//! other platforms than the one that shows the commit.
//!
//! What is to be written is read from the tables, and writing it again changes nothing: after a crash the last hour is
//! gone through once more. Whatever becomes of it is on the audit trail.

use std::{collections::HashMap, sync::Arc, time::Duration};

use pilotage_core::{
    Timestamp,
    gate::{GateRun, GateState, Report, Verdict},
    operation::short_line,
    pipeline_run::{Check, CheckState, KeptRun, PlatformWays, RunState},
    ports::{GateRunFilter, PipelineRunFilter, StoreError},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{PipelineDesk, PipelineError};

/// How often the tables are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// Ends of before are not written any more.
const LOOK_BACK: Duration = Duration::from_hours(1);
/// Runs of each kind that are looked at, the newest.
const MOST_RUNS: usize = 50;
/// How long the logs of a run that failed are waited for.
const LOGS_TIMEOUT: Duration = Duration::from_mins(1);
/// How often a platform in trouble is asked to take one check.
const MOST_ATTEMPTS: u32 = 10;
/// Ends that are remembered.
const MOST_REMEMBERED: usize = 2_000;
/// Lines of each log that a check shows.
const LINES: usize = 40;

/// An end on its way to a platform.
type Key = (String, Uuid, Timestamp);

/// Which ends were written, and which are tried again when.
#[derive(Default)]
struct Written(HashMap<Key, Attempts>);

struct Attempts {
    count: u32,
    /// `None`: there is nothing more to do.
    due: Option<Timestamp>,
}

impl Written {
    fn is_due(&self, key: &Key, now: Timestamp) -> bool {
        let known = self.0.get(key);
        known.is_none_or(|attempts| attempts.due.is_some_and(|due| due <= now))
    }

    fn note(&mut self, key: Key, again: bool, now: Timestamp) {
        if self.0.len() >= MOST_REMEMBERED {
            self.0.retain(|(_, _, end), _| now.since(*end) < LOOK_BACK);
        }
        let attempts = self.0.entry(key).or_insert(Attempts { count: 0, due: None });
        attempts.count += 1;
        let pause = EVERY * 2_u32.pow(attempts.count.min(MOST_ATTEMPTS));
        attempts.due = (again && attempts.count < MOST_ATTEMPTS).then(|| now + pause);
    }
}

impl PipelineDesk {
    /// Writes ends back to commits until `stop`.
    pub async fn write_back(self: Arc<Self>, stop: CancellationToken) {
        let mut written = Written::default();
        while !stop.is_cancelled() {
            if let Err(error) = self.write_ends(&mut written).await {
                tracing::error!(%error, "ends could not be written back to commits; it is tried again");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn write_ends(&self, written: &mut Written) -> Result<(), StoreError> {
        let all = self.ways.load_full();
        for (platform, ways) in all.iter() {
            if ways.reports_gates {
                self.write_gates(platform, ways, written).await?;
            }
            for of in &ways.reports_runs {
                self.write_runs(platform, ways, of, written).await?;
            }
        }
        Ok(())
    }

    async fn write_gates(
        &self,
        platform: &str,
        ways: &PlatformWays,
        written: &mut Written,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let runs = &self.ports.gate_runs;
        let page = runs.gate_runs(&GateRunFilter::default(), None, MOST_RUNS).await?;
        for run in page.items {
            let Some((end, commit)) = ended(run.finished_at, run.commit.as_deref(), now) else {
                continue;
            };
            let key = (platform.to_owned(), run.id.0, end);
            if run.changed || !written.is_due(&key, now) {
                continue;
            }
            let document = match run.report {
                Some(digest) => runs.document(digest).await?,
                None => None,
            };
            let report = document.and_then(|document| serde_json::from_slice(&document).ok());
            let check = of_gates(&run, report.as_ref(), commit, ways);
            let again = self.try_to_write(platform, &check).await?;
            written.note(key, again, now);
        }
        Ok(())
    }

    async fn write_runs(
        &self,
        platform: &str,
        ways: &PlatformWays,
        of: &str,
        written: &mut Written,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let filter = PipelineRunFilter {
            platform: Some(of.to_owned()),
            ..PipelineRunFilter::default()
        };
        let page = self.runs().pipeline_runs(&filter, None, MOST_RUNS).await?;
        for run in page.items {
            let commit = run.seen.as_ref().and_then(|seen| seen.commit.as_deref());
            let Some((end, commit)) = ended(run.finished_at, commit, now) else {
                continue;
            };
            let key = (platform.to_owned(), run.id.0, end);
            if !written.is_due(&key, now) {
                continue;
            }
            let logs = self.runs().pipeline_logs(run.id).await?;
            let logs = logs.filter(|logs| logs.at >= end);
            let waits = run.standing.state == RunState::Failed && now.since(end) < LOGS_TIMEOUT;
            if logs.is_none() && waits {
                continue;
            }
            let logs = logs.map_or_else(Vec::new, |logs| logs.logs);
            let logs: Vec<(&str, &str)> = logs
                .iter()
                .map(|log| (log.name.as_str(), log.text.as_str()))
                .collect();
            let check = of_run(&run, &logs, commit, ways);
            let again = self.try_to_write(platform, &check).await?;
            written.note(key, again, now);
        }
        Ok(())
    }

    /// True: it is to be tried again.
    async fn try_to_write(&self, platform: &str, check: &Check) -> Result<bool, StoreError> {
        match self.check("system", platform, check).await {
            Ok(_) => Ok(false),
            Err(PipelineError::Busy) => Ok(true),
            Err(PipelineError::Store(error)) => Err(error),
            Err(error) => {
                let again = matches!(&error, PipelineError::Platform(error) if error.trouble.may_pass());
                let error = self.clean(&error.to_string());
                tracing::warn!(
                    platform,
                    commit = check.commit,
                    error,
                    again,
                    "a check was not written"
                );
                Ok(again)
            }
        }
    }
}

/// The end and the commit of a run that is to be written: it ended lately, and its commit has a full hash.
fn ended(end: Option<Timestamp>, commit: Option<&str>, now: Timestamp) -> Option<(Timestamp, &str)> {
    let end = end.filter(|end| now.since(*end) < LOOK_BACK)?;
    let is_hash = |commit: &&str| {
        (40..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    Some((end, commit.filter(is_hash)?))
}

/// A cell of a table in Markdown, whatever is in it.
fn cell(text: &str) -> String {
    let line = short_line(text, 200);
    line.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('|', "&#124;")
}

fn of_gates(run: &GateRun, report: Option<&Report>, commit: &str, ways: &PlatformWays) -> Check {
    let mut summary = String::new();
    if let Some(report) = report {
        summary.push_str("| gate | state | blocking |\n|---|---|---|\n");
        for gate in &report.gates {
            let state = match gate.state {
                GateState::Passed => "passed",
                GateState::Failed => "failed",
                GateState::Skipped => "skipped",
                GateState::NotRun => "not run",
            };
            let blocking = if gate.blocking { "yes" } else { "no" };
            summary.extend(["| ", &cell(&gate.name), " | ", state, " | ", blocking, " |\n"]);
        }
    }
    Check {
        commit: commit.to_owned(),
        name: format!("pilotage/gates/{}", run.environment),
        state: match run.verdict {
            Some(Verdict::Ready) => CheckState::Success,
            Some(Verdict::NotReady) => CheckState::Failure,
            // That nothing was judged is no permission.
            Some(Verdict::NotJudged) => CheckState::ActionRequired,
            None => CheckState::Cancelled,
        },
        title: short_line(&run.message, 200),
        summary,
        annotations: Vec::new(),
        url: page(ways, &format!("gates/runs/{}", run.id)),
        or_mark: true,
    }
}

fn of_run(run: &KeptRun, logs: &[(&str, &str)], commit: &str, ways: &PlatformWays) -> Check {
    let mut summary = String::from("| job | state |\n|---|---|\n");
    for job in run.jobs.iter().take(100) {
        let state = job.standing.state.as_str();
        summary.extend(["| ", &cell(&job.name), " | ", state, " |\n"]);
    }
    for (name, text) in logs {
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
        let fence = fence(&last);
        let title = cell(name);
        summary.extend([
            "\n**", &title, "**\n\n", &fence, "text\n", &last, "\n", &fence, "\n",
        ]);
    }
    Check {
        commit: commit.to_owned(),
        name: format!(
            "pilotage/{}/{}",
            run.platform,
            run.pipeline().unwrap_or("pipeline")
        ),
        state: match run.standing.state {
            RunState::Succeeded => CheckState::Success,
            RunState::Failed => CheckState::Failure,
            RunState::Skipped => CheckState::Skipped,
            _ => CheckState::Cancelled,
        },
        title: short_line(&run.summary(), 200),
        summary,
        annotations: Vec::new(),
        url: page(ways, &format!("pipelines/{}", run.id)).or_else(|| run.url().map(str::to_owned)),
        or_mark: true,
    }
}

/// Longer than any row of backticks in the text, so that nothing in it ends the block.
fn fence(text: &str) -> String {
    let rows = text.split(|letter| letter != '`').map(str::len);
    "`".repeat(rows.max().unwrap_or(0).max(2) + 1)
}

fn page(ways: &PlatformWays, path: &str) -> Option<String> {
    ways.public_url.as_ref().map(|url| format!("{url}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_wrote_ends_no_block_and_adds_no_cell() {
        assert_eq!(fence("a `b` c"), "```");
        assert_eq!(fence("``` x ````"), "`````");
        assert_eq!(cell("a | <b>\nc"), "a &#124; &lt;b> c");
    }

    #[test]
    fn only_late_ends_of_whole_commits_are_written_and_trouble_is_tried_again_for_a_while() {
        let (hash, now) = ("a".repeat(40), Timestamp::from_secs(10_000));
        let at = Timestamp::from_secs;
        assert_eq!(
            ended(Some(at(9_000)), Some(&hash), now),
            Some((at(9_000), hash.as_str()))
        );
        for (end, commit) in [
            (None, Some(hash.as_str())),
            (Some(at(6_000)), Some(&hash)),
            (Some(at(9_000)), Some("aaaaaaa")),
            (Some(at(9_000)), None),
        ] {
            assert_eq!(ended(end, commit, now), None);
        }
        let mut written = Written::default();
        let key = ("gh".to_owned(), Uuid::nil(), at(9_000));
        assert!(written.is_due(&key, now));
        let mut tried = 0;
        let mut clock = now;
        while tried < 100 && (tried == 0 || written.0[&key].due.is_some()) {
            clock = written.0.get(&key).and_then(|one| one.due).unwrap_or(clock);
            assert!(written.is_due(&key, clock));
            written.note(key.clone(), true, clock);
            tried += 1;
        }
        assert_eq!(tried, MOST_ATTEMPTS);
        assert!(!written.is_due(&key, at(1_000_000)));
    }
}
