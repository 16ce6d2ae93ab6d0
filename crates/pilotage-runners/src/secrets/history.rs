//! What commits added: secrets stay in the history after they were taken out of the files.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use super::{
    scanner::{Place, Scanner},
    tree::Looked,
};
use crate::process;

/// Looks at every line that the commits after `base` added, merges included.
///
/// # Errors
/// `base` is no commit here, git is missing, or what was added is longer than the output of a command may be.
pub async fn scan_commits(root: &Path, base: &str, scanner: &Arc<Scanner>) -> Result<Looked, String> {
    let base = commit(root, base).await?;
    let range = format!("{base}..HEAD");
    let arguments = [
        "-c",
        "core.quotePath=false",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "diff.noprefix=false",
        "-c",
        "diff.mnemonicPrefix=false",
        "log",
        "-p",
        "--cc",
        "-U0",
        "--format=format:commit %H",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "--relative",
        "--end-of-options",
        &range,
        "--",
    ];
    let arguments = arguments.map(str::to_owned);
    let ran = process::run("git", &arguments, root, &[]).await?;
    if ran.code != Some(0) {
        return Err(format!(
            "git cannot tell what was added since the base: {}",
            ran.said
        ));
    }
    let scanner = Arc::clone(scanner);
    let reading = tokio::task::spawn_blocking(move || read(&ran.out, &scanner));
    reading
        .await
        .map_err(|error| format!("looking broke off: {error}"))
}

/// The hash of a commit that somebody named.
async fn commit(root: &Path, name: &str) -> Result<String, String> {
    let arguments = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &format!("{name}^{{commit}}"),
    ]
    .map(str::to_owned);
    let ran = process::run("git", &arguments, root, &[]).await?;
    let text = String::from_utf8_lossy(&ran.out);
    // Older versions of git repeat the option.
    let hash = text.lines().last().unwrap_or_default().trim();
    let is_hash = hash.len() >= 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if ran.code == Some(0) && is_hash {
        return Ok(hash.to_owned());
    }
    let known = if ran.said.is_empty() {
        String::new()
    } else {
        format!(" ({})", ran.said)
    };
    Err(format!(
        "there is no commit `{}` here{known}",
        crate::reading::brief(name)
    ))
}

/// A block of lines that one commit added to one file.
#[derive(Debug, Default)]
struct Block {
    text: Vec<u8>,
    first_line: u64,
}

#[derive(Debug)]
struct Reading<'a> {
    scanner: &'a Scanner,
    place: Place,
    /// Signs before each line of a hunk: one for each parent.
    parents: usize,
    block: Block,
    next_line: u64,
    seen: BTreeSet<(String, String)>,
    looked: Looked,
}

fn read(log: &[u8], scanner: &Scanner) -> Looked {
    let place = Place {
        path: String::new(),
        commit: None,
    };
    let mut reading = Reading {
        scanner,
        place,
        parents: 0,
        block: Block::default(),
        next_line: 0,
        seen: BTreeSet::new(),
        looked: Looked::default(),
    };
    for line in log.split(|byte| *byte == b'\n') {
        reading.line(line);
    }
    reading.flush();
    reading.looked
}

impl Reading<'_> {
    fn line(&mut self, line: &[u8]) {
        let text = |from: usize| String::from_utf8_lossy(line.get(from..).unwrap_or_default()).into_owned();
        let is_added = self.parents > 0
            && line.len() >= self.parents
            && line.iter().take(self.parents).all(|sign| *sign == b'+');
        if is_added {
            self.block
                .text
                .extend_from_slice(line.get(self.parents..).unwrap_or_default());
            self.block.text.push(b'\n');
            self.next_line += 1;
            return;
        }
        if self.parents > 0
            && line
                .first()
                .is_some_and(|sign| matches!(sign, b'-' | b' ' | b'\\' | b'+'))
        {
            // What only some of the parents lack counts as a line, and is no addition of this commit.
            self.flush();
            self.next_line += u64::from(
                !line
                    .iter()
                    .take(self.parents)
                    .any(|sign| matches!(sign, b'-' | b'\\')),
            );
            self.block.first_line = self.next_line;
            return;
        }
        self.flush();
        if line.starts_with(b"commit ") {
            self.place.commit = Some(text(7));
            self.looked.commits += 1;
            self.parents = 0;
        } else if line.starts_with(b"diff ") {
            self.parents = 0;
        } else if line.starts_with(b"+++ ") {
            let path = text(4);
            let path = path.trim_end_matches('\t').trim_matches('"');
            path.strip_prefix("b/")
                .unwrap_or(path)
                .clone_into(&mut self.place.path);
            self.looked.files += 1;
        } else if line.starts_with(b"@@") {
            self.hunk(&text(0));
        } else if line.starts_with(b"Binary files ") {
            self.looked.binary += 1;
        }
    }

    /// `@@ -a,b +c,d @@`, with another sign and range for each further parent.
    fn hunk(&mut self, line: &str) {
        self.parents = line
            .bytes()
            .take_while(|byte| *byte == b'@')
            .count()
            .saturating_sub(1);
        let added = line.split(' ').find_map(|part| part.strip_prefix('+'));
        let first = added.and_then(|range| range.split(',').next()?.parse().ok());
        self.next_line = first.unwrap_or(1);
        self.block.first_line = self.next_line;
    }

    fn flush(&mut self) {
        if self.block.text.is_empty() {
            return;
        }
        let block = std::mem::take(&mut self.block);
        self.looked.bytes += block.text.len() as u64;
        let found = self.scanner.scan(&self.place, &block.text);
        self.looked.marked += found.marked;
        for mut finding in found.findings {
            // A secret that moves about within a file is one secret.
            if self
                .seen
                .insert((finding.place.path.clone(), finding.fingerprint.clone()))
            {
                finding.line += block.first_line - 1;
                self.looked.findings.push(finding);
            }
        }
    }
}
