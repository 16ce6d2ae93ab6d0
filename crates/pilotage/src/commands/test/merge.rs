//! `pilotage test merge`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use pilotage_core::testing::{ShardReport, merge, reached_by_all};

use super::{
    choosing::{Known, policy},
    coverage::Measuring,
    keeping::Keeping,
    planning::Share,
    printing::{Printing, Whole},
};
use crate::{cli::Context, exit::Done};

/// Longest report of a shard, in bytes.
const MOST_BYTES: u64 = 1 << 30;

const EXAMPLES: &str = "\
Examples:
  pilotage test run --shards 4 --shard 2 --format json --output shard-2.json     on each machine
  pilotage test merge shard-*.json                                               when all are through
  pilotage test merge shard-*.json --server https://pilotage.example             and kept there as one run

A shard that is missing, comes twice or belongs to another plan is red. What tests reached is merged before it is judged.
--format also takes markdown, junit and code-quality (for GitLab) here.

Exit codes: 0 passed, 1 failed, 2 usage or configuration, 3 could not read the reports.";

/// What is put together.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Merge {
    /// What `test run --format json` wrote on each machine
    #[arg(required = true, value_name = "FILE")]
    reports: Vec<PathBuf>,
    #[command(flatten)]
    known: Known,
    #[command(flatten)]
    measuring: Measuring,
    #[command(flatten)]
    printing: Printing,
}

impl Merge {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let file = self.known.file()?;
        let policy = policy(&file)?;
        let mut reports: Vec<_> = self
            .reports
            .iter()
            .map(|path| read(path))
            .collect::<Result<_, _>>()?;
        let plan = reports
            .first()
            .map(|report| report.plan.clone())
            .unwrap_or_default();
        let (reached, mut problems) = reached_by_all(&mut reports);
        let coverage = match reached {
            Some(reached) => Some(self.measuring.judge(&file.coverage, &reached).await?),
            None => None,
        };
        problems.extend(coverage.iter().flat_map(|judged| judged.problems.clone()));
        let verdict = merge(reports, &policy).with(problems);
        let passed = verdict.passed;
        let shard = ShardReport {
            shard: 1,
            shards: 1,
            plan,
            whole: std::collections::BTreeMap::new(),
            verdict,
            reached: None,
        };
        let whole = Whole {
            shard,
            timing: None,
            coverage,
            notes: Vec::new(),
        };
        let keeping = Keeping::new(context)?;
        let (root, suites) = (std::env::current_dir()?, &whole.shard.verdict.suites);
        keeping
            .begin(&root, suites, Share::WHOLE, &whole.shard.plan)
            .await;
        let printed = self.printing.print(context, &whole);
        keeping.end(context, &whole).await;
        printed?;
        Ok(Done::when(passed))
    }
}

fn read(path: &Path) -> anyhow::Result<ShardReport> {
    let shown = path.display();
    let length = std::fs::metadata(path)
        .with_context(|| format!("cannot read {shown}"))?
        .len();
    anyhow::ensure!(
        length <= MOST_BYTES,
        "{shown} is longer than {} MiB",
        MOST_BYTES >> 20
    );
    let text = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{shown} is no whole report of `pilotage test run`"))
}
