//! Fan-out of live status: one change a millisecond to thousands of subscribers, each of whom watches one of the rules,
//! against the same job of npm's `socket.io` with fewer of them, and beside the least that any server can do.

use std::time::Duration;

use pilotage_benches::{
    load,
    server::{Changing, Program, Server},
    table::{Row, Spread},
    watching::{Crowd, Protocol},
};

use crate::{Settings, note};

/// A rule for each operation, 20 changes a second each: what is sent every 100 ms stands for two changes.
const LOAD: Changing = Changing {
    operations: 50,
    per_second: 1_000,
};
/// Nothing changes, so that memory is that of idle subscribers.
const QUIET: Changing = Changing {
    operations: 50,
    per_second: 1,
};
/// Subscribers of the reference, and of ours over Socket.IO.
const FEW: usize = 1_000;
/// For what has gathered to come to rest.
const REST: Duration = Duration::from_secs(2);

/// One figure for each round.
#[derive(Default)]
struct Figures {
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    /// Processor time per second and subscriber.
    cpu_us: Vec<f64>,
    /// Resident memory per idle subscriber.
    memory_kib: Vec<f64>,
}

/// Who watches what, over what.
#[derive(Clone, Copy)]
struct Watch<'a> {
    name: &'a str,
    protocol: Protocol,
    many: usize,
}

pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let binary = Settings::binary("watched")?;
    let bare_writes = Settings::binary("writes")?;
    let ours = |load| Program::Watched {
        binary: binary.clone(),
        load,
    };
    let many = Watch {
        name: "pilotage, events",
        protocol: Protocol::Sse,
        many: settings.subscribers,
    };
    let few = Watch {
        name: "pilotage, socket.io",
        protocol: Protocol::SocketIo,
        many: FEW,
    };
    let node = Watch {
        name: "node, socket.io",
        ..few
    };
    let rooms = Watch {
        name: "node, rooms",
        ..few
    };
    let writes = Watch {
        name: "nothing but writes",
        ..many
    };
    let least = |_| Program::Writes {
        binary: bare_writes.clone(),
    };
    let [mut events, mut sockets, mut floor, mut reference, mut in_rooms] =
        std::array::from_fn(|_| Figures::default());
    for number in 1..=settings.rounds {
        round(number, many, &ours, settings, &mut events).await?;
        round(number, few, &ours, settings, &mut sockets).await?;
        round(number, writes, &least, settings, &mut floor).await?;
        if let Some(modules) = &settings.socket_io {
            let theirs = |how: &'static str| {
                move |load: Changing| Program::Node {
                    modules: modules.clone(),
                    script: include_str!("live.mjs"),
                    arguments: vec![
                        load.operations.to_string(),
                        load.per_second.to_string(),
                        how.to_owned(),
                    ],
                }
            };
            round(number, node, &theirs("filters"), settings, &mut reference).await?;
            round(number, rooms, &theirs("rooms"), settings, &mut in_rooms).await?;
        }
    }
    if settings.socket_io.is_none() {
        note("  no reference: name the folder of npm's socket.io with --socket-io");
    }
    let rows = [
        rows(many, &events, &reference),
        rows(few, &sockets, &reference),
        rows(writes, &floor, &reference),
        rows(rooms, &in_rooms, &reference),
    ];
    Ok(rows.concat())
}

fn rows(watch: Watch<'_>, ours: &Figures, reference: &Figures) -> Vec<Row> {
    let row = |what: &str, unit: &str, ours: &[f64], reference: &[f64]| {
        let what = format!("{} subscribers, {}: {what}", watch.many, watch.name);
        if reference.is_empty() {
            return Row {
                what,
                ours: Spread::of(ours.iter().copied()).with(unit),
                reference: "-".to_owned(),
                ratio: "-".to_owned(),
            };
        }
        Row::compared(what, unit, ours, reference)
    };
    vec![
        row("store to socket p50", "ms", &ours.p50_ms, &reference.p50_ms),
        row("store to socket p99", "ms", &ours.p99_ms, &reference.p99_ms),
        row(
            "CPU per second and subscriber",
            "us",
            &ours.cpu_us,
            &reference.cpu_us,
        ),
        row(
            "memory per idle subscriber",
            "KiB",
            &ours.memory_kib,
            &reference.memory_kib,
        ),
    ]
}

async fn round(
    number: u32,
    watch: Watch<'_>,
    program: &impl Fn(Changing) -> Program,
    settings: &Settings,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let memory_kib = idle_memory(watch, &program(QUIET)).await?;
    let server = Server::start(&program(LOAD)).await?;
    let rules = usize::try_from(LOAD.operations)?;
    let crowd = Crowd::gather(server.address, watch.protocol, watch.many, rules).await?;
    crowd.idle(REST).await;
    let before = server.cpu()?;
    let seen = crowd.measure(Duration::from_secs_f64(settings.seconds)).await?;
    let cpu = server.cpu()?.saturating_sub(before);
    let many = load::count(u64::try_from(watch.many)?);
    let milliseconds = |share| load::count(seen.latency.value_at_quantile(share)) / 1e3;
    let (p50, p99) = (milliseconds(0.50), milliseconds(0.99));
    let cpu_us = cpu.as_secs_f64() * 1e6 / settings.seconds / many;
    let per_second = load::count(seen.pieces) / settings.seconds;
    let busy = cpu.as_secs_f64() / settings.seconds;
    note(&format!(
        "  {number} {:20} {} subscribers: {per_second:.0} pieces/s, p50 {p50:.1} ms  p99 {p99:.1} ms, {busy:.2} cores, \
         {cpu_us:.1} us/s and {memory_kib:.1} KiB each",
        watch.name, watch.many
    ));
    figures.p50_ms.push(p50);
    figures.p99_ms.push(p99);
    figures.cpu_us.push(cpu_us);
    figures.memory_kib.push(memory_kib);
    Ok(())
}

/// Resident memory that each idle subscriber adds.
async fn idle_memory(watch: Watch<'_>, program: &Program) -> anyhow::Result<f64> {
    let server = Server::start(program).await?;
    let rules = usize::try_from(QUIET.operations)?;
    // The first one makes the server load what everybody shares.
    let first = Crowd::gather(server.address, watch.protocol, 1, rules).await?;
    first.idle(REST / 4).await;
    let before = server.memory()?.resident_kib;
    let crowd = Crowd::gather(server.address, watch.protocol, watch.many, rules).await?;
    crowd.idle(REST).await;
    let after = server.memory()?.resident_kib;
    Ok(load::count(after.saturating_sub(before)) / load::count(u64::try_from(watch.many)?))
}
