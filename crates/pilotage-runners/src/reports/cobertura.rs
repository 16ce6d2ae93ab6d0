//! Cobertura XML, as coverage.py, Istanbul and cargo-llvm-cov write it.
//!
//! Lines are those of `class/lines`; `class/methods` has them again and says which functions were entered. A line with
//! branches says `condition-coverage="50% (1/2)"`.

use std::io::Read;

use super::{
    coverage::{Coverage, Item},
    xml::{Step, Tag, Xml},
};
use crate::reading::{Bounded, brief};

/// Most branches of one line.
const MAX_BRANCHES: u64 = 10_000;

#[derive(Default)]
struct Place {
    class: String,
    file: String,
    method: Option<(String, bool)>,
}

/// Adds a report.
///
/// # Errors
/// It is no Cobertura report, is cut off, or is over the limits.
pub fn read<R: Read>(coverage: &mut Coverage, input: &mut Bounded<R>) -> Result<(), String> {
    coverage.note_format("cobertura");
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
            Step::Close(name) if name == "method" => {
                if let Some((method, entered)) = place.method.take() {
                    coverage.add(&place.file, Item::Function(&method), entered)?;
                }
            }
            Step::Close(_) => {}
        }
    }
    Ok(())
}

fn open(coverage: &mut Coverage, place: &mut Place, tag: &Tag) -> Result<(), String> {
    match tag.name.as_str() {
        "class" => {
            tag.get("filename")
                .ok_or("a class without its file")?
                .clone_into(&mut place.file);
            tag.get("name").unwrap_or_default().clone_into(&mut place.class);
            Ok(())
        }
        "method" => {
            let name = tag.get("name").unwrap_or_default();
            let signature = tag.get("signature").unwrap_or_default();
            let entered = tag.get("hits").map(reached).transpose()?.unwrap_or(false);
            place.method = Some((format!("{} {name} {signature}", place.class), entered));
            Ok(())
        }
        "line" => line(coverage, place, tag),
        _ => Ok(()),
    }
}

fn line(coverage: &mut Coverage, place: &mut Place, tag: &Tag) -> Result<(), String> {
    let hit = reached(tag.get("hits").ok_or("a line without its hits")?)?;
    if let Some((_, entered)) = &mut place.method {
        *entered |= hit;
        return Ok(());
    }
    if place.file.is_empty() {
        return Err("a line outside of a class".to_owned());
    }
    let number = tag
        .get("number")
        .and_then(|text| text.parse().ok())
        .ok_or("a line without its number")?;
    coverage.add(&place.file, Item::Line(number), hit)?;
    let Some(condition) = tag.get("condition-coverage") else {
        return Ok(());
    };
    let (covered, total) =
        branches(condition).ok_or_else(|| format!("cannot read `{}`", brief(condition)))?;
    // Which of a line's branches were taken is not said, so the first ones are: that joins two runs to the larger share.
    (0..total).try_for_each(|branch| {
        coverage.add(
            &place.file,
            Item::Branch(&format!("{number},{branch}")),
            branch < covered,
        )
    })
}

fn reached(hits: &str) -> Result<bool, String> {
    let hits: u64 = hits
        .trim()
        .parse()
        .map_err(|_| format!("`hits=\"{}\"` is no count", brief(hits)))?;
    Ok(hits > 0)
}

/// `50% (1/2)`.
fn branches(text: &str) -> Option<(u64, u64)> {
    let (_, rest) = text.split_once('(')?;
    let (covered, total) = rest.split_once(')')?.0.split_once('/')?;
    let (covered, total) = (covered.trim().parse().ok()?, total.trim().parse().ok()?);
    (covered <= total && total <= MAX_BRANCHES).then_some((covered, total))
}
