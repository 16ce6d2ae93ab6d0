//! `pilotage mcp`: standard input and output, alone and as a bridge to a server that runs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    PLAIN,
    client::modern,
    plain,
    server::{Place, pilotage},
};

struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Agent {
    fn start(place: &Place, options: &[&str]) -> Self {
        let mut command: Command = pilotage();
        command
            .arg("mcp")
            .args(options)
            .arg("--data-dir")
            .arg(place.data());
        command.arg("--config").arg(place.config());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn ask(&mut self, message: &Value) -> Value {
        self.tell(&message.to_string());
        self.hear()
    }

    fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn assert_works(agent: &mut Agent) {
    let answer = agent.ask(&modern(1, "server/discover", json!({})));
    assert!(answer["result"]["supportedVersions"].is_array(), "{answer}");
    let answer = agent.ask(&modern(
        2,
        "tools/call",
        json!({ "name": "get-status", "arguments": {} }),
    ));
    assert!(
        answer["result"]["structuredContent"]["totals"].is_object(),
        "{answer}"
    );
    let info = &answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["name"], "pilotage", "{answer}");
    let answer = agent.ask(&modern(3, "tools/call", json!({ "name": "no-such" })));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = agent.ask(&modern(4, "no/such", json!({})));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    agent.tell("{\"jsonrpc\":");
    assert_eq!(agent.hear()["error"]["code"], -32700);
    agent.tell("[]");
    assert_eq!(agent.hear()["error"]["code"], -32600);
}

#[test]
fn an_agent_works_alone_on_its_data_folder() {
    let place = Place::new(PLAIN);
    let mut agent = Agent::start(&place, &[]);
    assert_works(&mut agent);
    agent.end();
}

#[test]
fn the_older_handshake_works_too() {
    let place = Place::new(PLAIN);
    let mut agent = Agent::start(&place, &["--read-only"]);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    } });
    assert_eq!(agent.ask(&hello)["result"]["protocolVersion"], "2025-06-18");
    agent.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
    let answer = agent.ask(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }));
    for tool in answer["result"]["tools"].as_array().unwrap() {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
    }
    agent.end();
}

#[test]
fn beside_a_running_server_messages_are_carried_to_it() {
    let (place, server) = plain();
    let mut agent = Agent::start(&place, &["--server", &server.url]);
    assert_works(&mut agent);
    agent.end();
}

#[test]
fn a_toolset_that_is_not_there_is_refused_with_the_nearest() {
    let place = Place::new(PLAIN);
    let output = pilotage()
        .args(["mcp", "--toolsets", "pilotages", "--data-dir"])
        .arg(place.data())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("did you mean `pilotage`?"), "{said}");
}
