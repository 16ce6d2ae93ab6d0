//! `pilotage test coverage`, and what `run` and `merge` do with what tests reached.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use pilotage_core::testing::{
    Problem, ProblemKind, ShardReport,
    coverage::{Coverage as Reached, CoverageFile, CoverageJudged, changed, judge, lcov},
};
use pilotage_runners::{
    reports::coverage::written,
    testing::{self, Collecting, Ready},
};

use super::{choosing::Known, reached};
use crate::{
    cli::Context,
    exit::{Done, usage},
};

const EXAMPLES: &str = "\
Examples:
  pilotage test coverage web/coverage/coverage-final.json api/coverage.json     merge them, and judge the whole
  pilotage test coverage cover.out --base origin/main                           which changed lines no test reached

Formats: LCOV, Cobertura, Istanbul (coverage-final.json, coverage-summary.json), the JSON of coverage.py, SimpleCov
(.resultset.json, coverage.json), profiles of Go, the JSON of llvm-cov, and coverage.json as this command writes it. What is asked
stands under `tests: coverage:` in pilotage.yaml.

Exit codes: 0 enough, 1 not enough, 2 usage or configuration, 3 could not read the reports.";

/// What is made of what tests reached.
#[derive(Args, Debug)]
pub(super) struct Measuring {
    /// Also judge the lines that differ from this commit
    #[arg(long, value_name = "COMMIT")]
    base: Option<String>,
    /// Where lcov.info and coverage.json are written
    #[arg(long, value_name = "FOLDER", default_value = ".pilotage/coverage")]
    coverage_output: PathBuf,
}

impl Measuring {
    /// Writes the merged reports, and judges them.
    ///
    /// # Errors
    /// They cannot be written, or git does not know the base.
    pub(super) async fn judge(
        &self,
        file: &CoverageFile,
        reached: &Reached,
    ) -> anyhow::Result<CoverageJudged> {
        let folder = &self.coverage_output;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (name, text) in [("lcov.info", lcov(reached)), ("coverage.json", written(reached))] {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let changes = match &self.base {
            Some(base) => {
                let root = std::env::current_dir()?;
                let changes = testing::changes(&root, base).await.map_err(usage)?;
                Some(changed(reached, &changes, base))
            }
            None => None,
        };
        Ok(judge(reached, file, changes))
    }

    /// What a run that was asked for it came to; one that was not is told, if there are thresholds.
    ///
    /// # Errors
    /// As for [`Self::judge`].
    pub(super) async fn settle(
        &self,
        asked: Option<Asked>,
        file: &CoverageFile,
        report: &mut ShardReport,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Option<CoverageJudged>> {
        match asked {
            Some(asked) => asked.settle(self, file, report, notes).await,
            None if file.asks() => {
                notes.push("what the tests reach was not measured: --coverage does".to_owned());
                Ok(None)
            }
            None => Ok(None),
        }
    }
}

/// That a run is to tell what its tests reach.
pub(super) struct Asked {
    /// Where runners leave their reports.
    pub(super) collecting: Collecting,
    suites: Vec<Ready>,
}

impl Asked {
    /// Asks these suites, where that is wanted.
    ///
    /// # Errors
    /// There is no place for their reports.
    pub(super) async fn when(wanted: bool, suites: &[Ready], scratch: &Path) -> anyhow::Result<Option<Self>> {
        if !wanted {
            return Ok(None);
        }
        let folder = scratch.join("coverage");
        std::fs::create_dir_all(&folder).context("cannot make a folder for reports of coverage")?;
        let cannot = testing::lacking(suites, scratch).await;
        Ok(Some(Self {
            collecting: Collecting { folder, cannot },
            suites: suites.to_vec(),
        }))
    }

    /// Reads what the runners left, and judges it; of one machine among several it is only kept, to be judged with the others.
    ///
    /// # Errors
    /// As for [`Measuring::judge`].
    async fn settle(
        self,
        measuring: &Measuring,
        file: &CoverageFile,
        report: &mut ShardReport,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Option<CoverageJudged>> {
        let root = std::env::current_dir()?;
        let lacks = self.collecting.cannot.iter().filter_map(|(place, lack)| {
            let suite = &self.suites.get(*place)?.suite.name;
            Some(format!("{suite}: what its tests reach is unknown: {lack}"))
        });
        // Where nothing is asked of the whole, a part that cannot be told is worth knowing and no more.
        let mut problems = Vec::new();
        if file.asks() {
            problems.extend(lacks);
        } else {
            notes.extend(lacks);
        }
        problems
            .extend(testing::report_coverage(&self.collecting, &self.suites, &self.collecting.folder).await);
        let measured = testing::gather(&root, &self.collecting, &self.suites, file);
        problems.extend(measured.problems);
        notes.extend(measured.notes);
        let mut problems: Vec<_> = problems
            .into_iter()
            .map(|text| Problem::new(ProblemKind::Coverage, text))
            .collect();
        let judged = if report.shards > 1 {
            notes.push("what the tests reach is judged by `pilotage test merge`, with all shards".to_owned());
            report.reached = Some(measured.coverage);
            None
        } else {
            let judged = measuring.judge(file, &measured.coverage).await?;
            problems.extend(judged.problems.clone());
            Some(judged)
        };
        let verdict = std::mem::replace(
            &mut report.verdict,
            pilotage_core::testing::Verdict::of(Vec::new(), Vec::new()),
        );
        report.verdict = verdict.with(problems);
        Ok(judged)
    }
}

/// What is merged.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Coverage {
    /// Reports of any format
    #[arg(required = true, value_name = "FILE")]
    reports: Vec<PathBuf>,
    #[command(flatten)]
    known: Known,
    #[command(flatten)]
    measuring: Measuring,
}

impl Coverage {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let file = self.known.file()?.coverage;
        let root = std::env::current_dir()?;
        let read = testing::read_reports(&root, &self.reports, &file);
        let read = read.map_err(|why| anyhow::anyhow!(crate::output::clean(&why)))?;
        let mut judged = self.measuring.judge(&file, &read.coverage).await?;
        judged.notes.extend(read.notes);
        if context.output.is_json() {
            context.output.json(&judged)?;
        } else {
            context.output.table(&reached::table(&judged))?;
            let paint = |style, text: &str| context.output.paint(style, text);
            for line in reached::lines(&judged).chain(reached::problems(&judged)) {
                context.output.line(paint(line.0, &line.1))?;
            }
        }
        Ok(Done::when(judged.problems.is_empty()))
    }
}
