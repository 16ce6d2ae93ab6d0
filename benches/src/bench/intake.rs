//! Durable intake until the 202, against a bare route that only reads the body.

use std::time::Duration;

use pilotage_benches::{
    load::{self, Outcome},
    server::{Program, Server},
    table::Row,
};

use crate::{Settings, note};

/// Lifts the limits on a source and on an address: all of the load comes from one.
pub(crate) const UNLIMITED: &str = "\
version: 1
sources: {github: {rateLimit: null}}
server: {addressPerSecond: 10000000, addressBurst: 10000000}
";

const WARM_UP: Duration = Duration::from_millis(500);
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// What one round of one server gave.
#[derive(Default)]
struct Figures {
    rate: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    cpu_us: Vec<f64>,
    cpu_settled_us: Vec<f64>,
}

/// Alternates the two servers, each round on a fresh process with an empty store, so that neither works off what the
/// round before left behind.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let (bare, pilotage) = (Settings::bare(None)?, settings.pilotage(UNLIMITED)?);
    let (mut reference, mut ours) = (Figures::default(), Figures::default());
    for number in 1..=settings.rounds {
        round("bare", number, &bare, settings, &mut reference).await?;
        round("pilotage", number, &pilotage, settings, &mut ours).await?;
    }
    let connections = settings.connections;
    let row = |what: &str, unit, ours: &[f64], reference: &[f64]| {
        Row::compared(
            format!("intake, {connections} connections: {what}"),
            unit,
            ours,
            reference,
        )
    };
    Ok(vec![
        row("202 per second", "/s", &ours.rate, &reference.rate),
        row("latency p50", "ms", &ours.p50_ms, &reference.p50_ms),
        row("latency p99", "ms", &ours.p99_ms, &reference.p99_ms),
        row(
            "CPU per delivery until the 202s are out",
            "us",
            &ours.cpu_us,
            &reference.cpu_us,
        ),
        row(
            "CPU per delivery with what follows",
            "us",
            &ours.cpu_settled_us,
            &reference.cpu_settled_us,
        ),
    ])
}

async fn round(
    name: &str,
    number: u32,
    program: &Program,
    settings: &Settings,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let server = Server::start(program).await?;
    load::saturate(server.address, settings.connections, WARM_UP).await?;
    server.settle(SETTLE_WITHIN).await?;
    let before = server.cpu()?;
    let seconds = Duration::from_secs_f64(settings.seconds);
    let outcome = load::saturate(server.address, settings.connections, seconds).await?;
    let cpu = server.cpu()?.saturating_sub(before);
    let settled = server.settle(SETTLE_WITHIN).await?;
    let cpu_settled = server.cpu()?.saturating_sub(before);
    figures.rate.push(outcome.rate());
    figures.p50_ms.push(outcome.quantile_ms(0.50));
    figures.p99_ms.push(outcome.quantile_ms(0.99));
    figures.cpu_us.push(per_delivery_us(cpu, &outcome));
    figures
        .cpu_settled_us
        .push(per_delivery_us(cpu_settled, &outcome));
    say(name, number, &outcome, cpu, settled);
    Ok(())
}

fn per_delivery_us(cpu: Duration, outcome: &Outcome) -> f64 {
    cpu.as_secs_f64() * 1e6 / load::count(outcome.accepted().max(1))
}

fn say(name: &str, number: u32, outcome: &Outcome, cpu: Duration, settled: bool) {
    let refusals = outcome.refusals();
    let refused = if refusals.is_empty() {
        String::new()
    } else {
        format!("  NOT ACCEPTED: {refusals}")
    };
    let busy = if settled {
        String::new()
    } else {
        format!("  still working after {SETTLE_WITHIN:?}")
    };
    note(&format!(
        "  {number} {name:8} {:8.0}/s  p50 {:.2} ms  p99 {:.2} ms  CPU {:.1} us each{refused}{busy}",
        outcome.rate(),
        outcome.quantile_ms(0.50),
        outcome.quantile_ms(0.99),
        per_delivery_us(cpu, outcome),
    ));
}
