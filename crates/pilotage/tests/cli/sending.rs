//! `webhook send` against a stand-in for intake.

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string, header, method, path},
};

use crate::{Place, Ran};

fn place() -> Place {
    let place = Place::new();
    place.write("body", "Hello, World!");
    place
}

/// The official vector of GitHub's documentation, "Validating webhook deliveries".
#[tokio::test]
async fn github_deliveries_are_signed_as_github_does() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/webhooks/github"))
        .and(header("x-github-event", "push"))
        .and(header("x-github-delivery", "d-1"))
        .and(header(
            "x-hub-signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ))
        .and(body_string("Hello, World!"))
        .respond_with(ResponseTemplate::new(202).set_body_json(json!({ "received": true, "eventId": "e-1" })))
        .expect(3)
        .mount(&server)
        .await;
    let place = place();
    place.write("secret", "It's a Secret to Everybody\n");
    let send = format!(
        "webhook send github --event push --file body --delivery-id d-1 --to {}",
        server.uri()
    );
    let told = place.run(&format!("{send} --secret-file secret")).ended(0);
    assert!(told.starts_with("✓ 202 accepted as event e-1 in "), "{told}");
    let mut from_environment = place.command(&send);
    let from_environment = from_environment.env("GITHUB_WEBHOOK_SECRET", "It's a Secret to Everybody");
    Ran::from(from_environment.output().unwrap()).ended(0);
    // The token is for the API; it has no business at a webhook.
    let mut piped = place.command(&format!(
        "{} --format json",
        send.replace("--file body", "--file -")
    ));
    let piped = piped
        .args(["--secret", "It's a Secret to Everybody"])
        .env("PILOTAGE_TOKEN", "plo_x")
        .write_stdin("Hello, World!");
    let told: Value = serde_json::from_str(&Ran::from(piped.output().unwrap()).ended(0)).unwrap();
    assert_eq!(
        (&told["status"], &told["answer"]["eventId"], &told["deliveryId"]),
        (&json!(202), &json!("e-1"), &json!("d-1"))
    );
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests
            .iter()
            .all(|request| !request.headers.contains_key("authorization"))
    );
}

#[tokio::test]
async fn a_refusal_is_told_with_its_reason() {
    let server = MockServer::start().await;
    let problem = json!({ "status": 401, "title": "The delivery could not be verified", "detail": "the signature is wrong" });
    Mock::given(path("/webhooks/custom/billing"))
        .respond_with(ResponseTemplate::new(401).set_body_json(problem))
        .mount(&server)
        .await;
    let send = format!(
        "webhook send custom/billing --scheme hmac-sha256 --secret s --file body --to {}",
        server.uri()
    );
    let told = place().run(&send).ended(1);
    assert_eq!(
        told,
        "✗ 401 refused: The delivery could not be verified: the signature is wrong\n"
    );
    let told: Value =
        serde_json::from_str(&place().run(&format!("{send} --times 3 --format json")).ended(1)).unwrap();
    assert_eq!(
        (&told["sent"], &told["refused"], &told["firstRefused"]["status"]),
        (&json!(3), &json!(3), &json!(401))
    );
}

#[tokio::test]
async fn many_deliveries_are_counted() {
    let server = MockServer::start().await;
    let answer = |status: u16, duplicate: bool| {
        ResponseTemplate::new(status)
            .set_body_json(json!({ "received": true, "eventId": "e-1", "duplicate": duplicate }))
    };
    Mock::given(path("/webhooks/make"))
        .respond_with(answer(202, false))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path("/webhooks/make"))
        .respond_with(answer(200, true))
        .mount(&server)
        .await;
    let told = place()
        .run(&format!(
            "webhook send make --file body --times 5 --to {}",
            server.uri()
        ))
        .ended(0);
    assert!(
        told.starts_with("5 sent in ") && told.ends_with(": 1 accepted, 4 duplicates, 0 refused\n"),
        "{told}"
    );
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 5);
}

#[tokio::test]
async fn an_undeclared_source_is_explained() {
    let server = MockServer::start().await;
    let problem = json!({
        "status": 404, "title": "There is no such thing", "detail": "there is no webhook source at this path",
    });
    Mock::given(path("/webhooks/custom/billing"))
        .respond_with(ResponseTemplate::new(404).set_body_json(problem))
        .mount(&server)
        .await;
    let send = format!(
        "webhook send custom/billing --scheme none --file body --to {}",
        server.uri()
    );
    let ran = place().run(&send);
    assert!(ran.err.contains("declare it under `sources:`"), "{ran:#?}");
    assert_eq!(
        ran.ended(1),
        "✗ 404 refused: there is no webhook source at this path\n"
    );
}

/// Nothing listens there: it must not come to sending.
#[test]
fn a_missing_secret_is_told_before_anything_is_sent() {
    let place = place();
    let nobody = "--file body --to http://127.0.0.1:9";
    for (source, variable) in [
        ("github", "GITHUB_WEBHOOK_SECRET"),
        ("gitlab", "GITLAB_WEBHOOK_SECRET"),
    ] {
        let ran = place.run(&format!("webhook send {source} --event push {nobody}"));
        for part in ["--secret-file", variable, "--scheme none"] {
            assert!(ran.err.contains(part), "{source}: {ran:#?}");
        }
        ran.ended(2);
        let unsigned = format!("webhook send {source} --event push --scheme none {nobody}");
        place.run(&unsigned).ended(3);
    }
    place.run(&format!("webhook send make {nobody}")).ended(3);
}
