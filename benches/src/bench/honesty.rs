//! What `pilotage load run` says of a server that stands still for 2 of 10 seconds, beside `wrk` and `hey`.
//!
//! The truth is arithmetic: requests are due evenly, those that are due while the server stands still wait for its end, the
//! others are answered at once. Over whole periods a fifth of all waits, evenly between nothing and the whole time, so 95 of 100 stay
//! below three quarters of it.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use axum::{Router, routing::get};
use pilotage_benches::table::{Row, Spread, ratios};
use serde_json::Value;

use crate::{Settings, note};

const AWAKE: Duration = Duration::from_secs(8);
const STILL: Duration = Duration::from_secs(2);
/// Two whole periods, in seconds.
const SECONDS: u32 = 20;
/// Requests that are due in a second.
const RATE: u32 = 100;
/// What 95 of 100 requests stay below, in seconds.
const TRUTH: f64 = 1.5;

/// Runs each tool against a server of its own.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let pilotage = settings
        .pilotage
        .clone()
        .map_or_else(|| Settings::binary("pilotage"), Ok)?;
    let pilotage = pilotage.canonicalize()?;
    let mut own = Vec::new();
    for _ in 0..settings.rounds {
        own.push(told_by_us(&pilotage, frozen_now_and_then()?)?);
    }
    let truths = vec![TRUTH; own.len()];
    let mut rows = vec![Row {
        what: format!("p95 at {RATE}/s of a server that stands still for 2 of 10 s (reference: the truth)"),
        ours: Spread::of(own.iter().copied()).with("s"),
        reference: format!("{TRUTH:.2} s"),
        ratio: ratios(&own, &truths).with(""),
    }];
    for (name, tell) in [("wrk", told_by_wrk as fn(SocketAddr) -> _), ("hey", told_by_hey)] {
        if Command::new(name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
        {
            note(&format!("  no {name} to compare with: `apt-get install {name}`"));
            continue;
        }
        let told: f64 = tell(frozen_now_and_then()?)?;
        rows.push(Row {
            what: format!("the same, as {name} tells it (ratio: {name} over the truth)"),
            ours: Spread::of(own.iter().copied()).with("s"),
            reference: format!("{told:.3} s"),
            ratio: format!("{:.3}", told / TRUTH),
        });
    }
    Ok(rows)
}

/// A server with one thread, which all of it shares: what it does not do while it stands still is not done.
fn frozen_now_and_then() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // It ends with this program.
    thread::spawn(move || {
        runtime.block_on(async move {
            let routes = Router::new().route("/", get(|| async { "here" }));
            tokio::spawn(async {
                loop {
                    tokio::time::sleep(AWAKE).await;
                    #[expect(clippy::disallowed_methods, reason = "to stand still is what is wanted")]
                    thread::sleep(STILL);
                }
            });
            let served = axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await;
            served.context("the server ended")
        })
    });
    Ok(address)
}

fn told_by_us(pilotage: &Path, server: SocketAddr) -> anyhow::Result<f64> {
    let place = tempfile::tempdir()?;
    let output = Command::new(pilotage)
        .args(["load", "run", "--format", "json"])
        .args(["--url", &format!("http://{server}/"), "--rate", &RATE.to_string()])
        .args(["--duration", &format!("{SECONDS}s")])
        .current_dir(place.path())
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    for doubt in report["inconclusive"].as_array().into_iter().flatten() {
        note(&format!("  pilotage doubts itself: {doubt}"));
    }
    report["latency"]["p95"].as_f64().context("no p95")
}

/// Ten connections that ask again as soon as they are answered.
fn told_by_wrk(server: SocketAddr) -> anyhow::Result<f64> {
    let place = tempfile::tempdir()?;
    let script = place.path().join("p95.lua");
    std::fs::write(
        &script,
        "done = function(summary, latency) io.write('p95 ' .. latency:percentile(95) .. '\\n') end\n",
    )?;
    let said = said(
        Command::new("wrk")
            .args(["-t1", "-c10", &format!("-d{SECONDS}s"), "-s"])
            .arg(script)
            .arg(format!("http://{server}/")),
    )?;
    let micros = said.lines().find_map(|line| line.strip_prefix("p95 "));
    Ok(micros.context("wrk told no p95")?.trim().parse::<f64>()? / 1_000_000.0)
}

/// Ten workers with a tenth of the rate each.
fn told_by_hey(server: SocketAddr) -> anyhow::Result<f64> {
    let said = said(
        Command::new("hey")
            .args([
                "-z",
                &format!("{SECONDS}s"),
                "-c",
                "10",
                "-q",
                &(RATE / 10).to_string(),
            ])
            .arg(format!("http://{server}/")),
    )?;
    let line = said.lines().map(str::trim).find_map(|line| {
        line.strip_prefix("95%")
            .and_then(|rest| rest.split_whitespace().nth(1))
    });
    Ok(line.context("hey told no p95")?.parse()?)
}

fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
