//! Reading files of strangers: within the repository only, bounded, digested on the way, and stopped when nobody waits.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use pilotage_core::{
    Digest, Timestamp,
    config::Problem,
    gate::{Evidence, EvidenceFile, Examined, Moment, Tool, Unit, Value},
};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::stopping::StopOnDrop;

/// Longest file that is streamed.
const MAX_FILE_BYTES: u64 = 4 << 30;
/// Longest piece (a tag, a text, a line) that is held at once.
const MAX_PIECE_BYTES: usize = 16 << 20;
/// Most files of one source.
const MAX_FILES: usize = 10_000;
/// Most files that are named in evidence.
const MAX_NAMED: usize = 20;
/// How old a report may be where the configuration does not say.
const DEFAULT_MAX_AGE: Duration = Duration::from_hours(24);

/// Input with a digest and with bounds. [`Bounded::next_piece`] is called before each piece that is held at once.
pub struct Bounded<R> {
    inner: BufReader<R>,
    digest: Sha256,
    left: u64,
    piece_left: usize,
    stop: Arc<AtomicBool>,
}

impl<R: Read> Bounded<R> {
    /// Bounds and digests `inner`; reading fails once `stop` is set.
    pub fn new(inner: R, stop: Arc<AtomicBool>) -> Self {
        Self {
            inner: BufReader::with_capacity(64 * 1024, inner),
            digest: Sha256::new(),
            left: MAX_FILE_BYTES,
            piece_left: MAX_PIECE_BYTES,
            stop,
        }
    }

    /// Allows another piece.
    pub fn next_piece(&mut self) {
        self.piece_left = MAX_PIECE_BYTES;
    }

    /// Reads one line without its end, as UTF-8; `None` at the end.
    ///
    /// # Errors
    /// It cannot be read, is too long, or is not UTF-8.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        self.next_piece();
        let mut line = Vec::new();
        if self.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8(line).map_err(|_| io::Error::other("it is not UTF-8"))?;
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// The whole of it, if it is no longer than one piece times `pieces`.
    ///
    /// # Errors
    /// It cannot be read, or is longer.
    pub fn whole(&mut self, pieces: usize) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        self.piece_left = MAX_PIECE_BYTES * pieces;
        self.read_to_end(&mut all)?;
        Ok(all)
    }

    /// Reads what is left, and gives the digest of everything.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn finish(mut self) -> io::Result<Digest> {
        loop {
            self.next_piece();
            let length = self.fill_buf()?.len();
            if length == 0 {
                return Ok(Digest(self.digest.finalize().into()));
            }
            self.consume(length);
        }
    }
}

impl<R: Read> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("reading was stopped"));
        }
        let buffer = self.inner.fill_buf()?;
        if buffer.is_empty() {
            return Ok(buffer);
        }
        if self.left == 0 {
            return Err(io::Error::other(format!(
                "it is longer than {} GiB",
                MAX_FILE_BYTES >> 30
            )));
        }
        if self.piece_left == 0 {
            return Err(io::Error::other(format!(
                "one tag, text or line is longer than {} MiB, or the whole is too long for its format",
                MAX_PIECE_BYTES >> 20
            )));
        }
        let allowed = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(self.piece_left);
        Ok(buffer.get(..buffer.len().min(allowed)).unwrap_or(buffer))
    }

    fn consume(&mut self, amount: usize) {
        if let Some(taken) = self.inner.buffer().get(..amount) {
            self.digest.update(taken);
        }
        self.left = self.left.saturating_sub(amount as u64);
        self.piece_left = self.piece_left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let amount = buffer.len().min(out.len());
        if let (Some(from), Some(to)) = (buffer.get(..amount), out.get_mut(..amount)) {
            to.copy_from_slice(from);
        }
        self.consume(amount);
        Ok(amount)
    }
}

/// Which reports are read, and how old they may be.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Files {
    /// Paths from the folder of the repository; `*`, `?` and `**` stand for parts of names and for folders.
    #[schemars(length(min = 1, max = 64))]
    pub files: Vec<String>,
    /// How old a report may be, such as `24h`; a day where it is not given. One from before the commit never counts.
    #[serde(default)]
    pub max_age: Option<Json>,
    /// Fewer tests, lines or files than this are no evidence.
    #[serde(default)]
    pub at_least: Option<u64>,
}

impl Files {
    /// What the types cannot say.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(1..=64).contains(&self.files.len()) {
            problems.push(Problem::at("/files", "between 1 and 64 paths"));
        }
        for (place, pattern) in self.files.iter().enumerate() {
            if let Some(message) = wrong_with(pattern) {
                problems.push(Problem::at(format!("/files/{place}"), message));
            }
        }
        if let Err(message) = self.age() {
            problems.push(Problem::at("/maxAge", message));
        }
        problems
    }

    fn age(&self) -> Result<Duration, String> {
        let Some(written) = &self.max_age else {
            return Ok(DEFAULT_MAX_AGE);
        };
        match Unit::Seconds.read(written)? {
            Value::Number(secs) if (1.0..=31_536_000.0).contains(&secs) => Ok(Duration::from_secs_f64(secs)),
            _ => Err("between 1s and 365d".to_owned()),
        }
    }

    /// Reads every file with `parse`, away from the async threads, and stops when the future is dropped.
    ///
    /// # Errors
    /// No file matches, one cannot be read, or one does not hold; the text names it.
    pub async fn read<T: Send + 'static>(
        &self,
        root: &Path,
        begin: T,
        parse: fn(&mut T, &mut Bounded<File>) -> Result<(), String>,
    ) -> Result<(T, Proof), String> {
        let (root, files) = (root.to_owned(), self.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let _stopped_with_us = StopOnDrop(Arc::clone(&stop));
        tokio::task::spawn_blocking(move || files.read_all(&root, begin, parse, &stop))
            .await
            .map_err(|error| format!("reading broke off: {error}"))?
    }

    fn read_all<T>(
        &self,
        root: &Path,
        mut read: T,
        parse: fn(&mut T, &mut Bounded<File>) -> Result<(), String>,
        stop: &Arc<AtomicBool>,
    ) -> Result<(T, Proof), String> {
        let root = root
            .canonicalize()
            .map_err(|error| format!("{}: {error}", root.display()))?;
        let mut proof = Proof::new(self.age()?, self.at_least.unwrap_or(1));
        for path in self.find(&root)? {
            let name = shown(&root, &path);
            let digest = (|| {
                let file = open(&root, &path)?;
                proof.date(file.metadata().and_then(|about| about.modified()).ok());
                let mut input = Bounded::new(file, Arc::clone(stop));
                parse(&mut read, &mut input)?;
                input.finish().map_err(|error| error.to_string())
            })();
            proof.add(&name, digest.map_err(|error| format!("{name}: {error}"))?);
        }
        proof.close();
        Ok((read, proof))
    }

    /// Whether a file matches a pattern.
    pub fn exists(&self, root: &Path, pattern: &str) -> bool {
        let files = Self {
            files: vec![pattern.to_owned()],
            ..self.clone()
        };
        files.find(root).is_ok()
    }

    fn find(&self, root: &Path) -> Result<Vec<PathBuf>, String> {
        let mut found = std::collections::BTreeSet::new();
        for pattern in &self.files {
            let full = format!("{}/{pattern}", glob::Pattern::escape(&root.to_string_lossy()));
            let options = glob::MatchOptions {
                require_literal_separator: true,
                ..glob::MatchOptions::new()
            };
            let paths = glob::glob_with(&full, options).map_err(|error| format!("{pattern}: {error}"))?;
            for path in paths {
                let path = path.map_err(|error| format!("{pattern}: {error}"))?;
                if path.is_file() {
                    found.insert(path);
                }
                if found.len() > MAX_FILES {
                    return Err(format!("more than {MAX_FILES} files match"));
                }
            }
        }
        if found.is_empty() {
            return Err(format!("there is no file {}", self.files.join(" or ")));
        }
        Ok(found.into_iter().collect())
    }
}

/// A path that leaves the repository could be pointed at anything.
fn wrong_with(pattern: &str) -> Option<String> {
    if !is_within(pattern) {
        return Some("a path from the folder of the repository, without `..`".to_owned());
    }
    glob::Pattern::new(pattern)
        .err()
        .map(|error| format!("not a pattern: {error}"))
}

/// Whether a path can only lead to somewhere within the repository, links aside.
pub fn is_within(path: &str) -> bool {
    let stays = |part| {
        matches!(
            part,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    };
    !path.is_empty() && path.len() <= 1_024 && Path::new(path).components().all(stays)
}

/// Opens a regular file whose real place is within the repository, wherever links lead.
fn open(root: &Path, path: &Path) -> Result<File, String> {
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    if !real.starts_with(root) {
        return Err("it is a link that leads out of the repository".to_owned());
    }
    File::open(real).map_err(|error| error.to_string())
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Where evidence is from: shared by everything that one reading measured.
#[derive(Clone, Debug)]
pub struct Proof {
    tool: Tool,
    files: Vec<EvidenceFile>,
    file_count: usize,
    lines: Vec<String>,
    digest: Digest,
    measured_at: Option<Moment>,
    max_age: Duration,
    at_least: u64,
}

impl Proof {
    fn new(max_age: Duration, at_least: u64) -> Self {
        Self {
            tool: Tool::default(),
            files: Vec::new(),
            file_count: 0,
            lines: Vec::new(),
            digest: Digest::ZERO,
            measured_at: None,
            max_age,
            at_least,
        }
    }

    /// Of something that was run just now and wrote `output`.
    pub fn of_run(tool: Tool, output: &[u8], at_least: u64) -> Self {
        Self {
            tool,
            digest: Digest::of(output),
            measured_at: Some(Moment::Now(crate::collector::now())),
            ..Self::new(DEFAULT_MAX_AGE, at_least)
        }
    }

    fn date(&mut self, modified: Option<std::time::SystemTime>) {
        // A file without a date is as old as can be.
        let since = modified
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
            .unwrap_or_default();
        let at = Timestamp::from_micros(0) + since;
        let oldest = match self.measured_at {
            Some(Moment::Report(before)) => before.min(at),
            _ => at,
        };
        self.measured_at = Some(Moment::Report(oldest));
    }

    fn add(&mut self, path: &str, digest: Digest) {
        self.lines.push(format!("{digest}  {path}\n"));
        self.file_count += 1;
        self.digest = digest;
        if self.files.len() < MAX_NAMED {
            self.files.push(EvidenceFile {
                path: path.to_owned(),
                digest,
            });
        }
    }

    fn close(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if lines.len() > 1 {
            self.digest = Digest::of(lines.concat().as_bytes());
        }
    }

    /// The same, made by this tool.
    #[must_use]
    pub fn by(mut self, tool: Tool) -> Self {
        self.tool = tool;
        self
    }

    /// The same, with the files that another one is from named as well.
    #[must_use]
    pub fn beside(mut self, other: &Self) -> Self {
        self.files.extend(other.files.iter().cloned());
        self.file_count += other.file_count;
        self
    }

    /// One measured value.
    pub fn evidence(&self, value: Value, unit: Unit, examined: (u64, &str), notes: &[String]) -> Evidence {
        let measured_at = self
            .measured_at
            .unwrap_or(Moment::Report(Timestamp::from_micros(0)));
        let expires_at = match measured_at {
            Moment::Report(at) => Some(at + self.max_age),
            Moment::Now(_) | Moment::Cached(_) => None,
        };
        Evidence {
            value,
            unit,
            source: String::new(),
            collector: String::new(),
            tool: self.tool.clone(),
            files: self.files.clone(),
            file_count: self.file_count,
            digest: self.digest,
            measured_at,
            expires_at,
            examined: Examined {
                count: examined.0,
                what: examined.1.to_owned(),
                at_least: self.at_least,
            },
            notes: notes.to_vec(),
        }
    }
}

/// Text of a stranger, one line, at most 200 characters.
pub fn brief(text: &str) -> String {
    let line: String = text.chars().take(200).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A share of a hundred.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of tests and lines are far below 2^52"
)]
pub fn percent(part: u64, whole: u64) -> f64 {
    if part == whole {
        100.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

/// How many, as a value.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn count(number: u64) -> Value {
    Value::Number(number as f64)
}
