//! Calls of a tool over streamable HTTP, one after the other and 32 at once, against a bare route that reads and answers
//! JSON, and against the same tool on npm's `fastmcp`.

use std::time::Duration;

use pilotage_benches::{
    load::{self, Outcome},
    server::{Program, Server},
    table::Row,
};
use serde_json::{Value, json};

use crate::{Settings, note};

/// All of the load comes from one caller.
const UNLIMITED: &str = "\
version: 1
mcp: {messagesPerSecond: 0}
server: {addressPerSecond: 10000000, addressBurst: 10000000}
";
/// A tool of the conformance suite that answers a text, and one of the product that reads the store.
const PLAIN: &str = "test_simple_text";
const READING: &str = "list-rules";
/// The stateless revision, and the one that fastmcp answers without a session.
const MODERN: &str = "2026-07-28";
const OLDER: &str = "2025-06-18";
const AT_ONCE: u16 = 32;
const WARM_UP: Duration = Duration::from_millis(500);
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// Who is asked for what.
struct Side {
    name: &'static str,
    program: Program,
    path: &'static str,
    revision: &'static str,
    tool: &'static str,
    alone: Figures,
    crowd: Figures,
    resident_mb: Vec<f64>,
    ready_ms: Vec<f64>,
}

#[derive(Default)]
struct Figures {
    rate: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    cpu_us: Vec<f64>,
}

impl Side {
    fn new(
        name: &'static str,
        program: Program,
        path: &'static str,
        revision: &'static str,
        tool: &'static str,
    ) -> Self {
        Self {
            name,
            program,
            path,
            revision,
            tool,
            alone: Figures::default(),
            crowd: Figures::default(),
            resident_mb: Vec::new(),
            ready_ms: Vec::new(),
        }
    }

    /// The call as a client of this revision sends it.
    fn request(&self, server: &Server) -> Vec<u8> {
        let body = call(self.revision, self.tool).to_string();
        let named = if self.revision == MODERN {
            format!("Mcp-Method: tools/call\r\nMcp-Name: {}\r\n", self.tool)
        } else {
            String::new()
        };
        let token = server.token.as_ref();
        let authorization =
            token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n{authorization}MCP-Protocol-Version: {}\r\n\
             {named}Content-Length: {}\r\n\r\n{body}",
            self.path,
            server.address,
            self.revision,
            body.len()
        )
        .into_bytes()
    }

    async fn round(&mut self, number: u32, settings: &Settings) -> anyhow::Result<()> {
        let server = Server::start(&self.program).await?;
        self.ready_ms.push(server.ready_after.as_secs_f64() * 1e3);
        let request = self.request(&server);
        load::repeat(server.address, AT_ONCE, WARM_UP, &request).await?;
        for (figures, connections) in [(&mut self.alone, 1), (&mut self.crowd, AT_ONCE)] {
            server.settle(SETTLE_WITHIN).await?;
            let before = server.cpu()?;
            let seconds = Duration::from_secs_f64(settings.seconds);
            let outcome = load::repeat(server.address, connections, seconds, &request).await?;
            // With what is put off: the trail of the calls is written in batches.
            server.settle(SETTLE_WITHIN).await?;
            figures.add(&outcome, server.cpu()?.saturating_sub(before));
            figures.say(number, self.name, connections, &outcome);
        }
        let resident = load::count(server.memory()?.resident_kib) * 1_024.0 / 1e6;
        self.resident_mb.push(resident);
        Ok(())
    }
}

impl Figures {
    fn add(&mut self, outcome: &Outcome, cpu: Duration) {
        self.rate.push(outcome.rate());
        self.p50_ms.push(outcome.quantile_ms(0.50));
        self.p99_ms.push(outcome.quantile_ms(0.99));
        let each = cpu.as_secs_f64() * 1e6 / load::count(outcome.accepted().max(1));
        self.cpu_us.push(each);
    }

    fn say(&self, number: u32, name: &str, connections: u16, outcome: &Outcome) {
        let refusals = outcome.refusals();
        let refused = if refusals.is_empty() {
            String::new()
        } else {
            format!("  NOT ANSWERED: {refusals}")
        };
        let last = |figures: &[f64]| figures.last().copied().unwrap_or_default();
        note(&format!(
            "  {number} {name:20} x{connections:<2} {:8.0}/s  p50 {:.2} ms  p99 {:.2} ms  CPU {:.1} us each{refused}",
            last(&self.rate),
            last(&self.p50_ms),
            last(&self.p99_ms),
            last(&self.cpu_us),
        ));
    }
}

fn call(revision: &str, tool: &str) -> Value {
    let mut params = json!({ "name": tool, "arguments": {} });
    if revision == MODERN {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
        });
    }
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let Program::Pilotage { binary, config, .. } = settings.pilotage(UNLIMITED)? else {
        anyhow::bail!("there is no server to measure");
    };
    let pilotage = Program::Pilotage {
        binary,
        config,
        options: &["--mcp-conformance-fixtures"],
        guarded: true,
    };
    let mut bare = Side::new("bare, JSON", Settings::bare(None)?, "/json", MODERN, PLAIN);
    let mut plain = Side::new("pilotage, a text", pilotage.clone(), "/mcp", MODERN, PLAIN);
    let mut reading = Side::new("pilotage, list-rules", pilotage, "/mcp", MODERN, READING);
    let mut fastmcp = settings.fastmcp.as_ref().map(|modules| {
        let program = Program::Node {
            modules: modules.clone(),
            script: include_str!("mcp.mjs"),
            arguments: Vec::new(),
        };
        Side::new("npm fastmcp, a text", program, "/mcp", OLDER, PLAIN)
    });
    for number in 1..=settings.rounds {
        for side in [&mut bare, &mut plain, &mut reading]
            .into_iter()
            .chain(&mut fastmcp)
        {
            side.round(number, settings).await?;
        }
    }
    let mut rows = compared(&plain, &bare);
    rows.extend(compared(&reading, &bare));
    match &fastmcp {
        Some(fastmcp) => rows.extend(compared(&plain, fastmcp)),
        None => note("  no fastmcp: name the folder of npm's with --fastmcp"),
    }
    Ok(rows)
}

fn compared(ours: &Side, reference: &Side) -> Vec<Row> {
    let row = |what: &str, unit: &str, of: fn(&Side) -> &Vec<f64>| {
        let what = format!("{}, to {}: {what}", ours.name, reference.name);
        Row::compared(what, unit, of(ours), of(reference))
    };
    vec![
        row("calls per second, 32 at once", "/s", |side| &side.crowd.rate),
        row("CPU per call, 32 at once", "us", |side| &side.crowd.cpu_us),
        row("p50, 32 at once", "ms", |side| &side.crowd.p50_ms),
        row("p99, 32 at once", "ms", |side| &side.crowd.p99_ms),
        row("p50, one after the other", "ms", |side| &side.alone.p50_ms),
        row("CPU per call, one after the other", "us", |side| {
            &side.alone.cpu_us
        }),
        row("resident memory afterwards", "MB", |side| &side.resident_mb),
        row("cold start until /ready is 200", "ms", |side| &side.ready_ms),
    ]
}
