//! One pass over a body that checks all of it and brings out the few fields that a source needs.

use std::{borrow::Cow, fmt};

use pilotage_core::{Timestamp, ports::Refusal};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The key under which `serde_json` (feature `raw_value`) reads a string as JSON text of its own. No sender writes it,
/// and a body where two readers would see different things is refused.
const RAW_VALUE_KEY: &str = "$serde_json::private::RawValue";

/// A set of paths such as `head_commit.timestamp` or `alerts[0].status`, made ready.
pub(crate) struct Fields {
    paths: Vec<String>,
    root: Node,
}

#[derive(Default)]
struct Node {
    slot: Option<usize>,
    members: Vec<(String, Node)>,
    items: Vec<(usize, Node)>,
}

impl Fields {
    /// Paths of a program; a path that is none finds nothing.
    pub(crate) fn of<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut fields = Self {
            paths: Vec::new(),
            root: Node::default(),
        };
        for path in paths {
            if let Ok(steps) = parse_path(path) {
                fields.add(path, steps);
            }
        }
        fields
    }

    fn add(&mut self, path: &str, steps: Vec<Step>) {
        let slot = self.paths.len();
        let mut node = &mut self.root;
        for step in steps {
            node = match step {
                Step::Member(name) => child(&mut node.members, name),
                Step::Item(index) => child(&mut node.items, index),
            };
        }
        // A path that is named twice keeps its first slot.
        if node.slot.is_none() {
            node.slot = Some(slot);
            self.paths.push(path.to_owned());
        }
    }

    /// Reads a body: exactly what `serde_json::Value` accepts within its limits is accepted, and where a key is there
    /// twice the last one counts, as it will for the rules.
    pub(crate) fn read<'f, 'a>(&'f self, body: &'a [u8]) -> Result<Found<'f, 'a>, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| not_json("it is not UTF-8"))?;
        let mut values = vec![None; self.paths.len()];
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Scan {
            node: &self.root,
            values: &mut values,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| not_json(&error.to_string()))?;
        Ok(Found {
            paths: &self.paths,
            values,
        })
    }
}

fn not_json(why: &str) -> Refusal {
    Refusal::Malformed(format!("the body is not JSON: {why}"))
}

fn child<K: PartialEq>(children: &mut Vec<(K, Node)>, key: K) -> &mut Node {
    let at = children
        .iter()
        .position(|(known, _)| *known == key)
        .unwrap_or(children.len());
    if at == children.len() {
        children.push((key, Node::default()));
    }
    &mut children[at].1
}

enum Step {
    Member(String),
    Item(usize),
}

/// Checks a path that a person wrote.
///
/// # Errors
/// An empty segment or a broken index.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    parse_path(path).map(|_| ())
}

fn parse_path(path: &str) -> Result<Vec<Step>, String> {
    let broken = || {
        format!(
            "`{}` is no path such as `head_commit.id` or `items[0].name`",
            path.escape_default()
        )
    };
    let mut steps = Vec::new();
    for segment in path.split('.') {
        let (name, indices) = segment
            .split_once('[')
            .map_or((segment, ""), |(name, rest)| (name, rest));
        if name.is_empty() {
            return Err(broken());
        }
        steps.push(Step::Member(name.to_owned()));
        if indices.is_empty() && segment.len() == name.len() {
            continue;
        }
        let inner = indices.strip_suffix(']').ok_or_else(broken)?;
        for index in inner.split("][") {
            steps.push(Step::Item(index.parse().map_err(|_| broken())?));
        }
    }
    Ok(steps)
}

/// A scalar as the body has it.
#[derive(Clone, Debug, PartialEq)]
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Integer(i128),
    Other,
}

/// What a body has at the paths.
pub(crate) struct Found<'f, 'a> {
    paths: &'f [String],
    values: Vec<Option<Scalar<'a>>>,
}

impl<'a> Found<'_, 'a> {
    fn scalar(&self, path: &str) -> Option<&Scalar<'a>> {
        let slot = self.paths.iter().position(|known| known == path)?;
        self.values.get(slot)?.as_ref()
    }

    /// A string that is not empty.
    pub(crate) fn text(&self, path: &str) -> Option<Cow<'a, str>> {
        match self.scalar(path)? {
            Scalar::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    /// A string that is not empty, or an integer as text.
    pub(crate) fn word(&self, path: &str) -> Option<Cow<'a, str>> {
        match self.scalar(path)? {
            Scalar::Integer(number) => Some(Cow::Owned(number.to_string())),
            _ => self.text(path),
        }
    }

    /// Whether the path leads to a scalar of any kind.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.scalar(path).is_some()
    }

    /// A moment: RFC 3339 text, the two older forms with a space that GitLab sends, or Unix seconds or milliseconds.
    pub(crate) fn time(&self, path: &str) -> Option<Timestamp> {
        match self.scalar(path)? {
            Scalar::Text(text) => parse_time(text),
            Scalar::Integer(number) => unix_time(i64::try_from(*number).ok()?),
            Scalar::Other => None,
        }
    }

    /// The first of the paths that has a string or an integer.
    pub(crate) fn first_word(&self, paths: &[&str]) -> Option<Cow<'a, str>> {
        paths.iter().find_map(|path| self.word(path))
    }

    /// The first of the paths that has a moment.
    pub(crate) fn first_time(&self, paths: &[&str]) -> Option<Timestamp> {
        paths.iter().find_map(|path| self.time(path))
    }
}

/// RFC 3339, or `2016-08-12 15:23:28 UTC` and `2021-04-28 21:50:00 +0200`.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    if text.len() > 64 {
        return None;
    }
    text.parse().ok().or_else(|| {
        let (moment, zone) = text.rsplit_once(' ')?;
        let zone = if zone == "UTC" { "Z" } else { zone };
        format!("{moment}{zone}").parse().ok()
    })
}

/// Seconds until the year 5138, milliseconds above: Jenkins counts in milliseconds.
fn unix_time(number: i64) -> Option<Timestamp> {
    match number {
        1..100_000_000_000 => Some(Timestamp::from_secs(number)),
        100_000_000_000..100_000_000_000_000 => Some(Timestamp::from_micros(number.saturating_mul(1000))),
        _ => None,
    }
}

struct Scan<'s, 'f, 'a> {
    node: &'f Node,
    values: &'s mut Vec<Option<Scalar<'a>>>,
}

impl<'a> Scan<'_, '_, 'a> {
    fn keep(self, scalar: Scalar<'a>) {
        if let Some(place) = self.node.slot.and_then(|slot| self.values.get_mut(slot)) {
            *place = Some(scalar);
        }
    }
}

/// Forgets what an earlier member of the same name had, however deep.
fn forget(node: &Node, values: &mut [Option<Scalar<'_>>]) {
    if let Some(place) = node.slot.and_then(|slot| values.get_mut(slot)) {
        *place = None;
    }
    let members = node.members.iter().map(|(_, node)| node);
    for inner in members.chain(node.items.iter().map(|(_, node)| node)) {
        forget(inner, values);
    }
}

impl<'a> DeserializeSeed<'a> for Scan<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Scan<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.keep(Scalar::Other);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.keep(Scalar::Integer(number.into()));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.keep(Scalar::Integer(number.into()));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.keep(Scalar::Other);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.keep(Scalar::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(Scalar::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            let wanted = self.node.items.iter().find(|(known, _)| *known == index);
            let more = match wanted {
                Some((_, node)) => items
                    .next_element_seed(Scan {
                        node,
                        values: &mut *self.values,
                    })?
                    .is_some(),
                None => items.next_element::<Checked>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            index = index.saturating_add(1);
        }
    }

    fn visit_map<A: MapAccess<'a>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(wanted) = entries.next_key_seed(Pick(&self.node.members))? {
            match wanted {
                Some(node) => {
                    forget(node, self.values);
                    entries.next_value_seed(Scan {
                        node,
                        values: &mut *self.values,
                    })?;
                }
                None => entries.next_value::<Checked>().map(|Checked| ())?,
            }
        }
        Ok(())
    }
}

/// Reads a key and picks the wanted member of that name, if it is wanted.
struct Pick<'f>(&'f [(String, Node)]);

impl<'f, 'a> DeserializeSeed<'a> for Pick<'f> {
    type Value = Option<&'f Node>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'f> Visitor<'_> for Pick<'f> {
    type Value = Option<&'f Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if key == RAW_VALUE_KEY {
            return Err(E::custom("a key that is reserved"));
        }
        Ok(self.0.iter().find(|(name, _)| name == key).map(|(_, node)| node))
    }
}

/// A value that is checked and forgotten. Asking for "any" value is what makes `serde_json` check depth and numbers.
struct Checked;

impl<'a> Deserialize<'a> for Checked {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckedVisitor)
    }
}

struct CheckedVisitor;

impl<'a> Visitor<'a> for CheckedVisitor {
    type Value = Checked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Checked, A::Error> {
        while items.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut entries: A) -> Result<Checked, A::Error> {
        while entries.next_key_seed(Pick(&[]))?.is_some() {
            entries.next_value::<Checked>()?;
        }
        Ok(Checked)
    }
}
