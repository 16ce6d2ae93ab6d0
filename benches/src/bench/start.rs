//! Cold start until ready, and memory at idle and under load, against the bare server.

use std::time::Duration;

use pilotage_benches::{
    load,
    server::{Program, Server},
    table::Row,
};

use crate::{Settings, intake, note};

/// Starts for each round: they are short, and their spread is what matters.
const STARTS: u32 = 4;
/// Idle is when the start has been over for this long.
const IDLE_AFTER: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Figures {
    ready_ms: Vec<f64>,
    idle_mb: Vec<f64>,
    peak_mb: Vec<f64>,
}

/// Alternates the two servers; each start is on an empty folder.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let (bare, pilotage) = (Settings::bare(None)?, settings.pilotage(intake::UNLIMITED)?);
    let (mut reference, mut ours) = (Figures::default(), Figures::default());
    for number in 1..=settings.rounds {
        round("bare", number, &bare, settings, &mut reference).await?;
        round("pilotage", number, &pilotage, settings, &mut ours).await?;
    }
    Ok(vec![
        Row::compared(
            "cold start until /ready is 200",
            "ms",
            &ours.ready_ms,
            &reference.ready_ms,
        ),
        Row::compared("resident memory, idle", "MB", &ours.idle_mb, &reference.idle_mb),
        Row::compared(
            format!(
                "resident memory, the most under load of {} connections",
                settings.connections
            ),
            "MB",
            &ours.peak_mb,
            &reference.peak_mb,
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
    for _ in 1..STARTS {
        figures
            .ready_ms
            .push(Server::start(program).await?.ready_after.as_secs_f64() * 1e3);
    }
    let server = Server::start(program).await?;
    figures.ready_ms.push(server.ready_after.as_secs_f64() * 1e3);
    tokio::time::sleep(IDLE_AFTER).await;
    let idle = megabytes(server.memory()?.resident_kib);
    let seconds = Duration::from_secs_f64(settings.seconds);
    load::saturate(server.address, settings.connections, seconds).await?;
    let peak = megabytes(server.memory()?.peak_kib);
    figures.idle_mb.push(idle);
    figures.peak_mb.push(peak);
    let ready = server.ready_after.as_secs_f64() * 1e3;
    note(&format!(
        "  {number} {name:8} ready {ready:.1} ms  idle {idle:.1} MB  under load {peak:.1} MB"
    ));
    Ok(())
}

fn megabytes(kib: u64) -> f64 {
    load::count(kib) * 1_024.0 / 1e6
}
