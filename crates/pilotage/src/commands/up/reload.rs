use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use pilotage_core::{
    Digest, Timestamp,
    audit::{NewAuditRecord, kind},
};
use pilotage_engine::retention::Ages;
use serde_json::json;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use crate::{
    settings::{Settings, SettingsError, Surroundings},
    wire::{self, Wired},
};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Loads the configuration file anew on SIGHUP and when it has changed. A file that does not hold changes nothing, and
/// says so loudly: in the log, on the audit trail, in `/ready`, and as a metric.
pub(super) struct Reloader {
    file: Option<WatchedFile>,
    surroundings: Surroundings,
    ages: Arc<Mutex<Ages>>,
}

/// The configuration file as it was when it was last read.
pub(super) struct WatchedFile {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    digest: Option<Digest>,
}

impl WatchedFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// It cannot be read or is not of the right shape.
    pub(super) fn read(path: PathBuf) -> Result<(Self, Settings), SettingsError> {
        let mut file = Self {
            seen: None,
            digest: None,
            path,
        };
        let bytes = file.look()?;
        let settings = file.parse(&bytes)?;
        Ok((file, settings))
    }

    fn is_touched(&self) -> bool {
        stamp(&self.path) != self.seen
    }

    /// The bytes as they are now. What is recorded of them is the digest of these very bytes.
    fn look(&mut self) -> Result<Vec<u8>, SettingsError> {
        // Taken first: whatever is written while the file is read is then seen the next time.
        self.seen = stamp(&self.path);
        let bytes = std::fs::read(&self.path);
        self.digest = bytes.as_ref().ok().map(|bytes| Digest::of(bytes));
        bytes.map_err(|source| {
            let path = self.path.clone();
            match source.kind() {
                std::io::ErrorKind::NotFound => SettingsError::Missing { path },
                _ => SettingsError::Unreadable { path, source },
            }
        })
    }

    fn parse(&self, bytes: &[u8]) -> Result<Settings, SettingsError> {
        Settings::parse(&self.path.display().to_string(), bytes)
    }
}

impl Reloader {
    /// `settings` are those in force.
    pub(super) fn new(file: Option<WatchedFile>, settings: &Settings, surroundings: Surroundings) -> Self {
        Self {
            file,
            surroundings,
            ages: Arc::new(Mutex::new(settings.file.retention.ages())),
        }
    }

    fn take_retention(&self, settings: &Settings) {
        *self.ages.lock().unwrap_or_else(PoisonError::into_inner) = settings.file.retention.ages();
    }

    /// How long things are kept, as of the configuration in force.
    pub(super) fn retention(&self) -> Arc<dyn Fn() -> Ages + Send + Sync> {
        let ages = self.ages.clone();
        Arc::new(move || *ages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn run(mut self, wired: Arc<Wired>, hangup: Signal, stop: CancellationToken) {
        match self.file.take() {
            Some(file) => self.watch(file, &wired, hangup, stop).await,
            None => nothing_to_reload(hangup, stop).await,
        }
    }

    async fn watch(&self, mut file: WatchedFile, wired: &Wired, mut hangup: Signal, stop: CancellationToken) {
        self.record(
            wired,
            kind::CONFIG_LOADED,
            json!({ "file": file.path, "digest": file.digest }),
        )
        .await;
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = hangup.recv() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            if !asked && !file.is_touched() {
                continue;
            }
            let before = file.digest;
            let bytes = file.look();
            if asked || file.digest != before {
                self.reload(wired, &file, bytes).await;
            }
        }
    }

    async fn reload(&self, wired: &Wired, file: &WatchedFile, bytes: Result<Vec<u8>, SettingsError>) {
        let (path, digest) = (&file.path, file.digest);
        let outcome = match bytes.and_then(|bytes| file.parse(&bytes)) {
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

/// Without a handler of ours a hangup ends the process.
async fn nothing_to_reload(mut hangup: Signal, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hangup.recv() => tracing::warn!("asked to load the configuration anew, but there is no file: begin with --config"),
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
