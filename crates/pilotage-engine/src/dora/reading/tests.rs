use std::collections::BTreeMap;

use pilotage_core::{Digest, EventId, TenantId};
use serde_json::{Value, json};

use super::*;

const RECORDED: &str = include_str!("../../../../../fixtures/github/deployment_status.json");
const FAILED_IN_KUBERNETES: &str = include_str!("../../../../../fixtures/kubernetes/deployment.failed.json");
const GITLAB_PUSH: &str = include_str!("../../../../../fixtures/gitlab/push.json");

fn facts(source: &str, event_type: &str) -> EventFacts {
    let now = Timestamp::from_secs(1_790_000_000);
    EventFacts {
        id: EventId(uuid::Uuid::nil()),
        tenant: TenantId::default(),
        source: source.to_owned(),
        event_type: event_type.to_owned(),
        delivery_id: "1".to_owned(),
        timestamp: now,
        received_at: now,
        verified: true,
        attributes: BTreeMap::new(),
        digest: Digest::ZERO,
    }
}

fn told(source: &str, event_type: &str, data: &Value) -> Option<Deployment> {
    deployment(&facts(source, event_type), data.to_string().as_bytes())
}

#[test]
fn a_recorded_status_of_github_is_read() {
    let found = deployment(&facts("github", "deployment_status"), RECORDED.as_bytes()).unwrap();
    let expected = Deployment {
        key: "github/Codertocat/Hello-World/145988746".to_owned(),
        project: "Codertocat/Hello-World".to_owned(),
        environment: "production".to_owned(),
        is_production: true,
        sha: Some("f95f852bd8fca8fcc58a9a2d6c842781e32a215e".to_owned()),
        succeeded: true,
        at: Timestamp::from_secs(1_790_000_000),
    };
    assert_eq!(found, expected);
}

#[test]
fn states_of_github_that_end_nothing_say_nothing() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    for (state, expected) in [
        ("success", Some(true)),
        ("failure", Some(false)),
        ("error", Some(false)),
        ("inactive", None),
        ("in_progress", None),
        ("queued", None),
        ("pending", None),
        ("waiting", None),
    ] {
        let mut status = recorded.clone();
        status["deployment_status"]["state"] = state.into();
        let found = told("github", "deployment_status", &status);
        assert_eq!(found.map(|one| one.succeeded), expected, "{state}");
    }
    let mut elsewhere = recorded;
    elsewhere["deployment"]["environment"] = "eu-west".into();
    let is_production = |status: &Value| told("github", "deployment_status", status).unwrap().is_production;
    assert!(!is_production(&elsewhere));
    elsewhere["deployment"]["production_environment"] = true.into();
    assert!(is_production(&elsewhere));
}

/// After docs.gitlab.com, "Deployment events".
fn gitlab_deployment() -> Value {
    json!({
        "object_kind": "deployment", "status": "success", "status_changed_at": "2021-04-28 21:50:00 +0200",
        "deployment_id": 15, "deployable_id": 796,
        "deployable_url": "http://10.126.0.2:3000/root/test-deployment-webhooks/-/jobs/796",
        "environment": "live", "environment_tier": "production", "environment_slug": "live",
        "environment_external_url": "https://live.example.com",
        "project": { "id": 30, "name": "test-deployment-webhooks",
            "path_with_namespace": "root/test-deployment-webhooks", "default_branch": "master" },
        "ref": "main", "short_sha": "279484c0",
        "user": { "id": 1, "name": "Administrator", "username": "root" },
        "commit_url":
            "http://10.126.0.2:3000/root/test-deployment-webhooks/-/commit/279484c09fbe69ededfced8c1bb6e6d24616b468",
        "commit_title": "Add new file",
    })
}

#[test]
fn a_deployment_of_gitlab_is_read() {
    let mut body = gitlab_deployment();
    let found = told("gitlab", "deployment", &body).unwrap();
    assert_eq!(found.key, "gitlab/root/test-deployment-webhooks/15");
    assert_eq!(
        (found.environment.as_str(), found.is_production, found.succeeded),
        ("live", true, true)
    );
    assert_eq!(
        found.sha.as_deref(),
        Some("279484c09fbe69ededfced8c1bb6e6d24616b468")
    );
    body["commit_url"] = Value::Null;
    let short = told("gitlab", "deployment", &body).unwrap();
    assert_eq!(short.sha.as_deref(), Some("279484c0"));
    for (status, expected) in [
        ("failed", Some(false)),
        ("running", None),
        ("canceled", None),
        ("created", None),
    ] {
        body["status"] = status.into();
        let found = told("gitlab", "deployment", &body);
        assert_eq!(found.map(|one| one.succeeded), expected, "{status}");
    }
}

#[test]
fn an_event_of_kubernetes_is_read_with_what_intake_keeps_beside_it() {
    let mut facts = facts("kubernetes", "deployment.failed");
    facts.attributes = BTreeMap::from([
        ("namespace".to_owned(), "production".to_owned()),
        ("name".to_owned(), "shop".to_owned()),
    ]);
    let found = deployment(&facts, FAILED_IN_KUBERNETES.as_bytes()).unwrap();
    assert_eq!(found.key, "kubernetes/6d0f5c1e-4a7b-4d1c-9f2e-8b3a7c5d9e10");
    assert_eq!(
        (found.project.as_str(), found.environment.as_str()),
        ("shop", "production")
    );
    assert!(found.is_production && !found.succeeded);
    assert_eq!(found.sha, None);
}

#[test]
fn whoever_says_it_plainly_is_understood() {
    let body = json!({ "environment": "prod", "project": "shop", "sha": "3F1C2A7BE5D9" });
    let found = told("mine", "deployment.succeeded", &body).unwrap();
    assert_eq!(found.sha.as_deref(), Some("3f1c2a7be5d9"));
    assert!(found.is_production && found.succeeded);
    assert_eq!(found.key, "mine/00000000-0000-0000-0000-000000000000");
}

#[test]
fn what_has_another_shape_says_nothing() {
    for (event_type, data) in [
        ("deployment_status", "{}"),
        ("deployment_status", "[1]"),
        ("deployment", r#"{"deployment":{"id":1}}"#),
        ("deployment.failed", "7"),
        ("push", GITLAB_PUSH),
    ] {
        assert_eq!(
            deployment(&facts("x", event_type), data.as_bytes()),
            None,
            "{data}"
        );
    }
    for (text, expected) in [("abc", false), ("not-a-commit", false), ("ABCDEF0", true)] {
        assert_eq!(sha(text).is_some(), expected, "{text}");
    }
}

#[test]
fn commits_are_found_by_their_names_or_beginnings() {
    let whole = "3f1c2a7be5d94f0a8c6e1d2b7a90c4e58f6d1b23";
    let names = [whole, "3f1c2a7b", "0000000000"].map(str::to_owned);
    let mut wanted = Wanted::new(names.into());
    let mut found = BTreeMap::new();
    for text in ["[]", r#"{"commits":null,"head_commit":null}"#, r#"{"commits":7}"#] {
        wanted.find(text.as_bytes(), &mut found);
    }
    assert!(found.is_empty());
    wanted.find(GITLAB_PUSH.as_bytes(), &mut found);
    let time: Timestamp = "2026-10-05T09:12:44+02:00".parse().unwrap();
    let expected = [whole, "3f1c2a7b"].map(|name| (name.to_owned(), time));
    assert_eq!(found, BTreeMap::from(expected));
    assert!(!wanted.is_empty());
}
