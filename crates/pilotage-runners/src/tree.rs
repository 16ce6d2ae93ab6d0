//! What the files of a repository are, as one digest: the commit's tree, what differs from it, and what git does not know
//! yet and does not ignore.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

use pilotage_core::Digest;
use sha2::{Digest as _, Sha256};

use crate::process;

/// For looking at a whole repository.
const LIMIT: Duration = Duration::from_secs(30);
/// Files that git does not know, and bytes of them, that are worth looking at.
const MOST_FILES: usize = 10_000;
const MOST_BYTES: u64 = 256 << 20;

/// The digest of the files below `folder`; `None` where it is no repository, git is missing, or there is too much to look
/// at.
pub async fn digest(folder: &Path) -> Option<Digest> {
    tokio::time::timeout(LIMIT, whole(folder)).await.ok()?
}

/// The digest of the files below `folder` that git ignores and that are of one of these patterns, as git takes them.
pub(crate) async fn ignored(folder: &Path, patterns: &[String]) -> Option<Digest> {
    let ask = [
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "-z",
        "--",
    ];
    let ask: Vec<_> = ask
        .into_iter()
        .chain(patterns.iter().map(String::as_str))
        .collect();
    tokio::time::timeout(LIMIT, async {
        let names = git(folder, &ask).await?;
        hashed(folder, Vec::new(), names).await
    })
    .await
    .ok()?
}

/// The digest of the files below `folder` of one of these patterns; `None` where there is none.
pub(crate) async fn only(folder: &Path, patterns: &[String]) -> Option<Digest> {
    let mut names = Vec::new();
    for pattern in patterns {
        let whole = format!("{}/{pattern}", glob::Pattern::escape(folder.to_str()?));
        for path in glob::glob(&whole).ok()?.take(MOST_FILES + 1) {
            let path = path.ok()?;
            names.push(path.strip_prefix(folder).ok()?.to_str()?.to_owned());
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return None;
    }
    hashed(folder, Vec::new(), names.join("\0").into_bytes()).await
}

/// What git says; `None` where it is missing or refuses.
async fn git(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
    let ran = process::run("git", &arguments, folder, &[]).await.ok()?;
    (ran.code == Some(0)).then_some(ran.out)
}

/// The digest of what is known and of the files with these names, which end with a zero byte each.
async fn hashed(folder: &Path, known: Vec<Vec<u8>>, names: Vec<u8>) -> Option<Digest> {
    let folder = folder.to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash(&folder, &known, &names));
    hashed.await.ok()?.ok()?
}

async fn whole(folder: &Path) -> Option<Digest> {
    let git = async |arguments: &[&str]| git(folder, arguments).await;
    let tree = git(&["rev-parse", "HEAD^{tree}"]).await?;
    let changed = git(&[
        "diff",
        "HEAD",
        "--binary",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
    ])
    .await?;
    let unknown = git(&["ls-files", "--others", "--exclude-standard", "-z", ":/"]).await?;
    hashed(folder, vec![tree, changed], unknown).await
}

fn hash(folder: &Path, known: &[Vec<u8>], unknown: &[u8]) -> io::Result<Option<Digest>> {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for bytes in known {
        part(bytes);
    }
    let names: Vec<_> = unknown
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .collect();
    if names.len() > MOST_FILES {
        return Ok(None);
    }
    let mut left = MOST_BYTES;
    for name in names {
        let Ok(path) = std::str::from_utf8(name) else {
            return Ok(None);
        };
        part(name);
        let path = folder.join(path);
        // What is no plain file is told by its name alone; git does not follow links either.
        if !path.symlink_metadata()?.is_file() {
            continue;
        }
        let mut data = Vec::new();
        File::open(&path)?.take(left + 1).read_to_end(&mut data)?;
        let Some(rest) = left.checked_sub(data.len() as u64) else {
            return Ok(None);
        };
        left = rest;
        part(&data);
    }
    Ok(Some(Digest(hasher.finalize().into())))
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    #[tokio::test]
    async fn every_change_that_git_would_show_is_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(digest(folder.path()).await, None, "no repository");
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command
                .current_dir(folder.path())
                .args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
            assert!(
                command.args(arguments).output().unwrap().status.success(),
                "{arguments:?}"
            );
        };
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        git(&["init", "-q"]);
        write("a", "1");
        write(".gitignore", "ignored");
        git(&["add", "."]);
        git(&["commit", "-qm", "one"]);
        let first = digest(folder.path()).await.unwrap();
        write("ignored", "x");
        assert_eq!(
            digest(folder.path()).await,
            Some(first),
            "what is ignored does not count"
        );
        let mut seen = vec![first];
        for (name, text) in [("a", "2"), ("new", "1"), ("new", "2"), ("other", "2")] {
            write(name, text);
            let now = digest(folder.path()).await.unwrap();
            assert!(!seen.contains(&now), "{name} {text}");
            seen.push(now);
        }
        fs::remove_file(folder.path().join("new")).unwrap();
        fs::remove_file(folder.path().join("other")).unwrap();
        write("a", "1");
        assert_eq!(digest(folder.path()).await, Some(first));
    }
}
