//! Configuration changes while the server runs.

use serde_json::json;

use crate::{
    path::config,
    receiver::Receiver,
    server::{Place, Server, assert_audit_holds},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_good_file_is_taken_and_a_bad_one_changes_nothing_and_says_so() {
    let receiver = Receiver::start().await;
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);

    place.configure(&config(&receiver).replace("id: push", "id: renamed"));
    server
        .wait_for("/api/v1/rules", |page| page["items"][0]["id"] == "renamed")
        .await;

    place.configure(
        &config(&receiver)
            .replace("id: push", "id: bad")
            .replace("target: ci", "target: cl"),
    );
    server.signal("HUP");
    let stats = server
        .wait_for("/api/v1/stats", |stats| !stats["configError"].is_null())
        .await;
    assert!(
        stats["configError"]
            .as_str()
            .unwrap()
            .contains("did you mean `ci`?"),
        "{stats}"
    );
    assert_eq!(server.get("/api/v1/rules").await["items"][0]["id"], "renamed");

    place.configure(&config(&receiver));
    server
        .wait_for("/api/v1/rules", |page| page["items"][0]["id"] == "push")
        .await;
    server
        .wait_for("/api/v1/stats", |stats| stats["configError"].is_null())
        .await;
    assert!(server.stop().success());
    assert_audit_holds(&place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_api_that_would_not_fit_is_named_and_no_line_of_the_file() {
    let receiver = Receiver::start().await;
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let rule = json!({
        "id": "mine", "trigger": { "source": "github" }, "actions": [{ "type": "webhook", "target": "ci" }],
    });
    assert_eq!(server.post("/api/v1/rules", &rule).await.0, 201);

    place.configure("version: 1\n");
    server.signal("HUP");
    let stats = server
        .wait_for("/api/v1/stats", |stats| !stats["configError"].is_null())
        .await;
    let told = stats["configError"].as_str().unwrap();
    assert!(told.contains("made through the API"), "{told}");
    assert!(
        told.contains("rule `mine`, /actions/0/target: `ci` is neither"),
        "{told}"
    );
    assert!(!told.contains("pilotage.yaml:"), "{told}");
    assert!(server.stop().success());
    assert_audit_holds(&place);
}
