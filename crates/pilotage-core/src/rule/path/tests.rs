use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::rule::testing::event;

fn all(path: &str) -> Vec<Value> {
    let event = event(
        "github",
        "push",
        json!({
            "ref": "refs/heads/main",
            "id": {"deep": 7},
            "commits": [{"id": "a", "tags": ["x", "y"]}, {"id": "b"}],
            "labels": {"a.b/c": 1, "q\"": 2, "with-dash_1": 3},
            "event": {"type": "inner"},
            "nothing": null,
        }),
    );
    let mut values = Vec::new();
    Path::parse(path).unwrap().each(&event, &mut |found| {
        values.push(found.to_value());
        ControlFlow::Continue(())
    });
    values
}

#[test]
fn paths_lead_into_the_event_first_and_then_into_its_data() {
    let cases = [
        ("ref", vec![json!("refs/heads/main")]),
        ("data.ref", vec![json!("refs/heads/main")]),
        ("event.data.ref", vec![json!("refs/heads/main")]),
        ("event.ref", vec![json!("refs/heads/main")]),
        ("source", vec![json!("github")]),
        ("type", vec![json!("push")]),
        ("event.type", vec![json!("push")]),
        ("data.event.type", vec![json!("inner")]),
        ("event", vec![json!({"type": "inner"})]),
        ("id.deep", vec![json!(7)]),
        ("verified", vec![json!(true)]),
        ("attributes.hookId", vec![json!("1")]),
        ("attributes", vec![json!({"hookId": "1"})]),
        ("commits[0].id", vec![json!("a")]),
        ("commits[*].id", vec![json!("a"), json!("b")]),
        ("commits[*].tags[*]", vec![json!("x"), json!("y")]),
        ("commits[2].id", vec![]),
        ("commits.id", vec![]),
        ("labels[\"a.b/c\"]", vec![json!(1)]),
        ("labels[\"q\\\"\"]", vec![json!(2)]),
        ("labels.with-dash_1", vec![json!(3)]),
        ("nothing", vec![json!(null)]),
        ("nothing.more", vec![]),
        ("ref[*]", vec![]),
    ];
    for (path, expected) in cases {
        assert_eq!(all(path), expected, "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for path in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "[0]",
        "a[",
        "a[]",
        "a[-1]",
        "a[1",
        "a[\"b\"",
        "a[\"b",
        "a[99999999999999999999]",
        "a b",
        "a]",
        "*",
        "a.*",
        "a[0]b",
        "${a}",
        "a:b",
    ] {
        assert!(Path::parse(path).is_err(), "{path}");
    }
    assert!(Path::parse(&"a".repeat(MAX_LENGTH + 1)).is_err());
    assert!(Path::parse(&vec!["a"; MAX_STEPS + 1].join(".")).is_err());
}

proptest! {
    #[test]
    fn hostile_text_never_panics(text in r#"[a-c.\[\]*"0-9\\{}é]{0,40}"#, wild in ".*") {
        let _ = Path::parse(&text);
        let _ = Path::parse(&wild);
    }
}
