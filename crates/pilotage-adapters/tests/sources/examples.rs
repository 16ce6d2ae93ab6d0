//! Whole sets of recorded payloads that are too large to commit. They are read where an environment variable names them;
//! without it a test says what it lacks and passes, unless `PILOTAGE_REQUIRE_ALL=1`.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use pilotage_adapters::sources::sign;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{NOW, owned, public, receive};

/// Says that a test is skipped. Written to the error output itself: what the print macros write in a test that passes is
/// captured, and nobody would see it.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn set(variable: &str, how: &str) -> Option<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Some(path.into());
    }
    assert!(
        env::var_os("PILOTAGE_REQUIRE_ALL").is_none_or(|value| value != "1"),
        "{variable} is not set: {how}"
    );
    skipped(&format!("{variable} is not set: {how}"));
    None
}

/// Every example of `@octokit/webhooks-examples`, signed as GitHub signs, as compact and as pretty JSON.
#[test]
fn octokit_examples() {
    let how = "run `npm pack @octokit/webhooks-examples`, unpack it, and name its api.github.com/index.json";
    let Some(path) = set("PILOTAGE_OCTOKIT_EXAMPLES", how) else {
        return;
    };
    let index: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let sources = public(&json!({"github": {"secrets": ["s"]}}));
    let github = &*sources["github"].source;
    let secret = SecretString::from("s");
    let mut seen = 0;
    for entry in &index {
        let name = entry["name"].as_str().unwrap();
        for example in entry["examples"].as_array().unwrap() {
            for body in [example.to_string(), format!("{example:#}")] {
                let headers = sign("github", name, body.as_bytes(), Some(&secret), "d", NOW).unwrap();
                let received = receive(github, &owned(&headers), body.as_bytes()).unwrap();
                assert_eq!(received.event_type, name);
                assert!(received.verified);
                assert_eq!(received.data, body.as_bytes());
                assert_eq!(
                    received.attributes.get("action").map(String::as_str),
                    example["action"].as_str()
                );
                assert!(!example["head_commit"]["timestamp"].is_string() || received.timestamp.is_some());
            }
            seen += 1;
        }
    }
    assert!(seen >= 300, "only {seen} examples in {} events", index.len());
}

/// Every documented payload of GitLab's webhooks and system hooks, as GitLab's Go client has them in its tests: one JSON
/// object in each `webhooks/*.json` and `systemhooks/*.json`.
#[test]
fn gitlab_examples() {
    let how = "unpack Debian's package golang-github-xanzy-go-gitlab-dev and name its go-gitlab/testdata";
    let Some(folder) = set("PILOTAGE_GITLAB_EXAMPLES", how) else {
        return;
    };
    let (webhooks, system) = (folder.join("webhooks"), folder.join("systemhooks"));
    let seen = accepted(&webhooks, "Some Hook") + accepted(&system, "System Hook");
    assert!(seen >= 35, "only {seen} examples");
}

/// How many payloads of a folder GitLab's source took for what they say that they are.
fn accepted(folder: &Path, header: &str) -> usize {
    let sources = public(&json!({"gitlab": {"secrets": ["s"]}}));
    let gitlab = &*sources["gitlab"].source;
    let files: Vec<_> = fs::read_dir(folder).unwrap().collect();
    for file in &files {
        let path = file.as_ref().unwrap().path();
        let body = fs::read(&path).unwrap();
        let headers = [
            ("x-gitlab-token", "s"),
            ("x-gitlab-event", header),
            ("idempotency-key", "k"),
        ];
        let received = receive(gitlab, &headers, &body).unwrap();
        let value: Value = serde_json::from_slice(&body).unwrap();
        let named = ["object_kind", "event_name"]
            .iter()
            .find_map(|name| value[name].as_str());
        assert_eq!(received.event_type, named.unwrap(), "{}", path.display());
        assert!(received.verified);
        assert_eq!(received.data, body);
        let wrong = [("x-gitlab-token", "wrong"), ("x-gitlab-event", header)];
        assert!(receive(gitlab, &wrong, &body).is_err(), "{}", path.display());
    }
    files.len()
}
