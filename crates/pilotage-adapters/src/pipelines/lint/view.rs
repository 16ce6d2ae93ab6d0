//! A file as the checks see it.

use std::collections::BTreeSet;

use pilotage_core::config::{Document, Location, Problem};
use serde_json::Value;

use super::platforms::Dialect;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// The value at a JSON pointer.
    At(String),
    /// The key at the end of a JSON pointer.
    Key(String),
    /// A place in the text.
    Line(Location),
}

/// A text and its place.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) at: Spot,
}

/// Commands for a shell.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) at: Spot,
    /// Whether it is for a shell in the manner of sh.
    pub(super) is_posix: bool,
    /// Environment variables that hold secrets.
    pub(super) secrets: BTreeSet<String>,
    /// What the platform or the language puts into the text before a shell sees it, such as `github.head_ref`.
    pub(super) filled_in: Vec<String>,
    /// Environment variables whose value strangers write.
    pub(super) untrusted: BTreeSet<String>,
}

/// A job, or what comes nearest to one.
#[derive(Clone, Debug)]
pub(super) struct JobView {
    pub(super) name: String,
    pub(super) at: Spot,
    pub(super) needs: Vec<Text>,
    /// Names that `needs` may say; jobs of another stage are out of reach on some platforms.
    pub(super) scope: String,
    pub(super) never_runs: bool,
    pub(super) scripts: Vec<Script>,
    /// Code of others that is run: actions, images, libraries.
    pub(super) uses: Vec<Used>,
}

/// Code of others.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) text: Text,
    pub(super) kind: UsedKind,
}

/// What kind of code of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UsedKind {
    Action,
    Image,
    Task,
    Library,
}

/// Something that the reader of a platform found while reading, for the check of that name.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) check: &'static str,
    pub(super) at: Spot,
    pub(super) message: String,
    pub(super) is_warning: bool,
}

/// A file.
#[derive(Debug)]
pub(super) struct View {
    pub(super) dialect: Dialect,
    pub(super) document: Option<Document>,
    pub(super) jobs: Vec<JobView>,
    /// Groups of which one name may stand only once, with the place of each.
    pub(super) names: Vec<Text>,
    pub(super) noted: Vec<Noted>,
    /// Jobs may come from elsewhere, so that unknown names mean nothing.
    pub(super) is_open: bool,
}

impl View {
    pub(super) fn new(dialect: Dialect, document: Option<Document>) -> Self {
        Self {
            dialect,
            document,
            jobs: Vec::new(),
            names: Vec::new(),
            noted: Vec::new(),
            is_open: false,
        }
    }

    pub(super) fn locate(&self, spot: &Spot) -> Location {
        let start = Location { line: 1, column: 1 };
        match spot {
            Spot::Line(location) => *location,
            Spot::At(pointer) => self.find(&Problem::at(pointer.as_str(), "")).unwrap_or(start),
            Spot::Key(pointer) => self.find(&Problem::at_key(pointer.as_str(), "")).unwrap_or(start),
        }
    }

    fn find(&self, problem: &Problem) -> Option<Location> {
        self.document.as_ref()?.locate_problem(problem)
    }

    /// Something about a key, not about its value.
    pub(super) fn note_key(&mut self, check: &'static str, at: &str, message: impl Into<String>) {
        self.note(check, at, message);
        if let Some(last) = self.noted.last_mut() {
            last.at = Spot::Key(at.to_owned());
        }
    }

    pub(super) fn note(&mut self, check: &'static str, at: &str, message: impl Into<String>) {
        self.noted.push(Noted {
            check,
            at: Spot::At(at.to_owned()),
            message: message.into(),
            is_warning: false,
        });
    }

    pub(super) fn warn(&mut self, check: &'static str, at: &str, message: impl Into<String>) {
        self.note(check, at, message);
        if let Some(last) = self.noted.last_mut() {
            last.is_warning = true;
        }
    }
}

/// The entries of a mapping with their pointers.
pub(in crate::pipelines) fn entries<'a>(
    value: &'a Value,
    pointer: &str,
) -> Vec<(&'a String, &'a Value, String)> {
    let map = value.as_object().into_iter().flatten();
    map.map(|(key, value)| {
        let at = format!("{pointer}/{}", pilotage_core::config::pointer_segment(key));
        (key, value, at)
    })
    .collect()
}

/// The items of a list with their pointers; a single value counts as a list of one.
pub(in crate::pipelines) fn items<'a>(value: &'a Value, pointer: &str) -> Vec<(&'a Value, String)> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(place, item)| (item, format!("{pointer}/{place}")))
            .collect(),
        one => vec![(one, pointer.to_owned())],
    }
}

/// The texts of a list, or the one text.
pub(super) fn texts(value: &Value, pointer: &str) -> Vec<Text> {
    items(value, pointer)
        .into_iter()
        .filter_map(|(item, at)| {
            Some(Text {
                text: item.as_str()?.to_owned(),
                at: Spot::At(at),
            })
        })
        .collect()
}
