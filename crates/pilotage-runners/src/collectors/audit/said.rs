//! Reading what scanners said, and the lock files that it is held against.

use std::fs::File;

use serde_json::Value as Json;

use crate::{
    audit::Audited,
    locks,
    reading::{Bounded, brief},
};

pub(super) fn read_lock(lock: &mut (String, u64), input: &mut Bounded<File>) -> Result<(), String> {
    let text = input.whole(4).map_err(|error| error.to_string())?;
    lock.1 = locks::read(&lock.0, &text)?.len() as u64;
    Ok(())
}

pub(super) type Reader = fn(&[u8]) -> Result<Audited, String>;

/// Adds one report to what others said: a number that one of them lacks is not known of all.
pub(super) fn read_report(all: &mut (Audited, Reader), input: &mut Bounded<File>) -> Result<(), String> {
    let text = input.whole(4).map_err(|error| error.to_string())?;
    let read = (all.1)(&text).map_err(|error| brief(&error))?;
    let is_first = all.0 == Audited::default();
    let known = &mut all.0;
    known.looked_at = match (known.looked_at, read.looked_at) {
        (_, other) if is_first => other,
        (Some(one), Some(other)) => Some(one + other),
        _ => None,
    };
    known.findings.extend(read.findings);
    known.skipped.extend(read.skipped);
    known.database = read.database.or(known.database.take());
    known.version = read.version.or(known.version.take());
    Ok(())
}

/// What a tool wrote, as JSON.
pub(in crate::collectors) fn json(text: &[u8]) -> Result<Json, String> {
    serde_json::from_slice(text).map_err(|error| format!("what it wrote is no report: {error}"))
}

/// The text at a pointer; empty where there is none.
pub(in crate::collectors) fn text(value: &Json, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Json::as_str);
    brief(found.unwrap_or_default())
}

/// The texts of a list at a pointer.
pub(in crate::collectors) fn texts(value: &Json, pointer: &str) -> Vec<String> {
    let found = value.pointer(pointer).and_then(Json::as_array);
    let texts = found.into_iter().flatten().filter_map(Json::as_str);
    texts.map(brief).collect()
}
