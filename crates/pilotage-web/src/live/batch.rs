//! What is sent, encoded once for everybody who asked the same.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use pilotage_core::{
    Timestamp,
    operation::{Change, filter::StatusFilters},
};
use serde_json::value::RawValue;

use super::window::Entry;

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Everything that is active; `true` where there is more than was put in.
    Snapshot(bool),
    /// What changed.
    Updates,
}

/// Updates in the order of their changes: as an event of a stream, and as the JSON within it.
pub(super) struct Batch {
    /// Whoever has this batch has everything up to this change.
    pub(super) through: Change,
    /// Updates in it.
    pub(super) count: usize,
    /// When the oldest state in it was stored.
    pub(super) oldest: Option<Timestamp>,
    /// When it was put together.
    pub(super) timestamp: Timestamp,
    /// As an event of a stream.
    pub(super) frame: Bytes,
    updates: std::ops::Range<usize>,
    raw: OnceLock<Option<Box<RawValue>>>,
}

impl Batch {
    /// Of those entries that pass.
    pub(super) fn of(
        purpose: Purpose,
        entries: &[Arc<Entry>],
        filters: &StatusFilters,
        through: Change,
    ) -> Self {
        let passing: Vec<&Entry> = entries
            .iter()
            .map(AsRef::as_ref)
            .filter(|entry| filters.hold(&entry.update))
            .collect();
        let timestamp = Timestamp::now();
        let length: usize = passing.iter().map(|entry| entry.json.len() + 1).sum();
        let mut frame = String::with_capacity(length + 160);
        let name = if purpose == Purpose::Updates {
            "updates"
        } else {
            "snapshot"
        };
        // Writing into a string does not fail.
        let _ = write!(frame, "id: {through}\nevent: {name}\ndata: {{\"updates\":");
        let begin = frame.len();
        frame.push('[');
        for (index, entry) in passing.iter().enumerate() {
            if index > 0 {
                frame.push(',');
            }
            frame.push_str(&entry.json);
        }
        frame.push(']');
        let updates = begin..frame.len();
        if let Purpose::Snapshot(truncated) = purpose {
            let _ = write!(frame, ",\"truncated\":{truncated}");
        }
        let _ = write!(frame, ",\"timestamp\":\"{timestamp}\"}}\n\n");
        Self {
            through,
            count: passing.len(),
            oldest: passing.iter().map(|entry| entry.update.timestamp).min(),
            timestamp,
            frame: frame.into(),
            updates,
            raw: OnceLock::new(),
        }
    }

    /// The updates alone, as a JSON list.
    pub(super) fn updates(&self) -> Option<&RawValue> {
        let raw = self.raw.get_or_init(|| {
            let text = std::str::from_utf8(self.frame.get(self.updates.clone())?).ok()?;
            RawValue::from_string(text.to_owned()).ok()
        });
        raw.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::testing::operation;

    #[test]
    fn a_batch_is_one_event_with_one_line_of_data() {
        let mut hostile = operation(1, 5, None);
        "</script>\n\ndata: {}\r\nid: 9\u{2028}".clone_into(&mut hostile.message);
        let entries = [hostile, operation(2, 7, None)].map(|operation| Arc::new(Entry::of(operation)));
        let batch = Batch::of(Purpose::Updates, &entries, &StatusFilters::default(), Change(9));
        let text = std::str::from_utf8(&batch.frame).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[..2], ["id: 9", "event: updates"]);
        assert_eq!(lines[3], "");
        let data: serde_json::Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["updates"].as_array().unwrap().len(), 2);
        assert_eq!(data["timestamp"], batch.timestamp.to_string());
        let updates: serde_json::Value = serde_json::from_str(batch.updates().unwrap().get()).unwrap();
        assert_eq!(updates, data["updates"]);
    }

    #[test]
    fn a_snapshot_says_whether_it_is_whole() {
        let of = |truncated| {
            let batch = Batch::of(
                Purpose::Snapshot(truncated),
                &[],
                &StatusFilters::default(),
                Change(0),
            );
            String::from_utf8(batch.frame.to_vec()).unwrap()
        };
        assert!(of(false).starts_with("id: 0\nevent: snapshot\ndata: {\"updates\":[],\"truncated\":false,"));
        assert!(of(true).contains("\"truncated\":true"));
    }
}
