use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::rule::testing::event;

fn holds(text: &str) -> Result<bool, String> {
    let event = event(
        "github",
        "push",
        json!({
            "ref": "refs/heads/main",
            "size": 3,
            "big": u64::MAX,
            "ratio": 0.5,
            "commits": [{"id": "a", "n": 1}, {"id": "b", "n": 2}],
            "secret": "hunter2",
        }),
    );
    Expression::compile(text)?.holds(&ExpressionScope::new(&event))
}

#[test]
fn expressions_decide() {
    let cases = [
        ("true", true),
        ("event.source == 'github' && event.type == 'push'", true),
        ("event.data.ref.startsWith('refs/heads/')", true),
        ("data.size > 2 && data.size + 1 == 4", true),
        ("data.size * 2 > 7", false),
        ("data.ratio < 1.0", true),
        ("data.big > 5u", true),
        ("data.commits.exists(c, c.id == 'b')", true),
        ("data.commits.all(c, c.n > 1)", false),
        ("data.commits.filter(c, c.n > 1).map(c, c.id) == ['b']", true),
        ("size(data.commits) == 2", true),
        ("has(data.none)", false),
        ("has(data.none) && data.none.deeper == 1", false),
        ("data.ref.matches('^refs/(heads|tags)/')", true),
        ("event.attributes.hookId == '1'", true),
        ("event.verified", true),
        ("int(event.attributes['hookId']) == 1", true),
        ("type(data.size) == int", true),
        ("'a' in ['a', 'b']", true),
        ("event.timestamp < event.receivedAt", true),
    ];
    for (text, expected) in cases {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_fails_says_why_without_values() {
    let cases = [
        ("data.none == 1", "there is no key `none`"),
        ("data.size", "the expression gives a number, not true or false"),
        ("data.commits[7].id == ''", "there is no such item in the list"),
        ("1 / (data.size - 3) == 1", "division by zero"),
    ];
    for (text, expected) in cases {
        assert_eq!(holds(text), Err(expected.to_owned()), "{text}");
    }
    for text in [
        "data.secret > 1",
        "data.secret + 1 == 2",
        "data[data.secret] == 1",
        "data.secret.none == 1",
        "int(data.secret) == 1",
        "data.secret.size(1) == 2",
        "data.commits + data.secret == []",
        "-data.secret == 1",
        "data.secret",
        "data[data] == 1",
        "data.ref.matches(data.secret + '(')",
    ] {
        let error = holds(text).unwrap_err();
        assert!(!error.contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn what_is_no_expression_is_refused_when_it_is_loaded() {
    let cases = [
        ("", "the expression is empty"),
        ("evnt.source == 'x'", "`evnt` is not known; did you mean `event`?"),
        (
            "github.ref == 'x'",
            "`github` is not known; the variables are `event` and `data`",
        ),
        (
            "data.ref.startWith('x')",
            "`startWith` is not known; did you mean `startsWith`?",
        ),
        (
            "data.a.all(a, data.a.all(b, data.a.all(c, true)))",
            "an expression has at most 2 nested loops",
        ),
        ("a.b.C{x: 1} == 1", "the type `a.b.C` is not known"),
    ];
    for (text, expected) in cases {
        assert_eq!(Expression::compile(text).unwrap_err(), expected, "{text}");
    }
    for text in ["data.", "data.a ==", "(", "'", "1 +* 2", "data..a", "&&", "`"] {
        let error = Expression::compile(text).unwrap_err();
        assert!(error.starts_with("not a CEL expression: "), "{text}: {error}");
    }
}

#[test]
fn every_known_function_is_known_to_the_interpreter() {
    for function in FUNCTIONS {
        let as_function = holds(&format!("{function}(data.ref)"));
        let as_method = holds(&format!("data.ref.{function}('x')"));
        let unknown = |result: &Result<bool, String>| {
            result.as_ref().is_err_and(|error| error.contains("is not known"))
        };
        assert!(!(unknown(&as_function) && unknown(&as_method)), "{function}");
    }
}

#[test]
fn deep_and_long_expressions_do_no_harm() {
    for (unit, count) in [
        ("!", 256),
        ("-", 256),
        ("(", 64),
        ("[", 64),
        ("1+", 256),
        ("a?a:", 256),
        ("{1:", 64),
    ] {
        let _ = holds(&format!("{}true", unit.repeat(count)));
        let _ = holds(&unit.repeat(count));
        assert!(holds(&unit.repeat(4096)).is_err(), "{unit}");
    }
    assert!(holds(&format!("data{}", ".a".repeat(250))).is_err());
    assert!(holds(&format!("{}true{}", "(".repeat(64), ")".repeat(64))).is_ok());
    assert_eq!(holds(&format!("{}true", "true && ".repeat(120))), Ok(true));
    let _ = holds(&"true ".repeat(800));
    let _ = holds(&"true in ".repeat(500));
}

proptest! {
    #[test]
    fn hostile_text_never_panics(
        text in r#"(data|event|\.|ref|\(|\)|\[|\]|\{|\}|'|"|1|0x|u|e9|:|\?|==|&&|,|\\|all|has|map| |!|-|`|r|b|é|\n){0,24}"#,
        wild in ".{0,60}",
    ) {
        let _ = holds(&text);
        let _ = holds(&wild);
    }
}
