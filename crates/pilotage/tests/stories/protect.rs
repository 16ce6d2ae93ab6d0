//! Who may ask.

use crate::server::{Place, Server, pilotage};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_or_origin_gets_nothing_on_loopback() {
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    let get = |name: &'static str, value: &'static str| {
        server
            .http
            .get(format!("{}/api/v1/events", server.url))
            .header(name, value)
            .send()
    };
    let foreign = get("host", "evil.example").await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert!(foreign.text().await.unwrap().contains("`server.allowedHosts`"));
    assert_eq!(get("origin", "http://evil.example").await.unwrap().status(), 403);
    assert_eq!(get("accept", "application/json").await.unwrap().status(), 200);
    for probe in ["health", "ready", "startup"] {
        let answer = server
            .http
            .get(format!("{}/{probe}", server.health))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{probe}");
    }
    assert!(server.stop().success());
}

#[test]
fn a_public_address_without_a_token_is_refused() {
    let place = Place::new("version: 1\n");
    let up = || {
        let mut command = pilotage();
        command
            .args([
                "up",
                "--listen",
                "0.0.0.0:0",
                "--health-listen",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(place.data());
        command.current_dir(place.path());
        command
    };
    let output = up().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pilotage token create"));
    assert!(!place.data().exists(), "a refusal leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_has_one_server() {
    let place = Place::new("version: 1\n");
    let server = Server::start(&place);
    let beside = |arguments: &[&str]| {
        let mut command = pilotage();
        command.args(arguments).arg("--data-dir").arg(place.data());
        command.current_dir(place.path()).output().unwrap()
    };
    let second = beside(&["up", "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"]);
    let told = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(3), "{told}");
    assert!(told.contains(place.data().to_str().unwrap()), "{told}");
    let token = beside(&["token", "create", "ci", "--role", "viewer"]);
    assert!(token.status.success(), "{token:?}");
    let unknown = server.http.get(format!("{}/api/v1/events", server.url)).send();
    assert_eq!(
        unknown.await.unwrap().status(),
        401,
        "the first token closes loopback at once"
    );
    assert!(beside(&["audit", "verify"]).status.success());

    server.signal("KILL");
    drop(server);
    assert!(
        Server::start(&place).stop().success(),
        "a killed server holds nothing"
    );
}

#[test]
fn a_wrong_configuration_is_shown_with_its_line_and_ends_with_two() {
    let place = Place::new("version: 1\nruls: []\n");
    let output = pilotage()
        .args(["check", "--config"])
        .arg(place.config())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains(":2:1") && told.contains("did you mean `rules`?"),
        "{told}"
    );
}
