//! `client.mjs` in Node, told what to do line by line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
};

use serde_json::{Value, json};

use crate::{named_by, server::DEADLINE};

/// The folder where npm put `socket.io-client`, or a line that says how to get it.
pub(crate) fn modules() -> Option<PathBuf> {
    named_by(
        "PILOTAGE_SOCKET_IO",
        "run `npm ci` in a copy of .ci/socketio and name that folder; Node 20 must be on the path",
    )
}

/// A running client; it ends with this.
pub(crate) struct Client {
    child: Child,
    orders: ChildStdin,
    told: Receiver<Value>,
}

impl Client {
    pub(crate) fn start(modules: &std::path::Path, url: &str, transports: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/client.mjs");
        let mut child = Command::new("node")
            .args([script, url, transports])
            .arg(modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if tell.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, orders, told }
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").unwrap();
    }

    pub(crate) fn emit(&mut self, event: &str, payload: &Value) {
        self.order(&json!({ "emit": [event, payload] }));
    }

    pub(crate) fn disconnect(&mut self) {
        self.order(&json!({ "disconnect": true }));
    }

    /// The name of the transport in use.
    pub(crate) fn transport(&mut self) -> String {
        self.order(&json!({ "transport": true }));
        self.until("transport", |_| true).as_str().unwrap().to_owned()
    }

    /// Everything that was told from now until the client says so.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        self.order(&json!({ "echo": "rest" }));
        let mut rest = Vec::new();
        loop {
            let told = self.told.recv_timeout(DEADLINE).expect("the client says nothing");
            if told["event"] == "echo" {
                return rest;
            }
            rest.push(told);
        }
    }

    /// The data of the next event of this name for which `holds`; what comes before is passed over.
    pub(crate) fn until(&mut self, event: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut passed = Vec::new();
        loop {
            let told = self.told.recv_timeout(DEADLINE);
            let told = told.unwrap_or_else(|error| panic!("no such `{event}`: {error}; only {passed:#?}"));
            if told["event"] == event && holds(&told["data"]) {
                return told["data"].clone();
            }
            passed.push(told);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
