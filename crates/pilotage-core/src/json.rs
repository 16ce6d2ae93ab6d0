//! Checks JSON text on the intake path, before anything is answered and without building what it says.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The key under which `serde_json` (feature `raw_value`) understands a string as JSON text of its own. Each such text
/// starts counting its nesting anew, so that some 16 MiB of them overflow the stack of whoever reads a
/// `serde_json::Value`. No sender has a use for the key.
pub const RAW_VALUE_KEY: &str = "$serde_json::private::RawValue";

/// Bytes that are not JSON, or are beyond what is understood (128 levels of nesting, numbers that fit no `f64`).
/// The text gives line and column and never repeats the input.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(serde_json::Error);

/// Accepts exactly what `serde_json::from_slice::<serde_json::Value>` accepts, in one pass that allocates only for
/// strings with escapes; except objects with the key that `serde_json` reserves for itself, which are refused.
///
/// # Errors
/// The bytes are no single JSON text within those limits.
pub fn check(bytes: &[u8]) -> Result<(), JsonError> {
    // Checking the encoding of the whole text at once is several times faster than string by string, and outside of
    // strings no byte above 127 is JSON anyway.
    let checked = match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str::<Checked>(text),
        Err(_) => serde_json::from_slice::<Checked>(bytes),
    };
    checked.map(|Checked| ()).map_err(JsonError)
}

/// A JSON value that was read to its end, checked as [`check`] does, and forgotten: for readers that keep some parts of a
/// text and must be as strict about the rest. Whoever reads keys itself must refuse [`RAW_VALUE_KEY`].
#[derive(Clone, Copy, Debug)]
pub struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckVisitor)
    }
}

/// `serde_json`'s own `IgnoredAny` path is faster still, but checks neither depth nor encoding nor the range of
/// numbers; asking for "any" value is what makes it check them.
struct CheckVisitor;

impl<'de> Visitor<'de> for CheckVisitor {
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Checked, A::Error> {
        while items.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Checked, A::Error> {
        while entries.next_entry::<Key, Checked>()?.is_some() {}
        Ok(Checked)
    }
}

/// An object's key, read and forgotten.
struct Key;

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        if key == RAW_VALUE_KEY {
            return Err(E::custom("a key that is reserved"));
        }
        Ok(Key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
        let reference = serde_json::from_slice::<Value>(bytes);
        prop_assert_eq!(
            check(bytes).is_ok(),
            reference.is_ok(),
            "{:?} on {:?}",
            reference.err(),
            String::from_utf8_lossy(bytes)
        );
        Ok(())
    }

    #[test]
    fn agrees_with_value_on_the_edges() {
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        let objects = |depth: usize| [br#"{"a":"#.repeat(depth), b"1".to_vec(), b"}".repeat(depth)].concat();
        let cases: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b" \n".to_vec(),
            b"null".to_vec(),
            b"nul".to_vec(),
            b"{} {}".to_vec(),
            b"{} ".to_vec(),
            b"[1,]".to_vec(),
            br#"{"a":1,}"#.to_vec(),
            br#"{"a":1,"a":2}"#.to_vec(),
            b"1e308".to_vec(),
            b"1e309".to_vec(),
            b"[-1e999]".to_vec(),
            b"123456789012345678901234567890".to_vec(),
            b"-0".to_vec(),
            b"01".to_vec(),
            br#""\ud800""#.to_vec(),
            br#""\ud83d\ude00""#.to_vec(),
            br#"{"\ud800":1}"#.to_vec(),
            b"\"\x00\"".to_vec(),
            b"\"\xff\"".to_vec(),
            b"{\"\xff\":1}".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(),
            b"\"\\u0000\"".to_vec(),
            nested(127),
            nested(128),
            nested(129),
            nested(100_000),
            b"[".repeat(1_000_000),
            objects(127),
            objects(128),
        ];
        for case in cases {
            agrees(&case).unwrap();
        }
    }

    #[test]
    fn the_reserved_key_is_refused_wherever_it_stands() {
        for text in [
            r#"{"$serde_json::private::RawValue":"[1]"}"#,
            r#"{"$serde_json::private::RawValue":1}"#,
            r#"{"a":2,"$serde_json::private::RawValue":"1"}"#,
            r#"[{"a":{"\u0024serde_json::private::RawValue":"1"}}]"#,
        ] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
        check(br#"{"key":"$serde_json::private::RawValue"}"#).unwrap();
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_value_on_any_bytes(bytes: Vec<u8>) {
            agrees(&bytes)?;
        }

        #[test]
        fn agrees_with_value_on_text_like_json(text in r#"[\[\]{}",:0-9eE.+\-\\untrfalsd ]{0,40}"#) {
            agrees(text.as_bytes())?;
        }

        #[test]
        fn agrees_with_value_on_damaged_json(
            value in json(),
            at: prop::sample::Index,
            byte: u8,
            cut: bool,
        ) {
            let mut bytes = serde_json::to_vec(&value).unwrap();
            agrees(&bytes)?;
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            agrees(&bytes)?;
        }
    }
}
