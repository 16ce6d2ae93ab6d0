//! The mock of Make's API, as people run it: the real binary, driven by Make's own SDK, CLI and earlier MCP server.
//!
//! Make's tools need Node and a folder that this machine may not have, so those tests say what they lack and pass; with
//! `PILOTAGE_REQUIRE_ALL=1` they fail instead.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod process;

use std::{ffi::OsString, io::Write as _, path::Path, process::Command};

use process::Mock;
use serde_json::Value;

/// The folder with Make's packages, if it is named.
fn modules() -> Option<OsString> {
    const NAME: &str = "PILOTAGE_MAKE_MODULES";
    let found = std::env::var_os(NAME);
    if found.is_none() {
        let how = "run `npm install @makehq/sdk@1.6.10 @makehq/cli@1.4.0 @makehq/mcp-server@0.5.0` somewhere, and name its node_modules";
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{NAME} is not set: {how}");
        // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
        let _ = writeln!(std::io::stderr(), "skipped: {NAME} is not set: {how}");
    }
    found
}

/// Runs a script of the driver against a mock of its own, over HTTPS; answers what it counted.
async fn drive(script: &str) -> Option<Value> {
    let modules = modules()?;
    let place = tempfile::tempdir().unwrap();
    let mock = Mock::start(place.path(), &["--tls", "--certificate", "mock.pem"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mock/driver")
        .join(script);
    let mut command = Command::new("node");
    command
        .arg(path)
        .env("PILOTAGE_MAKE_MODULES", modules)
        .env("NODE_EXTRA_CA_CERTS", place.path().join("mock.pem"))
        .env("MAKE_ZONE", &mock.zone)
        .env("MAKE_API_KEY", &mock.token)
        .env("MAKE_TEAM", "5")
        .env("XDG_CONFIG_HOME", place.path());
    let output = tokio::task::spawn_blocking(move || command.output().expect("Node can be run"));
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{script}\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(mock.stop().success());
    Some(serde_json::from_str(said.lines().last().unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_and_method_of_the_sdk_is_answered_in_its_shape() {
    if let Some(counted) = drive("sdk.mjs").await {
        assert_eq!(counted["sdk"]["tools"], 181, "{counted}");
        assert!(counted["sdk"]["methods"].as_u64().unwrap() >= 204, "{counted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_cli_is_answered() {
    if let Some(counted) = drive("cli.mjs").await {
        assert_eq!(counted["cli"]["commands"], 181, "{counted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_mcp_server_lists_and_runs_scenarios() {
    if let Some(counted) = drive("mcp.mjs").await {
        assert_eq!(counted["mcp"]["tools"], 1, "{counted}");
    }
}

#[test]
fn it_says_where_it_answers_and_stops_when_told() {
    let place = tempfile::tempdir().unwrap();
    let mock = Mock::start(place.path(), &[]);
    assert_eq!(mock.url, format!("http://{}", mock.zone));
    assert!(!mock.token.is_empty());
    assert!(mock.stop().success());
}

#[test]
fn a_seed_that_is_none_is_named_and_nothing_starts() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("seed.json"), r#"{"tables": {"scenario": []}}"#).unwrap();
    let output = process::command(place.path(), &["--seed", "seed.json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("seed.json: there is no table `scenario`"), "{said}");
}

/// The guide says of every part of the API whether it is served; a new part has to be told there.
#[test]
fn the_guide_names_every_category() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/mock-make.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let untold: Vec<_> = pilotage_mock::categories()
        .filter(|name| !guide.contains(&format!("\n| {name} |")))
        .collect();
    assert!(
        untold.is_empty(),
        "docs/guides/mock-make.md has no row for {untold:?}"
    );
}
