use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::rule::testing::event;

fn with_scope<T>(act: impl FnOnce(&TemplateScope<'_>) -> T) -> T {
    let event = event(
        "github",
        "push",
        json!({
            "ref": "refs/heads/main",
            "size": 3,
            "private": false,
            "commits": [{"id": "a"}, {"id": "b"}],
            "labels": {"a}b": "odd", "c:-d": "colon"},
            "nothing": null,
        }),
    );
    act(&TemplateScope {
        event: &event,
        rule: "deploy",
        execution: "x-1",
    })
}

fn value(text: &str) -> Result<Value, TemplateError> {
    with_scope(|scope| Template::parse(text).unwrap().render_value(scope))
}

#[test]
fn templates_give_values_or_text() {
    let cases = [
        ("plain", json!("plain")),
        ("", json!("")),
        ("${event.data.ref}", json!("refs/heads/main")),
        ("${ref}", json!("refs/heads/main")),
        ("${size}", json!(3)),
        ("${private}", json!(false)),
        ("${commits[*].id}", json!(["a", "b"])),
        ("${commits[0]}", json!({"id": "a"})),
        ("n=${size} p=${private}", json!("n=3 p=false")),
        ("${commits[*].id}!", json!("[\"a\",\"b\"]!")),
        ("${rule.id}/${execution.id}", json!("deploy/x-1")),
        ("${none:-main}", json!("main")),
        ("${none:-}", json!("")),
        ("${none:-a:-b\"}", json!("a:-b\"")),
        ("${nothing:-x}", json!("x")),
        ("${none[*]:-x}", json!("x")),
        ("${labels[\"a}b\"]}", json!("odd")),
        ("${labels[\"c:-d\"]:-x}", json!("colon")),
        ("$${ref}", json!("${ref}")),
        ("$$${ref}", json!("$${ref}")),
        ("$ ${ref}", json!("$ refs/heads/main")),
        ("a} {b", json!("a} {b")),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_missing_is_named_and_never_empty() {
    for (text, path) in [
        ("${event.data.head.id}", "event.data.head.id"),
        ("x ${none} y", "none"),
        ("${nothing}", "nothing"),
        ("${commits[*].none}", "commits[*].none"),
    ] {
        assert_eq!(
            value(text),
            Err(TemplateError::Missing(path.to_owned())),
            "{text}"
        );
    }
    assert_eq!(
        TemplateError::Missing("a.b".to_owned()).to_string(),
        "the event has no `a.b`; `${a.b:-...}` would give a default"
    );
}

#[test]
fn what_is_no_template_is_refused() {
    for text in [
        "${",
        "${ref",
        "${}",
        "${a b}",
        "${a..b}",
        "${:-x}",
        "x ${labels[\"a}",
        "${rule.ids}",
    ] {
        assert!(Template::parse(text).is_err(), "{text}");
    }
}

#[test]
fn nested_parameters_are_checked_and_rendered() {
    let parameters = json!({"a": ["${size}", {"${no template}": "${ref}"}], "n": 1});
    let rendered = with_scope(|scope| render_all(&parameters, scope));
    assert_eq!(
        rendered,
        Ok(json!({"a": [3, {"${no template}": "refs/heads/main"}], "n": 1}))
    );
    let problems = check_templates(&json!({"a/b": ["ok", "${"]}), "/parameters");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].pointer, "/parameters/a~1b/1");
}

proptest! {
    #[test]
    fn hostile_text_never_panics(text in r#"[a${}\[\]*":\-.\\é0]{0,60}"#, wild in ".*") {
        for text in [text, wild] {
            if let Ok(template) = Template::parse(&text) {
                let _ = with_scope(|scope| template.render_text(scope));
            }
        }
    }

    #[test]
    fn text_without_a_dollar_sign_is_itself(text in "[^$]*") {
        prop_assert_eq!(value(&text), Ok(Value::String(text)));
    }
}
