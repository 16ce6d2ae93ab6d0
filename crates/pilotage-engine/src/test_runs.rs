//! Runs of tests tell of themselves; one that is heard of no more is broken off.

use std::time::Duration;

use pilotage_core::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::Ports;

/// After such a silence a run is broken off. One that goes on tells so every minute.
pub const SILENCE: Duration = Duration::from_mins(10);
/// How often to look.
const EVERY: Duration = Duration::from_mins(1);

/// Breaks off runs that fell silent, until `stop`. What a run had to say while no server was there is not held against it:
/// the first look comes when whoever still runs has had the time to be heard.
pub async fn watch(ports: Ports, stop: CancellationToken) {
    let mut wait = SILENCE;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        let now = Timestamp::now();
        match ports.test_runs.break_off_test_runs(now, now - SILENCE).await {
            Ok(0) => {}
            Ok(runs) => tracing::warn!(runs, "test runs fell silent; they are broken off"),
            Err(error) => tracing::warn!(%error, "could not look for silent test runs; it will try again"),
        }
    }
}
