//! Which logs of a run are meant, and how they read.

use serde::{Deserialize, Serialize};

use super::{PipelineRun, RunJob, RunState};
use crate::Timestamp;

/// A log that is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLog {
    /// Of what it is, for people: a job, a step of it, or the whole run.
    pub name: String,
    /// Names it for [`crate::ports::CiPlatform::log`].
    pub log: String,
    /// It grows no more.
    pub has_ended: bool,
}

/// A log of what failed, as it is kept here: without colours and secrets, and only its end where it is long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptLog {
    /// Of what it is.
    pub name: String,
    /// Its last lines.
    pub text: String,
    /// Lines before were left out.
    pub is_cut: bool,
}

/// The logs of what failed in a run, kept for when the platform cannot be asked or has them no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLogs {
    /// When they were read.
    pub at: Timestamp,
    /// The logs.
    pub logs: Vec<KeptLog>,
}

impl RunJob {
    /// The job's log, or the logs of its steps where it has none of its own.
    pub fn logs(&self) -> Vec<NamedLog> {
        let named = |name: String, log: &str, state: RunState| NamedLog {
            name,
            log: log.to_owned(),
            has_ended: state.is_final(),
        };
        if let Some(log) = &self.log {
            return vec![named(self.name.clone(), log, self.standing.state)];
        }
        let steps = self.steps.iter().filter_map(|step| {
            let log = step.log.as_ref()?;
            let name = format!("{} / {}", self.name, step.name);
            Some(named(name, log, step.standing.state))
        });
        steps.collect()
    }

    /// The logs of the steps that failed, or the job's where no step says that it failed.
    fn logs_of_failure(&self) -> Vec<NamedLog> {
        let steps = self
            .steps
            .iter()
            .filter(|step| step.standing.state == RunState::Failed);
        let steps = steps.filter_map(|step| {
            Some(NamedLog {
                name: format!("{} / {}", self.name, step.name),
                log: step.log.clone()?,
                has_ended: true,
            })
        });
        let found: Vec<NamedLog> = steps.collect();
        if found.is_empty() { self.logs() } else { found }
    }
}

impl PipelineRun {
    /// The log of the whole run, where the platform keeps one.
    pub fn whole_log(&self) -> Option<NamedLog> {
        Some(NamedLog {
            name: self.pipeline.clone(),
            log: self.log.clone()?,
            has_ended: self.standing.state.is_final(),
        })
    }

    /// The logs of what failed.
    pub fn logs_of_failure(&self, jobs: &[RunJob]) -> Vec<NamedLog> {
        let failed = jobs.iter().filter(|job| job.standing.state == RunState::Failed);
        let mut found: Vec<NamedLog> = failed.flat_map(RunJob::logs_of_failure).collect();
        if found.is_empty() && self.standing.state == RunState::Failed {
            found.extend(self.whole_log());
        }
        found
    }
}

/// As a terminal shows it in the end: lines that write over themselves show what came last. GitLab marks sections so.
pub fn as_seen(text: &str) -> String {
    let plain = without_colours(&text.replace("\r\n", "\n"));
    let seen = plain.split_inclusive('\n');
    seen.map(|line| line.rsplit('\r').next().unwrap_or(line))
        .collect()
}

/// The text without the sequences that colour it and move the cursor (ECMA-48: ESC, `[`, parameters, a letter).
pub fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
        let is_one = end.is_some_and(|end| sequence[..end].bytes().all(|byte| (0x20..0x40).contains(&byte)));
        match end {
            Some(end) if is_one => rest = &sequence[end + 1..],
            _ => {
                plain.push('\u{1b}');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_everything_else_stays() {
        let table = [
            ("\u{1b}[32mok\u{1b}[0m", "ok"),
            ("a\u{1b}[1;31mb\u{1b}[Kc", "abc"),
            ("\u{1b}]0;title\u{7}", "\u{1b}]0;title\u{7}"),
            ("\u{1b}[", "\u{1b}["),
            ("\u{1b}[\u{1b}[0mx", "\u{1b}[x"),
            ("é\u{1b}[é", "é\u{1b}[é"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(without_colours(text), expected, "{text:?}");
        }
        assert_eq!(
            as_seen("10 %\r100 %\r\nsection_start:1:a\r\u{1b}[0Kbegins\n"),
            "100 %\nbegins\n"
        );
    }
}
