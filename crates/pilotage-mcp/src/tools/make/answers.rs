//! What of Make's answers agents are shown: what says something, without credentials and addresses that are secrets.

use pilotage_adapters::{
    make::client::{
        Answer as MakeAnswer, Arguments, Effect, Field, Kind, Operation, Paging, catalogue::find,
    },
    outbound::redact_url,
};
use serde_json::{Value, json};

use crate::{answer::Answer, make::Make, toolset::Toolset};

/// Stands where something is not shown.
pub(super) const MASK: &str = "***";

/// How names of fields end, letters alone and in lower case, that hold credentials.
const SECRET_ENDS: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "apikey",
    "token",
    "privatekey",
    "accesskey",
    "authorization",
    "passphrase",
    "authpass",
];

/// The answer of an operation.
pub(super) fn of(make: &Make, operation: &Operation, arguments: &Arguments, answer: Value) -> Answer {
    let mut structured = structured(operation, arguments, answer);
    if operation.effect != Effect::Read {
        structured["success"] = (structured["status"] != 3).into();
    }
    mark(make, &mut structured);
    Answer::json(structured).untrusted()
}

/// Says that there is no account behind it.
pub(super) fn mark(make: &Make, structured: &mut Value) {
    if make.is_mock() {
        structured["mock"] = true.into();
    }
}

fn structured(operation: &Operation, arguments: &Arguments, mut answer: Value) -> Value {
    match operation.answer {
        MakeAnswer::List(key, fields) => {
            let next = next(operation.paging, arguments, operation.part(&answer));
            let mut entries = operation.part(&answer).clone();
            entries
                .as_array_mut()
                .into_iter()
                .flatten()
                .for_each(|entry| keep(entry, fields));
            hide(&mut entries);
            match operation.paging {
                Paging::None => json!({key: entries}),
                Paging::Offset | Paging::Keyset => json!({key: entries, "next": next}),
            }
        }
        MakeAnswer::One(key, _) | MakeAnswer::Only(key) => json!({key: part(operation, &answer)}),
        MakeAnswer::Object(_) if answer.is_object() => {
            hide(&mut answer);
            answer
        }
        MakeAnswer::Object(_) => json!({"answer": answer}),
        MakeAnswer::Text => json!({"text": answer}),
        MakeAnswer::Bytes => json!({"base64": answer}),
        MakeAnswer::Empty => json!({}),
    }
}

/// What is meant by an answer, without what is not shown.
pub(super) fn part(operation: &Operation, answer: &Value) -> Value {
    let mut part = operation.part(answer).clone();
    if let MakeAnswer::One(_, fields) = operation.answer
        && operation.path.starts_with("/scenarios")
    {
        keep(&mut part, fields);
    }
    hide(&mut part);
    part
}

/// Lists carry a great deal that nobody reads; the fields of the catalogue are what says something.
fn keep(entry: &mut Value, fields: &[Field]) {
    if let Value::Object(entry) = entry {
        entry.retain(|name, value| !value.is_null() && fields.iter().any(|own| own.name == name));
    }
}

/// The arguments of the page after this one, or null if this page is not full.
fn next(paging: Paging, arguments: &Arguments, entries: &Value) -> Value {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64);
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    if number("limit").is_none_or(|limit| count < limit) {
        return Value::Null;
    }
    match paging {
        Paging::None => Value::Null,
        Paging::Offset => json!({"offset": number("offset").unwrap_or(0).saturating_add(count)}),
        Paging::Keyset => entries
            .last()
            .map_or(Value::Null, |last| json!({"last": last["imtId"]})),
    }
}

/// Masks credentials, and the addresses of webhooks, which are as good as credentials.
pub(super) fn hide(value: &mut Value) {
    match value {
        Value::Array(entries) => entries.iter_mut().for_each(hide),
        Value::Object(fields) => {
            let is_hook = fields.contains_key("udid") || fields.contains_key("attached");
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::String(text) if is_secret(name) && !text.is_empty() => MASK.clone_into(text),
                    Value::String(text) if is_hook && name == "udid" => MASK.clone_into(text),
                    Value::String(text) if name == "url" || name == "address" => {
                        *text = shown_url(text, is_hook);
                    }
                    _ => hide(value),
                }
            }
        }
        _ => {}
    }
}

/// Webhooks lie on hosts of their own, and in the mock below `/hook/`; other addresses are shown as they are.
fn shown_url(text: &str, is_hook: bool) -> String {
    if is_hook || text.contains("://hook.") || text.contains("/hook/") {
        redact_url(text)
    } else {
        text.to_owned()
    }
}

fn is_secret(name: &str) -> bool {
    let letters: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    SECRET_ENDS.iter().any(|end| letters.ends_with(end))
}

/// Whether a mask stands anywhere within: it must not be written back in place of what it hides.
pub(super) fn holds_mask(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(entries) => entries.iter().any(holds_mask),
        Value::Object(fields) => fields.values().any(holds_mask),
        _ => false,
    }
}

/// The schema of what [`of`] gives, in few words.
pub(super) fn schema(id: &str, toolset: &Toolset) -> Value {
    let Some(operation) = find(id) else {
        return json!({"type": "object"});
    };
    let mut properties = json!({});
    match operation.answer {
        MakeAnswer::List(key, _) => {
            properties[key] = json!({"type": "array", "items": {"type": "object"}});
            if operation.paging != Paging::None {
                properties["next"] = json!({"type": ["object", "null"]});
                if !toolset.by_default {
                    properties["next"]["description"] = "Arguments of the next page".into();
                }
            }
        }
        MakeAnswer::One(key, fields) => {
            properties[key] = json!({"type": ["object", "null"]});
            let told = fields.iter().filter(|own| !own.description.is_empty());
            let told: Vec<String> = told
                .map(|own| format!("{}: {}", own.name, own.description))
                .collect();
            if !told.is_empty()
                && operation.effect == Effect::Read
                && !operation.path.starts_with("/scenarios")
            {
                properties[key]["description"] = told.join(" ").into();
            }
        }
        MakeAnswer::Only(key) => properties[key] = json!({}),
        MakeAnswer::Object(fields) => {
            for own in fields {
                properties[own.name] = match own.description {
                    description if !toolset.by_default && !description.is_empty() => {
                        json!({"description": description})
                    }
                    _ => json!({}),
                };
            }
        }
        MakeAnswer::Text => properties["text"] = json!({"type": "string"}),
        MakeAnswer::Bytes => properties["base64"] = json!({"type": "string"}),
        MakeAnswer::Empty => {}
    }
    if operation.effect != Effect::Read {
        properties["success"] = json!({"type": "boolean"});
    }
    json!({"type": "object", "properties": properties})
}

/// An answer that [`schema`] takes.
pub(super) fn example(id: &str) -> Value {
    let Some(operation) = find(id) else {
        return json!({});
    };
    let mut example = match operation.answer {
        MakeAnswer::List(key, fields) => {
            let mut list = json!({key: [entry(fields)]});
            if operation.paging != Paging::None {
                list["next"] = Value::Null;
            }
            list
        }
        MakeAnswer::One(key, fields) => json!({key: entry(fields)}),
        MakeAnswer::Only(key) => json!({key: 1}),
        MakeAnswer::Object(fields) => entry(fields),
        MakeAnswer::Text => json!({"text": "..."}),
        MakeAnswer::Bytes => json!({"base64": "..."}),
        MakeAnswer::Empty => json!({}),
    };
    if operation.effect != Effect::Read {
        example["success"] = true.into();
    }
    example
}

fn entry(fields: &[Field]) -> Value {
    let fields = fields.iter().take(3).map(|own| {
        let value = match own.kind {
            Kind::Integer | Kind::MaybeInteger | Kind::Number => json!(1),
            Kind::Flag => json!(true),
            Kind::Texts | Kind::Integers | Kind::Objects => json!([]),
            Kind::Object | Kind::Embedded => json!({}),
            Kind::Text | Kind::Any => json!("..."),
        };
        (own.name.to_owned(), value)
    });
    Value::Object(fields.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let mut value = json!({
            "hooks": [{"udid": "1gqnexkk1vwxg2wpj39kg30pzp6uhe7h", "url": "http://127.0.0.1:1/hook/1gqnexkk1vwxg2wpj39kg30pzp6uhe7h"}],
            "ping": {"attached": true, "address": "https://hook.eu1.make.com/1gqnexkk1vwxg2wpj39kg30pzp6uhe7h"},
            "agent": {"clientSecret": "s3cret", "name": "Warehouse"},
            "parameters": {"api_key": "s3cret", "Authorization": "s3cret", "maxTokens": 5, "tokenId": 7, "authPass": "s3cret"},
            "template": {"url": "13-http-template-example"},
            "module": {"url": "https://example.com/prices"},
        });
        hide(&mut value);
        let text = value.to_string();
        assert!(!text.contains("s3cret") && !text.contains("1gqnexkk"), "{text}");
        for shown in [
            "Warehouse",
            "13-http-template-example",
            "https://example.com/prices",
            "\"tokenId\":7",
        ] {
            assert!(text.contains(shown), "{shown} is hidden: {text}");
        }
        assert!(holds_mask(&value));
        assert!(!holds_mask(&json!({"a": ["**", 3]})));
    }

    #[test]
    fn a_full_page_says_how_to_go_on() {
        let arguments = |value: Value| value.as_object().cloned().unwrap();
        let entries = json!([{"imtId": "1_1"}, {"imtId": "1_2"}]);
        let table = [
            (
                Paging::Offset,
                json!({"limit": 2, "offset": 4}),
                json!({"offset": 6}),
            ),
            (Paging::Offset, json!({"limit": 3}), Value::Null),
            (Paging::Keyset, json!({"limit": 2}), json!({"last": "1_2"})),
            (Paging::None, json!({"limit": 2}), Value::Null),
        ];
        for (paging, given, expected) in table {
            assert_eq!(next(paging, &arguments(given), &entries), expected);
        }
    }
}
