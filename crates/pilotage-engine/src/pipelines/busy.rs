//! One at a time looks at a run or changes it, so that nobody writes down what is out of date.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use pilotage_core::pipeline_run::PipelineRunId;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Runs that are remembered before those that nobody holds are forgotten.
const MOST: usize = 1_000;

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Busy(Mutex<HashMap<PipelineRunId, Arc<Turn<()>>>>);

impl Busy {
    /// Waits until nobody else is at this run.
    pub(super) async fn hold(&self, id: PipelineRunId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= MOST {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            turns.entry(id).or_default().clone()
        };
        turn.lock_owned().await
    }
}
