//! What a message is before anybody believes it: one pass over its text, for what has to be known about it at the door.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, error::Category, json, value::RawValue};

/// Bytes of one message.
pub(crate) const MOST_MESSAGE_BYTES: usize = 4 << 20;
/// JSON-RPC's codes for what is not even a request.
pub(crate) const PARSE_ERROR: i32 = -32_700;
pub(crate) const INVALID_REQUEST: i32 = -32_600;
pub(crate) const INVALID_PARAMS: i32 = -32_602;
/// Ours, out of the range that JSON-RPC leaves to servers.
pub(crate) const TOO_MUCH: i32 = -32_050;

/// The head of a JSON-RPC message; the rest was read for its syntax alone.
#[derive(Debug, Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(borrow)]
    pub(crate) jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) params: Params<'a>,
}

/// What is called for, where a method calls for something by name.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Params<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<&'a RawValue>,
}

impl<'a> Head<'a> {
    /// Reads the head of a message.
    ///
    /// # Errors
    /// It is no JSON, a batch, or no JSON-RPC message: the code and what to tell the sender.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(Malformed(
                INVALID_REQUEST,
                "batches are not part of the protocol: send one message at a time",
            ));
        }
        match serde_json::from_slice::<Self>(bytes) {
            Ok(head) if head.jsonrpc.as_deref() == Some("2.0") => Ok(head),
            Ok(_) => Err(Malformed(INVALID_REQUEST, "this is no JSON-RPC 2.0 message")),
            // With another shape of `params` or `method` the text is still JSON.
            Err(error) if matches!(error.classify(), Category::Data) && is_json(bytes) => {
                Err(Malformed(INVALID_REQUEST, "this is no message of the protocol"))
            }
            Err(_) => Err(Malformed(PARSE_ERROR, "this is no JSON")),
        }
    }

    /// The tool that a `tools/call` names.
    pub(crate) fn tool(&self) -> Option<Cow<'a, str>> {
        if self.method.as_deref() != Some("tools/call") {
            return None;
        }
        serde_json::from_str(self.params.name?.get()).ok()
    }

    /// Whether it is a request, which is answered.
    pub(crate) const fn is_request(&self) -> bool {
        self.id.is_some() && self.method.is_some()
    }

    /// Its id as it was written.
    pub(crate) fn id(&self) -> Value {
        let id = self.id.and_then(|id| serde_json::from_str(id.get()).ok());
        id.filter(|id: &Value| id.is_string() || id.is_number())
            .unwrap_or(Value::Null)
    }
}

/// The arguments of a `tools/call`, for its record.
pub(crate) fn arguments(bytes: &[u8]) -> Option<Map<String, Value>> {
    let mut message: Value = serde_json::from_slice(bytes).ok()?;
    match message.pointer_mut("/params/arguments")?.take() {
        Value::Object(arguments) => Some(arguments),
        _ => None,
    }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// Why something is no message: the code and the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) i32, pub(crate) &'static str);

impl Malformed {
    pub(crate) fn answer(self) -> Value {
        error(&Value::Null, self.0, self.1, None)
    }
}

/// A JSON-RPC error message.
pub(crate) fn error(id: &Value, code: i32, text: &str, data: Option<Value>) -> Value {
    let mut error = json!({ "code": code, "message": text });
    if let (Value::Object(error), Some(data)) = (&mut error, data) {
        error.insert("data".to_owned(), data);
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_told_from_what_is_no_json() {
        let table: [(&[u8], i32); 8] = [
            (b"{\"jsonrpc\":\"2.0\",", PARSE_ERROR),
            (b"", PARSE_ERROR),
            (b"\xff\xfe", PARSE_ERROR),
            (
                b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
                INVALID_REQUEST,
            ),
            (b"  []", INVALID_REQUEST),
            (b"{}", INVALID_REQUEST),
            (b"\"hello\"", INVALID_REQUEST),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", INVALID_REQUEST),
        ];
        for (text, code) in table {
            let found = Head::read(text).unwrap_err().0;
            assert_eq!(found, code, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_tool_of_a_call_is_found() {
        let text = br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"arguments":{"name":1},"name":"x"}}"#;
        let head = Head::read(text).unwrap();
        assert_eq!((head.tool().as_deref(), head.id()), (Some("x"), Value::from("a")));
    }
}
