use pilotage_core::pipeline::{
    Action, CacheFile, CheckoutFile, Container, Job, Status, Step, Template, Tool, script,
};

use super::{expression, report};
use crate::pipelines::{Map, Notes, Yaml};

/// A step, and the job that it is of.
pub(super) struct Place<'a> {
    pub(super) job: &'a Job,
    pub(super) step: &'a Step,
}

impl Place<'_> {
    /// What every step may say.
    fn finish(&self, map: &mut Map, usual: &str) {
        map.set("displayName", self.step.name.as_deref().unwrap_or(usual));
        map.set_some("condition", expression::step_condition(self.step.when));
    }

    pub(super) fn task(&self, usual: &str, task: &str, inputs: Map) -> Map {
        let mut map = Map::new();
        map.set("task", task);
        self.finish(&mut map, usual);
        map.set_full("inputs", inputs);
        map
    }

    pub(super) fn bash(&self, usual: &str, script: &str, more: &[(&str, &str)]) -> Map {
        let mut map = Map::new();
        // Without `-e` only the last command of a script decides.
        let is_plain = !script.contains(['\n', '|', ';']);
        map.set(
            "bash",
            if is_plain {
                script.to_owned()
            } else {
                format!("set -eo pipefail\n{script}")
            },
        );
        self.finish(&mut map, usual);
        map.set_some("workingDirectory", self.step.directory.as_deref());
        let mut env = Map::new();
        for secret in &self.step.secrets {
            env.set(secret.as_str(), format!("$({secret})"));
        }
        for (name, value) in more {
            env.set(*name, *value);
        }
        if !self.step.secrets.is_empty() {
            map.comment("Secret variables reach a script only when they are handed over.");
        }
        map.set_full("env", env);
        if self.job.retries > 0 {
            map.set("retryCountOnTaskFailure", self.job.retries);
        }
        map
    }

    pub(super) fn publish(&self, usual: &str, path: &str, artifact: &str) -> Map {
        let mut map = Map::new();
        map.set("publish", path).set("artifact", artifact);
        self.finish(&mut map, usual);
        map
    }

    pub(super) fn text(&self, template: &Template) -> String {
        expression::text(template, self.job.image.is_some())
    }
}

pub(super) fn steps(job: &Job, notes: &Notes) -> Vec<Yaml> {
    let mut maps = Vec::new();
    let checks_out = job
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::Checkout(_)));
    if !checks_out {
        let mut map = Map::new();
        map.set("checkout", "none");
        maps.push(map);
    }
    if job.environment.is_some() {
        let mut map = Map::new();
        map.set("download", "none")
            .remark("a deployment would get every artifact of the run");
        maps.push(map);
    }
    for step in &job.steps {
        maps.extend(self::step(&Place { job, step }, notes));
    }
    maps.into_iter().map(Yaml::Map).collect()
}

fn step(place: &Place<'_>, notes: &Notes) -> Vec<Map> {
    match &place.step.action {
        Action::Run(script) => vec![place.bash(first_line(script), script, &[])],
        Action::Deploy(script) => vec![place.bash("Deploy", script, &[])],
        Action::Gate(environment) => vec![place.bash("Quality gates", &script::gate(environment), &[])],
        Action::Notify(notify) => {
            let secret = format!("$({})", notify.webhook_secret);
            let env = [
                (notify.webhook_secret.as_str(), secret.as_str()),
                ("RUN_URL", expression::RUN_URL),
            ];
            vec![place.bash("Tell people", &script::notify(notify), &env)]
        }
        Action::Checkout(checkout) => vec![self::checkout(place, checkout)],
        Action::Setup(tool, version) => vec![setup(place, *tool, &place.text(version))],
        Action::Cache(cache) => self::cache(place, cache),
        Action::Download(download) => {
            let mut inputs = Map::new();
            inputs
                .set("buildType", "current")
                .set("artifactName", download.name.as_str());
            let path = download
                .path
                .as_ref()
                .map(|path| format!("/{path}"))
                .unwrap_or_default();
            inputs.set("targetPath", format!("$(Build.SourcesDirectory){path}"));
            vec![place.task("Get files", "DownloadPipelineArtifact@2", inputs)]
        }
        Action::Container(container) => vec![self::container(place, container)],
        Action::Upload(_) | Action::Tests(_) | Action::Coverage(_) | Action::Sarif(_) => {
            report::report(place, notes)
        }
    }
}

/// A script without a name is called by its first line, cut where it would not fit.
fn first_line(script: &str) -> &str {
    let line = script.lines().next().unwrap_or("Run");
    let end = line.char_indices().nth(60).map_or(line.len(), |(end, _)| end);
    // A macro in a title would be filled in.
    line.get(..end)
        .and_then(|line| line.split("$(").next())
        .filter(|line| !line.trim().is_empty())
        .unwrap_or("Run")
}

fn checkout(place: &Place<'_>, checkout: &CheckoutFile) -> Map {
    let mut map = Map::new();
    map.set("checkout", "self");
    place.finish(&mut map, "Check out");
    map.set("fetchDepth", checkout.depth.unwrap_or(1));
    if checkout.submodules {
        map.set("submodules", true);
    }
    map.set("persistCredentials", false);
    map
}

fn setup(place: &Place<'_>, tool: Tool, version: &str) -> Map {
    let mut inputs = Map::new();
    let (name, task, input) = match tool {
        Tool::Node => ("Set up Node.js", "NodeTool@0", "versionSpec"),
        Tool::Python => ("Set up Python", "UsePythonVersion@0", "versionSpec"),
        Tool::Ruby => ("Set up Ruby", "UseRubyVersion@0", "versionSpec"),
        Tool::Go => ("Set up Go", "GoTool@0", "version"),
        Tool::Java => ("Set up Java", "JavaToolInstaller@0", "versionSpec"),
        Tool::Rust => {
            let script = "rustup toolchain install \"$RUST_VERSION\" --profile minimal --component clippy,rustfmt\n\
                          rustup default \"$RUST_VERSION\"";
            return place.bash("Set up Rust", script, &[("RUST_VERSION", version)]);
        }
    };
    inputs.set(input, version);
    if tool == Tool::Java {
        inputs
            .set("jdkArchitectureOption", "x64")
            .set("jdkSourceOption", "PreInstalled");
    }
    place.task(name, task, inputs)
}

/// One folder for each cache, which is what the task takes.
fn cache(place: &Place<'_>, cache: &CacheFile) -> Vec<Map> {
    let many = cache.paths.len() > 1;
    cache
        .paths
        .iter()
        .enumerate()
        .map(|(number, path)| {
            let name = if many {
                format!("{}-{number}", cache.name)
            } else {
                cache.name.clone()
            };
            let mut inputs = Map::new();
            inputs.set(
                "key",
                format!("{name} | \"$(Agent.OS)\" | {}", cache.key_files.join(" | ")),
            );
            inputs.set("restoreKeys", format!("{name} | \"$(Agent.OS)\""));
            inputs.set("path", format!("$(Build.SourcesDirectory)/{path}"));
            place.task("Cache", "Cache@2", inputs)
        })
        .collect()
}

/// Names and tags come in through the environment: `$(...)` in a script would be filled in as code.
fn container(place: &Place<'_>, container: &Container) -> Map {
    let mut env: Vec<(String, String)> = vec![("IMAGE".to_owned(), place.text(&container.image))];
    let mut tags = Vec::new();
    for (number, tag) in container.tags.iter().enumerate() {
        let name = format!("TAG_{}", number + 1);
        tags.push(format!("\"$IMAGE:${name}\""));
        env.push((name, place.text(tag)));
    }
    let mut lines = Vec::new();
    if container.push {
        let (user, password) = match &container.login {
            Some(login) => (login.user_secret.clone(), login.key_secret.clone()),
            None => ("REGISTRY_USER".to_owned(), "REGISTRY_PASSWORD".to_owned()),
        };
        lines.push(script::sign_in(&user, &password, container.registry()));
        env.extend([user, password].map(|name| (name.clone(), format!("$({name})"))));
    }
    lines.extend(script::image(container, &tags));
    let env: Vec<(&str, &str)> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    place.bash("Build the image", &lines.join("\n"), &env)
}

/// The same step, whatever came before.
pub(super) fn whatever_came_before(step: &Step) -> Step {
    Step {
        name: None,
        when: Status::Always,
        ..step.clone()
    }
}
