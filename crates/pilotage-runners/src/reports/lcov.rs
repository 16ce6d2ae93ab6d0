//! LCOV trace files: `SF:`, `DA:`, `BRDA:`, `FN:`, `FNDA:`, and since 2.2 `FNL:` and `FNA:` records, as `man geninfo` has them.
//!
//! Branches may be named by text, as coverage.py does; a `-` for how often a branch was taken means never reached. The
//! summaries (`LF`, `LH` and so on) are used only for a file that gives nothing else, and say what its writer knows of.

use std::{collections::HashMap, hash::BuildHasher as _, io::Read};

use super::coverage::{Coverage, Kind, Share};
use crate::reading::{Bounded, brief};

/// The name of the provider.
const LCOV: &str = "lcov";

#[derive(Default)]
struct Section {
    file: String,
    detailed: bool,
    shares: [Option<Share>; 3],
    /// Where each name of a function was declared, and how often it was counted: methods of several classes in one file may
    /// have one name, and the n-th count belongs to the n-th declaration.
    functions: HashMap<u64, (Vec<u32>, usize)>,
    /// Lines of functions by their number, as newer versions have them.
    numbered: HashMap<u64, u32>,
}

impl Section {
    fn of(&mut self, name: &str) -> &mut (Vec<u32>, usize) {
        // Names are kept as their hashes, with a key that nobody who writes a report knows.
        let hash = self.functions.hasher().hash_one(name);
        self.functions.entry(hash).or_default()
    }

    /// What tells this declaration from the others of its name.
    fn declare(&mut self, name: &str, line: u32) -> String {
        let (lines, _) = self.of(name);
        lines.push(line);
        numbered(name, lines.len())
    }

    /// What tells this count from the others of its name, and where the function stands.
    fn count(&mut self, name: &str) -> (String, u32) {
        let (lines, counted) = self.of(name);
        *counted += 1;
        let line = lines.get(*counted - 1).copied().unwrap_or(0);
        (numbered(name, *counted), line)
    }
}

fn numbered(name: &str, place: usize) -> String {
    if place < 2 {
        name.to_owned()
    } else {
        format!("{name} #{place}")
    }
}

/// Adds a report.
///
/// # Errors
/// It is no LCOV, is cut off, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    coverage.note_format(LCOV);
    let mut section: Option<Section> = None;
    while let Some(line) = input.line().map_err(|error| error.to_string())? {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line == "end_of_record" {
            let done = section.take().ok_or("a record ends that did not begin")?;
            close(coverage, &done)?;
        } else if let Some((key, value)) = line.split_once(':') {
            if key == "SF" {
                section = Some(Section {
                    file: coverage.path(value, &[]),
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
    if !section.detailed && section.shares.iter().flatten().any(|share| share.total > 0) {
        return coverage.model.summary(&section.file, LCOV, section.shares);
    }
    coverage.model.file(&section.file, LCOV)?;
    let [_, branches, functions] = section.shares;
    for (share, kind) in [(branches, Kind::Branches), (functions, Kind::Functions)] {
        if share.is_some() {
            coverage.model.knows(&section.file, LCOV, kind)?;
        }
    }
    Ok(())
}

fn record(coverage: &mut Coverage, section: &mut Section, key: &str, value: &str) -> Result<(), String> {
    let model = &mut coverage.model;
    match key {
        "DA" => {
            let mut parts = value.split(',');
            let line = parts.next().and_then(|text| text.parse().ok());
            let line = line.ok_or("a line without its number")?;
            let hits = times(parts.next().ok_or("a line without its count")?)?;
            model.line(&section.file, LCOV, line, hits)?;
        }
        "BRDA" => {
            // The name of a branch may itself hold commas; line and count may not.
            let (branch, count) = value.rsplit_once(',').ok_or("a branch without its count")?;
            let (line, name) = branch.split_once(',').ok_or("a branch without its name")?;
            let line = line.parse().map_err(|_| "a branch without its line")?;
            let hits = if count == "-" { 0 } else { times(count)? };
            model.branch(&section.file, LCOV, line, name, hits)?;
        }
        "FN" => {
            let (line, name) = value.split_once(',').ok_or("a function without its name")?;
            let line = line.parse().map_err(|_| "a function without its line")?;
            let name = section.declare(function_name(name), line);
            model.function(&section.file, LCOV, line, &name, 0)?;
        }
        "FNDA" => {
            let (count, name) = value.split_once(',').ok_or("a function without its name")?;
            let hits = times(count)?;
            let (name, line) = section.count(name);
            model.function(&section.file, LCOV, line, &name, hits)?;
        }
        "FNL" => {
            let mut parts = value.split(',').map(|text| text.trim().parse::<u32>().ok());
            let (Some(Some(number)), Some(Some(line))) = (parts.next(), parts.next()) else {
                return Err("a function without its line".to_owned());
            };
            section.numbered.insert(number.into(), line);
        }
        "FNA" => {
            let mut parts = value.splitn(3, ',');
            let number = parts.next().and_then(|text| text.trim().parse().ok());
            let hits = times(parts.next().ok_or("a function without its count")?)?;
            let name = parts.next().ok_or("a function without its name")?;
            let line = number.and_then(|number: u64| section.numbered.get(&number).copied());
            model.function(&section.file, LCOV, line.unwrap_or(0), name, hits)?;
        }
        "LF" | "LH" | "BRF" | "BRH" | "FNF" | "FNH" => return summary(section, key, value),
        _ => return Ok(()),
    }
    section.detailed = true;
    Ok(())
}

/// `FN:` gives the line, and in newer versions also the last line, before the name.
fn function_name(rest: &str) -> &str {
    match rest.split_once(',') {
        Some((end, name)) if !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => rest,
    }
}

/// How often it ran; some writers write it as a float, and gcov may write a negative one by mistake.
fn times(text: &str) -> Result<u64, String> {
    let text = text.trim();
    if let Ok(count) = text.parse() {
        return Ok(count);
    }
    let count: f64 = text.parse().map_err(|_| "a count is no number")?;
    Ok(u64::from(count > 0.0))
}

fn summary(section: &mut Section, key: &str, value: &str) -> Result<(), String> {
    let number = value.trim().parse().map_err(|_| "a count is no number")?;
    let [lines, branches, functions] = &mut section.shares;
    let share = match key {
        "LF" | "LH" => lines,
        "BRF" | "BRH" => branches,
        _ => functions,
    };
    let share = share.get_or_insert_default();
    if key.ends_with('F') {
        share.total = number;
    } else {
        share.covered = number;
    }
    Ok(())
}
