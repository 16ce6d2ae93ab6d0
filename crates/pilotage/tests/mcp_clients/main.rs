//! The official clients of MCP, unmodified, against the real binary: each over HTTP and over standard input and output.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "../stories/server.rs"]
#[expect(dead_code, reason = "the stories use the rest of it")]
mod server;

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use server::{Place, Server, pilotage};

const PLAIN: &str = "version: 1\n";
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp_clients");

/// What a variable names, or a line that says how to get it.
fn folder(variable: &str, how: &str) -> Option<PathBuf> {
    let Some(path) = std::env::var_os(variable) else {
        let required = std::env::var_os("PILOTAGE_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{variable} is not set: {how}");
        // Not by a print macro: what those write in a test that passes is captured, and nobody would see it.
        let _ = writeln!(std::io::stderr(), "skipped: {variable} is not set: {how}");
        return None;
    };
    Some(path.into())
}

fn modules() -> Option<PathBuf> {
    folder(
        "PILOTAGE_MCP_CLIENTS",
        "run `npm ci` in a copy of .ci/mcp-clients and name its node_modules",
    )
}

/// What comes behind the client: where the server is, first over HTTP, then as a program to start.
fn ways(server: &Server, place: &Place) -> [Vec<OsString>; 2] {
    let program = pilotage().get_program().to_owned();
    let over_http = vec!["http".into(), format!("{}/mcp", server.url).into()];
    let data = place.path().join("of-its-own");
    let started = vec![
        "stdio".into(),
        program,
        "mcp".into(),
        "--data-dir".into(),
        data.into(),
    ];
    [over_http, started]
}

/// Runs a client and looks at the line that it ends with.
fn assert_sees_everything(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let seen: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{command:?}: {error}: {output:?}"));
    assert!(seen["tools"].as_u64() > Some(30), "{seen}");
    assert_eq!((&seen["read"], &seen["failed"]), (&true.into(), &true.into()));
    assert_eq!(seen["dry"], "create the rule `r`");
}

fn server_and_place() -> (Server, Place) {
    let place = Place::new(PLAIN);
    (Server::start(&place), place)
}

#[test]
fn both_lines_of_the_sdk_for_typescript() {
    let Some(modules) = modules() else { return };
    let (server, place) = server_and_place();
    for package in ["@modelcontextprotocol/sdk", "@modelcontextprotocol/client"] {
        for way in ways(&server, &place) {
            let mut command = Command::new("node");
            command.arg(Path::new(HERE).join("client.mjs"));
            assert_sees_everything(command.arg(&modules).arg(package).args(way));
        }
    }
    assert!(server.stop().success());
}

#[test]
fn the_sdk_and_fastmcp_for_python() {
    let how =
        "run pip with --target and --require-hashes on .ci/mcp-clients/requirements.txt and name that folder";
    let Some(packages) = folder("PILOTAGE_MCP_CLIENTS_PYTHON", how) else {
        return;
    };
    let (server, place) = server_and_place();
    for library in ["mcp", "fastmcp"] {
        for way in ways(&server, &place) {
            let mut command = Command::new("python3");
            command.env("PYTHONPATH", &packages).arg("-B");
            command.arg(Path::new(HERE).join("client.py")).arg(library);
            assert_sees_everything(command.args(way));
        }
    }
    assert!(server.stop().success());
}

/// The exit code of the Inspector's command line, and what it wrote.
fn inspect(node: &Path, modules: &Path, way: &[OsString], rest: &[&str]) -> (Option<i32>, Value) {
    let launcher = modules.join("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    let mut command = Command::new(node.join("node"));
    // It starts further Nodes by name.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(node.to_owned()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).unwrap());
    command.arg(launcher).arg("--cli");
    match way {
        [kind, url] if kind == "http" => command.arg(url).args(["--transport", "http"]),
        _ => command.args(&way[1..]),
    };
    let output = command.args(rest).output().unwrap();
    let written =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), written)
}

#[test]
fn the_command_line_of_the_inspector() {
    let how = "it brings the Node 22 that the Inspector needs: run `npm ci` in a copy of .ci/mcp";
    let (Some(modules), Some(suite)) = (modules(), folder("PILOTAGE_MCP_CONFORMANCE", how)) else {
        return;
    };
    let node = suite.join("node/bin");
    let (server, place) = server_and_place();
    for way in ways(&server, &place) {
        let inspect = |rest: &[&str]| inspect(&node, &modules, &way, rest);
        let (code, listed) = inspect(&["--method", "tools/list"]);
        assert_eq!(code, Some(0), "{listed}");
        assert!(listed["tools"].as_array().unwrap().len() > 30);
        let call = ["--method", "tools/call", "--tool-name"];
        let (code, read) = inspect(&[&call[..], &["get-status"]].concat());
        assert_eq!(code, Some(0), "{read}");
        assert!(read["structuredContent"]["totals"].is_object(), "{read}");
        let (code, failed) = inspect(&[&call[..], &["get-rule", "--tool-arg", "id=nowhere"]].concat());
        assert_eq!((code, &failed["isError"]), (Some(5), &true.into()), "{failed}");
        let rule = r#"rule={"id":"r","trigger":{"source":"github"},"actions":[{"type":"webhook","target":"https://example.com/"}]}"#;
        let dry = [
            &call[..],
            &["put-rule", "--tool-arg", rule, "--tool-arg", "dry_run=true"],
        ]
        .concat();
        let (code, dry) = inspect(&dry);
        assert_eq!(code, Some(0), "{dry}");
        assert_eq!(dry["structuredContent"]["would"], "create the rule `r`", "{dry}");
    }
    assert!(server.stop().success());
}
