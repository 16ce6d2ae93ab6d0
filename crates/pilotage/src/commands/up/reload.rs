use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use pilotage_core::{
    Digest, Timestamp,
    audit::{NewAuditRecord, kind},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    settings::{Settings, Surroundings},
    wire::{self, Wired},
};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Stands for "keep bodies for ever".
const FOR_EVER: u64 = u64::MAX;

/// Loads the configuration file anew on SIGHUP and when it has changed. A file that does not hold changes nothing, and
/// says so loudly: in the log, on the audit trail, in `/ready`, and as a metric.
pub(super) struct Reloader {
    path: Option<PathBuf>,
    surroundings: Surroundings,
    retention_secs: Arc<AtomicU64>,
    loaded: Settings,
}

impl Reloader {
    pub(super) fn new(path: Option<PathBuf>, settings: Settings, surroundings: Surroundings) -> Self {
        let reloader = Self {
            path,
            surroundings,
            retention_secs: Arc::default(),
            loaded: settings,
        };
        reloader.take_retention(&reloader.loaded);
        reloader
    }

    fn take_retention(&self, settings: &Settings) {
        let secs = settings
            .file
            .retention
            .keep()
            .map_or(FOR_EVER, |age| age.as_secs());
        self.retention_secs.store(secs, Ordering::Relaxed);
    }

    /// How long bodies are kept, as of the configuration in force.
    pub(super) fn retention(&self) -> Arc<dyn Fn() -> Option<Duration> + Send + Sync> {
        let secs = self.retention_secs.clone();
        Arc::new(move || match secs.load(Ordering::Relaxed) {
            FOR_EVER => None,
            secs => Some(Duration::from_secs(secs)),
        })
    }

    pub(super) async fn run(self, wired: Arc<Wired>, stop: CancellationToken) {
        let Some(path) = &self.path else {
            return stop.cancelled().await;
        };
        let Ok(mut hangup) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) else {
            return;
        };
        let mut seen = stamp(path);
        let mut digest = digest(path);
        self.record(
            &wired,
            kind::CONFIG_LOADED,
            json!({ "file": path, "digest": digest }),
        )
        .await;
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = hangup.recv() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let now = stamp(path);
            if !asked && now == seen {
                continue;
            }
            seen = now;
            let fresh = self::digest(path);
            if !asked && fresh == digest {
                continue;
            }
            digest = fresh;
            self.reload(&wired, digest).await;
        }
    }

    async fn reload(&self, wired: &Wired, digest: Option<Digest>) {
        let Some(path) = &self.path else { return };
        let outcome = match Settings::read(path) {
            Ok(settings) => wire::reload(wired, &settings, &self.surroundings)
                .await
                .map(|()| self.take_retention(&settings)),
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(()) => {
                tracing::info!(file = %path.display(), "loaded the changed configuration");
                wired.door.config_error(None);
                self.record(
                    wired,
                    kind::CONFIG_LOADED,
                    json!({ "file": path, "digest": digest }),
                )
                .await;
            }
            Err(error) => {
                tracing::error!(
                    "the changed configuration is refused, the earlier one stays in force:\n{error:#}"
                );
                let reason = format!("{error:#}");
                self.record(
                    wired,
                    kind::CONFIG_REFUSED,
                    json!({ "file": path, "digest": digest, "reason": reason }),
                )
                .await;
                wired.door.config_error(Some(reason));
            }
        }
    }

    async fn record(&self, wired: &Wired, kind: &str, facts: serde_json::Value) {
        let audit = NewAuditRecord {
            at: Timestamp::now(),
            tenant: "default".into(),
            actor: "system".into(),
            kind: kind.into(),
            subject: "configuration".into(),
            facts: facts.to_string(),
        };
        if let Err(error) = wired.ports.registry.note(audit).await {
            tracing::error!(%error, "could not record the change of the configuration");
        }
    }
}

fn stamp(path: &PathBuf) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn digest(path: &PathBuf) -> Option<Digest> {
    std::fs::read(path).ok().map(|bytes| Digest::of(&bytes))
}
