use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn value(text: &str) -> Value {
    parse(text).unwrap().value
}

#[test]
fn plain_scalars_have_the_types_of_the_core_schema() {
    let cases = [
        ("", json!(null)),
        ("~", json!(null)),
        ("True", json!(true)),
        ("yes", json!("yes")),
        ("on", json!("on")),
        ("12", json!(12)),
        ("+12", json!(12)),
        ("-0", json!(0)),
        ("007", json!(7)),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("0x", json!("0x")),
        ("18446744073709551615", json!(u64::MAX)),
        ("1e3", json!(1000.0)),
        (".5", json!(0.5)),
        ("1.", json!(1.0)),
        (".", json!(".")),
        ("e1", json!("e1")),
        ("1-2", json!("1-2")),
        ("1.2.3", json!("1.2.3")),
        ("2026-11-22", json!("2026-11-22")),
        ("1e999", json!("1e999")),
        ("infinity", json!("infinity")),
        ("'12'", json!("12")),
        ("!!str 12", json!("12")),
        ("! 12", json!("12")),
        ("!!float 12", json!(12.0)),
        ("!!int 12", json!(12)),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
    for text in [
        ".inf",
        "-.INF",
        ".nan",
        "!!int x",
        "!custom x",
        "!!bool 1",
        "!custom [1]",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn refuses_what_is_no_single_plain_document() {
    let cases = [
        ("a: 1\na: 2", "the key `a` is here twice"),
        ("1: a", "the key `1` is not a string"),
        ("[a]: 1", "a key must be a string, not a mapping or a sequence"),
        ("a: &a x\n*a : 1", "an alias cannot be a key"),
        ("--- 1\n--- 2", "only one document is expected"),
        ("a: &a [*a]", "the alias stands for itself"),
    ];
    for (text, message) in cases {
        assert_eq!(parse(text).unwrap_err().problem.message, message, "{text}");
    }
}

#[test]
fn aliases_are_copied_and_counted() {
    assert_eq!(
        value("a: &x {b: 1}\nc: [*x, *x]"),
        json!({"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]})
    );
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    assert!(
        parse(&bomb)
            .unwrap_err()
            .problem
            .message
            .contains("1000000 values")
    );
    let long = "x".repeat(1 << 20);
    let strings = format!("a: &a {long}\nb: [{}]", vec!["*a"; 40].join(", "));
    assert!(
        parse(&strings)
            .unwrap_err()
            .problem
            .message
            .contains("MiB of strings")
    );
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert!(parse(&deep).unwrap_err().problem.message.contains("deeper"));
}

#[test]
fn deep_and_long_texts_are_refused_without_harm() {
    for opening in ["[", "{a: ", "- ", "? ", "a: {", "&a [", "!!seq [", "- ? "] {
        assert!(parse(&opening.repeat(10_000)).is_err(), "{opening}");
    }
    assert!(parse(&" ".repeat(MAX_BYTES + 1)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn hostile_text_never_panics(text in ".{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn text_like_yaml_never_panics(text in r##"[a-c:\-\[\]{},&*!|>'"#%?\n\r\t \\~<0-9.\x00\u{feff}]{0,80}"##) {
        let _ = parse(&text);
    }
}
