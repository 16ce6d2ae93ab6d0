//! What came of a run: for people, for programs, and for later.

use std::{fs, path::Path, time::Duration};

use pilotage_core::pipeline::Pipeline;
use pilotage_runners::pipeline::{Ended, Preview, State, Task, went_well};
use serde_json::{Value, json};

use super::place::Place;
use crate::output::{Cell, Output, Style, Table, clean};

/// How a run ended.
pub(super) struct Report<'a> {
    id: &'a str,
    root: &'a Path,
    pipeline: &'a Pipeline,
    jobs: Vec<(&'a Task, &'a Ended)>,
    seconds: f64,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        place: &'a Place,
        pipeline: &'a Pipeline,
        tasks: &'a [Task],
        ends: &'a [Ended],
        took: Duration,
    ) -> Self {
        Self {
            id: &place.id,
            root: &place.root,
            pipeline,
            jobs: tasks.iter().zip(ends).collect(),
            seconds: took.as_secs_f64(),
        }
    }

    pub(super) fn went_well(&self) -> bool {
        went_well(self.jobs.iter().map(|(task, ended)| (*task, ended.state)))
    }

    fn json(&self, notes: &[String]) -> Value {
        let jobs: Vec<Value> = self
            .jobs
            .iter()
            .map(|(task, ended)| self.job(task, ended))
            .collect();
        json!({
            "id": self.id, "pipeline": self.pipeline.id, "succeeded": self.went_well(), "seconds": self.seconds,
            "savedSeconds": self.saved(), "jobs": jobs, "notes": notes,
        })
    }

    fn job(&self, task: &Task, ended: &Ended) -> Value {
        let log = ended
            .log
            .as_ref()
            .map(|log| log.strip_prefix(self.root).unwrap_or(log));
        json!({
            "name": task.name, "job": task.job.id, "matrix": task.combination, "state": ended.state,
            "allowedToFail": task.job.allow_failure, "cached": ended.cached, "reason": ended.reason,
            "attempts": ended.attempts, "seconds": ended.seconds, "savedSeconds": ended.saved_seconds, "log": log,
        })
    }

    fn saved(&self) -> f64 {
        self.jobs.iter().map(|(_, ended)| ended.saved_seconds).sum()
    }

    /// Writes the report beside the logs. A full disk is no failure of the run.
    pub(super) fn keep(&self, place: &Place) {
        let _ = fs::write(place.run.join("run.json"), format!("{:#}\n", self.json(&[])));
    }

    pub(super) fn show(&self, output: Output, notes: &[String]) -> anyhow::Result<()> {
        if output.is_json() {
            return output.json(&self.json(notes));
        }
        for (task, ended) in &self.jobs {
            if ended.state == State::Failed {
                let log = ended
                    .log
                    .as_ref()
                    .map(|log| log.strip_prefix(self.root).unwrap_or(log));
                let log = log
                    .map(|log| format!("; see {}", log.display()))
                    .unwrap_or_default();
                let label = output.paint(Style::Bad, "failed");
                let (name, reason) = (clean(&task.name), clean(&format!("{}{log}", ended.reason)));
                output.line(format_args!("{label}  {name}: {reason}"))?;
            }
        }
        output.line(self.sum())?;
        Ok(())
    }

    fn sum(&self) -> String {
        let count = |state: State| self.jobs.iter().filter(|(_, ended)| ended.state == state).count();
        let cached = self.jobs.iter().filter(|(_, ended)| ended.cached).count();
        let mut parts = Vec::new();
        match (count(State::Succeeded), cached) {
            (done, 0) => parts.push(format!("{done} succeeded")),
            (done, cached) => parts.push(format!("{done} succeeded ({cached} cached)")),
        }
        let others = [
            (State::Failed, "failed"),
            (State::Cancelled, "cancelled"),
            (State::Skipped, "skipped"),
            (State::Unaffected, "unaffected"),
        ];
        for (state, word) in others {
            if count(state) > 0 {
                parts.push(format!("{} {word}", count(state)));
            }
        }
        let saved = match self.saved() {
            saved if saved > 0.0 => format!(", {saved:.1} s of work saved"),
            _ => String::new(),
        };
        let jobs = if self.jobs.len() == 1 {
            "1 job".to_owned()
        } else {
            format!("{} jobs", self.jobs.len())
        };
        format!("{jobs} in {:.1} s: {}{saved}", self.seconds, parts.join(", "))
    }
}

/// What a run would do.
pub(super) fn preview(
    output: Output,
    pipeline: &Pipeline,
    tasks: &[Task],
    previews: &[Preview],
) -> anyhow::Result<()> {
    if output.is_json() {
        let jobs: Vec<Value> = tasks
            .iter()
            .zip(previews)
            .map(|(task, preview)| {
                json!({
                    "name": task.name, "job": task.job.id, "matrix": task.combination, "runs": preview.runs,
                    "cached": preview.cached, "skipped": preview.skipped, "reason": preview.reason,
                })
            })
            .collect();
        return output.json(&json!({ "pipeline": pipeline.id, "dryRun": true, "jobs": jobs }));
    }
    let mut table = Table::new(&["JOB", "WHAT", "WHY"]);
    for (task, preview) in tasks.iter().zip(previews) {
        let what = match preview {
            Preview { runs: true, .. } => "run",
            Preview { cached: true, .. } => "cached",
            Preview { skipped: true, .. } => "skip",
            _ => "leave out",
        };
        table.row([Cell::id(&task.name), what.into(), preview.reason.as_str().into()]);
    }
    Ok(output.table(&table)?)
}
