//! `azure-pipelines.yml`. Source: <https://learn.microsoft.com/en-us/azure/devops/pipelines/yaml-schema/>.

mod expression;
mod job;
mod report;
mod stage;
mod step;

use pilotage_core::{
    pipeline::{ConcurrencyScope, InputKind, Pattern, Pipeline, Trigger, Triggers},
    ports::{PipelineRenderer, RenderError, Rendered, RenderedFile},
};

use crate::pipelines::{Map, Notes, Yaml, heading};

/// Writes `azure-pipelines.yml`.
pub(crate) struct AzurePipeline;

impl PipelineRenderer for AzurePipeline {
    fn render(&self, pipeline: &Pipeline) -> Result<Rendered, RenderError> {
        let notes = Notes::default();
        let mut root = Map::new();
        root.comment(heading(pipeline));
        set_triggers(pipeline, &mut root, &notes);
        let parameters = parameters(&pipeline.triggers);
        if !parameters.is_empty() {
            root.gap().set("parameters", parameters);
        }
        let containers = containers(pipeline);
        if !containers.is_empty() {
            let mut resources = Map::new();
            resources.set("containers", containers);
            root.gap().set("resources", resources);
        }
        if !pipeline.variables.is_empty() {
            let mut variables = Map::new();
            for (name, value) in &pipeline.variables {
                variables.set(name.as_str(), expression::text(value, false));
            }
            root.gap()
                .comment("Variables reach scripts as environment variables.")
                .set("variables", variables);
        }
        root.gap().set("stages", stage::stages(pipeline, &notes)?);
        Ok(Rendered {
            files: vec![RenderedFile {
                path: "azure-pipelines.yml".to_owned(),
                text: root.document(),
            }],
            warnings: notes.into_warnings(),
        })
    }
}

pub(super) fn refuse(job: &str, reason: impl Into<String>) -> RenderError {
    RenderError {
        platform: "Azure DevOps",
        job: job.to_owned(),
        reason: reason.into(),
    }
}

fn set_triggers(pipeline: &Pipeline, root: &mut Map, notes: &Notes) {
    let triggers = &pipeline.triggers;
    let cancels = pipeline.concurrency.map(|concurrency| concurrency.cancel_running);
    match &triggers.push {
        None => {
            root.set("trigger", "none");
        }
        Some(push) => {
            let mut map = Map::new();
            if pipeline.concurrency.is_some() {
                map.comment("While a run is under way, further pushes are built together when it has ended.")
                    .set("batch", true);
            }
            if push.branches.is_empty() && push.tags.is_empty() {
                set_refs(&mut map, "branches", &[Pattern::Prefix(String::new())]);
            }
            set_refs(&mut map, "branches", &push.branches);
            set_refs(&mut map, "tags", &push.tags);
            root.set("trigger", map);
        }
    }
    match &triggers.pull_request {
        None => {
            root.set("pr", "none");
        }
        Some(branches) => {
            let mut map = Map::new();
            map.set("autoCancel", cancels.unwrap_or(false));
            let any = [Pattern::Prefix(String::new())];
            set_refs(
                &mut map,
                "branches",
                if branches.is_empty() { &any } else { branches },
            );
            root.gap()
                .comment("For code on GitHub or Bitbucket. Azure Repos starts it by a branch policy instead.")
                .set("pr", map);
            notes.whole(
                "code in Azure Repos needs a branch policy with build validation: `pr` is for other hosts",
            );
        }
    }
    if !triggers.schedules.is_empty() {
        root.gap().set("schedules", schedules(triggers));
    }
    if let Some(concurrency) = pipeline.concurrency {
        if concurrency.cancel_running {
            notes.whole(
                "Azure DevOps stops older runs of pull requests alone; pushes wait and are built together",
            );
        }
        if concurrency.per == ConcurrencyScope::Pipeline {
            notes.whole("Azure DevOps lets pushes wait for each other by branch, not by pipeline");
        }
    }
    if triggers.has(Trigger::Manual) && triggers.push.is_none() {
        notes.whole("anybody who may queue builds may start it by hand");
    }
}

fn set_refs(map: &mut Map, key: &str, patterns: &[Pattern]) {
    if patterns.is_empty() {
        return;
    }
    let mut refs = Map::new();
    refs.set("include", Yaml::flow(patterns.iter().map(Pattern::written)));
    map.set(key, refs);
}

fn schedules(triggers: &Triggers) -> Vec<Yaml> {
    triggers
        .schedules
        .iter()
        .map(|schedule| {
            let mut branches = Map::new();
            branches.set("include", Yaml::flow([schedule.branch.as_str()]));
            let mut map = Map::new();
            map.set("cron", schedule.cron.as_str())
                .set("displayName", format!("At {}, in UTC", schedule.cron))
                .set("branches", branches)
                .set("always", true)
                .remark("also when nothing was changed");
            Yaml::Map(map)
        })
        .collect()
}

fn parameters(triggers: &Triggers) -> Vec<Yaml> {
    triggers
        .inputs()
        .map(|(name, input)| {
            let (kind, default) = match input.kind {
                InputKind::String | InputKind::Choice => ("string", Yaml::from(input.default.as_str())),
                InputKind::Number => ("number", Yaml::Raw(input.default.clone())),
                InputKind::Boolean => ("boolean", Yaml::Raw(input.default.clone())),
            };
            let mut map = Map::new();
            map.set("name", name.as_str());
            if !input.description.is_empty() {
                map.set("displayName", input.description.as_str());
            }
            map.set("type", kind);
            // An empty default would make the parameter one that has to be given.
            map.set(
                "default",
                if input.default.is_empty() {
                    Yaml::from(" ")
                } else {
                    default
                },
            );
            if !input.options.is_empty() {
                map.set("values", Yaml::lines(input.options.clone()));
            }
            Yaml::Map(map)
        })
        .collect()
}

/// Services are containers that are declared once and named by jobs.
fn containers(pipeline: &Pipeline) -> Vec<Yaml> {
    let mut all = Vec::new();
    for job in &pipeline.jobs {
        for (name, service) in &job.services {
            let mut map = Map::new();
            map.set("container", container_name(&job.id, name))
                .set("image", service.image.as_str());
            let mut env = Map::new();
            for (name, value) in &service.variables {
                env.set(name.as_str(), value.as_str());
            }
            map.set_full("env", env);
            if job.image.is_none() && !service.ports.is_empty() {
                map.set(
                    "ports",
                    Yaml::flow(service.ports.iter().map(|port| format!("{port}:{port}"))),
                );
            }
            all.push(Yaml::Map(map));
        }
    }
    all
}

fn container_name(job: &str, service: &str) -> String {
    format!("{job}_{service}")
}
