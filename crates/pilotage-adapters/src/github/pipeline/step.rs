use pilotage_core::pipeline::{
    Action, Container, CoverageFile, Job, Pipeline, Status, Step, Tool, Upload, script,
};

use super::{
    actions::{self, Pin},
    cache, expression,
};
use crate::pipelines::{Map, Notes, Yaml};

pub(super) fn steps(pipeline: &Pipeline, job: &Job, notes: &Notes) -> Vec<Yaml> {
    job.steps
        .iter()
        .flat_map(|step| self::step(pipeline, job, step, notes))
        .map(Yaml::Map)
        .collect()
}

/// A step of an action: what it is called, when it runs, and what it is given.
struct Use<'a> {
    job: &'a Job,
    step: &'a Step,
}

impl Use<'_> {
    fn start(&self, usual: &str) -> Map {
        let mut map = Map::new();
        map.set("name", self.step.name.as_deref().unwrap_or(usual));
        let status = expression::status(self.step.when);
        map.set_some("if", status.map(|status| format!("${{{{ {status} }}}}")));
        map
    }

    fn action(&self, usual: &str, pin: Pin, with: Map) -> Map {
        let mut map = self.start(usual);
        map.set("uses", pin.uses()).remark(pin.version);
        map.set_full("with", with);
        map
    }

    /// Secrets come in through the environment, so that no value of theirs is part of a script.
    fn run(&self, usual: &str, script: &str, more: &[(&str, &str)]) -> Map {
        let mut map = self.start(usual);
        map.set_some("working-directory", self.step.directory.as_deref());
        let mut env = Map::new();
        for secret in &self.step.secrets {
            env.set(secret.as_str(), format!("${{{{ secrets.{secret} }}}}"));
        }
        for (name, value) in more {
            env.set(*name, *value);
        }
        map.set_full("env", env);
        map.set("run", script);
        map
    }

    fn text(&self, template: &pilotage_core::pipeline::Template) -> String {
        expression::text(template, self.job.image.is_some())
    }
}

fn step(pipeline: &Pipeline, job: &Job, step: &Step, notes: &Notes) -> Vec<Map> {
    let of = Use { job, step };
    let one = |map| vec![map];
    match &step.action {
        Action::Run(script) => one(of.run(first_line(script), script, &[])),
        Action::Deploy(script) => one(of.run("Deploy", script, &[])),
        Action::Gate(environment) => one(of.run("Quality gates", &script::gate(environment), &[])),
        Action::Notify(notify) => {
            let secret = format!("${{{{ secrets.{} }}}}", notify.webhook_secret);
            let env = [
                (notify.webhook_secret.as_str(), secret.as_str()),
                ("RUN_URL", expression::RUN_URL),
            ];
            one(of.run("Tell people", &script::notify(notify), &env))
        }
        Action::Checkout(checkout) => {
            let mut with = Map::new();
            with.set_some("fetch-depth", checkout.depth.filter(|depth| *depth != 1));
            if checkout.submodules {
                with.set("submodules", true);
            }
            with.comment("The token stays out of the working copy, where later steps could read it.")
                .set("persist-credentials", false);
            one(of.action("Check out", actions::CHECKOUT, with))
        }
        Action::Setup(tool, version) => one(setup(&of, *tool, &of.text(version))),
        Action::Cache(cache) => cache::inputs(pipeline, job, cache, notes)
            .map(|with| of.action("Cache", actions::CACHE, with))
            .into_iter()
            .collect(),
        Action::Upload(upload) => one(of.action("Keep files", actions::UPLOAD, upload_inputs(&of, upload))),
        Action::Download(download) => {
            let mut with = Map::new();
            with.set("name", download.name.as_str());
            with.set_some("path", download.path.as_deref());
            one(of.action("Get files", actions::DOWNLOAD, with))
        }
        Action::Tests(tests) => {
            notes.job(
                job,
                "GitHub shows no results of tests itself: the JUnit files are kept as an artifact",
            );
            let mut with = Map::new();
            with.set("name", report_name(job, "tests"));
            with.set("path", tests.files.join("\n"));
            one(of.action("Keep the results of tests", actions::UPLOAD, with))
        }
        Action::Coverage(coverage) => self::coverage(&of, coverage),
        Action::Sarif(sarif) => {
            let mut with = Map::new();
            with.set("sarif_file", sarif.file.as_str())
                .set("category", job.id.as_str());
            one(of.action("Show the findings", actions::SARIF, with))
        }
        Action::Container(container) => self::container(&of, container),
    }
}

/// A script without a name is called by its first line.
fn first_line(script: &str) -> &str {
    let line = script.lines().next().unwrap_or("Run");
    match line.char_indices().nth(60) {
        Some((end, _)) => line.get(..end).unwrap_or(line),
        None => line,
    }
}

/// Combinations of a matrix keep their files apart: two artifacts cannot share a name.
fn report_name(job: &Job, kind: &str) -> String {
    let axes = job.matrix.iter().flat_map(|matrix| matrix.axes.keys());
    let values = axes.map(|axis| format!("-${{{{ matrix.{axis} }}}}"));
    format!("{kind}-{}{}", job.id, values.collect::<String>())
}

fn setup(of: &Use<'_>, tool: Tool, version: &str) -> Map {
    let (name, pin, input) = match tool {
        Tool::Node => ("Set up Node.js", actions::NODE, "node-version"),
        Tool::Python => ("Set up Python", actions::PYTHON, "python-version"),
        Tool::Ruby => ("Set up Ruby", actions::RUBY, "ruby-version"),
        Tool::Go => ("Set up Go", actions::GO, "go-version"),
        Tool::Java => ("Set up Java", actions::JAVA, "java-version"),
        Tool::Rust => {
            let script = "rustup toolchain install \"$RUST_VERSION\" --profile minimal --component clippy,rustfmt\n\
                          rustup default \"$RUST_VERSION\"";
            return of.run("Set up Rust", script, &[("RUST_VERSION", version)]);
        }
    };
    let mut with = Map::new();
    if tool == Tool::Java {
        with.set("distribution", "temurin");
    }
    with.set(input, version);
    if matches!(tool, Tool::Node) {
        with.comment("Caches are steps of their own.")
            .set("package-manager-cache", false);
    }
    if matches!(tool, Tool::Go) {
        with.comment("Caches are steps of their own.").set("cache", false);
    }
    of.action(name, pin, with)
}

fn upload_inputs(of: &Use<'_>, upload: &Upload) -> Map {
    let mut with = Map::new();
    with.set("name", of.text(&upload.name));
    with.set("path", upload.paths.join("\n"));
    with.set("if-no-files-found", "error");
    with.set_some("retention-days", upload.keep_days);
    with
}

fn coverage(of: &Use<'_>, coverage: &CoverageFile) -> Vec<Map> {
    let mut maps = Vec::new();
    if let Some(threshold) = coverage.threshold {
        // `tee` would hide that the check failed, but for the shell's `pipefail`.
        let check = script::coverage(&coverage.file, threshold).replace('\n', "\n  ");
        let script = format!(
            "{{
  {check}
}} | tee -a \"$GITHUB_STEP_SUMMARY\""
        );
        maps.push(of.run("Coverage", &script, &[]));
    }
    let keep = Step {
        name: None,
        when: Status::Always,
        ..of.step.clone()
    };
    let of = Use { step: &keep, ..*of };
    let mut with = Map::new();
    with.set("name", report_name(of.job, "coverage"));
    with.set("path", coverage.file.as_str());
    maps.push(of.action("Keep the coverage", actions::UPLOAD, with));
    maps
}

fn container(of: &Use<'_>, container: &Container) -> Vec<Map> {
    let mut maps = Vec::new();
    let plain = Step {
        name: None,
        ..of.step.clone()
    };
    let before = Use {
        job: of.job,
        step: &plain,
    };
    if container.push {
        let mut with = Map::new();
        with.set_some("registry", container.registry());
        let (user, password) = match &container.login {
            Some(login) => (
                format!("${{{{ secrets.{} }}}}", login.user_secret),
                format!("${{{{ secrets.{} }}}}", login.key_secret),
            ),
            None => (
                "${{ github.actor }}".to_owned(),
                "${{ secrets.GITHUB_TOKEN }}".to_owned(),
            ),
        };
        with.set("username", user).set("password", password);
        maps.push(before.action("Sign in to the registry", actions::LOGIN, with));
    }
    maps.push(before.action("Set up the builder", actions::BUILDX, Map::new()));
    let image = of.text(&container.image);
    let tags: Vec<String> = container
        .tags
        .iter()
        .map(|tag| format!("{image}:{}", of.text(tag)))
        .collect();
    let mut with = Map::new();
    with.set("context", container.context.as_str());
    with.set("file", container.file.as_str());
    with.set("push", container.push);
    with.set("tags", tags.join("\n"));
    with.set("cache-from", "type=gha")
        .set("cache-to", "type=gha,mode=max");
    maps.push(of.action("Build the image", actions::BUILD, with));
    maps
}
