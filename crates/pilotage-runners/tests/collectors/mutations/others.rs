//! Parsers whose input comes neither from a file nor from a program.

use std::collections::BTreeMap;

use pilotage_runners::collector;
use proptest::prelude::*;
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use super::{apply, change, is_bounded, runner};
use crate::{Project, performance};

#[test]
fn an_answer_of_any_shape_is_survived() {
    performance::speak_tls();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(MockServer::start());
    let project = Project::new();
    let section = json!({ "kind": "prometheus", "url": server.uri(), "queries": { "memory_usage_peak": { "query": "up" } } });
    let example = performance::vector(&["268435456"]).to_string().into_bytes();
    let ask = async |body: Vec<u8>| {
        server.reset().await;
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        Mock::given(method("GET"))
            .respond_with(answer)
            .mount(&server)
            .await;
        project.measure(section.clone(), "memory_usage_peak").await
    };
    assert!(runtime.block_on(ask(example.clone())).is_ok());
    let changes = prop::collection::vec(change(), 1..4);
    let outcome = runner(96).run(&changes, |changes| {
        let examples = [example.clone()];
        let bytes = changes
            .iter()
            .fold(example.clone(), |text, change| apply(&text, change, &examples));
        let found = runtime.block_on(ask(bytes));
        prop_assert!(is_bounded(&found), "{found:?}");
        Ok(())
    });
    outcome.unwrap();
}

/// What is wrong with an expression is told before anything runs, or is a violation.
#[test]
fn no_expression_makes_it_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let example = r#"metrics.tests_total > 100 || evidence.tests_total.notes.exists(n, n.matches("^a+$")) && size(commit) == 40"#;
    let example = example.as_bytes().to_vec();
    let project = Project::new();
    let changes = prop::collection::vec(change(), 1..4);
    let outcome = runner(96).run(&changes, |changes| {
        let examples = [example.clone()];
        let bytes = changes
            .iter()
            .fold(example.clone(), |text, change| apply(&text, change, &examples));
        let cel = String::from_utf8_lossy(&bytes).into_owned();
        let section = json!({ "kind": "policy", "rules": { "rule": { "cel": cel } } });
        let sections = BTreeMap::from([("it".to_owned(), section.clone())]);
        match collector::configured(&sections) {
            Ok(_) => {
                let found = runtime.block_on(project.measure(section, "policy_violations"));
                prop_assert!(is_bounded(&found), "{found:?}");
            }
            Err(problems) => prop_assert!(problems.iter().all(|problem| problem.message.len() < 4_096)),
        }
        Ok(())
    });
    outcome.unwrap();
}
