//! The files of a folder: what git tracks, also where it is ignored, and what it would track; without git every file.

use std::{
    collections::VecDeque,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::scanner::{Finding, Place, Scanner};
use crate::{process, stopping::StopOnDrop};

/// Most bytes of one file that are looked at.
const MAX_FILE_BYTES: u64 = 32 << 20;
/// Most files of one folder.
const MAX_FILES: usize = 2_000_000;
/// Where a byte of zero shows that a file is no text.
const HEAD_BYTES: usize = 8 << 10;

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// In order of path and line.
    pub findings: Vec<Finding>,
    /// Texts that were looked at: files, or commits.
    pub files: u64,
    /// Commits that were looked at.
    pub commits: u64,
    /// Bytes that were looked at.
    pub bytes: u64,
    /// Files that are no text.
    pub binary: u64,
    /// Files of which only the beginning was looked at.
    pub cut: u64,
    /// Findings whose line is marked as no secret.
    pub marked: u64,
    /// Files that could not be read, with the reason of the first.
    pub unread: (u64, String),
}

impl Looked {
    pub(super) fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.files += other.files;
        self.commits += other.commits;
        self.bytes += other.bytes;
        self.binary += other.binary;
        self.cut += other.cut;
        self.marked += other.marked;
        self.unread.0 += other.unread.0;
        if self.unread.1.is_empty() {
            self.unread.1 = other.unread.1;
        }
    }
}

/// Looks at every file of `root`, with as many threads as there are cores, and stops when the future is dropped.
///
/// # Errors
/// The files cannot be listed.
pub async fn scan_tree(root: &Path, scanner: &Arc<Scanner>) -> Result<Looked, String> {
    let (root, scanner) = (root.to_owned(), Arc::clone(scanner));
    let tracked = tracked(&root).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let _stopped_with_us = StopOnDrop(Arc::clone(&stop));
    let looking = tokio::task::spawn_blocking(move || {
        let paths = tracked.map_or_else(|| walk(&root), Ok)?;
        Ok(scan_files(&root, &paths, &scanner, &stop))
    });
    looking
        .await
        .map_err(|error| format!("looking broke off: {error}"))?
}

/// What git lists; `None` where the folder is in no repository.
async fn tracked(root: &Path) -> Result<Option<Vec<String>>, String> {
    let arguments = [
        "-c",
        "core.fsmonitor=false",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ];
    let arguments = arguments.map(str::to_owned);
    let Ok(ran) = process::run("git", &arguments, root, &[]).await else {
        return Ok(None);
    };
    if ran.code != Some(0) {
        return if ran.said.contains("not a git repository") {
            Ok(None)
        } else {
            Err(format!("git cannot list the files: {}", ran.said))
        };
    }
    let paths = ran.out.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Ok(Some(
        paths
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect(),
    ))
}

/// Every file, without following links.
fn walk(root: &Path) -> Result<Vec<String>, String> {
    let mut folders = VecDeque::from([PathBuf::new()]);
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop_front() {
        let place = root.join(&folder);
        let entries = std::fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("{}: {error}", place.display()))?;
            let kind = entry.file_type().map_err(|error| error.to_string())?;
            let path = folder.join(entry.file_name());
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push_back(path);
            } else if kind.is_file() {
                paths.push(path.to_string_lossy().into_owned());
            }
        }
        if paths.len() > MAX_FILES || folders.len() > MAX_FILES {
            return Err(format!("more than {MAX_FILES} files"));
        }
    }
    paths.sort();
    Ok(paths)
}

fn scan_files(root: &Path, paths: &[String], scanner: &Scanner, stop: &AtomicBool) -> Looked {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Looked::default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|threads| {
        for _ in 0..cores.min(paths.len()) {
            threads.spawn(|| {
                let mut own = Looked::default();
                while !stop.load(Ordering::Relaxed)
                    && let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    own.file(root, path, scanner);
                }
                all.lock().unwrap_or_else(PoisonError::into_inner).add(own);
            });
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.findings.sort();
    all
}

impl Looked {
    fn file(&mut self, root: &Path, path: &str, scanner: &Scanner) {
        match read(&root.join(path)) {
            Ok(None) => {}
            Ok(Some((text, is_whole))) if is_text(&text) => {
                self.files += 1;
                self.bytes += text.len() as u64;
                self.cut += u64::from(!is_whole);
                let place = Place {
                    path: path.to_owned(),
                    commit: None,
                };
                let found = scanner.scan(&place, &text);
                self.marked += found.marked;
                self.findings.extend(found.findings);
            }
            Ok(Some(_)) => self.binary += 1,
            Err(error) => {
                self.unread.0 += 1;
                if self.unread.1.is_empty() {
                    self.unread.1 = format!("{path}: {error}");
                }
            }
        }
    }
}

/// A file's beginning, and whether that is all; `None` for what is no file, or is there no more.
fn read(path: &Path) -> std::io::Result<Option<(Vec<u8>, bool)>> {
    let about = match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        about => about?,
    };
    if !about.is_file() {
        return Ok(None);
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
    let is_whole = about.len() <= text.len() as u64;
    Ok(Some((text, is_whole)))
}

/// A byte of zero in its beginning makes a file no text, unless it says that it is UTF-16.
pub(super) fn is_text(text: &[u8]) -> bool {
    let head = text.get(..HEAD_BYTES.min(text.len())).unwrap_or_default();
    head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) || !head.contains(&0)
}
