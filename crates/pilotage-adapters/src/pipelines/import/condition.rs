//! Conditions of both platforms as `when`.

use serde_json::{Map, Value, json};

use super::values::put;

/// Longest condition that is read, in bytes.
const MAX_LENGTH: usize = 2_000;

/// What a condition asks, as far as a definition can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct When {
    pub(super) branches: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) events: Vec<String>,
    pub(super) status: Option<&'static str>,
}

impl When {
    pub(super) fn value(&self) -> Value {
        let mut map = Map::new();
        put(&mut map, "branches", json!(self.branches));
        put(&mut map, "tags", json!(self.tags));
        put(&mut map, "events", json!(self.events));
        put(&mut map, "status", json!(self.status));
        Value::Object(map)
    }
}

/// Why a job whose condition cannot be said does not run by itself.
pub(super) const BY_HAND: &str = "a definition asks for branches, tags, events and how jobs before ended; so that the job does not run where it \
     did not run before, it runs only in pipelines that are started by hand, until you write its `when`";

impl When {
    /// For a job whose condition cannot be said: it does not run by itself.
    pub(super) fn by_hand() -> Self {
        Self {
            events: vec!["manual".to_owned()],
            ..Self::default()
        }
    }
}

/// One comparison.
pub(super) enum Atom {
    Branch(String),
    Tag(String),
    Event(Vec<String>),
    Status(&'static str),
    /// Holds anyway.
    Nothing,
}

/// Reads alternatives joined by `&&`; nothing where one of them is none that a definition knows.
pub(super) fn read(text: &str, atom: impl Fn(&str) -> Option<Atom>) -> Option<When> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let mut when = When::default();
    for part in split(bare(text), "&&") {
        let (had_refs, had_events) = (
            !when.branches.is_empty() || !when.tags.is_empty(),
            !when.events.is_empty(),
        );
        let (mut refs, mut events) = (false, false);
        let choices = split(bare(part), "||");
        for choice in &choices {
            match atom(bare(choice))? {
                Atom::Branch(name) => {
                    refs = true;
                    when.branches.push(name);
                }
                Atom::Tag(name) => {
                    refs = true;
                    when.tags.push(name);
                }
                Atom::Event(names) => {
                    events = true;
                    when.events.extend(names);
                }
                Atom::Status(_) | Atom::Nothing if choices.len() > 1 => return None,
                Atom::Status(word) => when.status = Some(word),
                Atom::Nothing => {}
            }
        }
        // Each list is asked once, and its words are alternatives of one kind.
        if (refs && (events || had_refs)) || (events && had_events) {
            return None;
        }
    }
    Some(when)
}

/// Without brackets around the whole.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        if !is_balanced(inner) {
            break;
        }
        text = inner.trim();
    }
    text
}

fn is_balanced(text: &str) -> bool {
    let mut depth = 0_i32;
    for letter in text.chars() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// Splits where the operator stands outside of brackets and texts.
fn split<'a>(text: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_i32, None);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {
                let rest = text.get(at..).unwrap_or_default();
                if depth == 0 && at >= start && rest.starts_with(operator) {
                    parts.push(text.get(start..at).unwrap_or_default());
                    start = at + operator.len();
                }
            }
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}
