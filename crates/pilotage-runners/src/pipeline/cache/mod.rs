//! The cache of results: under the digest of everything that a task depends on stands what it made and what it said.
//!
//! | part of the key | where from |
//! |---|---|
//! | input files | content, permissions or target of each file that `inputs.files` names, when the task begins |
//! | commands | the steps, services, inputs and outputs as they are written, and the values of the matrix |
//! | variables | those of the definition, filled in, those that `inputs.variables` names, and a few such as `LANG` |
//! | tools | the output of `inputs.tools`, and the versions of what `setup` asks for |
//! | tasks before it | what they made, file by file; of one that makes nothing, its own key |
//! | the machine | operating system and processor, and the version of this scheme |
//!
//! A task is kept only if it succeeded, and if its input files are at its end what they were at its beginning.

mod entry;
mod key;
mod restore;
mod shared;
mod shelf;

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use pilotage_core::Digest;
use serde::{Deserialize, Serialize};

use super::{
    environment::Environment,
    files::{Ground, Snapshot},
    task::Task,
};
pub(crate) use entry::Entry;
pub(crate) use key::Ingredients;
pub(crate) use restore::{Protected, Unusable, remove, restore};
use shared::Shared;
use shelf::Shelf;

/// The cache as it is used in one run.
#[derive(Debug)]
pub struct Cache {
    shelf: Shelf,
    shared: Option<Shared>,
    limit_bytes: u64,
    is_used: bool,
    last: PathBuf,
}

/// What is known of the last time that a task ran here.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Last {
    pub(crate) ingredients: Ingredients,
    pub(crate) succeeded: bool,
    /// Files that it made, so that they may be removed again.
    pub(crate) made: BTreeSet<String>,
}

/// What the cache had for a key.
pub(crate) enum Found {
    /// An entry that can be read.
    Entry(Box<Entry>),
    /// Nothing; and what is to be said about it.
    Nothing(Option<String>),
}

impl Cache {
    /// The cache in `folder`, and the one that `shared` names beside it.
    ///
    /// # Errors
    /// The folder cannot be made, or `shared` names no store; the text is for people.
    pub fn open(
        folder: &Path,
        shared: Option<&str>,
        limit_bytes: u64,
        environment: &Environment,
    ) -> Result<Self, String> {
        let about = |error: io::Error| format!("The cache {} cannot be used: {error}", folder.display());
        let shelf = Shelf::open(folder).map_err(about)?;
        fs::create_dir_all(folder.join("last")).map_err(about)?;
        Ok(Self {
            shelf,
            shared: shared.map(|place| Shared::open(place, environment)).transpose()?,
            limit_bytes,
            is_used: true,
            last: folder.join("last"),
        })
    }

    /// The same, with nothing read from it and nothing kept in it.
    #[must_use]
    pub fn unused(mut self) -> Self {
        self.is_used = false;
        self
    }

    pub(crate) fn is_used(&self) -> bool {
        self.is_used
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.shelf.staging()
    }

    /// The entry of a key, from here or from the shared cache.
    pub(crate) async fn find(&self, key: Digest, task: &Task) -> Found {
        if !self.is_used {
            return Found::Nothing(None);
        }
        let here = self.here(key, task);
        let (Some(shared), Found::Nothing(said)) = (&self.shared, &here) else {
            return here;
        };
        match shared.fetch(key, &self.shelf).await {
            Ok(true) => self.here(key, task),
            Ok(false) => Found::Nothing(said.clone()),
            Err(warning) => Found::Nothing(Some(warning)),
        }
    }

    fn here(&self, key: Digest, task: &Task) -> Found {
        let file = match self.shelf.take(key) {
            Ok(Some(file)) => file,
            Ok(None) => return Found::Nothing(None),
            Err(error) => return Found::Nothing(Some(format!("The cache cannot be read: {error}"))),
        };
        match Entry::read(file, key, task) {
            Ok(entry) => Found::Entry(Box::new(entry)),
            Err(reason) => Found::Nothing(Some(self.give_up(key, &reason))),
        }
    }

    /// Forgets an entry that cannot be used; what is said about it.
    pub(crate) fn give_up(&self, key: Digest, reason: &str) -> String {
        self.shelf.drop(key);
        format!("The cache had a damaged entry, which is not used: {reason}")
    }

    /// Keeps what a task made and said.
    ///
    /// # Errors
    /// It cannot be kept; the text is for people.
    pub(crate) fn keep(
        &self,
        ground: &Ground,
        key: Digest,
        task: &Task,
        seconds: f64,
        outputs: Snapshot,
        log: &[u8],
    ) -> Result<(), String> {
        let kept = (|| {
            let mut blank = self.shelf.blank()?;
            let mut into = io::BufWriter::new(blank.as_file_mut());
            entry::write(&mut into, ground, key, task, seconds, outputs, log)?;
            into.flush()?;
            drop(into);
            self.shelf.put(key, blank)
        })();
        kept.map_err(|error: io::Error| error.to_string())
    }

    /// Hands a kept entry to the shared cache.
    ///
    /// # Errors
    /// It does not take it; the text is for people, and is given once.
    pub(crate) async fn share(&self, key: Digest) -> Result<(), String> {
        match &self.shared {
            Some(shared) => shared.send(key, &self.shelf).await,
            None => Ok(()),
        }
    }

    /// Keeps within its limit; how many entries went.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn prune(&self) -> io::Result<usize> {
        self.shelf.prune(self.limit_bytes)
    }

    fn last_of(&self, pipeline: &str, task: &str) -> PathBuf {
        let name = Digest::of(format!("{pipeline}\n{task}").as_bytes());
        self.last.join(format!("{name}.json"))
    }

    /// What is known of the last time; nothing where it never ran or cannot be read.
    pub(crate) fn last(&self, pipeline: &str, task: &str) -> Option<Last> {
        /// The longest record that is read.
        const MOST: u64 = 64 << 20;
        let bytes = super::files::read_start(&self.last_of(pipeline, task), MOST).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Remembers how a task ran. What cannot be written is a reason less to tell the next time.
    pub(crate) fn remember(&self, pipeline: &str, task: &str, last: &Last) {
        let written = (|| {
            let mut blank = self.shelf.blank()?;
            blank.write_all(&serde_json::to_vec(last)?)?;
            blank
                .persist(self.last_of(pipeline, task))
                .map_err(|error| error.error)?;
            Ok::<_, io::Error>(())
        })();
        let _ = written;
    }
}
