//! A request as Make's API reads it.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Deepest path that any route has, with room; longer ones match nothing.
const MOST_SEGMENTS: usize = 16;

/// What came in, before anything is decided about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// In capitals.
    pub(crate) method: String,
    /// As sent, percent-encoded.
    pub(crate) path: String,
    /// The decoded pairs in the order in which they were sent.
    pub(crate) query: Vec<(String, String)>,
    /// The value of `Authorization`; empty without one.
    pub(crate) authorization: String,
    /// The value of `Content-Type`; empty without one.
    pub(crate) content_type: String,
    /// Every other header that a webhook may want to see, in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The raw body.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// From method and target such as `/api/v2/hooks?teamId=5`.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            ..Self::default()
        }
    }

    /// The decoded segments of the path below `prefix`; `None` if it lies elsewhere or is too deep.
    pub(crate) fn segments_below(&self, prefix: &str) -> Option<Vec<String>> {
        let rest = self.path.strip_prefix(prefix)?;
        let segments: Vec<String> = rest
            .split('/')
            .filter(|segment| !segment.is_empty())
            .take(MOST_SEGMENTS + 1)
            .map(decode)
            .collect();
        (segments.len() <= MOST_SEGMENTS).then_some(segments)
    }

    /// The last value of a parameter.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().rev().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Every value of a list: `name[]=a&name[]=b`, `name[1]=a` or plain `name=a`.
    pub(crate) fn many(&self, name: &str) -> Vec<&str> {
        let is_of_list = |key: &str| {
            key.strip_prefix(name).is_some_and(|rest| {
                let index = rest.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
                rest.is_empty() || index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
            })
        };
        let found = self.query.iter().filter(|(key, _)| is_of_list(key));
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a parameter is `true`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.one(name) == Some("true")
    }

    /// The body as JSON; `None` if it is none. An absent body is an empty object, as the official client sends none
    /// where nothing is to be said.
    pub(crate) fn json(&self) -> Option<Value> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Some(Value::Object(Map::new()));
        }
        serde_json::from_slice(&self.body).ok()
    }

    /// The query as an object: a name that is sent more than once has a list.
    pub(crate) fn query_object(&self) -> Value {
        let mut object = Map::new();
        for (key, value) in &self.query {
            let value = Value::from(value.as_str());
            match object.get_mut(key) {
                None => drop(object.insert(key.clone(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Value::Object(object)
    }
}

fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// The text of a body, whatever bytes it has.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_every_spelling() {
        let request = Request::new(
            "get",
            "/x?cols%5B%5D=a&cols[]=b&cols[1]=c&cols=d&colsx=e&cols[x]=f&t=true",
        );
        assert_eq!(request.many("cols"), ["a", "b", "c", "d"]);
        assert!(request.is_true("t"));
        assert_eq!(request.method, "GET");
    }

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        let cases: [(&str, Option<&[&str]>); 5] = [
            ("/api/v2/hooks/7", Some(&["hooks", "7"])),
            ("/api/v2//hooks//7/", Some(&["hooks", "7"])),
            ("/api/v2/data/a%2Fb%00", Some(&["data", "a/b\0"])),
            ("/other/hooks", None),
            ("/api/v2/%ff", Some(&["\u{fffd}"])),
        ];
        for (path, expected) in cases {
            let segments = Request::new("GET", path).segments_below("/api/v2");
            let expected = expected.map(|names| names.iter().map(ToString::to_string).collect());
            assert_eq!(segments, expected, "{path}");
        }
        let deep = format!("/api/v2{}", "/a".repeat(10_000));
        assert_eq!(Request::new("GET", &deep).segments_below("/api/v2"), None);
    }
}
