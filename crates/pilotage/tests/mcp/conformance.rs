//! npm `@modelcontextprotocol/conformance` against the binary: with the suite's fixtures every check of two revisions, and
//! without them what any server has to hold to.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    PLAIN,
    server::{Place, Server},
};

/// What any server passes, whatever it offers.
const OF_ANY_SERVER: [(&str, &str); 8] = [
    ("server-initialize", "2025-11-25"),
    ("ping", "2025-11-25"),
    ("tools-list", "2025-11-25"),
    ("dns-rebinding-protection", "2025-11-25"),
    ("tools-list", "2026-07-28"),
    ("sep-2164-resource-not-found", "2026-07-28"),
    ("dns-rebinding-protection", "2026-07-28"),
    ("http-header-validation", "2026-07-28"),
];

/// The folder where npm put the suite and its Node, or a line that says how to get them.
fn modules() -> Option<PathBuf> {
    let how = "run `npm ci` in a copy of .ci/mcp and name its folder node_modules";
    let Some(path) = std::env::var_os("PILOTAGE_MCP_CONFORMANCE") else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "PILOTAGE_MCP_CONFORMANCE is not set: {how}");
        // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: PILOTAGE_MCP_CONFORMANCE is not set: {how}"
        );
        return None;
    };
    Some(path.into())
}

/// Checks that passed, and those that did not.
fn run(modules: &Path, server: &Server, options: &[&str]) -> (usize, Vec<String>) {
    let results = tempfile::tempdir().unwrap();
    let output = Command::new(modules.join(".bin/node"))
        .arg(modules.join("@modelcontextprotocol/conformance/dist/index.js"))
        .args(["server", "--url", &format!("{}/mcp", server.url), "-o"])
        .arg(results.path())
        .args(options)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let mut passed = 0;
    let mut failed = Vec::new();
    for file in files(results.path()) {
        let checks: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for check in checks.as_array().unwrap() {
            match check["status"].as_str().unwrap() {
                "SUCCESS" => passed += 1,
                "FAILURE" => failed.push(check.to_string()),
                _ => {}
            }
        }
    }
    assert!(
        passed > 0,
        "{options:?}: no checks in {said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (passed, failed)
}

/// Every `checks.json` below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.ends_with("checks.json") {
            found.push(path);
        }
    }
    found
}

fn assert_whole(revision: &str, at_least: usize) {
    let Some(modules) = modules() else { return };
    let place = Place::new("version: 1\nmcp: { messagesPerSecond: 0 }\n");
    let server = Server::start_with(&place, "127.0.0.1:0", &["--mcp-conformance-fixtures"]);
    let (passed, failed) = run(&modules, &server, &["--requirements", revision]);
    assert!(
        failed.is_empty(),
        "{revision}: {passed} passed, failed: {failed:#?}"
    );
    assert!(
        passed >= at_least,
        "{revision}: only {passed} checks of {at_least}"
    );
}

#[test]
fn every_check_of_2025_11_25_passes() {
    assert_whole("2025-11-25", 83);
}

#[test]
fn every_check_of_2026_07_28_passes() {
    // One more is only counted where every answer is a stream: the suite calls streams optional, and ours are for answers
    // that are preceded by something.
    assert_whole("2026-07-28", 196);
}

#[test]
fn the_plain_product_passes_what_any_server_has_to() {
    let Some(modules) = modules() else { return };
    let place = Place::new(PLAIN);
    let server = Server::start(&place);
    for (scenario, revision) in OF_ANY_SERVER {
        let options = ["--scenario", scenario, "--spec-version", revision];
        let (_, failed) = run(&modules, &server, &options);
        assert!(failed.is_empty(), "{scenario} at {revision}: {failed:#?}");
    }
}
