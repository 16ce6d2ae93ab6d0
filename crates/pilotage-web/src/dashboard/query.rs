//! What stands in the address of a page, and addresses that differ from it in little.

use pilotage_core::Timestamp;

use crate::problem::{Kind, Problem};

/// What belongs to one look and not to a page: where a list goes on, and what was just done.
const PASSING: [&str; 3] = ["after", "done", "n"];

/// The pairs behind `?`, as they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(super) fn of(uri: &http::Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self {
            path: uri.path().to_owned(),
            pairs: pairs.into_owned().collect(),
        }
    }

    /// What was given under this name; a field that was left empty was not given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let mut found = self.pairs.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// The same, owned; empty where nothing was given, as form fields are filled in again.
    pub(super) fn field(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Problem> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| Problem::new(Kind::BadRequest, format!("`{name}` is a whole number")))
        };
        self.text(name).map(parse).transpose()
    }

    /// A moment: RFC 3339, or what a browser's field for date and time gives, which is taken as UTC.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let whole = match text.len() {
            16 => format!("{text}:00Z"),
            19 => format!("{text}Z"),
            _ => text.to_owned(),
        };
        let moment = whole
            .parse()
            .map_err(|error| Problem::new(Kind::BadRequest, format!("`{name}` is {error}")));
        moment.map(Some)
    }

    /// This page with another value under a name, or without one, and from its beginning.
    pub(super) fn with(&self, name: &str, value: Option<&str>) -> String {
        let kept = self
            .pairs
            .iter()
            .filter(|(key, value)| key != name && !PASSING.contains(&key.as_str()) && !value.is_empty());
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, value) in kept {
            query.append_pair(key, value);
        }
        if let Some(value) = value {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{query}", self.path)
        }
    }
}

/// A path with one piece of text in it that may be anything.
pub(super) fn path(before: &str, piece: &str) -> String {
    let piece: String = form_urlencoded::byte_serialize(piece.as_bytes()).collect();
    format!("{before}{}", piece.replace('+', "%20"))
}

/// A path with one pair behind it.
pub(super) fn link(path: &str, name: &str, value: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish();
    format!("{path}?{query}")
}

/// Where a list goes on.
pub(super) struct Pager {
    /// The page of the newest, unless this is it.
    pub(super) newest: Option<String>,
    /// The page of those that are older, if there are any.
    pub(super) older: Option<String>,
}

impl Pager {
    pub(super) fn new(query: &Query, next: Option<i64>) -> Self {
        Self {
            newest: query.text("after").map(|_| query.with("after", None)),
            older: next.map(|next| query.with("after", Some(&next.to_string()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &'static str) -> Query {
        Query::of(&http::Uri::from_static(text))
    }

    #[test]
    fn an_address_keeps_its_filters_and_loses_what_passes() {
        let query = query("/events?source=a%20b&type=&after=7&done=replayed&n=2");
        assert_eq!(query.text("source"), Some("a b"));
        assert_eq!(query.text("type"), None);
        assert_eq!(query.with("after", Some("9")), "/events?source=a+b&after=9");
        assert_eq!(query.with("source", None), "/events");
        assert_eq!(path("/rules/", "a/b ?"), "/rules/a%2Fb%20%3F");
    }

    #[test]
    fn a_moment_may_come_from_a_browsers_field() {
        let moment = |text| {
            query(text)
                .moment("since")
                .map(|moment| moment.map(|at| at.to_string()))
        };
        let expected = Some("2026-11-22T18:30:00.000000Z".to_owned());
        assert_eq!(moment("/?since=2026-11-22T18:30").unwrap(), expected);
        assert_eq!(moment("/?since=2026-11-22T18:30:00").unwrap(), expected);
        assert_eq!(moment("/?since=2026-11-22T19:30:00%2B01:00").unwrap(), expected);
        assert_eq!(moment("/?since=").unwrap(), None);
        assert!(moment("/?since=yesterday").is_err());
    }
}
