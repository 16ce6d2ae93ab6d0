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

async fn whole(folder: &Path) -> Option<Digest> {
    let git = async |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let ran = process::run("git", &arguments, folder, &[]).await.ok()?;
        (ran.code == Some(0)).then_some(ran.out)
    };
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
    let folder = folder.to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash(&folder, [&tree, &changed], &unknown));
    hashed.await.ok()?.ok()?
}

fn hash(folder: &Path, known: [&[u8]; 2], unknown: &[u8]) -> io::Result<Option<Digest>> {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    known.into_iter().for_each(&mut part);
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
