//! Which lines of a change tests did not reach.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Coverage, Share};

/// Most files of a change.
const MOST_FILES: usize = 50_000;
/// Most lines that are kept of what was not reached.
const MOST_LINES: usize = 20_000;
/// Most files that are named because no report knows them.
const MOST_UNKNOWN: usize = 200;

/// New or changed lines of a file, as ranges with both ends in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These lines.
    Lines(Vec<(u32, u32)>),
    /// The whole file is new.
    Whole,
}

impl Change {
    fn has(&self, line: u32) -> bool {
        match self {
            Self::Whole => true,
            Self::Lines(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&line)),
        }
    }
}

/// What of a change tests reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Since which commit.
    pub base: String,
    /// Lines of the change that could run, and those that did.
    pub lines: Share,
    /// Lines that did not run, by file.
    pub uncovered: BTreeMap<String, Vec<u32>>,
    /// Files of the change that no report knows, though it knows others of their kind.
    pub unknown: Vec<String>,
}

/// The changed lines of every file, from what `git diff --unified=0` writes. Renamed files are under their new name; removed
/// lines are gone and not in it.
///
/// # Errors
/// It is no such text, or there are too many files.
pub fn lines_of(diff: &str) -> Result<BTreeMap<String, Change>, String> {
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    let mut file: Option<String> = None;
    // Lines of a hunk that are still to come: a line of source that looks like a header of the diff is none.
    let mut body = 0_u64;
    for line in diff.lines() {
        if body > 0 {
            if line.starts_with(['+', '-']) {
                body -= 1;
            }
            continue;
        }
        if let Some(path) = line.strip_prefix("+++ ") {
            file = new_name(path)?;
        } else if let Some(hunk) = line.strip_prefix("@@ ") {
            let (old, (from, count)) =
                read_hunk(hunk).ok_or_else(|| "git writes a change that cannot be read".to_owned())?;
            body = u64::from(old) + u64::from(count);
            if let (Some(path), true) = (&file, count > 0) {
                if changes.len() >= MOST_FILES {
                    return Err(format!("more than {MOST_FILES} files differ"));
                }
                let change = changes
                    .entry(path.clone())
                    .or_insert_with(|| Change::Lines(Vec::new()));
                if let Change::Lines(ranges) = change {
                    ranges.push((from, from.saturating_add(count - 1)));
                }
            }
        }
    }
    Ok(changes)
}

/// `b/path`, quoted as in C where it holds what would be misread; `None` for a file that is removed.
fn new_name(path: &str) -> Result<Option<String>, String> {
    if path == "/dev/null" {
        return Ok(None);
    }
    let path = match path.strip_prefix('"') {
        Some(quoted) => unquote(quoted).ok_or("git writes a name that cannot be read")?,
        // Git ends a name with a space in it by a tab.
        None => path.trim_end_matches('\t').to_owned(),
    };
    Ok(path.strip_prefix("b/").map(str::to_owned))
}

fn unquote(quoted: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = quoted.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return String::from_utf8(bytes).ok(),
            b'\\' => match rest.next()? {
                b'n' => bytes.push(b'\n'),
                b't' => bytes.push(b'\t'),
                b'r' => bytes.push(b'\r'),
                first @ b'0'..=b'3' => {
                    let digits = [first, rest.next()?, rest.next()?];
                    let digits = std::str::from_utf8(&digits).ok()?;
                    bytes.push(u8::from_str_radix(digits, 8).ok()?);
                }
                other => bytes.push(other),
            },
            other => bytes.push(other),
        }
    }
    None
}

/// Of `-3,2 +4 @@`: removed lines, and where the new ones are and how many.
fn read_hunk(hunk: &str) -> Option<(u32, (u32, u32))> {
    let mut parts = hunk.split(' ');
    let (_, old) = range(parts.next()?.strip_prefix('-')?)?;
    Some((old, range(parts.next()?.strip_prefix('+')?)?))
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (from, count) = text.split_once(',').unwrap_or((text, "1"));
    Some((from.parse().ok()?, count.parse().ok()?))
}

/// Holds a change against what tests reached.
pub fn changed(coverage: &Coverage, changes: &BTreeMap<String, Change>, base: &str) -> Changed {
    let mut found = Changed {
        base: base.to_owned(),
        ..Changed::default()
    };
    let kind = |path: &str| path.rsplit_once('.').map(|(_, kind)| kind.to_owned());
    let kinds: std::collections::BTreeSet<_> =
        coverage.files().keys().filter_map(|path| kind(path)).collect();
    let mut kept = 0;
    for (path, change) in changes {
        let Some(file) = coverage.files().get(path) else {
            let is_known_kind = kind(path).is_some_and(|kind| kinds.contains(&kind));
            if is_known_kind && found.unknown.len() < MOST_UNKNOWN {
                found.unknown.push(path.clone());
            }
            continue;
        };
        for (line, hits) in file.lines().iter().filter(|(line, _)| change.has(**line)) {
            found.lines.total += 1;
            if *hits > 0 {
                found.lines.covered += 1;
            } else if kept < MOST_LINES {
                kept += 1;
                found.uncovered.entry(path.clone()).or_default().push(*line);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "\
diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -3,2 +3 @@ function x() {
-old
--- a/other
+new
@@ -9,0 +9,3 @@
+one
+++ b/no/header.ts
+three
diff --git a/old.ts b/new name.ts
similarity index 90%
rename from old.ts
rename to new name.ts
--- a/old.ts
+++ b/new name.ts\t
@@ -1 +1 @@
-x
\\ No newline at end of file
+y
diff --git a/gone.ts b/gone.ts
--- a/gone.ts
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git \"a/t\\303\\251\\\"st.ts\" \"b/t\\303\\251\\\"st.ts\"
--- \"a/t\\303\\251\\\"st.ts\"
+++ \"b/t\\303\\251\\\"st.ts\"
@@ -0,0 +1,2 @@
+x
+y
";

    #[test]
    fn a_diff_is_read_with_renames_quotes_and_source_that_looks_like_a_header() {
        let changes = lines_of(DIFF).unwrap();
        let lines = |ranges: &[(u32, u32)]| Change::Lines(ranges.to_vec());
        let expected: BTreeMap<String, Change> = [
            ("src/a.ts".to_owned(), lines(&[(3, 3), (9, 11)])),
            ("new name.ts".to_owned(), lines(&[(1, 1)])),
            ("té\"st.ts".to_owned(), lines(&[(1, 2)])),
        ]
        .into();
        assert_eq!(changes, expected);
        assert!(lines_of("+++ b/a\n@@ nonsense\n").is_err());
        assert!(lines_of("+++ \"b/a\n").is_err());
    }

    #[test]
    fn only_lines_of_the_change_that_could_run_count() {
        let mut coverage = Coverage::default();
        for (line, hits) in [(2, 0), (3, 1), (9, 0), (11, 0), (40, 0)] {
            coverage.line("src/a.ts", "lcov", line, hits).unwrap();
        }
        coverage.line("src/b.ts", "lcov", 1, 1).unwrap();
        let mut changes = lines_of(DIFF).unwrap();
        changes.insert("src/b.ts".into(), Change::Whole);
        changes.insert("README.md".into(), Change::Whole);
        let found = changed(&coverage, &changes, "main");
        assert_eq!((found.lines.covered, found.lines.total), (2, 4));
        assert_eq!(found.uncovered, [("src/a.ts".to_owned(), vec![9, 11])].into());
        assert_eq!(
            found.unknown,
            ["new name.ts", "té\"st.ts"],
            "a file of a kind that nobody reports is no news"
        );
    }
}
