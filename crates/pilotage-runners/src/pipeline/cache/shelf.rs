//! The entries on this machine: one file each, the least recently used removed when there are too many.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use pilotage_core::Digest;
use tempfile::NamedTempFile;

/// A folder of entries.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// # Errors
    /// The folder cannot be made.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder.join("staging"))?;
        fs::create_dir_all(folder.join("entries"))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Where files are unpacked before they are put in place.
    pub(crate) fn staging(&self) -> PathBuf {
        self.folder.join("staging")
    }

    fn path(&self, key: Digest) -> PathBuf {
        self.folder.join("entries").join(key.to_string())
    }

    /// The entry, which is used now; nothing where there is none.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn take(&self, key: Digest) -> io::Result<Option<File>> {
        match File::open(self.path(key)) {
            Ok(file) => {
                // Where the time cannot be set, the entry goes earlier than it should, and nothing else.
                let _ = file.set_modified(SystemTime::now());
                Ok(Some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file to write an entry into.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn blank(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.staging())
    }

    /// Keeps an entry, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn put(&self, key: Digest, mut entry: NamedTempFile) -> io::Result<()> {
        entry.flush()?;
        entry.persist(self.path(key)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Where the entry lies.
    pub(crate) fn file(&self, key: Digest) -> PathBuf {
        self.path(key)
    }

    /// Forgets an entry.
    pub(crate) fn drop(&self, key: Digest) {
        // One that cannot be removed is found damaged again, and says so again.
        let _ = fs::remove_file(self.path(key));
    }

    /// Removes the least recently used entries until all of them have at most `limit` bytes; how many went.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn prune(&self, limit: u64) -> io::Result<usize> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.folder.join("entries"))? {
            let entry = entry?;
            // Another run may have removed it meanwhile.
            if let Ok(known) = entry.metadata() {
                entries.push((known.modified()?, known.len(), entry.path()));
            }
        }
        entries.sort();
        let mut size: u64 = entries.iter().map(|(_, length, _)| length).sum();
        let mut gone = 0;
        for (_, length, path) in entries {
            if size <= limit {
                break;
            }
            if fs::remove_file(path).is_ok() {
                gone += 1;
            }
            size = size.saturating_sub(length);
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path()).unwrap();
        let keys: Vec<_> = (0..4_u8).map(|number| Digest::of(&[number])).collect();
        let start = SystemTime::now() - Duration::from_secs(1000);
        for (age, key) in (0..).zip(&keys) {
            let mut entry = shelf.blank().unwrap();
            entry.write_all(&[0; 100]).unwrap();
            shelf.put(*key, entry).unwrap();
            let file = File::open(shelf.file(*key)).unwrap();
            file.set_modified(start + Duration::from_secs(age)).unwrap();
        }
        shelf.take(keys[0]).unwrap().unwrap();
        assert_eq!(shelf.prune(250).unwrap(), 2);
        let left: Vec<_> = keys
            .iter()
            .map(|key| shelf.take(*key).unwrap().is_some())
            .collect();
        assert_eq!(left, [true, false, false, true]);
    }
}
