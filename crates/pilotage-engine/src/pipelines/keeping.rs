//! Logs of what failed are kept when the run has ended: a platform may be away when somebody asks, and prunes them some day.
//!
//! Which runs are without is read from the table, so that a crash between an end and its logs loses nothing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use pilotage_core::{
    Timestamp,
    pipeline_run::{KeptLog, KeptLogs, KeptRun, PipelineRunId},
    ports::StoreError,
};
use tokio::task::JoinSet;

use super::{LogQuery, PipelineDesk, PipelineError, ShownLog, ShownLogs, reading::narrow};

/// Runs whose logs are read at once.
const MOST_READ: usize = 2;
/// How long after its end the logs of a run are looked for.
const LONGEST: Duration = Duration::from_hours(24);
/// How often they are asked for; some platforms have them a while after the end only.
const MOST_ATTEMPTS: u32 = 5;
/// Lines of each log that are kept.
const LINES: usize = 2_000;
/// Runs whose attempts are remembered.
const MOST_REMEMBERED: usize = 1_000;

/// Logs that are being read, and how often that was tried.
#[derive(Default)]
pub(super) struct Keeping {
    reading: JoinSet<PipelineRunId>,
    tried: HashMap<PipelineRunId, (Timestamp, u32)>,
}

impl Keeping {
    fn may_try(&mut self, id: PipelineRunId, now: Timestamp) -> bool {
        if self.tried.len() >= MOST_REMEMBERED {
            self.tried.retain(|_, (at, _)| now.since(*at) < LONGEST);
        }
        let (at, tried) = self.tried.entry(id).or_insert((now, 0));
        // 0, 5, 10, 20, 40 seconds behind each other.
        let pause = Duration::from_secs(5) * 2_u32.pow(tried.saturating_sub(1));
        if *tried >= MOST_ATTEMPTS || (*tried > 0 && now.since(*at) < pause) {
            return false;
        }
        (*at, *tried) = (now, *tried + 1);
        true
    }
}

impl PipelineDesk {
    /// Has the logs read of runs that failed and are without.
    pub(super) async fn keep_logs(self: &Arc<Self>, keeping: &mut Keeping) -> Result<(), StoreError> {
        while keeping.reading.try_join_next().is_some() {}
        let room = MOST_READ.saturating_sub(keeping.reading.len());
        if room == 0 {
            return Ok(());
        }
        let now = Timestamp::now();
        let without = self
            .runs()
            .pipeline_runs_without_logs(now - LONGEST, MOST_REMEMBERED)
            .await?;
        let due: Vec<_> = without
            .into_iter()
            .filter(|id| keeping.may_try(*id, now))
            .take(room)
            .collect();
        for id in due {
            let desk = self.clone();
            keeping.reading.spawn(async move {
                if let Err(error) = desk.keep_logs_of(id).await {
                    let error = desk.clean(&error.to_string());
                    tracing::debug!(run = %id, error, "the logs of a failed run could not be kept");
                }
                id
            });
        }
        Ok(())
    }

    async fn keep_logs_of(&self, id: PipelineRunId) -> Result<(), PipelineError> {
        let query = LogQuery {
            tail: Some(LINES),
            ..LogQuery::default()
        };
        let at = Timestamp::now();
        let shown = self.logs_there(&self.run(id).await?, &query).await?;
        if shown.logs.is_empty() || !shown.is_there() {
            return Ok(());
        }
        let kept = |log: ShownLog| KeptLog {
            name: log.name,
            text: log.text,
            is_cut: log.is_cut,
        };
        let logs = shown.logs.into_iter().map(kept).collect();
        self.runs().keep_pipeline_logs(id, KeptLogs { at, logs }).await?;
        Ok(())
    }

    /// The logs that are kept of a run's last end, as far as they are asked for.
    pub(super) async fn kept_logs(
        &self,
        kept: &KeptRun,
        query: &LogQuery,
    ) -> Result<Option<ShownLogs>, StoreError> {
        let found = self.runs().pipeline_logs(kept.id).await?;
        let Some(found) = found.filter(|logs| kept.finished_at.is_some_and(|end| logs.at >= end)) else {
            return Ok(None);
        };
        let is_meant = |log: &KeptLog| {
            query.job.as_ref().is_none_or(|job| {
                let named = kept.jobs.iter().find(|known| known.id == *job);
                let name = named.map_or(job.as_str(), |known| known.name.as_str());
                log.name == name
                    || log
                        .name
                        .strip_prefix(name)
                        .is_some_and(|rest| rest.starts_with(" / "))
            })
        };
        let meant: Vec<KeptLog> = found.logs.into_iter().filter(is_meant).collect();
        if meant.is_empty() || query.after.is_some() {
            return Ok(None);
        }
        let count = meant.len();
        let logs = meant.into_iter().map(|log| {
            let (text, is_cut) = narrow(&log.text, query, count);
            ShownLog {
                name: log.name,
                next: 0,
                is_complete: true,
                is_cut: is_cut || log.is_cut,
                problem: None,
                text,
            }
        });
        Ok(Some(ShownLogs {
            logs: logs.collect(),
            jobs: kept.jobs.iter().map(|job| job.name.clone()).collect(),
            kept_at: Some(found.at),
            away: None,
        }))
    }
}
