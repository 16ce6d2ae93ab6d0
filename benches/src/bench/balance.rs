//! How evenly tests are spread: the plan of `pilotage test run` on durations that were recorded, beside the ways of others.
//!
//! Nothing runs; the clock is simulated, since nobody has 64 machines at hand. The planner is the one of the product. It plans with
//! what it would know and is judged by what was recorded.

mod ways;

use std::path::{Path, PathBuf};

use pilotage_benches::table::{Row, Spread};

use self::ways::{Known, Recorded, Way};

/// Numbers of nodes.
const NODES: [usize; 4] = [2, 4, 16, 64];
/// Draws of what history gets wrong.
const DRAWS: u64 = 20;

/// A row for each suite, and for all together, number of nodes and way.
///
/// # Errors
/// Recorded durations cannot be read.
pub(crate) fn run(recorded: Option<&Path>) -> anyhow::Result<Vec<Row>> {
    let folder = recorded.map_or_else(|| PathBuf::from("benches/balance"), Path::to_owned);
    let all = Recorded::read(&folder)?;
    let rows = all
        .iter()
        .flat_map(|suites| NODES.into_iter().flat_map(|nodes| rows_of(suites, nodes)));
    Ok(rows.collect())
}

fn rows_of(suites: &Recorded, nodes: usize) -> Vec<Row> {
    let bound = suites.lower_bound(nodes);
    let over = |way: Way| Spread::of((0..DRAWS).map(|draw| way.makespan(suites, nodes, draw) / bound));
    let row = |what: &str, ours: Way, other: Way| Row {
        what: format!("{} on {nodes} nodes: {what}", suites.name),
        ours: over(ours).with(""),
        reference: over(other).with(""),
        ratio: String::new(),
    };
    let (exact, wrong) = (Way::Ours(Known::Exactly), Known::Wrong(0.3));
    let mut rows = vec![
        row(
            "beside equal counts, as Vitest and Jest shard",
            exact,
            Way::HashedCount,
        ),
        row("beside equal counts in turns, as nextest does", exact, Way::Turns),
        row(
            "beside the longest first, files whole",
            exact,
            Way::LongestFirst(Known::Exactly),
        ),
        row("beside a queue of single files", exact, Way::Queue),
        row(
            "history wrong by 30 %, a tenth unknown; beside the longest first",
            Way::Ours(wrong),
            Way::LongestFirst(wrong),
        ),
        row(
            "the same on one machine with so many workers; beside a queue",
            Way::Shared(wrong),
            Way::Queue,
        ),
    ];
    if suites.has_before() {
        let (ours, other) = (Way::Ours(Known::Before), Way::LongestFirst(Known::Before));
        rows.push(row(
            "planned by another run; beside the longest first",
            ours,
            other,
        ));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_of_others_are_spread_evenly_over_nodes_that_start_runners() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("balance");
        let all = Recorded::read(&folder).unwrap();
        assert_eq!(all.len(), 5, "four suites, and all of them together");
        for suites in &all {
            for (nodes, most) in [(2, 1.10), (4, 1.10), (16, 1.15), (64, 1.25)] {
                let over = Way::Ours(Known::Exactly).makespan(suites, nodes, 0) / suites.lower_bound(nodes);
                assert!(
                    over <= most,
                    "{} on {nodes} nodes: {over:.3}, and {most} is asked",
                    suites.name
                );
            }
        }
    }
}
