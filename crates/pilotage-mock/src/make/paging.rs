//! Make's paging, sorting and choice of columns.
//!
//! `pg[limit]`, `pg[offset]`, `pg[sortBy]` and `pg[sortDir]` come in and are repeated under `pg` in the answer, which never
//! tells how many there are: there may be more when a page is full. `cols[]` chooses columns, `*` all of them.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::{reply::Refusal, request::Request};

/// What a list does when it is not told otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    pub(crate) sort_by: &'static str,
    pub(crate) descending: bool,
    pub(crate) limit: usize,
}

impl Defaults {
    /// As most lists have it: by name, ten thousand at once.
    pub(crate) const BY_NAME: Self = Self::by("name", 10_000);

    pub(crate) const fn by(sort_by: &'static str, limit: usize) -> Self {
        Self {
            sort_by,
            descending: false,
            limit,
        }
    }

    pub(crate) const fn descending(self) -> Self {
        Self {
            descending: true,
            ..self
        }
    }
}

/// Most entries of one page; a larger limit is refused.
const MOST: usize = 10_000;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) sort_by: String,
    pub(crate) descending: bool,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    /// Only what comes after the entry with this id.
    pub(crate) last: Option<String>,
}

impl Page {
    /// # Errors
    /// A number that is none or out of bounds, or a direction that is none.
    pub(crate) fn of(request: &Request, defaults: Defaults) -> Result<Self, Refusal> {
        let limit = number(request, "limit")?.unwrap_or(defaults.limit);
        if limit == 0 || limit > MOST {
            return Err(Refusal::invalid(vec![format!(
                "Invalid value of parameter 'pg[limit]'. It must be between 1 and {MOST}."
            )]));
        }
        let descending = match request.one("pg[sortDir]") {
            None => defaults.descending,
            Some("asc") => false,
            Some("desc") => true,
            Some(_) => {
                let reason = "Invalid value of parameter 'pg[sortDir]'. It must be 'asc' or 'desc'.";
                return Err(Refusal::invalid(vec![reason.to_owned()]));
            }
        };
        Ok(Self {
            sort_by: request.one("pg[sortBy]").unwrap_or(defaults.sort_by).to_owned(),
            descending,
            limit,
            offset: number(request, "offset")?.unwrap_or(0),
            last: request.one("pg[last]").map(str::to_owned),
        })
    }

    /// The part of `rows` that is asked for, in order.
    pub(crate) fn take(&self, mut rows: Vec<Value>) -> Vec<Value> {
        rows.sort_by(|left, right| {
            let order = compare(&left[&self.sort_by], &right[&self.sort_by]);
            if self.descending { order.reverse() } else { order }
        });
        let after_last = self.last.as_ref().and_then(|last| {
            let is_last =
                |row: &Value| row["imtId"].as_str() == Some(last) || row["id"].as_str() == Some(last);
            rows.iter().position(is_last).map(|at| at + 1)
        });
        let start = after_last.unwrap_or(0).saturating_add(self.offset);
        rows.into_iter().skip(start).take(self.limit).collect()
    }

    /// What the answer repeats.
    pub(crate) fn echo(&self) -> Value {
        json!({
            "sortBy": self.sort_by,
            "sortDir": if self.descending { "desc" } else { "asc" },
            "limit": self.limit,
            "offset": self.offset,
            "returnTotalCount": false,
        })
    }
}

fn number(request: &Request, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = request.one(&format!("pg[{name}]")) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        Refusal::invalid(vec![format!(
            "Invalid value of parameter 'pg[{name}]'. It must be a number."
        )])
    })
}

/// Nothing before booleans before numbers before texts; texts without regard to case first.
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap_or(0.0), right.as_f64().unwrap_or(0.0));
            left.total_cmp(&right)
        }
        (Value::String(left), Value::String(right)) => {
            let fold = left.to_lowercase().cmp(&right.to_lowercase());
            fold.then_with(|| left.cmp(right))
        }
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    }
}

/// Only the columns that `cols[]` names; all without it. A column that does not exist is left out.
pub(crate) fn columns(request: &Request, value: Value) -> Value {
    let chosen = request.many("cols");
    if chosen.is_empty() || chosen.contains(&"*") {
        return value;
    }
    let Value::Object(mut row) = value else {
        return value;
    };
    let kept = chosen
        .into_iter()
        .filter_map(|name| row.remove(name).map(|value| (name.to_owned(), value)));
    Value::Object(kept.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Value> {
        let names = ["b", "A", "d", "C", "e"];
        let rows = names.iter().zip(1..);
        rows.map(|(name, id)| json!({"id": id, "name": name})).collect()
    }

    fn page(query: &str) -> Result<Page, Refusal> {
        Page::of(
            &Request::new("GET", &format!("/x?{query}")),
            Defaults::by("name", 3),
        )
    }

    #[test]
    fn pages_and_their_order() {
        let cases: [(&str, &[i64]); 8] = [
            ("", &[2, 1, 4]),
            ("pg[limit]=2", &[2, 1]),
            ("pg[limit]=2&pg[offset]=2", &[4, 3]),
            ("pg%5Boffset%5D=4", &[5]),
            ("pg[offset]=5", &[]),
            ("pg[offset]=18446744073709551615", &[]),
            ("pg[sortBy]=id&pg[sortDir]=desc&pg[limit]=5", &[5, 4, 3, 2, 1]),
            ("pg[sortBy]=nothing", &[1, 2, 3]),
        ];
        for (query, expected) in cases {
            let taken = page(query).unwrap().take(rows());
            let ids: Vec<i64> = taken.iter().map(|row| row["id"].as_i64().unwrap()).collect();
            assert_eq!(ids, expected, "{query}");
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for query in [
            "pg[limit]=0",
            "pg[limit]=10001",
            "pg[limit]=-1",
            "pg[limit]=ten",
            "pg[offset]=99999999999999999999",
            "pg[sortDir]=up",
        ] {
            let refusal = page(query).unwrap_err().reply();
            assert_eq!(refusal.status, 400, "{query}");
        }
    }

    #[test]
    fn the_answer_repeats_the_page_and_never_a_count() {
        let echo = page("pg[offset]=7").unwrap().echo();
        let expected =
            json!({"sortBy": "name", "sortDir": "asc", "limit": 3, "offset": 7, "returnTotalCount": false});
        assert_eq!(echo, expected);
    }

    #[test]
    fn columns_are_chosen() {
        let cases = [
            ("", json!({"id": 1, "name": "b"})),
            ("cols[]=*", json!({"id": 1, "name": "b"})),
            ("cols[]=id", json!({"id": 1})),
            ("cols[0]=id&cols[1]=nothing", json!({"id": 1})),
        ];
        for (query, expected) in cases {
            let request = Request::new("GET", &format!("/x?{query}"));
            assert_eq!(columns(&request, rows().remove(0)), expected, "{query}");
        }
    }
}
