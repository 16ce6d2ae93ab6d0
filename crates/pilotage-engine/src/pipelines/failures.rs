//! Logs of what failed, remembered for a while: pages show them without being asked, and are read again with every change.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pilotage_core::{
    Timestamp,
    pipeline_run::{KeptRun, PipelineRunId, RunState},
};
use tokio::time::timeout;

use super::{LogQuery, PipelineDesk, ShownLogs};

/// Runs whose logs are remembered.
const MOST_RUNS: usize = 32;
/// For a page; what takes longer is left to the link beside it.
const TIME: Duration = Duration::from_secs(4);
/// Lines of each log.
const LINES: usize = 40;

/// What was read of each run, as it stood then.
#[derive(Default)]
pub(super) struct Failures(Mutex<VecDeque<(PipelineRunId, Timestamp, Arc<ShownLogs>)>>);

impl PipelineDesk {
    /// The last lines of what failed in a run that ended badly; an error where they cannot be had at this moment.
    ///
    /// # Errors
    /// In words for people.
    pub async fn failure(&self, kept: &KeptRun) -> Result<Option<Arc<ShownLogs>>, String> {
        if kept.standing.state != RunState::Failed || kept.seen.is_none() {
            return Ok(None);
        }
        if let Some(known) = self.failures.get(kept) {
            return Ok(Some(known));
        }
        let query = LogQuery {
            tail: Some(LINES),
            ..LogQuery::default()
        };
        // What was kept here needs no platform.
        if let Ok(Some(logs)) = self.kept_logs(kept, &query).await {
            return Ok(Some(Arc::new(logs)));
        }
        let logs = match timeout(TIME, self.logs(kept.id, &query)).await {
            Ok(Ok(logs)) => Arc::new(logs),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("the platform takes its time; read the logs there, or later".to_owned()),
        };
        self.failures.keep(kept, logs.clone());
        Ok(Some(logs))
    }
}

impl Failures {
    fn get(&self, kept: &KeptRun) -> Option<Arc<ShownLogs>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = known.iter();
        let found = known.find(|(id, at, _)| (*id, *at) == (kept.id, kept.updated_at));
        found.map(|(_, _, logs)| logs.clone())
    }

    fn keep(&self, kept: &KeptRun, logs: Arc<ShownLogs>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(id, _, _)| *id != kept.id);
        if known.len() >= MOST_RUNS {
            known.pop_front();
        }
        known.push_back((kept.id, kept.updated_at, logs));
    }
}
