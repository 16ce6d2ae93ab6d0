//! A line, or a JSON document, for every change.

use std::collections::HashMap;

use pilotage_core::{
    Timestamp,
    pipeline_run::{RunStep, Standing},
};
use serde_json::json;

use super::Look;
use crate::{
    commands::ci::platform::standing,
    output::{Output, clean, escape_json},
};

/// What was told already.
pub(super) struct Lines {
    output: Output,
    told: HashMap<String, Standing>,
}

impl Lines {
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            told: HashMap::new(),
        }
    }

    pub(super) fn tell(&mut self, look: &Look) -> anyhow::Result<()> {
        let run = &look.run;
        // The end of the run is told behind what it consists of.
        if !run.standing.state.is_final() {
            self.run(look)?;
        }
        for job in &look.jobs {
            let key = format!("job {} {}", run.attempt, job.id);
            if self.is_new(&key, &job.standing) {
                let steps = job.steps.iter().filter(|_| job.standing.state.is_final());
                let failed: Vec<&str> = steps
                    .filter(|step| is_bad(step))
                    .map(|step| &*step.name)
                    .collect();
                let at = match failed.first() {
                    Some(step) => format!(" at `{}`", clean(step)),
                    None => String::new(),
                };
                self.line(
                    "job",
                    &json!(job),
                    &format!("{}: {}{at}", clean(&job.name), self.word(&job.standing)),
                )?;
            }
            for step in &job.steps {
                let key = format!("step {} {} {}", run.attempt, job.id, step.name);
                if self.is_new(&key, &step.standing) && self.output.is_json() {
                    let facts = json!({"job": job.id, "step": step});
                    self.line("step", &facts, "")?;
                }
            }
        }
        if run.standing.state.is_final() {
            self.run(look)?;
        }
        Ok(())
    }

    fn run(&mut self, look: &Look) -> anyhow::Result<()> {
        let run = &look.run;
        let key = format!("run {} {}", run.attempt, run.id);
        if self.is_new(&key, &run.standing) {
            let mut text = format!(
                "{} {}: {}",
                clean(&run.pipeline),
                clean(&run.id),
                self.word(&run.standing)
            );
            if let Some(url) = &run.url {
                text = format!("{text}  {}", clean(url));
            }
            self.line("run", &json!(run), &text)?;
        }
        Ok(())
    }

    fn word(&self, told: &Standing) -> String {
        standing(self.output, told)
    }

    fn is_new(&mut self, key: &str, standing: &Standing) -> bool {
        let before = self.told.insert(key.to_owned(), standing.clone());
        before.as_ref() != Some(standing)
    }

    fn line(&self, kind: &str, facts: &serde_json::Value, text: &str) -> anyhow::Result<()> {
        if self.output.is_json() {
            let line = json!({"type": kind, kind: facts}).to_string();
            self.output.line(escape_json(&line))?;
        } else {
            self.output.line(format_args!("{}  {text}", Timestamp::now()))?;
        }
        Ok(())
    }
}

fn is_bad(step: &RunStep) -> bool {
    step.standing.state == pilotage_core::pipeline_run::RunState::Failed
}
