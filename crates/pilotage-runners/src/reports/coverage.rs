//! What tests reached, by file, whatever format said so. Reports of several runs are joined: reached once is reached.

use std::{
    collections::HashMap,
    io::{BufRead as _, Read},
};

use pilotage_core::testing::coverage::Coverage as Model;
pub use pilotage_core::testing::coverage::{Kind, Share, Shares};
use serde::{Deserialize, de::IgnoredAny};

use super::{cobertura, coverage_py, go_cover, istanbul, lcov, llvm_cov, places::Places, simplecov};
use crate::reading::Bounded;

/// Longest report in JSON, in pieces of 16 MiB.
const MOST_PIECES: usize = 8;
/// What is said of a report without a file.
pub const NOTHING: &str = "it says nothing of any file";
/// What our own merged report has as its first key.
const OWN: &str = "pilotageCoverage";

/// What is known so far, and where the files of the next report are looked for.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// What was reached.
    pub model: Model,
    /// Where paths are from.
    pub places: Places,
    /// The formats that were read.
    pub formats: Vec<&'static str>,
    /// Paths as the report has them, with those that they are kept by.
    kept: HashMap<String, String>,
}

impl Coverage {
    /// One whose paths are put to where they are.
    pub fn at(places: Places) -> Self {
        Self {
            places,
            ..Self::default()
        }
    }

    /// Notes the format of a report.
    pub fn note_format(&mut self, format: &'static str) {
        // Where a path leads may differ from one report to the next.
        self.kept.clear();
        if !self.formats.contains(&format) {
            self.formats.push(format);
        }
    }

    /// The path that a file of a report is kept by. `sources` are folders that the report names.
    pub fn path(&mut self, raw: &str, sources: &[String]) -> String {
        if let Some(path) = self.kept.get(raw) {
            return path.clone();
        }
        let path = self.places.path(raw, sources);
        if self.kept.len() < 200_000 {
            self.kept.insert(raw.to_owned(), path.clone());
        }
        path
    }

    /// Adds the shares of a file that only a summary is known of; a share that is not told is `None`.
    ///
    /// # Errors
    /// The numbers cannot be, or another summary has the file.
    pub fn add_summary(
        &mut self,
        file: &str,
        provider: &str,
        shares: [Option<Share>; 3],
    ) -> Result<(), String> {
        let path = self.path(file, &[]);
        self.model.summary(&path, provider, shares)
    }

    /// All files together.
    pub fn shares(&self) -> Shares {
        self.model.shares()
    }

    /// The files whose path is wanted together.
    pub fn shares_of(&self, is_wanted: impl Fn(&str) -> bool) -> Shares {
        self.model.shares_of(is_wanted)
    }
}

/// Adds a report of whichever format it is: XML begins with `<`, JSON with `{`, a profile of Go with its mode, and LCOV with none
/// of them.
///
/// # Errors
/// It is of no known format, is broken, says nothing, or is over the limits; the text does not name the file.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    let buffer = input.fill_buf().map_err(|error| error.to_string())?;
    let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(buffer);
    let from = text.iter().position(|byte| !byte.is_ascii_whitespace());
    let text = from.and_then(|from| text.get(from..)).unwrap_or_default();
    let before = coverage.model.told();
    match text.first() {
        None => Err("it is empty".to_owned()),
        Some(b'<') => cobertura::read(coverage, input),
        Some(b'{') => json(coverage, input),
        Some(_) if text.starts_with(b"mode:") => go_cover::read(coverage, input),
        Some(_) => lcov::read(coverage, input),
    }?;
    // Beside other reports an empty one would go unseen.
    if coverage.model.told() == before {
        return Err(NOTHING.to_owned());
    }
    Ok(())
}

/// A report in JSON as it stands in memory.
pub(super) fn whole<R: Read>(input: &mut Bounded<R>) -> Result<Vec<u8>, String> {
    let text = input.whole(MOST_PIECES).map_err(|error| error.to_string())?;
    Ok(match text.strip_prefix(b"\xef\xbb\xbf") {
        Some(text) => text.to_vec(),
        None => text,
    })
}

/// What tells the formats in JSON apart.
#[derive(Deserialize)]
struct Keys {
    files: Option<IgnoredAny>,
    data: Option<IgnoredAny>,
    meta: Option<IgnoredAny>,
    coverage: Option<IgnoredAny>,
    total: Option<IgnoredAny>,
    #[serde(rename = "pilotageCoverage")]
    own: Option<u32>,
}

/// What tells reports apart that have names of files, or of suites, as their keys.
#[derive(Deserialize)]
struct Inner {
    coverage: Option<IgnoredAny>,
    timestamp: Option<IgnoredAny>,
}

fn json<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    let text = whole(input)?;
    let keys: Keys =
        serde_json::from_slice(&text).map_err(|error| format!("it is no JSON of a report: {error}"))?;
    if let Some(version) = keys.own {
        return own(coverage, version, &text);
    }
    if keys.data.is_some() {
        return llvm_cov::read_text(coverage, &text);
    }
    if keys.total.is_some() {
        return istanbul::read_summary(coverage, &text);
    }
    if keys.meta.is_some() && keys.coverage.is_some() {
        return simplecov::read_text(coverage, &text);
    }
    if keys.files.is_some() {
        return coverage_py::read_text(coverage, &text);
    }
    let inner: Result<HashMap<String, Inner>, _> = serde_json::from_slice(&text);
    let is_resultset = |inner: &Inner| inner.coverage.is_some() && inner.timestamp.is_some();
    match inner {
        Ok(inner) if inner.values().any(is_resultset) => simplecov::read_text(coverage, &text),
        _ => istanbul::read_maps(coverage, &text),
    }
}

#[derive(Deserialize)]
struct Own {
    coverage: Model,
}

/// A report that [`written`] wrote.
fn own(coverage: &mut Coverage, version: u32, text: &[u8]) -> Result<(), String> {
    coverage.note_format("pilotage");
    if version != 1 {
        return Err(format!("it is of version {version}, and only version 1 is read"));
    }
    let own: Own =
        serde_json::from_slice(text).map_err(|error| format!("it is no merged report: {error}"))?;
    coverage.model.join(own.coverage)
}

/// The merged model as JSON that [`read`] takes again.
pub fn written(model: &Model) -> String {
    let mut text = serde_json::json!({ OWN: 1, "coverage": model }).to_string();
    text.push('\n');
    text
}
