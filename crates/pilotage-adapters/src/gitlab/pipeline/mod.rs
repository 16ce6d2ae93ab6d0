//! `.gitlab-ci.yml`. Source: <https://docs.gitlab.com/ci/yaml/>.

mod job;
mod rules;
mod script;

use pilotage_core::{
    pipeline::{Pipeline, Reference, Template, Variables},
    ports::{PipelineRenderer, RenderError, Rendered, RenderedFile},
};

use crate::pipelines::{Map, Notes, Yaml, heading};

/// Writes `.gitlab-ci.yml`.
pub(crate) struct Configuration;

impl PipelineRenderer for Configuration {
    fn render(&self, pipeline: &Pipeline) -> Result<Rendered, RenderError> {
        let notes = Notes::default();
        let mut root = Map::new();
        root.comment(heading(pipeline));
        root.set("stages", Yaml::lines(pipeline.stages.clone()));
        root.gap().set("workflow", workflow(pipeline, &notes));
        let variables = global_variables(pipeline);
        if !variables.is_empty() {
            root.gap().set("variables", variables);
        }
        if pipeline
            .concurrency
            .is_some_and(|concurrency| concurrency.cancel_running)
        {
            let mut default = Map::new();
            default.set("interruptible", true);
            root.gap()
                .comment("A newer commit on the branch stops what runs for an older one.")
                .set("default", default);
        }
        for job in &pipeline.jobs {
            root.gap().set(name(&job.id), job::job(pipeline, job, &notes)?);
        }
        tell_of_secrets(pipeline, &notes);
        Ok(Rendered {
            files: vec![RenderedFile {
                path: ".gitlab-ci.yml".to_owned(),
                text: root.document(),
            }],
            warnings: notes.into_warnings(),
        })
    }
}

/// Keys at the root that mean something else than a job.
const RESERVED: [&str; 13] = [
    "image",
    "services",
    "stages",
    "types",
    "before_script",
    "after_script",
    "variables",
    "cache",
    "include",
    "default",
    "pages",
    "workflow",
    "spec",
];

/// The name of a job.
fn name(id: &str) -> String {
    if RESERVED.contains(&id) {
        format!("{id}_job")
    } else {
        id.to_owned()
    }
}

fn workflow(pipeline: &Pipeline, notes: &Notes) -> Map {
    let mut map = Map::new();
    map.set("name", pipeline.name.as_str());
    if let Some(concurrency) = pipeline.concurrency {
        if concurrency.cancel_running {
            let mut cancel = Map::new();
            cancel.set("on_new_commit", "interruptible");
            map.set("auto_cancel", cancel);
        } else {
            notes.whole("GitLab does not let whole pipelines wait for each other: give jobs a `concurrency` where that matters");
        }
    }
    if !pipeline.triggers.schedules.is_empty() {
        let times: Vec<String> = pipeline
            .triggers
            .schedules
            .iter()
            .map(|schedule| format!("`{}` on {}", schedule.cron, schedule.branch))
            .collect();
        notes.whole(format!(
            "GitLab keeps times in the settings of the project: add schedules there for {}",
            times.join(" and ")
        ));
        map.comment(format!(
            "Schedules of the project: {}, in UTC.",
            times.join(" and ")
        ));
    }
    map.set("rules", rules::workflow(&pipeline.triggers));
    map
}

/// Variables of every job, and what people are asked.
fn global_variables(pipeline: &Pipeline) -> Map {
    let mut map = variables(&pipeline.variables);
    for (name, input) in pipeline.triggers.inputs() {
        let mut asked = Map::new();
        asked.set("value", input.default.as_str());
        if !input.options.is_empty() {
            asked.set("options", Yaml::lines(input.options.clone()));
        }
        let about = if input.description.is_empty() {
            name
        } else {
            &input.description
        };
        asked.set("description", about.as_str());
        map.set(input_variable(name), asked);
    }
    map
}

fn variables(variables: &Variables) -> Map {
    let mut map = Map::new();
    for (name, value) in variables {
        map.set(name.as_str(), text(value));
    }
    map
}

/// The variable that an answer comes in.
fn input_variable(name: &str) -> String {
    format!("INPUT_{}", name.to_ascii_uppercase())
}

/// The variable that the value of an axis comes in.
fn axis_variable(axis: &str) -> String {
    format!("MATRIX_{}", axis.to_ascii_uppercase())
}

/// A template where GitLab expands variables: `variables`, `image`, `environment:url`, `artifacts:name`.
fn text(template: &Template) -> String {
    template.write(|literal| literal.replace('$', "$$"), value)
}

/// A template as one word of a script, in double quotes.
fn word(template: &Template) -> String {
    let escape = |literal: &str| {
        let mut escaped = String::new();
        for letter in literal.chars() {
            if "\\\"$`".contains(letter) {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        escaped
    };
    format!("\"{}\"", template.write(escape, value))
}

/// Source of the names: <https://docs.gitlab.com/ci/variables/predefined_variables/>.
fn value(reference: &Reference) -> String {
    match reference {
        Reference::Matrix(axis) => format!("${{{}}}", axis_variable(axis)),
        Reference::Input { name, .. } => format!("${{{}}}", input_variable(name)),
        Reference::Branch => "${CI_COMMIT_REF_NAME}".to_owned(),
        Reference::Tag => "${CI_COMMIT_TAG}".to_owned(),
        Reference::Sha => "${CI_COMMIT_SHA}".to_owned(),
        Reference::Title => "${CI_COMMIT_TITLE}".to_owned(),
        Reference::RunNumber => "${CI_PIPELINE_IID}".to_owned(),
        Reference::RunUrl => "${CI_PIPELINE_URL}".to_owned(),
        Reference::ServiceHost(name) => name.clone(),
    }
}

fn tell_of_secrets(pipeline: &Pipeline, notes: &Notes) {
    let secrets = script::secrets(pipeline);
    if !secrets.is_empty() {
        notes.whole(format!(
            "GitLab gives the variables of a project to every job: make {} masked and protected there",
            secrets.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
}
