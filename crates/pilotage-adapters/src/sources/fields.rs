//! One pass over a body that checks all of it and brings out the few fields that a source needs.

use std::borrow::Cow;

use pilotage_core::{Timestamp, ports::Refusal};
use serde::de::DeserializeSeed as _;

use self::scan::Scan;

mod scan;

/// Longest path, in bytes: it bounds how deep the set is.
const MAX_PATH_BYTES: usize = 256;

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

impl Fields {
    /// Reads a body that must be a JSON object, as everything that GitHub and GitLab send is.
    pub(crate) fn read_object<'f, 'a>(&'f self, body: &'a [u8]) -> Result<Found<'f, 'a>, Refusal> {
        let found = self.read(body)?;
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'{') {
            return Err(Refusal::Malformed("the body is JSON, but no object".to_owned()));
        }
        Ok(found)
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
    if path.len() > MAX_PATH_BYTES {
        return Err(format!("a path has at most {MAX_PATH_BYTES} bytes"));
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const PATHS: [&str; 5] = ["a", "a.b", "b[1].a", "b[0][1]", "c.a.b"];

    /// What the path leads to in a document, in the words of `Found::word`.
    fn looked_up(document: &Value, path: &str) -> Option<String> {
        let pointer = format!(
            "/{}",
            path.replace("][", "/")
                .replace('[', "/")
                .replace(']', "")
                .replace('.', "/")
        );
        // A pointer's digits would also name members of an object; paths mean items alone.
        let mut value = document;
        for (segment, step) in pointer.split('/').skip(1).zip(parse_path(path).unwrap()) {
            value = match step {
                Step::Member(_) => value.as_object()?.get(segment)?,
                Step::Item(index) => value.as_array()?.get(index)?,
            };
        }
        match value {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => number.as_i64().map(|number| number.to_string()),
            _ => None,
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c\\u{e9}\"\n]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec(("[abc]", inner), 0..3)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn finds_what_a_parsed_document_has(document in document()) {
            let fields = Fields::of(PATHS);
            for text in [document.to_string(), format!("{document:#}")] {
                let found = fields.read(text.as_bytes()).unwrap();
                for path in PATHS {
                    prop_assert_eq!(found.word(path).map(Cow::into_owned), looked_up(&document, path), "{}", path);
                }
            }
        }

        #[test]
        fn accepts_what_the_check_accepts(text in r#"[\[\]{}",:0-9eE.+\-\\untrfalsd ]{0,40}"#, bytes: Vec<u8>) {
            for body in [text.as_bytes(), &bytes] {
                let checked = pilotage_core::json::check(body).is_ok();
                prop_assert_eq!(Fields::of(PATHS).read(body).is_ok(), checked);
            }
        }
    }

    #[test]
    fn the_last_of_equal_members_counts_however_deep() {
        let fields = Fields::of(PATHS);
        let text =
            r#"{"c":{"a":{"b":"old"}},"a":"x","c":{"a":{}},"b":[[1,2],{"a":3}],"b":[[1]],"a":{"b":"y"}}"#;
        let found = fields.read(text.as_bytes()).unwrap();
        let words = PATHS.map(|path| found.word(path));
        assert_eq!(words, [None, Some("y".into()), None, None, None]);
    }

    #[test]
    fn nesting_and_the_reserved_key_are_refused_at_any_depth() {
        let fields = Fields::of(PATHS);
        for depth in [127, 128, 100_000] {
            let body = ["{\"a\":".repeat(depth), "1".to_owned(), "}".repeat(depth)].concat();
            assert_eq!(fields.read(body.as_bytes()).is_ok(), depth < 128, "{depth}");
        }
        let reserved = json!({"$serde_json::private::RawValue": "[]"});
        for body in [reserved.clone(), json!({"a": reserved}), json!({"z": [reserved]})] {
            assert!(fields.read(body.to_string().as_bytes()).is_err());
        }
    }

    #[test]
    fn paths_are_checked() {
        for path in ["a", "a.b", "a[0]", "a[0][12].b", "a-b.c d"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        let long = "a.".repeat(200);
        for path in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "[0]",
            "a[",
            "a[]",
            "a[x]",
            "a[0",
            "a[0]b",
            "a[-1]",
            "a[99999999999999999999]",
            &long,
        ] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn times_are_read_in_the_forms_that_senders_use() {
        let cases = [
            ("2026-09-21T14:13:20Z", Some(1_790_000_000)),
            ("2026-09-21T16:13:20+02:00", Some(1_790_000_000)),
            ("2026-09-21 14:13:20 UTC", Some(1_790_000_000)),
            ("2026-09-21 16:13:20 +0200", Some(1_790_000_000)),
            ("2026-09-21", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, secs) in cases {
            assert_eq!(parse_time(text), secs.map(Timestamp::from_secs), "{text}");
        }
        assert_eq!(unix_time(1_790_000_000), unix_time(1_790_000_000_000));
        for number in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(unix_time(number), None);
        }
    }
}
