//! What was started is written down before anybody uses it, so that the next start can remove what a `kill -9` left.
//!
//! `STATE/services/RUN/` holds a lock that its owner keeps for as long as it lives, and a file for each service. A lock that is
//! free belongs to nobody any more. Processes are known by their number and the moment of their start, as numbers are given
//! out again.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::container;

/// What folders of services begin with; nothing else is ever removed.
const PREFIX: &str = "pilotage-services-";
/// The name of the lock.
const LOCK: &str = "lock";
/// Longest record, in bytes.
const MOST_BYTES: u64 = 64 << 10;
/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// How a process is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Ask {
    /// As everybody is.
    Terminate,
    /// Postgres at once, and with what it keeps in shared memory
    /// (<https://www.postgresql.org/docs/current/server-shutdown.html>).
    Quit,
}

impl Ask {
    const fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::TERM,
            Self::Quit => Signal::QUIT,
        }
    }
}

/// Something that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Started {
    /// A process that leads a group of its own.
    Process {
        /// Its number.
        pid: i32,
        /// When it started, as the system says it.
        since: String,
        /// How it is asked to end.
        ask: Ask,
    },
    /// A container, by the name that it was given.
    Container {
        /// Its name.
        name: String,
    },
    /// A folder for what services keep.
    Folder {
        /// Its path.
        path: PathBuf,
    },
}

/// The records of what this process starts.
#[derive(Debug)]
pub(super) struct Records {
    place: PathBuf,
    /// Held for as long as this is.
    lock: File,
    /// A folder for what services keep, which goes with this.
    pub(super) folder: PathBuf,
    /// What tells this run from others.
    pub(super) run: String,
    /// Something is still there, which the next start is to remove.
    kept: AtomicBool,
}

impl Records {
    /// Begins records in a state folder.
    ///
    /// # Errors
    /// They cannot be written; the text is for people.
    pub(super) fn begin(state: &Path, run: &str) -> Result<Self, String> {
        let place = state.join("services").join(run);
        let told = |error: std::io::Error| format!("cannot write into {}: {error}", place.display());
        let is_new = !state.exists();
        fs::create_dir_all(&place).map_err(told)?;
        if is_new {
            // What runs on one machine is not for the repository.
            fs::write(state.join(".gitignore"), "*\n").map_err(told)?;
        }
        let lock = File::create(place.join(LOCK)).map_err(told)?;
        lock.try_lock()
            .map_err(|error| format!("cannot lock {}: {error}", place.display()))?;
        let folder = std::env::temp_dir().join(format!("{PREFIX}{run}"));
        let records = Self {
            place,
            lock,
            folder,
            run: run.to_owned(),
            kept: AtomicBool::new(false),
        };
        let path = records.folder.clone();
        records.note("folder", &Started::Folder { path })?;
        make_folder(&records.folder)?;
        Ok(records)
    }

    /// Leaves the records to the next start: not everything that they name could be removed.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Writes down what was started.
    ///
    /// # Errors
    /// It cannot be written; the text is for people.
    pub(super) fn note(&self, name: &str, started: &Started) -> Result<(), String> {
        let path = self.place.join(format!("{name}.json"));
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.place)?;
            serde_json::to_writer(&mut file, started)?;
            file.flush()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        // What cannot be removed is left to the next start, as after a crash.
        let is_gone = fs::remove_dir_all(&self.folder).is_ok() || !self.folder.exists();
        if is_gone && !self.kept.load(Ordering::Relaxed) {
            let _ = fs::remove_dir_all(&self.place);
        }
        let _ = self.lock.unlock();
    }
}

/// A folder into which others may only go through, as some services run as another user.
fn make_folder(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let made = fs::DirBuilder::new().mode(0o711).create(path);
    made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o711)))
        .map_err(|error| format!("cannot make {}: {error}", path.display()))
}

/// Removes what runs left behind that are no more; says what. `state` is the state folder.
pub async fn reap(state: &Path) -> Vec<String> {
    let mut told = Vec::new();
    let entries = fs::read_dir(state.join("services"))
        .into_iter()
        .flatten()
        .flatten();
    for place in entries.map(|entry| entry.path()) {
        let Ok(lock) = File::open(place.join(LOCK)) else {
            continue;
        };
        // Whoever holds it is at work.
        if lock.try_lock().is_err() {
            continue;
        }
        let mut whole = true;
        for (name, started) in records(&place) {
            match remove(&started).await {
                Ok(false) => {}
                Ok(true) => told.push(format!(
                    "the service `{name}` of a run that was killed was removed"
                )),
                Err(why) => {
                    whole = false;
                    told.push(format!("the service `{name}` of a run that was killed: {why}"));
                }
            }
        }
        if whole {
            // A rest that cannot be removed is looked at again next time.
            let _ = fs::remove_dir_all(&place);
        }
    }
    told
}

/// Every record of a run, folders last.
fn records(place: &Path) -> Vec<(String, Started)> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let mut all: Vec<(String, Started)> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            let short = path.extension()? == "json" && entry.metadata().ok()?.len() < MOST_BYTES;
            let text = short.then(|| fs::read(&path).ok()).flatten()?;
            Some((name, serde_json::from_slice(&text).ok()?))
        })
        .collect();
    all.sort_by_key(|(name, started)| (matches!(started, Started::Folder { .. }), name.clone()));
    all
}

/// Removes something; whether it was there.
async fn remove(started: &Started) -> Result<bool, String> {
    match started {
        Started::Process { pid, since, ask } => {
            if started_at(*pid).as_ref() != Some(since) {
                return Ok(false);
            }
            end_group(*pid, *ask).await;
            Ok(true)
        }
        Started::Container { name } => container::remove(name).await,
        Started::Folder { path } => {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let is_ours = name.starts_with(PREFIX) && path.parent() == Some(&std::env::temp_dir());
            if !is_ours || !path.exists() {
                return Ok(false);
            }
            fs::remove_dir_all(path)
                .map_err(|error| format!("cannot remove {}: {error}", path.display()))
                .map(|()| false)
        }
    }
}

/// Asks the leader of a group to end, waits for a while, and ends whoever is left.
pub(super) async fn end_group(pid: i32, ask: Ask) {
    let Some(pid) = Pid::from_raw(pid) else { return };
    // There may be nobody left, which is as wished.
    let _ = kill_process(pid, ask.signal());
    let deadline = Instant::now() + GRACE;
    while test_kill_process(pid).is_ok() && !is_dead(pid) && Instant::now() < deadline {
        sleep(PAUSE).await;
    }
    let _ = kill_process_group(pid, Signal::KILL);
}

/// Dead, and waiting for whoever started it to look.
fn is_dead(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// When a process started: on Linux in ticks since the system did (proc(5), field 22), elsewhere as `ps` says it. `None` for
/// one that there is not.
pub(super) fn started_at(pid: i32) -> Option<String> {
    if !Path::new("/proc/self/stat").exists() {
        let pid = pid.to_string();
        let ps = std::process::Command::new("ps")
            .args(["-o", "lstart=", "-p", &pid])
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
        return (!said.is_empty()).then_some(said);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program is in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[tokio::test]
    async fn what_nobody_holds_is_removed_and_what_somebody_holds_is_not() {
        let state = state();
        let own = Records::begin(state.path(), &format!("a{}", std::process::id())).unwrap();
        let mut child = std::process::Command::new("sleep");
        let mut child = std::os::unix::process::CommandExt::process_group(&mut child, 0)
            .arg("600")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let since = started_at(pid).unwrap();
        let ask = Ask::Terminate;
        own.note("sleeper", &Started::Process { pid, since, ask })
            .unwrap();
        assert!(reap(state.path()).await.is_empty(), "its owner lives");
        assert!(child.try_wait().unwrap().is_none());

        // As after a `kill -9`: the lock is free, and nothing was removed.
        let (place, folder) = (own.place.clone(), own.folder.clone());
        own.lock.unlock().unwrap();
        let told = reap(state.path()).await;
        assert_eq!(
            told,
            ["the service `sleeper` of a run that was killed was removed"]
        );
        assert!(child.wait().unwrap().code().is_none());
        assert!(!place.exists() && !folder.exists());
        assert!(reap(state.path()).await.is_empty());
    }

    #[tokio::test]
    async fn another_process_with_the_same_number_is_left_alone() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let ask = Ask::Quit;
        let since = "long ago".to_owned();
        let started = Started::Process { pid, since, ask };
        assert_eq!(remove(&started).await, Ok(false));
    }

    #[tokio::test]
    async fn no_other_folder_is_removed() {
        let other = state();
        let path = other.path().to_owned();
        assert_eq!(remove(&Started::Folder { path }).await, Ok(false));
        assert!(other.path().exists());
    }
}
