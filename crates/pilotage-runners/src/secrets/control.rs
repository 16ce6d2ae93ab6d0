//! What proves in each run that the scanner finds: secrets of several kinds, drawn by lot and planted in a scratch folder.

use std::{path::Path, sync::Arc};

use super::{Scanner, formats};

/// What is planted: the rule that must find it.
const PLANTED: [&str; 4] = ["github-token", "password", "private-key", "address-password"];

/// Plants, looks, and says how many were found; the folder goes away with it.
///
/// # Errors
/// One was missed, or the scratch folder cannot be made; the text is for people.
pub async fn check(scanner: &Arc<Scanner>) -> Result<usize, String> {
    let folder =
        tempfile::tempdir().map_err(|error| format!("no scratch folder for the planted secrets: {error}"))?;
    plant(folder.path()).map_err(|error| format!("the secrets cannot be planted: {error}"))?;
    let looked = super::scan_tree(folder.path(), scanner).await?;
    let missed: Vec<_> = PLANTED
        .into_iter()
        .filter(|rule| !looked.findings.iter().any(|finding| finding.rule == *rule))
        .collect();
    if missed.is_empty() {
        Ok(PLANTED.len())
    } else {
        Err(format!(
            "the scanner did not find what was planted for it: {}",
            missed.join(", ")
        ))
    }
}

fn plant(folder: &Path) -> Result<(), String> {
    let drawn = drawn().map_err(|error| error.to_string())?;
    let (random, rest) = drawn.split_first_chunk::<30>().ok_or("too little was drawn")?;
    let part =
        |from: usize, to: usize| String::from_utf8_lossy(rest.get(from..to).unwrap_or_default()).into_owned();
    let header = format!("{}BEGIN PRIVATE KEY{}", "-".repeat(5), "-".repeat(5));
    let text = format!(
        "token {}\npassword: {}\n{header}\n{}\nurl: postgres://app:{}@db.internal/app\n",
        formats::github_token(random),
        part(0, 16),
        part(16, 80),
        part(80, 96),
    );
    std::fs::write(folder.join("planted.yaml"), text).map_err(|error| error.to_string())
}

/// Letters and digits, among which each kind is sure to be.
fn drawn() -> Result<Vec<u8>, getrandom::Error> {
    const KINDS: [&[u8]; 4] = [
        b"bcdfghjkmnpqrtvwxz",
        b"23456789",
        b"BCDFGHJKLMNPQRTVWXZ",
        b"456789",
    ];
    let mut bytes = [0_u8; 126];
    getrandom::fill(&mut bytes)?;
    let letters = bytes.iter().enumerate().filter_map(|(place, byte)| {
        let kind = KINDS.get(place % KINDS.len())?;
        kind.get(usize::from(*byte) % kind.len()).copied()
    });
    Ok(letters.collect())
}
