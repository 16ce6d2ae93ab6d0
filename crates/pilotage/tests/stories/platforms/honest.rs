//! What keeps the models honest: the vendors' own descriptions, and the vendors' own clients. This is a contract with what
//! they publish; nothing here was tried against the vendors themselves.

mod azure;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use pilotage_mock::{CiCall, CiVendor};
use serde_json::{Value, json};

use super::Told;

/// What a variable names, or a line that says how to get it.
fn provided(variable: &str, how: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path));
    }
    let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "{variable} is not set: {how}");
    // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
    let _ = writeln!(std::io::stderr(), "skipped: {variable} is not set: {how}");
    None
}

/// An `OpenAPI` 3.0 description as far as it is asked.
struct Description(Value);

impl Description {
    fn read(file: PathBuf) -> Self {
        let mut document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let components = std::mem::take(&mut document["components"]["schemas"]);
        document["components"]["schemas"] = as_json_schema(components);
        Self(document)
    }

    /// The operation of a request: the path with the fewest parameters that fits.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<&str> = template.split('/').collect();
            let same = wanted
                .iter()
                .zip(&parts)
                .all(|(wanted, part)| wanted.starts_with('{') || wanted == part);
            (wanted.len() == parts.len() && same)
                .then(|| wanted.iter().filter(|one| one.starts_with('{')).count())
        };
        let paths = self.0["paths"].as_object().unwrap();
        let best = paths
            .iter()
            .filter_map(|(template, item)| Some((fits(template)?, item)));
        let (_, item) = best.min_by_key(|(holes, _)| *holes)?;
        item.get(method.to_ascii_lowercase())
    }

    /// What is wrong with a body by the schema of a request or answer.
    fn faults(&self, schema: &Value, body: &Value) -> Vec<String> {
        let mut needed = BTreeMap::new();
        let schema = as_json_schema(schema.clone());
        self.collect(&schema, &mut needed);
        let document = json!({"components": {"schemas": needed}, "allOf": [schema]});
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft4)
            .build(&document)
            .unwrap();
        let errors = validator.iter_errors(body).take(5);
        errors
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect()
    }

    fn collect(&self, schema: &Value, needed: &mut BTreeMap<String, Value>) {
        match schema {
            Value::Object(members) => {
                let named = members.get("$ref").and_then(Value::as_str);
                if let Some(name) = named.and_then(|named| named.strip_prefix("#/components/schemas/"))
                    && !needed.contains_key(name)
                {
                    let component = self.0["components"]["schemas"][name].clone();
                    needed.insert(name.to_owned(), component.clone());
                    self.collect(&component, needed);
                }
                members.values().for_each(|member| self.collect(member, needed));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, needed)),
            _ => {}
        }
    }

    /// The schema of an answer, or none where it has no body as JSON.
    fn answer<'a>(&'a self, operation: &'a Value, status: u16) -> Option<&'a Value> {
        let mut answer = &operation["responses"][status.to_string()];
        if let Some(reference) = answer["$ref"].as_str() {
            answer = self.0.pointer(reference.trim_start_matches('#')).unwrap();
        }
        assert!(
            !answer.is_null(),
            "{}: {status} is not described",
            operation["operationId"]
        );
        answer.pointer("/content/application~1json/schema")
    }
}

/// `OpenAPI` 3.0 says `nullable` where JSON Schema has a type.
fn as_json_schema(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let is_nullable = members.get("nullable") == Some(&json!(true));
            let members = members
                .into_iter()
                .filter(|(name, _)| !["nullable", "example", "examples"].contains(&name.as_str()))
                .map(|(name, member)| (name, as_json_schema(member)));
            let schema = Value::Object(members.collect());
            if is_nullable {
                json!({"anyOf": [schema, {"type": "null"}]})
            } else {
                schema
            }
        }
        Value::Array(items) => items.into_iter().map(as_json_schema).collect(),
        other => other,
    }
}

/// Everything that was said, but for what a fault said and for what lies in a store of another host.
fn exchanges(told: &Told) -> Vec<CiCall> {
    let calls = told.mock.calls().into_iter();
    calls
        .filter(|call| !call.by_fault && !call.path.starts_with("/storage/"))
        .collect()
}

/// Every kind of thing that is written on a commit, and the deployments.
async fn write_back(told: &Told) {
    let commit = "3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23";
    let found =
        r#"[{"path": "a.rs", "line": 3, "level": "warning", "title": "long", "message": "too long"}]"#;
    std::fs::write(told.place.path().join("found.json"), found).unwrap();
    for state in ["running", "failure", "success"] {
        let check = ["check", commit, "--state", state, "--annotations", "found.json"];
        told.ci(&check).await.says(0, &[]);
    }
    told.ci(&["status", commit, "--state", "success"])
        .await
        .says(0, &[]);
    told.ci(&["deployments"]).await.says(0, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_with_the_model_of_github_is_as_github_describes_it() {
    let how = "run `npm pack @octokit/openapi`, unpack it, and name its generated/api.github.com.json";
    let Some(file) = provided("PILOTAGE_GITHUB_OPENAPI", how) else {
        return;
    };
    let told = Told::new(
        CiVendor::GitHub,
        Some(Duration::from_millis(5)),
        "{type: github, url: 'URL', repository: acme/shop, token: TOKEN, workflow: ci.yml}",
    )
    .await;
    let quick = ["--interval-ms", "20"];
    let run = told.start(&["fail=test"]).await;
    told.ci(&[["watch", &run], quick].concat()).await.says(1, &[]);
    told.ci(&["retry", &run, "--failed"]).await.says(0, &[]);
    // Long enough to be still running.
    let long = told.start(&["lines=10000"]).await;
    told.ci(&["cancel", &long]).await.says(0, &[]);
    told.ci(&["cancel", &long]).await.says(3, &[]);
    told.ci(&["retry", &long]).await.says(0, &[]);
    let waits = told.start(&["approval=true"]).await;
    told.until(&waits, "waiting").await;
    told.ci(&["approve", &waits]).await.says(0, &[]);
    told.ci(&[["watch", &waits], quick].concat()).await.says(0, &[]);
    told.ci(&["artifacts", &waits, "--download", "out"])
        .await
        .says(0, &[]);
    write_back(&told).await;
    told.ci(&["trigger"]).await.says(0, &[]);
    told.ci(&["runs", "ci.yml"]).await.says(0, &[]);
    told.ci(&["watch", "999"]).await.says(3, &[]);

    let description = Description::read(file);
    let mut seen = BTreeSet::new();
    for call in exchanges(&told) {
        let path = call.path.split('?').next().unwrap();
        let operation = description
            .operation(&call.method, path)
            .unwrap_or_else(|| panic!("GitHub has no {} {path}", call.method));
        let name = operation["operationId"].as_str().unwrap().to_owned();
        // Each kind of exchange a few times is enough: states differ, shapes do not.
        if call.status == 404 || !seen.insert((name.clone(), call.status, call.answered.len() / 64)) {
            continue;
        }
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema")
            && !call.sent.is_empty()
        {
            let sent = serde_json::from_str(&call.sent).unwrap();
            assert_eq!(
                description.faults(schema, &sent),
                Vec::<String>::new(),
                "what is sent to {name}"
            );
        }
        if let Some(schema) = description.answer(operation, call.status) {
            let answered = serde_json::from_str(&call.answered).unwrap();
            let faults = description.faults(schema, &answered);
            assert_eq!(
                faults,
                Vec::<String>::new(),
                "what {name} answers with {}",
                call.status
            );
        }
    }
    let operations: BTreeSet<&String> = seen.iter().map(|(name, ..)| name).collect();
    assert!(operations.len() >= 17, "only {operations:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn githubs_own_tool_works_with_the_model() {
    let how = "install Debian's package `gh` (2.23), or unpack it, and name its program";
    let Some(gh) = provided("PILOTAGE_GH", how) else {
        return;
    };
    let told = Told::new(
        CiVendor::GitHub,
        // Slow enough for the tool to find the run going on.
        Some(Duration::from_millis(50)),
        "{type: github, url: 'URL', repository: acme/shop, token: TOKEN, workflow: ci.yml}",
    )
    .await;
    let gh = |arguments: &[&str]| githubs_tool(&told, &gh, arguments);
    gh(&["workflow", "run", "ci.yml", "--ref", "main", "-f", "lines=1000"])
        .await
        .says(0, &[]);
    let runs = told.json(&["runs", "--limit", "1"]).await;
    gh(&["run", "cancel", runs["items"][0]["id"].as_str().unwrap()])
        .await
        .says(0, &[]);
}

/// It speaks HTTP to this host alone, and everything goes to the model as to a proxy.
fn githubs_tool(told: &Told, gh: &Path, arguments: &[&str]) -> impl Future<Output = super::Said> + use<> {
    let mut command = Command::new(gh);
    command
        .env_clear()
        .env("GH_HOST", "github.localhost")
        .env("GH_TOKEN", told.mock.token())
        .env("HTTP_PROXY", told.mock.url())
        .env("GH_CONFIG_DIR", told.place.path())
        .env("NO_COLOR", "1")
        .args(arguments)
        .args(["--repo", "github.localhost/acme/shop"])
        .current_dir(told.place.path())
        .stdin(Stdio::null());
    async move {
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        super::Said::from(output.await.unwrap())
    }
}

/// A script that does with the model what its authors say that it does, and fails where that is not so.
const PYTHON_GITLAB: &str = r#"
import sys, time, gitlab
url, token, reader = sys.argv[1:4]
gl = gitlab.Gitlab(url, private_token=token)
project = gl.projects.get("acme/shop")
assert project.default_branch == "main", project
pipeline = project.pipelines.create({"ref": "main", "variables": [{"key": "fail", "value": "test"}]})
def until(*states):
    for _ in range(2000):
        pipeline.refresh()
        if pipeline.status in states: return
        time.sleep(0.01)
    raise AssertionError(pipeline.status)
until("failed")
jobs = {job.name: job for job in pipeline.jobs.list(get_all=True)}
assert {name: job.status for name, job in jobs.items()} == {"lint": "success", "test": "failed", "deploy": "skipped"}, jobs
assert b"1 of 12 is wrong" in project.jobs.get(jobs["test"].id).trace()
assert [variable.key for variable in pipeline.variables.list(get_all=True)] == ["fail"]
pipeline.retry(); until("success")
test = [job for job in pipeline.jobs.list(get_all=True) if job.name == "test"][0]
assert project.jobs.get(test.id).artifacts()[:2] == b"PK"
assert len(project.pipelines.list(get_all=True)) == 1 and list(pipeline.bridges.list(get_all=True)) == []
waiting = project.pipelines.create({"ref": "main", "variables": [{"key": "approval", "value": "true"}]})
pipeline = waiting; until("manual")
[project.jobs.get(job.id).play() for job in waiting.jobs.list(get_all=True) if job.status == "manual"]
until("success")
assert project.deployments.list(get_all=True)[0].environment["name"] == "production"
pipeline = project.trigger_pipeline("main", "mock-token-that-starts", {"lines": "1000"})
pipeline.cancel(); until("canceled")
commit = "0" * 40
try:
    gitlab.Gitlab(url, private_token="wrong").projects.get(7); raise AssertionError("no 401")
except gitlab.GitlabAuthenticationError: pass
try:
    gitlab.Gitlab(url, private_token=reader).projects.get(7, lazy=True).pipelines.create({"ref": "main"}); raise AssertionError("no 403")
except gitlab.GitlabCreateError as error: assert error.response_code == 403, error
print("done")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_gitlab_works_with_the_model() {
    let how = "unpack Debian's python3-gitlab and python3-jenkins, and name their dist-packages";
    let Some(packages) = provided("PILOTAGE_PLATFORM_CLIENTS", how) else {
        return;
    };
    let told = Told::new(
        CiVendor::GitLab,
        Some(Duration::from_millis(5)),
        "{type: gitlab, url: 'URL', project: acme/shop, token: TOKEN}",
    )
    .await;
    python(&told, &packages, PYTHON_GITLAB).await.says(0, &["done"]);
}

const PYTHON_JENKINS: &str = r#"
import sys, time, jenkins
url, token, reader = sys.argv[1:4]
server = jenkins.Jenkins(url, username="person", password=token)
assert server.get_info()["mode"] == "NORMAL"
def build_of(item):
    for _ in range(2000):
        told = server.get_queue_item(item)
        if told.get("executable"): return told["executable"]["number"]
        time.sleep(0.01)
    raise AssertionError(told)
def until(number):
    for _ in range(2000):
        told = server.get_build_info("acme/shop", number)
        if not told["building"]: return told["result"]
        time.sleep(0.01)
    raise AssertionError(told)
number = build_of(server.build_job("acme/shop", {"fail": "test"}))
assert until(number) == "FAILURE"
assert "1 of 12 is wrong" in server.get_build_console_output("acme/shop", number)
assert server.get_job_info("acme/shop")["lastBuild"]["number"] == number
number = build_of(server.build_job("acme/shop", {"lines": "1000"}))
server.stop_build("acme/shop", number)
assert until(number) == "ABORTED"
assert [item for item in server.get_queue_info() if item["id"] == 0] == []
session = jenkins.Jenkins(url, username="person", password="mock-password")
assert build_of(session.build_job("acme/shop", {"lines": "1"})) > number
try:
    jenkins.Jenkins(url, username="person", password="wrong").get_job_info("acme/shop"); raise AssertionError("no 401")
except jenkins.JenkinsException as error: assert "401" in str(error), error
try:
    jenkins.Jenkins(url, username="person", password=reader).build_job("acme/shop", {"lines": "1"}); raise AssertionError("no 403")
except jenkins.JenkinsException as error: assert "403" in str(error), error
print("done")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_jenkins_works_with_the_model() {
    let how = "unpack Debian's python3-gitlab and python3-jenkins, and name their dist-packages";
    let Some(packages) = provided("PILOTAGE_PLATFORM_CLIENTS", how) else {
        return;
    };
    let told = Told::new(
        CiVendor::Jenkins,
        Some(Duration::from_millis(5)),
        "{type: jenkins, url: 'URL', user: person, token: TOKEN, job: acme/shop}",
    )
    .await;
    python(&told, &packages, PYTHON_JENKINS).await.says(0, &["done"]);
}

/// Runs a script with the model's address, its tokens and a folder of its own.
async fn python(told: &Told, packages: &Path, script: &str) -> super::Said {
    let mut command = Command::new("python3");
    command
        .env("PYTHONPATH", packages)
        .env_remove("HTTP_PROXY")
        .args([
            "-c",
            script,
            told.mock.url(),
            told.mock.token(),
            told.mock.reader(),
        ])
        .arg(told.place.path())
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    super::Said::from(output.await.unwrap())
}
