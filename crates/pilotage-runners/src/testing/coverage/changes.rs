//! What differs from a commit, line by line.

use std::{collections::BTreeMap, path::Path};

use pilotage_core::testing::coverage::{Change, lines_of};

use crate::process;

/// Lines that are new or differ from where `base` and what is checked out part ways, also what is not committed yet. Paths are
/// from `root`.
///
/// # Errors
/// Git is missing, does not know the base, or tells too much; the text is for people.
pub async fn changes(root: &Path, base: &str) -> Result<BTreeMap<String, Change>, String> {
    if base.is_empty() || base.starts_with('-') {
        return Err(format!("`{base}` is no name of a commit"));
    }
    let merge_base = process::git(root, &["merge-base", base, "HEAD"]).await?;
    let diff = [
        "-c",
        "core.quotePath=false",
        "diff",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--find-renames",
        "--relative",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        &merge_base,
    ];
    let mut changes = lines_of(&process::git(root, &diff).await?)?;
    let unknown = process::git(root, &["ls-files", "--others", "--exclude-standard", "-z"]).await?;
    for path in unknown.split('\0').filter(|path| !path.is_empty()) {
        changes.insert(path.to_owned(), Change::Whole);
    }
    Ok(changes)
}
