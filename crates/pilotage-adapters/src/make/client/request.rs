//! From an operation and its arguments to what is sent. Arguments come from outside: they are checked, bounded and encoded.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pilotage_core::config::nearest;
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::{
    error::MakeError,
    operation::{Answer, Kind, Operation, Paging, Parameter, Place, in_query},
};

/// Arguments by the name of their parameter.
pub type Arguments = Map<String, Value>;

/// Longest body that is sent: larger than any blueprint that Make takes.
const MOST_BODY_BYTES: usize = 16 << 20;
/// Longest value in a path or query.
const MOST_SEGMENT_BYTES: usize = 1_000;
/// What stands in a path as it is (RFC 3986, "unreserved").
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
const SHOWN_SECRET: &str = "***";

const OFFSET_PAGE: &[Parameter] = &[
    in_query("limit", Kind::Integer, "How many at most.")
        .wire("pg[limit]")
        .like("20"),
    in_query("offset", Kind::Integer, "How many to leave out first.").wire("pg[offset]"),
    in_query("sortBy", Kind::Text, "The field to sort by.").wire("pg[sortBy]"),
    in_query("sortDir", Kind::Text, "Which end comes first.")
        .wire("pg[sortDir]")
        .one_of(&["asc", "desc"]),
];
const KEYSET_PAGE: &[Parameter] = &[
    in_query("limit", Kind::Integer, "How many at most.")
        .wire("pg[limit]")
        .like("20"),
    in_query(
        "last",
        Kind::Text,
        "The `imtId` of the last entry seen; what comes after it is shown.",
    )
    .wire("pg[last]"),
];

impl Operation {
    /// Its arguments, those of paging among them.
    pub fn arguments(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        let paging = match self.paging {
            Paging::None => &[],
            Paging::Offset => OFFSET_PAGE,
            Paging::Keyset => KEYSET_PAGE,
        };
        self.parameters.iter().chain(paging)
    }

    /// What is meant by an answer: what stands under its key, or the whole of it.
    pub fn part<'a>(&self, answer: &'a Value) -> &'a Value {
        match self.answer.key() {
            Some(key) => answer.get(key).unwrap_or(&Value::Null),
            None => answer,
        }
    }

    /// Whether it answers with JSON.
    pub(super) const fn answers_json(&self) -> bool {
        !matches!(self.answer, Answer::Text | Answer::Bytes | Answer::Empty)
    }
}

/// A body on its way.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// A request that is ready to be sent.
#[derive(Clone)]
pub struct Prepared {
    pub(super) operation: &'static Operation,
    pub(super) arguments: Arguments,
    /// Path and query below the base address, encoded.
    pub(super) target: String,
    pub(super) body: Option<Body>,
}

impl Prepared {
    /// Checks `arguments` and makes the request of `operation` from them; `confirmed` says that a person has confirmed.
    ///
    /// # Errors
    /// [`MakeError::Arguments`] with every reason.
    pub fn new(
        operation: &'static Operation,
        arguments: &Arguments,
        confirmed: bool,
    ) -> Result<Self, MakeError> {
        let arguments = check(operation, arguments)?;
        let path = path(operation, &arguments).map_err(|reason| MakeError::Arguments(vec![reason]))?;
        let query = query(operation, &arguments, confirmed && operation.confirms);
        let body = body(operation, &arguments).map_err(|reason| MakeError::Arguments(vec![reason]))?;
        if body
            .as_ref()
            .is_some_and(|body| body.bytes.len() > MOST_BODY_BYTES)
        {
            let reason = format!("the arguments are larger than {MOST_BODY_BYTES} bytes");
            return Err(MakeError::Arguments(vec![reason]));
        }
        let target = if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        };
        Ok(Self {
            operation,
            arguments,
            target,
            body,
        })
    }

    /// What would be sent, for a dry run: `{method, path, body?}`, with credentials masked.
    pub fn shown(&self) -> Value {
        let mut masked = self.arguments.clone();
        for parameter in self
            .operation
            .parameters
            .iter()
            .filter(|parameter| parameter.secret)
        {
            if let Some(value) = masked.get_mut(parameter.name) {
                mask(value);
            }
        }
        let mut shown = json!({
            "method": self.operation.method.as_str(),
            "path": format!("/api/v2{}", self.target),
        });
        let whole = |place| {
            self.operation
                .parameters
                .iter()
                .find(move |own| own.place == place)
        };
        if let Some(own) = whole(Place::Whole) {
            shown["body"] = masked.get(own.name).cloned().unwrap_or_default();
        } else if let Some(body) = json_body(self.operation, &masked) {
            shown["body"] = body;
        } else if let Some(body) = &self.body {
            shown["body"] = format!("{} bytes of {}", body.bytes.len(), body.content_type).into();
        }
        shown
    }
}

/// Every value within becomes `***`; the names stay, since they say what would be set.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(mask),
        Value::Array(entries) => entries.iter_mut().for_each(mask),
        _ => *value = SHOWN_SECRET.into(),
    }
}

/// The arguments as they are sent, or every reason why they cannot be.
fn check(operation: &Operation, arguments: &Arguments) -> Result<Arguments, MakeError> {
    let mut reasons = Vec::new();
    let mut checked = Arguments::new();
    for parameter in operation.arguments() {
        let nothing = Value::Null;
        let given = arguments.get(parameter.name).unwrap_or(&nothing);
        let takes_null = matches!(parameter.kind, Kind::MaybeInteger | Kind::Any);
        let is_absent = given.is_null() && !(takes_null && arguments.contains_key(parameter.name));
        if is_absent {
            if parameter.required {
                reasons.push(format!("{} is required", parameter.name));
            }
            continue;
        }
        match read(parameter, given) {
            Ok(value) => drop(checked.insert(parameter.name.to_owned(), value)),
            Err(expected) => reasons.push(format!("{} must be {expected}", parameter.name)),
        }
    }
    reasons.extend(arguments.keys().filter_map(|name| unknown(operation, name)));
    if reasons.is_empty() {
        Ok(checked)
    } else {
        Err(MakeError::Arguments(reasons))
    }
}

fn unknown(operation: &Operation, name: &str) -> Option<String> {
    let mut names = operation.arguments().map(|parameter| parameter.name);
    if names.any(|known| known == name) {
        return None;
    }
    let near = nearest(name, operation.arguments().map(|parameter| parameter.name));
    let near = near.map_or_else(String::new, |near| format!("; the nearest is `{near}`"));
    Some(format!(
        "there is no argument `{}`{near}",
        super::error::bounded(name)
    ))
}

/// The value as it is sent, or what it would have to be.
fn read(parameter: &Parameter, given: &Value) -> Result<Value, String> {
    if !parameter.choices.is_empty()
        && !given
            .as_str()
            .is_some_and(|text| parameter.choices.contains(&text))
    {
        return Err(format!("one of {}", parameter.choices.join(", ")));
    }
    let all = |is: fn(&Value) -> bool| given.as_array().is_some_and(|entries| entries.iter().all(is));
    let fits = match parameter.kind {
        Kind::Integer => return integer(given).ok_or_else(|| "a whole number".to_owned()),
        Kind::MaybeInteger if given.is_null() => true,
        Kind::MaybeInteger => return integer(given).ok_or_else(|| "a whole number or null".to_owned()),
        Kind::Embedded => return embedded(given).ok_or_else(|| "an object".to_owned()),
        Kind::Number => given.is_number(),
        Kind::Text => given
            .as_str()
            .is_some_and(|text| !(parameter.required && text.trim().is_empty())),
        Kind::Flag => given.is_boolean(),
        Kind::Texts => all(Value::is_string),
        Kind::Integers => all(Value::is_u64),
        Kind::Objects => all(Value::is_object),
        Kind::Object => given.is_object(),
        Kind::Any => true,
    };
    fits.then(|| given.clone())
        .ok_or_else(|| expected(parameter.kind).to_owned())
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer | Kind::MaybeInteger => "a whole number",
        Kind::Number => "a number",
        Kind::Text => "a text that is not empty",
        Kind::Flag => "true or false",
        Kind::Texts => "a list of texts",
        Kind::Integers => "a list of whole numbers",
        Kind::Objects => "a list of objects",
        Kind::Object | Kind::Embedded => "an object",
        Kind::Any => "anything",
    }
}

fn integer(given: &Value) -> Option<Value> {
    let number = given.as_u64().or_else(|| given.as_str()?.trim().parse().ok());
    number.map(Value::from)
}

/// An object, also one that was given as a JSON text, as callers of Make's own API have it.
fn embedded(given: &Value) -> Option<Value> {
    let parsed = match given {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    parsed.is_object().then_some(parsed)
}

fn path(operation: &Operation, arguments: &Arguments) -> Result<String, String> {
    let mut path = operation.path.to_owned();
    for parameter in operation.parameters.iter().filter(|own| own.place == Place::Path) {
        let value = plain(arguments.get(parameter.name).unwrap_or(&Value::Null));
        // A server would take "." and ".." for a way to elsewhere, also when they are encoded.
        if value.is_empty() || value == "." || value == ".." || value.len() > MOST_SEGMENT_BYTES {
            return Err(format!("{} cannot be part of an address", parameter.name));
        }
        let encoded = utf8_percent_encode(&value, ENCODED).to_string();
        path = path.replace(&format!("{{{}}}", parameter.name), &encoded);
    }
    Ok(path)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `pg[limit]=1`, lists as `name[]=a&name[]=b`, objects as `name[key]=a`, as Make's SDK writes them.
fn query(operation: &Operation, arguments: &Arguments, confirmed: bool) -> String {
    let mut query = Serializer::new(String::new());
    for parameter in operation.arguments().filter(|own| own.place == Place::Query) {
        match arguments.get(parameter.name) {
            Some(Value::Array(entries)) => {
                let name = format!("{}[]", parameter.wire);
                query.extend_pairs(entries.iter().map(|entry| (&name, plain(entry))));
            }
            Some(Value::Object(fields)) => {
                let named = fields
                    .iter()
                    .map(|(name, value)| (format!("{}[{name}]", parameter.wire), plain(value)));
                query.extend_pairs(named);
            }
            Some(Value::Null) | None => {}
            Some(value) => drop(query.append_pair(parameter.wire, &plain(value))),
        }
    }
    query.extend_pairs(operation.query);
    if confirmed {
        query.append_pair("confirmed", "true");
    }
    query.finish()
}

fn body(operation: &Operation, arguments: &Arguments) -> Result<Option<Body>, String> {
    const JSON: &str = "application/json";
    for parameter in operation.parameters {
        let Some(value) = arguments.get(parameter.name) else {
            continue;
        };
        let (content_type, bytes) = match parameter.place {
            Place::Whole => (JSON, value.to_string().into_bytes()),
            Place::Text(content_type) => (content_type, plain(value).into_bytes()),
            Place::Bytes(content_type) => {
                let decoded = STANDARD.decode(plain(value).trim());
                let not_base64 = |_| format!("{} must be base64", parameter.name);
                (content_type, decoded.map_err(not_base64)?)
            }
            Place::Path | Place::Query | Place::Body | Place::Spread => continue,
        };
        return Ok(Some(Body { content_type, bytes }));
    }
    let json = json_body(operation, arguments);
    Ok(json.map(|json| Body {
        content_type: JSON,
        bytes: json.to_string().into_bytes(),
    }))
}

/// The object that the body is, if anything is in it. What is not given is not sent: Make would take it for a change.
fn json_body(operation: &Operation, arguments: &Arguments) -> Option<Value> {
    let mut fields = Map::new();
    let given = operation.parameters.iter();
    for (parameter, value) in given.filter_map(|own| Some((own, arguments.get(own.name)?))) {
        match (parameter.place, value) {
            (Place::Body, value) if parameter.kind == Kind::Embedded => {
                fields.insert(parameter.wire.to_owned(), value.to_string().into());
            }
            (Place::Body, value) => drop(fields.insert(parameter.wire.to_owned(), value.clone())),
            // What is named by itself is not overwritten by what is spread.
            (Place::Spread, Value::Object(spread)) => {
                for (name, value) in spread {
                    fields.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            _ => {}
        }
    }
    (!fields.is_empty()).then_some(Value::Object(fields))
}

#[cfg(test)]
mod tests;
