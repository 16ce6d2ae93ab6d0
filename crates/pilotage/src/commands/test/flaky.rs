//! `pilotage test flaky`.

use clap::Args;
use pilotage_core::testing::{TestKept, TestsFile};
use pilotage_runners::testing;
use serde_json::json;

use super::choosing::{Known, policy};
use crate::{
    cli::Context,
    exit::Done,
    output::{Cell, Style, Table},
};

/// What is shown.
#[derive(Args, Debug)]
pub(crate) struct Flaky {
    /// Only tests that flip in at least this share of their runs, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1)]
    at_least: u32,
    #[command(flatten)]
    known: Known,
}

impl Flaky {
    pub(super) fn run(self, context: &Context) -> anyhow::Result<Done> {
        let (file, history) = (self.known.file()?, self.known.history()?);
        let policy = policy(&file)?;
        let class = testing::machine_class();
        let rate = |test: &TestKept| test.flip_rate().filter(|rate| *rate >= self.at_least);
        let mut flaky: Vec<_> = history
            .tests(&class)
            .filter_map(|(suite, file, id, test)| {
                Some((rate(test)?, suite, file, id, test.outcomes.as_str()))
            })
            .collect();
        flaky.sort_by(|a, b| b.0.cmp(&a.0).then(a.cmp(b)));
        if context.output.is_json() {
            let items = flaky.iter().map(|(rate, suite, file, id, outcomes)| {
                json!({ "suite": suite, "file": file, "id": id, "flipRatePercent": rate, "outcomes": outcomes })
            });
            let expired: Vec<_> = policy.expired().map(|(test, _)| test).collect();
            context.output.json(&json!({
                "items": items.collect::<Vec<_>>(), "next": null, "quarantine": file.quarantine, "expired": expired,
            }))?;
            return Ok(Done::Yes);
        }
        let mut table = Table::new(&["SUITE", "TEST", "FLIPS", "LAST RUNS"]);
        for (rate, suite, _, id, outcomes) in &flaky {
            table.row([
                (*suite).into(),
                Cell::id(id),
                format!("{rate} %").into(),
                (*outcomes).into(),
            ]);
        }
        if table.is_empty() {
            context.output.line("No test is known to end now so, now so.")?;
        } else {
            context.output.table(&table)?;
            context
                .output
                .line("P passed, F failed, R passed when it was run again; the oldest run first.")?;
        }
        quarantine(context, &file, &policy)?;
        Ok(Done::Yes)
    }
}

fn quarantine(
    context: &Context,
    file: &TestsFile,
    policy: &pilotage_core::testing::Policy,
) -> anyhow::Result<()> {
    if file.quarantine.is_empty() {
        return Ok(());
    }
    let over: Vec<_> = policy.expired().map(|(_, entry)| entry.clone()).collect();
    let mut table = Table::new(&["IN QUARANTINE", "OWNER", "UNTIL", "REASON"]);
    for entry in &file.quarantine {
        let is_over = over
            .iter()
            .any(|over| over.until == entry.until && over.reason == entry.reason);
        let style = if is_over { Style::Bad } else { Style::Plain };
        let until = if is_over {
            format!("{} (over)", entry.until)
        } else {
            entry.until.clone()
        };
        table.row([
            Cell::id(&entry.test),
            entry.owner.as_str().into(),
            Cell::styled(style, &until),
            entry.reason.as_str().into(),
        ]);
    }
    context.output.line("")?;
    context.output.table(&table)?;
    Ok(())
}
