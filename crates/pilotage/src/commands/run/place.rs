//! Where a pipeline runs, and where what it leaves behind goes.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use pilotage_core::Timestamp;
use pilotage_runners::process;

/// Runs whose logs are kept.
const KEPT_RUNS: usize = 30;

/// The repository, and our folder.
pub(super) struct Place {
    /// The root of the repository; the folder itself where there is none.
    pub(super) root: PathBuf,
    /// The folder of Pilotage.
    pub(super) data: PathBuf,
    /// The name of this run.
    pub(super) id: String,
    /// Where the logs of this run go.
    pub(super) run: PathBuf,
    /// One run at a time works on these files; the lock lasts as long as this is open.
    _lock: File,
}

impl Place {
    pub(super) async fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let here = std::env::current_dir().context("cannot tell which folder this is")?;
        let top = process::git(&here, &["rev-parse", "--show-toplevel"]).await;
        let root = top.map_or(here, PathBuf::from).canonicalize()?;
        let data = root.join(data_dir);
        for folder in ["cache", "runs", "artifacts"] {
            let folder = data.join(folder);
            let writing = || format!("cannot write in {}", folder.display());
            fs::create_dir_all(&folder).with_context(writing)?;
            // Nothing in here belongs into the repository.
            fs::write(folder.join(".gitignore"), "*\n").with_context(writing)?;
        }
        let data = data.canonicalize()?;
        let lock = lock(&data)?;
        let now: String = Timestamp::now()
            .to_string()
            .chars()
            .filter(|letter| letter.is_ascii_digit() || *letter == 'T')
            .take(15)
            .collect();
        let id = format!("{now}-{}", std::process::id());
        let run = data.join("runs").join(&id);
        fs::create_dir_all(&run).with_context(|| format!("cannot write in {}", run.display()))?;
        Ok(Self {
            root,
            data,
            id,
            run,
            _lock: lock,
        })
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.data.join("cache")
    }

    /// These files as paths below the root; those that lie elsewhere are left out.
    pub(super) fn below(&self, files: &[PathBuf]) -> Vec<String> {
        let below = |file: &PathBuf| {
            let full = file.canonicalize().ok()?;
            Some(full.strip_prefix(&self.root).ok()?.to_str()?.to_owned())
        };
        files.iter().filter_map(below).collect()
    }

    /// Keeps the logs of the last runs only. What cannot be removed stays.
    pub(super) fn forget_old_runs(&self) {
        let Ok(found) = fs::read_dir(self.data.join("runs")) else {
            return;
        };
        let mut runs: Vec<PathBuf> = found
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.is_dir())
            .collect();
        runs.sort();
        let old = runs.len().saturating_sub(KEPT_RUNS);
        for run in runs.iter().take(old) {
            let _ = fs::remove_dir_all(run);
        }
    }
}

/// # Errors
/// Another run works on these files, which would give both wrong results.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("cache").join("lock");
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("another `pilotage run` works on these files; wait until it is over")
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}
