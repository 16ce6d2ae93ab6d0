//! LCOV trace files: `SF:`, `DA:`, `BRDA:`, `FN:` and `FNDA:` records, as `man geninfo` has them.
//!
//! Branches may be named by text, as coverage.py does; a `-` for how often a branch was taken means never reached. The
//! summaries (`LF`, `LH` and so on) are used only for a file that gives nothing else.

use std::{collections::HashMap, hash::BuildHasher as _, io::Read};

use super::coverage::{Coverage, Item, Share};
use crate::reading::{Bounded, brief};

#[derive(Default)]
struct Section {
    file: String,
    detailed: bool,
    shares: [Share; 3],
    /// How often each name of a function was declared, and how often it was counted: methods of several classes in one file
    /// may have one name, and the n-th count belongs to the n-th declaration.
    functions: HashMap<u64, [usize; 2]>,
}

impl Section {
    /// What tells this mention of a function from the others of its name: `kind` is 0 for declarations, 1 for counts.
    fn function(&mut self, name: &str, kind: usize) -> String {
        // Names are kept as their hashes, with a key that nobody who writes a report knows.
        let hash = self.functions.hasher().hash_one(name);
        let seen = self.functions.entry(hash).or_default();
        let place = seen.get_mut(kind).map_or(0, |seen| {
            *seen += 1;
            *seen
        });
        if place < 2 {
            name.to_owned()
        } else {
            format!("{name}\0{place}")
        }
    }
}

/// Adds a report.
///
/// # Errors
/// It is no LCOV, is cut off, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    coverage.note_format("lcov");
    let mut section: Option<Section> = None;
    while let Some(line) = input.line().map_err(|error| error.to_string())? {
        let line = line.trim();
        if line == "end_of_record" {
            let done = section.take().ok_or("a record ends that did not begin")?;
            close(coverage, &done)?;
        } else if let Some((key, value)) = line.split_once(':') {
            if key == "SF" {
                section = Some(Section {
                    file: value.to_owned(),
                    ..Section::default()
                });
            } else if let Some(open) = &mut section {
                record(coverage, open, key, value).map_err(|error| format!("{error}: {}", brief(line)))?;
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(format!("it is no LCOV: {}", brief(line)));
        }
    }
    match section {
        Some(open) => Err(format!(
            "it ends within the record of {}: it is cut off",
            brief(&open.file)
        )),
        None => Ok(()),
    }
}

fn close(coverage: &mut Coverage, section: &Section) -> Result<(), String> {
    if section.detailed {
        return Ok(());
    }
    coverage.add_summary(&section.file, section.shares)
}

fn record(coverage: &mut Coverage, section: &mut Section, key: &str, value: &str) -> Result<(), String> {
    let item = |coverage: &mut Coverage, section: &mut Section, item, reached| {
        section.detailed = true;
        coverage.add(&section.file, item, reached)
    };
    match key {
        "DA" => {
            let mut parts = value.split(',');
            let line = parts
                .next()
                .and_then(|text| text.parse().ok())
                .ok_or("a line without its number")?;
            let reached = taken(parts.next().ok_or("a line without its count")?)?;
            item(coverage, section, Item::Line(line), reached)
        }
        "BRDA" => {
            // The name of a branch may itself hold commas; line and count may not.
            let (branch, count) = value.rsplit_once(',').ok_or("a branch without its count")?;
            let reached = count != "-" && taken(count)?;
            item(coverage, section, Item::Branch(branch), reached)
        }
        "FN" => {
            let name = value.split_once(',').ok_or("a function without its name")?.1;
            let name = section.function(function_name(name), 0);
            item(coverage, section, Item::Function(&name), false)
        }
        "FNDA" => {
            let (count, name) = value.split_once(',').ok_or("a function without its name")?;
            let reached = taken(count)?;
            let name = section.function(name, 1);
            item(coverage, section, Item::Function(&name), reached)
        }
        "LF" | "LH" | "BRF" | "BRH" | "FNF" | "FNH" => summary(section, key, value),
        _ => Ok(()),
    }
}

/// `FN:` gives the line, and in newer versions also the last line, before the name.
fn function_name(rest: &str) -> &str {
    match rest.split_once(',') {
        Some((end, name)) if !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => rest,
    }
}

/// How often it ran; some writers write it as a float, and gcov may write a negative one by mistake.
fn taken(text: &str) -> Result<bool, String> {
    let count: f64 = text.trim().parse().map_err(|_| "a count is no number")?;
    Ok(count > 0.0)
}

fn summary(section: &mut Section, key: &str, value: &str) -> Result<(), String> {
    let number = value.trim().parse().map_err(|_| "a count is no number")?;
    let [lines, branches, functions] = &mut section.shares;
    match key {
        "LF" => lines.total = number,
        "LH" => lines.covered = number,
        "BRF" => branches.total = number,
        "BRH" => branches.covered = number,
        "FNF" => functions.total = number,
        _ => functions.covered = number,
    }
    Ok(())
}
