//! Cobertura XML, as coverage.py, Istanbul and cargo-llvm-cov write it.
//!
//! Lines are those of `class/lines`; `class/methods` has them again and says which functions were entered. A line with
//! branches says `condition-coverage="50% (1/2)"`. Paths are from one of the folders under `sources`, or from where the tool ran.

use std::io::Read;

use super::{
    coverage::{Coverage, Kind},
    xml::{Step, Tag, Xml},
};
use crate::reading::{Bounded, brief};

/// The name of the provider.
const COBERTURA: &str = "cobertura";
/// Most branches of one line.
const MAX_BRANCHES: u64 = 10_000;
/// Most folders that paths may be from.
const MAX_SOURCES: usize = 100;

#[derive(Default)]
struct Place {
    sources: Vec<String>,
    has_branches: bool,
    file: String,
    method: Option<Method>,
}

struct Method {
    name: String,
    line: Option<u32>,
    hits: u64,
}

/// Adds a report.
///
/// # Errors
/// It is no Cobertura report, is cut off, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    coverage.note_format(COBERTURA);
    let mut xml = Xml::new(input);
    let mut place = Place::default();
    let mut root = true;
    while let Some(step) = xml.step()? {
        match step {
            Step::Open(tag) => {
                if std::mem::take(&mut root) && tag.name != "coverage" {
                    return Err(format!(
                        "it is no Cobertura report: it begins with <{}>",
                        brief(&tag.name)
                    ));
                }
                open(coverage, &mut place, &tag)?;
            }
            Step::Close(name) if name == "source" && place.sources.len() < MAX_SOURCES => {
                place.sources.push(xml.text().to_owned());
            }
            Step::Close(name) if name == "method" => {
                if let Some(Method { name, line, hits }) = place.method.take() {
                    let line = line.unwrap_or(0);
                    coverage
                        .model
                        .function(&place.file, COBERTURA, line, &name, hits)?;
                }
            }
            Step::Close(_) => {}
        }
    }
    Ok(())
}

fn open(coverage: &mut Coverage, place: &mut Place, tag: &Tag) -> Result<(), String> {
    match tag.name.as_str() {
        "coverage" => {
            // coverage.py has the attribute also where it did not look at branches, and then says that there is none.
            let branches = tag.get("branches-valid").map_or(Ok(0), hits)?;
            place.has_branches = branches > 0;
            Ok(())
        }
        "class" => class(coverage, place, tag),
        "method" => {
            let name = tag.get("name").unwrap_or_default();
            let signature = tag.get("signature").unwrap_or_default();
            place.method = Some(Method {
                name: format!("{name} {signature}"),
                line: None,
                hits: tag.get("hits").map_or(Ok(0), hits)?,
            });
            Ok(())
        }
        "line" => line(coverage, place, tag),
        _ => Ok(()),
    }
}

fn class(coverage: &mut Coverage, place: &mut Place, tag: &Tag) -> Result<(), String> {
    let file = tag.get("filename").ok_or("a class without its file")?;
    place.file = coverage.path(file, &place.sources);
    coverage.model.file(&place.file, COBERTURA)?;
    if place.has_branches {
        coverage.model.knows(&place.file, COBERTURA, Kind::Branches)?;
    }
    Ok(())
}

fn line(coverage: &mut Coverage, place: &mut Place, tag: &Tag) -> Result<(), String> {
    let hits = hits(tag.get("hits").ok_or("a line without its hits")?)?;
    let number = tag.get("number").and_then(|text| text.parse().ok());
    if let Some(method) = &mut place.method {
        method.hits = method.hits.max(hits);
        method.line = method.line.or(number);
        return Ok(());
    }
    if place.file.is_empty() {
        return Err("a line outside of a class".to_owned());
    }
    let number = number.ok_or("a line without its number")?;
    coverage.model.line(&place.file, COBERTURA, number, hits)?;
    let Some(condition) = tag.get("condition-coverage") else {
        return Ok(());
    };
    let (covered, total) =
        branches(condition).ok_or_else(|| format!("cannot read `{}`", brief(condition)))?;
    // Which of a line's branches were taken is not said, so the first ones are: that joins two runs to the larger share.
    (0..total).try_for_each(|branch| {
        let name = branch.to_string();
        coverage
            .model
            .branch(&place.file, COBERTURA, number, &name, u64::from(branch < covered))
    })
}

fn hits(hits: &str) -> Result<u64, String> {
    hits.trim()
        .parse()
        .map_err(|_| format!("`{}` is no count", brief(hits)))
}

/// `50% (1/2)`.
fn branches(text: &str) -> Option<(u64, u64)> {
    let (_, rest) = text.split_once('(')?;
    let (covered, total) = rest.split_once(')')?.0.split_once('/')?;
    let (covered, total) = (covered.trim().parse().ok()?, total.trim().parse().ok()?);
    (covered <= total && total <= MAX_BRANCHES).then_some((covered, total))
}
