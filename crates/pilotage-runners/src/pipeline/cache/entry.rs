//! One entry of the cache as bytes: a line that says what it is, a manifest as JSON, the log, the contents of the files.
//!
//! Each part has its digest in the part before it, and the first line has that of the manifest, so that nothing is taken
//! from an entry that is not as it was written. Whoever may write into a shared cache decides what is in it, though, so
//! paths and targets of links are also held against what the job says that it makes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write},
    path::{Component, Path},
};

use pilotage_core::Digest;
use serde::{Deserialize, Serialize};

use super::super::{
    files::{self, Ground, Kept, MODE, Patterns, Snapshot},
    task::Task,
};

/// The first word of an entry. Another way of writing entries is another number.
const KIND: &str = "pilotage-cache-entry-1";
/// Longest first line.
const MOST_HEAD_BYTES: u64 = 256;
/// Longest manifest.
const MOST_MANIFEST_BYTES: u64 = 64 << 20;
/// Longest log.
const MOST_LOG_BYTES: u64 = 128 << 20;
/// The most that is kept of one job.
pub(crate) const MOST_ENTRY_BYTES: u64 = 4 << 30;

/// What an entry says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Under which it was kept.
    pub(crate) key: Digest,
    /// The task, for people.
    pub(crate) task: String,
    /// How long the task took when it ran.
    pub(crate) seconds: f64,
    /// What it made.
    pub(crate) outputs: Snapshot,
    log: Part,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Part {
    digest: Digest,
    size: u64,
}

/// An entry that is open.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) manifest: Manifest,
    /// What the task said.
    pub(crate) log: Vec<u8>,
    file: BufReader<File>,
    /// Where the contents begin.
    contents: u64,
}

/// Writes an entry.
///
/// # Errors
/// A file cannot be read, changed since it was looked at, or the whole is too large.
pub(crate) fn write(
    into: &mut impl Write,
    ground: &Ground,
    key: Digest,
    task: &Task,
    seconds: f64,
    outputs: Snapshot,
    log: &[u8],
) -> io::Result<()> {
    check(&task.makes, &outputs).map_err(io::Error::other)?;
    let size = outputs.values().fold(0_u64, |sum, kept| match kept {
        Kept::File { size, .. } => sum.saturating_add(*size),
        _ => sum,
    });
    if size > MOST_ENTRY_BYTES {
        return Err(io::Error::other(format!(
            "its files have more than {} GiB",
            MOST_ENTRY_BYTES >> 30
        )));
    }
    let log_part = Part {
        digest: Digest::of(log),
        size: log.len() as u64,
    };
    let manifest = Manifest {
        key,
        task: task.name.clone(),
        seconds,
        outputs,
        log: log_part,
    };
    let text = serde_json::to_vec(&manifest)?;
    writeln!(into, "{KIND} {} {}", text.len(), Digest::of(&text))?;
    into.write_all(&text)?;
    into.write_all(log)?;
    for (path, kept) in &manifest.outputs {
        if let Kept::File { digest, size, .. } = kept {
            let file = File::open(ground.root.join(path))?;
            let mut copied = Copied {
                from: file.take(size.saturating_add(1)),
                into: &mut *into,
            };
            if files::digest(&mut copied)? != (*digest, *size) {
                return Err(io::Error::other(format!("{path} changed meanwhile")));
            }
        }
    }
    Ok(())
}

/// Hands on what is read through it.
struct Copied<R, W> {
    from: R,
    into: W,
}

impl<R: Read, W: Write> Read for Copied<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.into.write_all(buffer.get(..read).unwrap_or_default())?;
        Ok(read)
    }
}

impl Entry {
    /// Reads an entry up to the contents of its files.
    ///
    /// # Errors
    /// It is damaged, of another key, or holds what the task does not make; the text is for people.
    pub(crate) fn read(file: File, key: Digest, task: &Task) -> Result<Self, String> {
        let damaged = |_: io::Error| "it ends too early".to_owned();
        let mut file = BufReader::new(file);
        let head = head(&mut file)?;
        let mut words = head.split(' ');
        let (kind, length, wanted) = (words.next(), words.next(), words.next());
        if kind != Some(KIND) {
            return Err("it is no entry of this version".to_owned());
        }
        let length: u64 = length.and_then(|length| length.parse().ok()).unwrap_or(u64::MAX);
        let text = part(&mut file, length, MOST_MANIFEST_BYTES).map_err(damaged)?;
        if wanted != Some(Digest::of(&text).to_string().as_str()) {
            return Err("its manifest is damaged".to_owned());
        }
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| format!("its manifest is wrong: {error}"))?;
        if manifest.key != key {
            return Err("it is the entry of another key".to_owned());
        }
        check(&task.makes, &manifest.outputs)?;
        let log = part(&mut file, manifest.log.size, MOST_LOG_BYTES).map_err(damaged)?;
        if Digest::of(&log) != manifest.log.digest {
            return Err("its log is damaged".to_owned());
        }
        let contents = file.stream_position().map_err(damaged)?;
        Ok(Self {
            manifest,
            log,
            file,
            contents,
        })
    }

    /// Writes the contents of some of the files to where `place` says.
    ///
    /// # Errors
    /// They are not as they were written, or cannot be written here; the text is for people.
    pub(crate) fn unpack(&mut self, places: &BTreeMap<String, std::path::PathBuf>) -> Result<(), String> {
        let mut at = self.contents;
        for (path, kept) in &self.manifest.outputs {
            let Kept::File { digest, size, .. } = kept else {
                continue;
            };
            if let Some(place) = places.get(path) {
                let unpacked = (|| {
                    self.file.seek(SeekFrom::Start(at))?;
                    let into = File::create_new(place)?;
                    files::digest(&mut Copied {
                        from: (&mut self.file).take(*size),
                        into,
                    })
                })();
                let found = unpacked.map_err(|error| format!("{path}: {error}"))?;
                if found != (*digest, *size) {
                    return Err(format!("the content of {path} is damaged"));
                }
            }
            at = at.saturating_add(*size);
        }
        Ok(())
    }
}

fn head(file: &mut BufReader<File>) -> Result<String, String> {
    use std::io::BufRead as _;
    let mut line = String::new();
    let read = file.take(MOST_HEAD_BYTES).read_line(&mut line);
    read.map_err(|_| "it is no entry".to_owned())?;
    line.strip_suffix('\n')
        .map(str::to_owned)
        .ok_or_else(|| "it is no entry".to_owned())
}

fn part(file: &mut BufReader<File>, length: u64, most: u64) -> io::Result<Vec<u8>> {
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Whether all of this may stand where it says.
///
/// # Errors
/// Something lies or points outside of what the task makes or of the repository; the text is for people.
pub(crate) fn check(makes: &Patterns, outputs: &Snapshot) -> Result<(), String> {
    for (path, kept) in outputs {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(name) if name != ".git");
        // A path that is not written in its plain form, such as `a//b`, could hide from the comparison with others.
        let is_plain = Path::new(path).components().all(plain)
            && !path.is_empty()
            && path.split('/').all(|part| !part.is_empty() && part != ".")
            && !path.contains('\0');
        if !is_plain || !makes.name(path) {
            return Err(format!("`{path}` is not among the files that the job makes"));
        }
        let mut above = path.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            if outputs.contains_key(folder) {
                return Err(format!("`{path}` lies below `{folder}`, which is no folder"));
            }
            above = folder;
        }
        match kept {
            Kept::Link { target } if !stays_inside(path, target) => {
                return Err(format!(
                    "the link `{path}` points out of the repository, to `{target}`"
                ));
            }
            Kept::File { mode, .. } | Kept::Folder { mode } if *mode & !MODE != 0 => {
                return Err(format!("`{path}` has a mode that is not restored"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a link at `path` leads to a place below the root. It goes up first and down then: what goes up behind a name
/// may go up from wherever another link of that name leads.
fn stays_inside(path: &str, target: &str) -> bool {
    let depth = path.split('/').count().saturating_sub(1);
    let parts: Vec<_> = Path::new(target).components().collect();
    let up = parts
        .iter()
        .take_while(|part| **part == Component::ParentDir)
        .count();
    let down = parts.iter().skip(up);
    let goes_down = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    up <= depth && down.clone().all(goes_down) && !target.is_empty() && !target.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_paths_and_links_are_refused() {
        let makes = Patterns::new(&["out".to_owned()]).unwrap();
        let file = || Kept::File {
            digest: Digest::of(b""),
            size: 0,
            mode: 0o644,
        };
        let link = |target: &str| Kept::Link {
            target: target.to_owned(),
        };
        let table = [
            ("out/a", file(), true),
            ("out", file(), true),
            ("out/../a", file(), false),
            ("../out/a", file(), false),
            ("/out/a", file(), false),
            ("out//a", file(), false),
            ("./out/a", file(), false),
            ("out/.git/config", file(), false),
            ("src/a", file(), false),
            (
                "out/a",
                Kept::File {
                    digest: Digest::of(b""),
                    size: 0,
                    mode: 0o4755,
                },
                false,
            ),
            ("out/l", link("a"), true),
            ("out/l", link("../src/a"), true),
            ("out/l", link("../../etc/passwd"), false),
            ("out/l", link("a/../../../x"), false),
            ("out/l", link("a/../b"), false),
            ("out/l", link("./b"), true),
            ("out/l", link("/etc/passwd"), false),
            ("out/l", link(""), false),
        ];
        for (path, kept, fits) in table {
            let outputs = Snapshot::from([(path.to_owned(), kept.clone())]);
            assert_eq!(check(&makes, &outputs).is_ok(), fits, "{path} {kept:?}");
        }
        let through = Snapshot::from([
            ("out/l".to_owned(), link("../src")),
            ("out/l/a".to_owned(), file()),
        ]);
        assert!(check(&makes, &through).is_err());
    }
}
