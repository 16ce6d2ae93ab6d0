//! What a task says: masked, kept in a file, shown as it comes.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use tokio::sync::mpsc;

use super::{Event, mask::Masker};

/// Most bytes that are kept of one task.
const MOST_BYTES: u64 = 64 << 20;

/// The log of a task that runs.
pub(crate) struct Log {
    place: usize,
    file: BufWriter<File>,
    path: PathBuf,
    left: u64,
    masker: Masker,
    events: mpsc::Sender<Event>,
}

impl Log {
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn new(
        place: usize,
        path: &Path,
        masker: Masker,
        events: mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        Ok(Self {
            place,
            file: BufWriter::new(File::create(path)?),
            path: path.to_owned(),
            left: MOST_BYTES,
            masker,
            events,
        })
    }

    /// Takes what a command wrote.
    pub(crate) async fn write(&mut self, piece: &[u8]) {
        for line in self.masker.push(piece) {
            self.line(line).await;
        }
    }

    /// The command is over, so that what it wrote last is a line.
    pub(crate) async fn end_line(&mut self) {
        if let Some(line) = self.masker.finish() {
            self.line(line).await;
        }
    }

    /// A remark of our own.
    pub(crate) async fn say(&mut self, text: &str) {
        let text = self.masker.mask(text);
        for line in text.lines() {
            self.line(format!("# {line}")).await;
        }
    }

    /// Shows and keeps lines that were masked when they were first written.
    pub(crate) async fn replay(&mut self, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines() {
            self.line(line.to_owned()).await;
        }
    }

    async fn line(&mut self, text: String) {
        let length = text.len() as u64 + 1;
        let Some(left) = self.left.checked_sub(length) else {
            if self.left > 0 {
                self.left = 0;
                let cut = format!(
                    "# the rest is left out: a log has at most {} MiB",
                    MOST_BYTES >> 20
                );
                self.keep(cut).await;
            }
            return;
        };
        self.left = left;
        self.keep(text).await;
    }

    async fn keep(&mut self, text: String) {
        // A log that cannot be written, on a full disk for example, must not end the job.
        let _ = writeln!(self.file, "{text}");
        // Nobody may be watching.
        let _ = self
            .events
            .send(Event::Line {
                task: self.place,
                text,
            })
            .await;
    }

    /// Its bytes so far.
    ///
    /// # Errors
    /// It cannot be written or read.
    pub(crate) fn bytes(&mut self) -> io::Result<Vec<u8>> {
        self.file.flush()?;
        super::files::read_start(&self.path, 2 * MOST_BYTES)
    }
}
