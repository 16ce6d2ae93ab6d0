//! Workflows of GitHub Actions.
//! Source: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>.

pub(crate) mod actions;
mod cache;
mod expression;
mod job;
mod step;

use std::collections::BTreeMap;

use pilotage_core::{
    pipeline::{ConcurrencyScope, Input, InputKind, Pattern, Pipeline, Triggers, Variables},
    ports::{PipelineRenderer, RenderError, Rendered, RenderedFile},
};

use crate::pipelines::{Map, Notes, Yaml, heading};

/// Writes `.github/workflows/ID.yml`.
pub(crate) struct Workflow;

impl PipelineRenderer for Workflow {
    fn render(&self, pipeline: &Pipeline) -> Result<Rendered, RenderError> {
        let notes = Notes::default();
        let mut root = Map::new();
        root.comment(heading(pipeline))
            .set("name", pipeline.name.as_str());
        root.gap().set("on", triggers(&pipeline.triggers));
        root.gap()
            .comment("No job may do anything that it does not ask for.")
            .set("permissions", Yaml::Raw("{}".to_owned()));
        if let Some(concurrency) = &pipeline.concurrency {
            let mut map = Map::new();
            map.set(
                "group",
                match concurrency.per {
                    ConcurrencyScope::Branch => "${{ github.workflow }}-${{ github.ref }}",
                    ConcurrencyScope::Pipeline => "${{ github.workflow }}",
                },
            )
            .set("cancel-in-progress", concurrency.cancel_running);
            root.gap().set("concurrency", map);
        }
        if !pipeline.variables.is_empty() {
            root.gap().set("env", variables(&pipeline.variables, false));
        }
        let mut shell = Map::new();
        shell.set("shell", "bash");
        let mut run = Map::new();
        run.set("run", shell);
        root.gap()
            .comment("With bash a pipe fails when any of its commands fails.")
            .set("defaults", run);
        let mut jobs = Map::new();
        for job in &pipeline.jobs {
            jobs.gap().set(job.id.as_str(), job::job(pipeline, job, &notes));
        }
        root.gap().set("jobs", jobs);
        Ok(Rendered {
            files: vec![RenderedFile {
                path: format!(".github/workflows/{}.yml", pipeline.id),
                text: root.document(),
            }],
            warnings: notes.into_warnings(),
        })
    }
}

pub(super) fn variables(variables: &Variables, is_container: bool) -> Map {
    let mut map = Map::new();
    for (name, value) in variables {
        map.set(name.as_str(), expression::text(value, is_container));
    }
    map
}

fn triggers(triggers: &Triggers) -> Map {
    let mut on = Map::new();
    if let Some(push) = &triggers.push {
        let mut map = Map::new();
        if push.branches.is_empty() && push.tags.is_empty() {
            map.set("branches", Yaml::flow(["**"]));
        }
        set_patterns(&mut map, "branches", &push.branches);
        set_patterns(&mut map, "tags", &push.tags);
        on.set("push", map);
    }
    if let Some(branches) = &triggers.pull_request {
        let mut map = Map::new();
        set_patterns(&mut map, "branches", branches);
        on.set("pull_request", map);
    }
    if !triggers.schedules.is_empty() {
        let times = triggers.schedules.iter().map(|schedule| {
            let mut map = Map::new();
            map.set("cron", schedule.cron.as_str());
            Yaml::Map(map)
        });
        on.comment("Times are in UTC; the default branch is built.")
            .set("schedule", times.collect::<Vec<_>>());
    }
    if let Some(inputs) = &triggers.manual {
        let mut map = Map::new();
        map.set_full("inputs", self::inputs(inputs));
        on.set("workflow_dispatch", map);
    }
    on
}

/// `*` stops at a `/` here, `**` does not.
fn set_patterns(map: &mut Map, key: &str, patterns: &[Pattern]) {
    if patterns.is_empty() {
        return;
    }
    let written = patterns.iter().map(|pattern| match pattern {
        Pattern::Exact(name) => name.clone(),
        Pattern::Prefix(prefix) => format!("{prefix}**"),
    });
    map.set(key, Yaml::flow(written));
}

fn inputs(inputs: &BTreeMap<String, Input>) -> Map {
    let mut all = Map::new();
    for (name, input) in inputs {
        let mut map = Map::new();
        if !input.description.is_empty() {
            map.set("description", input.description.as_str());
        }
        let (kind, default) = match input.kind {
            InputKind::String => ("string", Yaml::from(input.default.as_str())),
            InputKind::Number => ("number", Yaml::Raw(input.default.clone())),
            InputKind::Boolean => ("boolean", Yaml::Raw(input.default.clone())),
            InputKind::Choice => ("choice", Yaml::from(input.default.as_str())),
        };
        map.set("type", kind);
        if !input.options.is_empty() {
            map.set("options", Yaml::lines(input.options.clone()));
        }
        map.set("default", default);
        all.set(name.as_str(), map);
    }
    all
}
