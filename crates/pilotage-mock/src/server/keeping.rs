//! The file that the state is kept in: always whole, as it is written beside and put in place at once.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use tokio::sync::Mutex;

use super::StartError;
use crate::make::Seed;

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// What an earlier mock left; `None` if it left nothing.
pub(super) fn read(path: &Path) -> Result<Option<Seed>, StartError> {
    let failed = |source| StartError::Read {
        path: path.to_owned(),
        source,
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(about) if about.len() > MOST_BYTES => return Err(failed(io::Error::other("it is too large"))),
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let seed = Seed::parse(&text).map_err(|source| StartError::State {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(seed))
}

/// Writes one state after the other.
pub(super) struct Keeper {
    path: PathBuf,
    turn: Mutex<()>,
}

impl Keeper {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            turn: Mutex::new(()),
        }
    }

    /// Takes the state when it is its turn, so that the last one written is the last one there was.
    pub(super) async fn keep(&self, state: impl FnOnce() -> Vec<u8>) {
        let _turn = self.turn.lock().await;
        let (path, bytes) = (self.path.clone(), state());
        let written = tokio::task::spawn_blocking(move || write(&path, &bytes)).await;
        let failed = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(path = %self.path.display(), reason = failed, "could not keep the state of the mock");
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}
