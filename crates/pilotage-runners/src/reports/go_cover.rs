//! Profiles of Go's `-coverprofile` (`go doc cmd/cover`; `golang.org/x/tools/cover` reads the same): a mode, and blocks of
//! statements with how often each ran.
//!
//! A block says where it begins and ends, and how many statements it holds; which of its lines hold them is not said, so every
//! line from its beginning to its end counts. Of branches and functions a profile knows nothing.

use std::io::Read;

use super::coverage::Coverage;
use crate::reading::{Bounded, brief};

/// The name of the provider.
const GO: &str = "go";
/// Most lines of a block.
const MOST_LINES: u32 = 100_000;

/// Adds a report.
///
/// # Errors
/// It is no such profile, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    coverage.note_format(GO);
    let mut has_mode = false;
    while let Some(line) = input.line().map_err(|error| error.to_string())? {
        let line = line.trim().trim_start_matches('\u{feff}');
        if let Some(mode) = line.strip_prefix("mode:") {
            // Profiles that were put together have it several times.
            has_mode = true;
            if !["set", "count", "atomic"].contains(&mode.trim()) {
                return Err(format!("there is no mode `{}`", brief(mode)));
            }
        } else if !line.is_empty() {
            if !has_mode {
                return Err("it is no profile of Go: it does not begin with its mode".to_owned());
            }
            let block =
                block(line).ok_or_else(|| format!("it has a block that cannot be read: {}", brief(line)))?;
            add(coverage, &block)?;
        }
    }
    Ok(())
}

struct Block<'a> {
    file: &'a str,
    from: u32,
    to: u32,
    statements: u64,
    hits: u64,
}

/// `name.go:line.column,line.column statements count`.
fn block(line: &str) -> Option<Block<'_>> {
    let (file, rest) = line.rsplit_once(':')?;
    let mut parts = rest.split(' ');
    let (from, to) = parts.next()?.split_once(',')?;
    let line_of = |place: &str| place.split_once('.')?.0.parse().ok();
    let block = Block {
        file,
        from: line_of(from)?,
        to: line_of(to)?,
        statements: parts.next()?.parse().ok()?,
        hits: parts.next()?.parse().ok()?,
    };
    let is_sane = block.from >= 1 && block.from <= block.to && block.to - block.from < MOST_LINES;
    (is_sane && parts.next().is_none()).then_some(block)
}

fn add(coverage: &mut Coverage, block: &Block<'_>) -> Result<(), String> {
    let path = coverage.path(block.file, &[]);
    coverage.model.file(&path, GO)?;
    if block.statements == 0 {
        return Ok(());
    }
    (block.from..=block.to).try_for_each(|line| coverage.model.line(&path, GO, line, block.hits))
}
