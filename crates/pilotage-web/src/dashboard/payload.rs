//! What was delivered, as a tree in which every value has the path that a rule's condition would name it by.

use pilotage_core::rule::Path;
use serde_json::Value;

use super::words::{cut, plural, size};

/// Lines of a tree at most.
const MOST_LINES: usize = 1_500;
/// Entries of one object or list at most.
const MOST_ENTRIES: usize = 200;
/// Characters of one text at most.
const LONGEST_TEXT: usize = 300;
/// Bytes of the raw text that are shown.
const MOST_RAW: usize = 24 << 10;
/// Objects and lists are open down to here.
const OPEN_DEPTH: usize = 2;
/// Lists and objects with more entries than this begin closed.
const OPEN_ENTRIES: usize = 24;

/// One line of the tree, in the order in which they are written.
pub(super) enum Line {
    /// An object or list begins; its entries follow up to `Close`.
    Open {
        key: String,
        path: Option<String>,
        summary: String,
        open: bool,
    },
    /// A value.
    Leaf {
        key: String,
        path: Option<String>,
        text: String,
        class: &'static str,
        cut: Option<String>,
    },
    /// Entries that are not shown.
    More(String),
    /// The end of an object or list.
    Close,
}

/// The body of an event as it is shown.
pub(super) struct Payload {
    pub(super) lines: Vec<Line>,
    pub(super) raw: String,
    /// What the raw text lacks, in words.
    pub(super) raw_cut: Option<String>,
    pub(super) size: String,
}

impl Payload {
    /// The body `bytes`, which were read as `value`.
    pub(super) fn new(bytes: &[u8], value: &Value) -> Self {
        let mut tree = Tree { lines: Vec::new() };
        tree.add("data", "data", value, 0);
        let (raw, raw_cut) = raw(bytes);
        Self {
            lines: tree.lines,
            raw,
            raw_cut,
            size: size(i64::try_from(bytes.len()).unwrap_or(i64::MAX)),
        }
    }
}

/// The text as it is stored, up to the last whole character that is shown.
fn raw(bytes: &[u8]) -> (String, Option<String>) {
    let shown = bytes.get(..MOST_RAW.min(bytes.len())).unwrap_or_default();
    let text = match std::str::from_utf8(shown) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            String::from_utf8_lossy(shown.get(..error.valid_up_to()).unwrap_or_default()).into_owned()
        }
    };
    let left = bytes.len() - text.len();
    let left = (left > 0).then(|| size(i64::try_from(left).unwrap_or(i64::MAX)));
    (text, left)
}

struct Tree {
    lines: Vec<Line>,
}

impl Tree {
    /// As deep as what intake accepts, which is bounded.
    fn add(&mut self, key: &str, path: &str, value: &Value, depth: usize) {
        let entries = match value {
            Value::Object(entries) => entries.len(),
            Value::Array(items) => items.len(),
            leaf => return self.leaf(key, path, leaf),
        };
        let (unit, is_empty) = (if value.is_array() { "item" } else { "entry" }, entries == 0);
        if is_empty {
            return self.leaf(key, path, value);
        }
        let count = i64::try_from(entries).unwrap_or(i64::MAX);
        let summary = match unit {
            "entry" if count > 1 => format!("{} entries", super::words::count(count)),
            unit => plural(count, unit),
        };
        self.lines.push(Line::Open {
            key: cut(key, LONGEST_TEXT),
            path: usable(path),
            summary,
            open: depth < OPEN_DEPTH && entries <= OPEN_ENTRIES,
        });
        self.entries(value, path, depth);
        self.lines.push(Line::Close);
    }

    fn entries(&mut self, value: &Value, path: &str, depth: usize) {
        let mut shown = 0;
        let total = match value {
            Value::Object(entries) => {
                for (name, value) in entries.iter().take(MOST_ENTRIES) {
                    if self.lines.len() >= MOST_LINES {
                        break;
                    }
                    shown += 1;
                    self.add(name, &below(path, name), value, depth + 1);
                }
                entries.len()
            }
            Value::Array(items) => {
                for (index, value) in items.iter().take(MOST_ENTRIES).enumerate() {
                    if self.lines.len() >= MOST_LINES {
                        break;
                    }
                    shown += 1;
                    self.add(&index.to_string(), &format!("{path}[{index}]"), value, depth + 1);
                }
                items.len()
            }
            _ => 0,
        };
        let left = i64::try_from(total - shown).unwrap_or(i64::MAX);
        if left > 0 {
            self.lines.push(Line::More(format!(
                "{} more not shown here; the raw JSON has all",
                super::words::count(left)
            )));
        }
    }

    fn leaf(&mut self, key: &str, path: &str, value: &Value) {
        let (text, class) = match value {
            Value::String(text) => (text.clone(), "text"),
            Value::Number(number) => (number.to_string(), "number"),
            Value::Bool(value) => (value.to_string(), "word"),
            Value::Null => ("null".to_owned(), "word"),
            Value::Array(_) => ("empty list".to_owned(), "word"),
            Value::Object(_) => ("empty object".to_owned(), "word"),
        };
        let length = text.chars().count();
        let is_cut = length > LONGEST_TEXT;
        self.lines.push(Line::Leaf {
            key: cut(key, LONGEST_TEXT),
            path: usable(path),
            text: cut(&text, LONGEST_TEXT),
            class,
            cut: is_cut.then(|| plural(i64::try_from(length).unwrap_or(i64::MAX), "character")),
        });
    }
}

/// The path of an entry of an object.
fn below(path: &str, name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '$' | '@');
    if !name.is_empty() && name.chars().all(plain) {
        format!("{path}.{name}")
    } else {
        format!("{path}[{}]", Value::from(name))
    }
}

/// What a condition cannot name, for being too long or too deep, has no path to copy.
fn usable(path: &str) -> Option<String> {
    Path::parse(path).is_ok().then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use pilotage_core::{
        Digest, Event, EventFacts, EventId, TenantId, Timestamp,
        rule::{RuleSet, explain},
    };
    use serde_json::json;

    use super::*;

    fn paths(value: &Value) -> Vec<(String, String)> {
        let payload = Payload::new(value.to_string().as_bytes(), value);
        let leaf = |line| match line {
            Line::Leaf { path, text, .. } => path.map(|path| (path, text)),
            _ => None,
        };
        payload.lines.into_iter().filter_map(leaf).collect()
    }

    #[test]
    fn every_path_leads_a_condition_to_its_value() {
        let data = json!({
            "ref": "main", "commits": [{"id": "a"}, {"id": "b", "é": "c"}], "a.b/c": {"": "d", "x\"]y": "e", "*": "f"},
            "id": "g", "source": "h", "event": {"n": "i"}, "with space": "j", "0": "k",
        });
        let facts = EventFacts {
            id: EventId::fresh(),
            tenant: TenantId::default(),
            source: "s".to_owned(),
            event_type: "t".to_owned(),
            delivery_id: "d".to_owned(),
            timestamp: Timestamp::default(),
            received_at: Timestamp::default(),
            verified: true,
            attributes: std::collections::BTreeMap::default(),
            digest: Digest::of(b""),
        };
        let event = Event {
            facts,
            data: data.clone(),
        };
        let paths = paths(&data);
        assert_eq!(paths.len(), 12, "{paths:?}");
        for (path, text) in paths {
            let rule = json!({
                "id": "r", "trigger": {"source": "s", "conditions": {path.clone(): text}},
                "actions": [{"type": "a", "target": "b"}],
            });
            let set = RuleSet::compile(vec![serde_json::from_value(rule).unwrap()]).unwrap();
            let explained = explain(&set.rules()[0], &event);
            assert!(explained.matches, "{path}: {explained:?}");
        }
    }

    #[test]
    fn what_is_large_is_cut_and_says_so() {
        let long = json!({ "text": "x".repeat(1 << 20), "list": (0..100_000).collect::<Vec<_>>() });
        let bytes = long.to_string();
        let payload = Payload::new(bytes.as_bytes(), &long);
        assert!(payload.lines.len() < MOST_LINES);
        assert!(payload.raw.len() <= MOST_RAW && payload.raw_cut.is_some());
        let told = payload
            .lines
            .iter()
            .any(|line| matches!(line, Line::More(left) if left.starts_with("99")));
        assert!(told);
        let cut = payload.lines.iter().any(|line| {
            matches!(line, Line::Leaf { cut: Some(cut), text, .. } if cut.contains("character") && text.ends_with('…'))
        });
        assert!(cut);
    }

    #[test]
    fn many_lines_in_many_places_are_bounded() {
        let wide = json!((0..150).map(|_| (0..150).collect::<Vec<_>>()).collect::<Vec<_>>());
        let payload = Payload::new(b"[]", &wide);
        assert!(payload.lines.len() < MOST_LINES + 10, "{}", payload.lines.len());
        let open = payload
            .lines
            .iter()
            .filter(|line| matches!(line, Line::Open { .. }))
            .count();
        let close = payload
            .lines
            .iter()
            .filter(|line| matches!(line, Line::Close))
            .count();
        assert_eq!(open, close);
    }
}
