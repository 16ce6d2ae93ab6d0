//! What `cargo test` writes: for each test program `running N tests`, a line for each test, and a summary
//! (The rustc book, "Tests"). A program that dies leaves no summary, and the report is not whole then.

use std::io::Read;

use super::junit::Tests;
use crate::reading::{Bounded, brief};

/// Most failures that are named.
const MAX_NAMES: usize = 10;

/// Adds a report.
///
/// # Errors
/// It holds no test, is cut off, or contradicts itself.
pub fn read<R: Read>(tests: &mut Tests, input: &mut Bounded<R>) -> Result<(), String> {
    let mut promised: Option<u64> = None;
    let mut found = false;
    while let Some(line) = input.line().map_err(|error| error.to_string())? {
        if let Some(number) = running(&line) {
            if promised.is_some() {
                return Err("a test program ended without its summary".to_owned());
            }
            promised = Some(number);
        } else if let Some(summary) = line.strip_prefix("test result: ") {
            let number = promised.take().ok_or("a summary without its tests")?;
            add(tests, summary, number)?;
            found |= number > 0;
        } else if let Some(name) = failed(&line)
            && tests.failures.len() < MAX_NAMES
        {
            tests.failures.push(brief(name));
        }
    }
    match (promised, found) {
        (Some(_), _) => Err("the last test program ended without its summary".to_owned()),
        (None, false) => Err("it holds no test".to_owned()),
        (None, true) => Ok(()),
    }
}

fn running(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("running ")?;
    let number = rest
        .strip_suffix(" tests")
        .or_else(|| rest.strip_suffix(" test"))?;
    number.parse().ok()
}

fn failed(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// `ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.12s`.
fn add(tests: &mut Tests, summary: &str, promised: u64) -> Result<(), String> {
    let number = |word: &str| -> Result<u64, String> {
        let mut parts = summary.split(['.', ';']).map(str::trim);
        let number = parts.find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
        number.ok_or_else(|| format!("a summary without its number of{word}: {}", brief(summary)))
    };
    let (passed, failed, ignored) = (number(" passed")?, number(" failed")?, number(" ignored")?);
    let measured = number(" measured")?;
    if passed + failed + ignored + measured != promised {
        return Err(format!(
            "a summary of other than {promised} tests: {}",
            brief(summary)
        ));
    }
    tests.cases += promised;
    tests.failed += failed;
    tests.skipped += ignored;
    let time = summary.rsplit_once("finished in ").map(|(_, time)| time);
    let seconds = time.and_then(|time| time.trim().strip_suffix('s')?.parse::<f64>().ok());
    if let Some(seconds) = seconds {
        tests.seconds = Some(tests.seconds.unwrap_or_default() + seconds);
    }
    Ok(())
}
