//! Configuration changes while the server runs.

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
