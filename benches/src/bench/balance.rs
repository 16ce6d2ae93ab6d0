//! How evenly tests are spread: the plan of `pilotage test run` on durations that were recorded, beside the ways of others.
//!
//! Nothing runs; the clock is simulated, since nobody has 64 machines at hand. The planner is the one of the product. It plans with
//! what it would know and is judged by what was recorded.

mod ways;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pilotage_benches::table::{Row, Spread};

use self::ways::{Suite, Way};

/// Numbers of nodes.
const NODES: [usize; 4] = [2, 4, 16, 64];
/// Draws of what history gets wrong.
const DRAWS: u64 = 20;

/// A row for each suite, number of nodes and way.
///
/// # Errors
/// Recorded durations cannot be read.
pub(crate) fn run(recorded: Option<&Path>) -> anyhow::Result<Vec<Row>> {
    let folder = recorded.map_or_else(|| PathBuf::from("benches/balance"), Path::to_owned);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "tsv"));
    paths.sort();
    let mut rows = Vec::new();
    for path in paths {
        let suite = Suite::read(&path)?;
        for nodes in NODES {
            rows.extend(rows_of(&suite, nodes));
        }
    }
    Ok(rows)
}

fn rows_of(suite: &Suite, nodes: usize) -> Vec<Row> {
    let bound = suite.lower_bound(nodes);
    let row = |what: &str, ours: Spread, way: Way| {
        let others = Spread::of((0..DRAWS).map(|draw| way.makespan(suite, nodes, draw) / bound));
        Row {
            what: format!("{} on {nodes} nodes: {what}", suite.name),
            ours: ours.with(""),
            reference: others.with(""),
            ratio: String::new(),
        }
    };
    let ours = |way: Way| Spread::of((0..DRAWS).map(|draw| way.makespan(suite, nodes, draw) / bound));
    let exact = ours(Way::Ours {
        noise: 0.0,
        shared: false,
    });
    vec![
        row(
            "beside equal counts, as Vitest and Jest shard",
            exact,
            Way::HashedCount,
        ),
        row("beside equal counts in turns, as nextest does", exact, Way::Turns),
        row(
            "beside the longest first, files whole",
            exact,
            Way::LongestFirst { noise: 0.0 },
        ),
        row("beside a queue of single files", exact, Way::Queue),
        row(
            "history wrong by 30 %, a tenth unknown; beside the longest first",
            ours(Way::Ours {
                noise: 0.3,
                shared: false,
            }),
            Way::LongestFirst { noise: 0.3 },
        ),
        row(
            "the same on one machine with so many workers; beside a queue",
            ours(Way::Ours {
                noise: 0.3,
                shared: true,
            }),
            Way::Queue,
        ),
    ]
}
