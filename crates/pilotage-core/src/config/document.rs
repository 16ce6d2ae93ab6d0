use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::{
    Location, Problem, nearest, pointer_segment,
    snippet::{Snippet, Span, render},
    yaml::{self, Parsed, Place, names_secret},
};

/// One YAML 1.2 document (core schema) as a JSON value that remembers where everything stands.
///
/// Keys are strings and appear once. At most 8 MiB, 1,000,000 values (every alias counts as what it stands for) and 127
/// levels. Merge keys (`<<`) are no part of YAML 1.2 and are ordinary keys here.
#[derive(Debug)]
pub struct Document {
    text: String,
    parsed: Parsed,
}

/// A text that is no such document.
#[derive(Clone, Debug, thiserror::Error)]
#[error("line {}, column {}: {}", .location.line, .location.column, .problem.message)]
pub struct DocumentError {
    /// What is wrong.
    pub problem: Problem,
    /// Where.
    pub location: Location,
    snippet: Box<Snippet>,
}

impl DocumentError {
    /// The way compilers show it; see [`Document::render`].
    pub fn render(&self, file_name: &str) -> String {
        render(file_name, &self.problem, &self.snippet)
    }
}

impl Document {
    /// Reads YAML text; JSON is YAML too.
    ///
    /// # Errors
    /// The text is not YAML, or not within the limits of this type.
    pub fn parse(text: impl Into<String>) -> Result<Self, DocumentError> {
        let text = text.into();
        match yaml::parse(&text) {
            Ok(parsed) => Ok(Self { text, parsed }),
            Err(invalid) => Err(DocumentError {
                location: invalid.span.start,
                snippet: Box::new(Snippet::guessing(
                    &text,
                    invalid.span,
                    &invalid.secrets,
                    invalid.in_secret,
                )),
                problem: invalid.problem,
            }),
        }
    }

    /// What the document says.
    pub fn value(&self) -> &Value {
        &self.parsed.value
    }

    /// Reads the value at `pointer` (`""` is the whole document) as a `T`; a missing value reads as `null`.
    ///
    /// # Errors
    /// One problem, the first that serde meets, with the pointer to the value, or to the key that should not be there.
    pub fn read<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, Vec<Problem>> {
        read(self.parsed.value.pointer(pointer).unwrap_or(&Value::Null))
            .map_err(|problem| vec![problem.under(pointer)])
    }

    /// Where the value at `pointer` stands, for a mapping or a sequence its key. Where there is no such value, the place
    /// of the nearest one around it.
    pub fn locate(&self, pointer: &str) -> Option<Location> {
        self.span(pointer, false).map(|span| span.start)
    }

    /// Where a problem stands: the value, or the key if the key is what is wrong; `locate` for what is not there.
    pub fn locate_problem(&self, problem: &Problem) -> Option<Location> {
        self.span(&problem.pointer, problem.about_key)
            .map(|span| span.start)
    }

    /// Shows problems the way compilers do: message, `file:line:column`, the line with the place underlined, and help.
    /// Literal secrets on the line are shown as `***`.
    pub fn render(&self, file_name: &str, problems: &[Problem]) -> String {
        let shown: Vec<String> = problems
            .iter()
            .map(|problem| {
                let span = self.span(&problem.pointer, problem.about_key).unwrap_or_default();
                render(
                    file_name,
                    problem,
                    &Snippet::new(&self.text, span, &self.parsed.secrets),
                )
            })
            .collect();
        shown.join("\n")
    }

    fn span(&self, mut pointer: &str, about_key: bool) -> Option<Span> {
        let mut exact = true;
        loop {
            if let Some(place) = self.parsed.places.get(pointer) {
                let Place {
                    key,
                    value,
                    is_scalar,
                } = *place;
                let value_first = exact && is_scalar && !about_key;
                return Some(if value_first { value } else { key.unwrap_or(value) });
            }
            exact = false;
            pointer = pointer.rsplit_once('/')?.0;
        }
    }
}

/// Reads a JSON value as a `T`. This is how everything that people wrote is read, whether it came as YAML or over the API.
///
/// # Errors
/// The first problem that serde meets, pointing at the value or the key. Its text does not repeat values.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            let name = match segment {
                Segment::Seq { index } => index.to_string(),
                Segment::Map { key } => pointer_segment(key),
                Segment::Enum { .. } | Segment::Unknown => continue,
            };
            pointer.push('/');
            pointer.push_str(&name);
        }
        explain(pointer, &error.inner().to_string())
    })
}

/// Says in our words what serde says in its own. Serde repeats the value that it did not expect; that may be a secret.
fn explain(pointer: String, message: &str) -> Problem {
    if let Some((name, expected)) = quoted_after(message, "unknown field `") {
        let own = format!("/{}", pointer_segment(name));
        let pointer = if pointer.ends_with(&own) {
            pointer
        } else {
            pointer + &own
        };
        return suggest(
            Problem::at_key(pointer, format!("unknown key `{name}`")),
            name,
            expected,
        );
    }
    if let Some((name, expected)) = quoted_after(message, "unknown variant `") {
        // What stands where one of a few words is expected may be anything, so it is repeated only where no secret is.
        let is_secret = pointer.split('/').any(names_secret);
        let shown = if is_secret { "***" } else { name };
        return suggest(
            Problem::at(pointer, format!("`{shown}` is not known here")),
            name,
            expected,
        );
    }
    if let Some((name, _)) = quoted_after(message, "missing field `") {
        return Problem::at(pointer, format!("the key `{name}` is missing"));
    }
    match unexpected(message) {
        Some((found, expected)) => Problem::at(pointer, format!("expected {expected}, found {found}")),
        None => Problem::at(pointer, message),
    }
}

/// The name in backticks after `start`, and the rest of the message.
fn quoted_after<'a>(message: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let rest = message.strip_prefix(start)?;
    // The name is what a person wrote and may hold backticks itself; what serde adds after it is the last part.
    [", expected ", ", there are no "]
        .iter()
        .find_map(|end| rest.rsplit_once(&format!("`{end}")))
        .or_else(|| rest.strip_suffix('`').map(|name| (name, "")))
}

fn suggest(problem: Problem, name: &str, expected: &str) -> Problem {
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => problem,
        None => problem.help(format!("known here: {}", known.join(", "))),
    }
}

/// What was found and what was expected, from serde's `invalid type: string "...", expected a number`.
fn unexpected(message: &str) -> Option<(&'static str, &str)> {
    const FOUND: [(&str, &str); 9] = [
        ("null", "nothing"),
        ("unit", "nothing"),
        ("boolean", "true or false"),
        ("integer", "a whole number"),
        ("floating point", "a number"),
        ("string", "a string"),
        ("map", "a mapping"),
        ("sequence", "a list"),
        ("", "something else"),
    ];
    let rest = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let (_, found) = FOUND.into_iter().find(|(word, _)| found.starts_with(word))?;
    let expected = match expected.strip_prefix("struct ") {
        Some(_) => "a mapping",
        None => expected,
    };
    Some((found, expected))
}

#[cfg(test)]
mod tests;
