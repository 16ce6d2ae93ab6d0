use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use anyhow::Context as _;

/// The right to run on a data folder. The operating system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Held {
    /// The lock lasts as long as this is open.
    _file: File,
}

/// Makes sure that nobody else runs on `data_dir`, which is made if it is missing. Two servers on one store would each
/// decide and act on what the other accepted without hearing of it. Commands that only look or add, such as `token` and
/// `audit`, take no lock.
///
/// # Errors
/// Another process holds it, or the folder cannot be written.
pub(super) fn hold(data_dir: &Path) -> anyhow::Result<Held> {
    let shown = data_dir.display();
    try_hold(data_dir)?.with_context(|| {
        format!(
            "another Pilotage runs on the data folder {shown}: stop it first, or give this one a folder of its own with --data-dir"
        )
    })
}

/// The same, or nothing when another process holds it.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn try_hold(data_dir: &Path) -> anyhow::Result<Option<Held>> {
    let shown = data_dir.display();
    let writing = || format!("cannot write in the data folder {shown}");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .with_context(writing)?;
    let mut options = OpenOptions::new();
    let options = options.create(true).append(true).mode(0o600);
    let file = options.open(data_dir.join("lock")).with_context(writing)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the data folder {shown}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("state");
        let first = hold(&folder).unwrap();
        let refused = hold(&folder).unwrap_err().to_string();
        assert!(
            refused.contains("another Pilotage runs on the data folder"),
            "{refused}"
        );
        assert!(refused.contains(&folder.display().to_string()), "{refused}");
        drop(first);
        hold(&folder).unwrap();
    }
}
