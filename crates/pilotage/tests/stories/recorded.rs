//! Everything that GitHub documents an example of, through the real door into the store.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf};

use serde_json::{Value, json};

use crate::server::{Place, Server, assert_audit_holds};

/// The index of npm's `@octokit/webhooks-examples`, or a line that says how to get it.
fn examples() -> Option<Vec<Value>> {
    let how = "run `npm pack @octokit/webhooks-examples`, unpack it, and name its api.github.com/index.json";
    let Some(path) = std::env::var_os("PILOTAGE_OCTOKIT_EXAMPLES") else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "PILOTAGE_OCTOKIT_EXAMPLES is not set: {how}");
        // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: PILOTAGE_OCTOKIT_EXAMPLES is not set: {how}"
        );
        return None;
    };
    Some(serde_json::from_slice(&std::fs::read(PathBuf::from(path)).unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_github_is_stored_under_its_type_and_as_it_came() {
    let Some(index) = examples() else { return };
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &index {
        let name = entry["name"].as_str().unwrap();
        for (number, example) in entry["examples"].as_array().unwrap().iter().enumerate() {
            let delivery = format!("{name}-{number}");
            let (status, answer) = server
                .deliver(name, &delivery, &format!("{example:#}"))
                .await
                .unwrap();
            assert_eq!((status, &answer["received"]), (202, &json!(true)), "{delivery}");
            let stored = server
                .get(&format!("/api/v1/events/{}", answer["eventId"].as_str().unwrap()))
                .await;
            assert_eq!(
                (&stored["type"], &stored["data"]),
                (&json!(name), example),
                "{delivery}"
            );
            *sent.entry(name.to_owned()).or_default() += 1;
        }
    }
    let total: usize = sent.values().sum();
    assert!(total >= 300, "only {total} examples");
    assert_eq!(server.settled().await["totals"]["events"], json!(total));
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
