//! The verification of the audit trail: the store's own, one at a time, on a thread that may block.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{extract::State, response::Redirect};
use pilotage_core::Timestamp;
use tokio::sync::Notify;

use crate::{
    door::Door,
    problem::{Kind, Problem},
};

/// How long the answer to the button waits for the outcome; what takes longer is shown as it goes on.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Checks the stored trail and all that it vouches for. It may block, tells now and then how many records it has checked,
/// and answers in words: what held, or the first thing that does not.
pub type Verify = Arc<dyn Fn(&mut dyn FnMut(u64)) -> Result<String, String> + Send + Sync>;

/// How the last verification stands.
#[derive(Clone, Debug, Default)]
pub(super) enum Progress {
    /// There was none since the start.
    #[default]
    Never,
    /// It goes on.
    Running {
        began: Timestamp,
        records: Arc<AtomicU64>,
    },
    /// It has ended.
    Ended {
        at: Timestamp,
        took: Duration,
        outcome: Result<String, String>,
    },
}

/// The verification that runs or ran last.
#[derive(Default)]
pub(crate) struct Verifying {
    verify: OnceLock<Verify>,
    progress: Mutex<Progress>,
    ended: Notify,
}

impl Verifying {
    pub(crate) fn set(&self, verify: Verify) {
        // The first one stays: the store does not change while the process runs.
        let _ = self.verify.set(verify);
    }

    pub(super) fn is_possible(&self) -> bool {
        self.verify.get().is_some()
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn put(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// Marks the beginning; `None` where one runs already.
    fn take(&self, began: Timestamp) -> Option<Arc<AtomicU64>> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*progress, Progress::Running { .. }) {
            return None;
        }
        let records = Arc::new(AtomicU64::new(0));
        *progress = Progress::Running {
            began,
            records: records.clone(),
        };
        Some(records)
    }
}

/// Begins a verification, unless one runs.
pub(super) async fn begin(State(door): State<Arc<Door>>) -> Result<Redirect, Problem> {
    let Some(verify) = door.verifying.verify.get().cloned() else {
        return Err(Problem::new(
            Kind::Unavailable,
            "this server cannot verify its trail itself; `pilotage audit verify` does it beside it",
        ));
    };
    let ended = door.verifying.ended.notified();
    let began = Timestamp::now();
    if let Some(records) = door.verifying.take(began) {
        let door = door.clone();
        tokio::task::spawn_blocking(move || {
            let tell = &mut |checked| records.store(checked, Ordering::Relaxed);
            // A panic in it is a finding too, and must not leave it running for ever.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| verify(tell)))
                .unwrap_or_else(|_| Err("the verification itself failed; the log says how".to_owned()));
            let at = Timestamp::now();
            door.verifying.put(Progress::Ended {
                at,
                took: at.since(began),
                outcome,
            });
            door.verifying.ended.notify_waiters();
        });
    }
    let _ = tokio::time::timeout(PATIENCE, ended).await;
    Ok(Redirect::to("/audit"))
}
