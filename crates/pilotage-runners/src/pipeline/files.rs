//! Files that patterns name, as they are: content, mode, target of links.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use pilotage_core::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Most files that the patterns of one job may name.
const MOST_FILES: usize = 200_000;
/// The permissions of a file that are kept: not those that lend the rights of its owner.
pub(crate) const MODE: u32 = 0o777;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum Kept {
    /// A file.
    File { digest: Digest, size: u64, mode: u32 },
    /// A symbolic link; it is never followed.
    Link { target: String },
    /// A folder with nothing in it.
    Folder { mode: u32 },
}

/// What stands at each path below the repository.
pub(crate) type Snapshot = BTreeMap<String, Kept>;

/// One digest for all of it.
pub(crate) fn digest_of(snapshot: &Snapshot) -> Digest {
    // Maps of texts and numbers are always JSON.
    Digest::of(&serde_json::to_vec(snapshot).unwrap_or_default())
}

/// Patterns of paths. One that names a folder names everything in it.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    set: GlobSet,
    /// For each pattern the folder or file that all of its matches are, or are in.
    roots: Vec<String>,
    written: Vec<(String, GlobSet)>,
}

impl Patterns {
    /// # Errors
    /// One is no pattern.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, String> {
        let (mut all, mut written) = (GlobSetBuilder::new(), Vec::new());
        let mut roots = Vec::new();
        for pattern in patterns {
            let plain = plain(pattern);
            let mut one = GlobSetBuilder::new();
            for form in [plain.clone(), format!("{plain}/**")] {
                let glob = GlobBuilder::new(&form).literal_separator(true).build();
                let glob = glob.map_err(|error| format!("`{pattern}` is no pattern: {error}"))?;
                all.add(glob.clone());
                one.add(glob);
            }
            let whole = |error: globset::Error| error.to_string();
            written.push((pattern.clone(), one.build().map_err(whole)?));
            roots.push(root_of(&plain));
        }
        let set = all.build().map_err(|error| error.to_string())?;
        Ok(Self { set, roots, written })
    }

    /// Whether a path below the repository is named.
    pub(crate) fn name(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Whether both could name one path; it may say so of patterns that never do.
    pub(crate) fn may_overlap(&self, other: &Self) -> bool {
        let within = |one: &str, other: &str| {
            one.is_empty()
                || other
                    .strip_prefix(one)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.roots.iter().any(|one| {
            other
                .roots
                .iter()
                .any(|other| within(one, other) || within(other, one))
        })
    }

    /// Patterns that name none of these paths.
    pub(crate) fn without_match<'a>(&'a self, paths: &[&str]) -> impl Iterator<Item = &'a str> {
        self.written
            .iter()
            .filter(move |(_, set)| !paths.iter().any(|path| set.is_match(path)))
            .map(|(written, _)| written.as_str())
    }
}

/// Without what says nothing: `./a/` is `a`, and `.` is everything.
fn plain(pattern: &str) -> String {
    let parts: Vec<_> = pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.is_empty() {
        "**".to_owned()
    } else {
        parts.join("/")
    }
}

/// The parts before the first that is a pattern.
fn root_of(pattern: &str) -> String {
    let parts = pattern
        .split('/')
        .take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
    parts.collect::<Vec<_>>().join("/")
}

/// The repository whose files are meant.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    /// Its root.
    pub(crate) root: PathBuf,
    /// Our own folder, which is nobody's input or output.
    pub(crate) data: PathBuf,
}

impl Ground {
    /// Paths of files and links that are named, and of empty folders.
    ///
    /// # Errors
    /// A folder cannot be read, a name is not UTF-8, or there are too many files.
    pub(crate) fn list(&self, patterns: &Patterns) -> io::Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let roots: BTreeSet<&String> = patterns.roots.iter().collect();
        for root in roots {
            if self.is_behind_a_link(root) {
                continue;
            }
            let mut left = vec![root.clone()];
            while let Some(path) = left.pop() {
                self.look(&path, patterns, &mut left, &mut found)?;
                if found.len() > MOST_FILES {
                    return Err(io::Error::other(format!(
                        "the patterns name more than {MOST_FILES} files"
                    )));
                }
            }
        }
        Ok(found)
    }

    /// Whether the way to a path leads through a link, so that what it names lies elsewhere.
    pub(crate) fn is_behind_a_link(&self, path: &str) -> bool {
        let mut folder = self.root.clone();
        let parts: Vec<_> = path.split('/').collect();
        let above = parts.split_last().map(|(_, above)| above).unwrap_or_default();
        above.iter().any(|part| {
            folder.push(part);
            fs::symlink_metadata(&folder).is_ok_and(|found| found.is_symlink())
        })
    }

    fn look(
        &self,
        path: &str,
        patterns: &Patterns,
        left: &mut Vec<String>,
        found: &mut BTreeSet<String>,
    ) -> io::Result<()> {
        let full = self.root.join(path);
        if full == self.data || full.file_name().is_some_and(|name| name == ".git") {
            return Ok(());
        }
        let known = match fs::symlink_metadata(&full) {
            Ok(known) => known,
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => return Err(about(path, &error)),
        };
        if !known.is_dir() {
            if patterns.name(path) {
                found.insert(path.to_owned());
            }
            return Ok(());
        }
        let mut is_empty = true;
        for entry in fs::read_dir(&full).map_err(|error| about(path, &error))? {
            is_empty = false;
            let name = entry?.file_name();
            let name = name
                .to_str()
                .ok_or_else(|| io::Error::other(format!("the name {} is not UTF-8", name.display())))?;
            let below = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}/{name}")
            };
            left.push(below);
        }
        if is_empty && patterns.name(path) {
            found.insert(path.to_owned());
        }
        Ok(())
    }

    /// What stands at these paths; those where nothing stands any more are left out.
    ///
    /// # Errors
    /// Something cannot be read, or is neither a file, nor a link, nor a folder.
    pub(crate) fn snapshot<'a>(&self, paths: impl IntoIterator<Item = &'a String>) -> io::Result<Snapshot> {
        let mut snapshot = Snapshot::new();
        for path in paths {
            if let Some(kept) = self.kept(path).map_err(|error| about(path, &error))? {
                snapshot.insert(path.clone(), kept);
            }
        }
        Ok(snapshot)
    }

    fn kept(&self, path: &str) -> io::Result<Option<Kept>> {
        let full = self.root.join(path);
        let known = match fs::symlink_metadata(&full) {
            Ok(known) => known,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mode = known.permissions().mode() & MODE;
        if known.is_symlink() {
            let target = fs::read_link(&full)?;
            let target = target
                .to_str()
                .ok_or_else(|| io::Error::other("its target is not UTF-8"))?;
            return Ok(Some(Kept::Link {
                target: target.to_owned(),
            }));
        }
        if known.is_dir() {
            return Ok(Some(Kept::Folder { mode }));
        }
        if !known.is_file() {
            return Err(io::Error::other("it is neither a file nor a link"));
        }
        let (digest, size) = digest(&mut File::open(&full)?)?;
        Ok(Some(Kept::File { digest, size, mode }))
    }
}

/// Whether nothing stands there: a part of the way may be a file.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn about(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

/// The digest and the length of what is read.
pub(crate) fn digest(from: &mut impl io::Read) -> io::Result<(Digest, u64)> {
    let (mut hasher, mut size) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((Digest(hasher.finalize().into()), size));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        size = size.saturating_add(read as u64);
    }
}

/// The beginning of a file, as text.
pub(crate) fn read_start(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(list: &[&str]) -> Patterns {
        Patterns::new(&list.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_pattern_names_files_and_what_is_in_folders() {
        let table = [
            ("src", "src/a/b.rs", true),
            ("src", "src2/a", false),
            ("./src/", "src/a", true),
            ("*.toml", "Cargo.toml", true),
            ("*.toml", "a/Cargo.toml", false),
            ("**/*.rs", "a/b/c.rs", true),
            ("crates/*/src", "crates/a/src/lib.rs", true),
            ("crates/*/src", "crates/a/b/src/lib.rs", false),
            (".", "a/b", true),
            ("a", ".a", false),
            ("*", ".hidden", true),
        ];
        for (pattern, path, named) in table {
            assert_eq!(patterns(&[pattern]).name(path), named, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_that_could_meet_are_told() {
        let table = [
            ("dist", "dist/a", true),
            ("dist/a", "dist/b", false),
            ("packages/*/dist", "packages/a/dist", true),
            ("dist", "dist2", false),
            ("**/*.o", "a", true),
        ];
        for (one, other, meet) in table {
            assert_eq!(
                patterns(&[one]).may_overlap(&patterns(&[other])),
                meet,
                "{one} {other}"
            );
            assert_eq!(
                patterns(&[other]).may_overlap(&patterns(&[one])),
                meet,
                "{other} {one}"
            );
        }
    }

    #[test]
    fn nothing_is_read_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        let ground = Ground {
            root: folder.path().to_owned(),
            data: folder.path().join(".pilotage"),
        };
        for pattern in ["out", "out/secret", "out/**", "**"] {
            let found = ground.list(&patterns(&[pattern])).unwrap();
            assert!(!found.contains("out/secret"), "{pattern}");
        }
        let found = ground.list(&patterns(&["**"])).unwrap();
        let snapshot = ground.snapshot(&found).unwrap();
        assert!(matches!(snapshot.get("out"), Some(Kept::Link { .. })));
    }
}
