use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    Timestamp,
    operation::{OperationId, OperationStatus, ShownProgress},
};

fn update() -> StatusUpdate {
    let metadata = json!({
        "rule": "deploy-main", "labels": ["blue", 7], "attempt": 2, "ratio": 0.5, "large": u64::MAX,
        "event": { "type": "push", "commits": [{ "id": "abc" }] }, "finishedAt": null, "verified": true,
        "status": "of the metadata",
    });
    StatusUpdate {
        id: OperationId(Uuid::from_u128(7)),
        kind: "execution".to_owned(),
        status: OperationStatus::Running,
        progress: ShownProgress {
            current: 1,
            total: 2,
            percentage: 50,
        },
        message: "attempt 2 of 5\nanswered 503".to_owned(),
        timestamp: Timestamp::from_micros(1_790_000_000_000_042),
        metadata: metadata.as_object().unwrap().clone(),
    }
}

fn holds(field: &str, operator: &str, value: &Value) -> bool {
    let filter = json!([{ "field": field, "operator": operator, "value": value }]);
    StatusFilters::parse(&filter).unwrap().hold(&update())
}

fn refused(filters: &Value) -> String {
    StatusFilters::parse(filters).unwrap_err().to_string()
}

#[test]
fn what_holds() {
    for (field, operator, value) in [
        ("id", "equals", json!("00000000-0000-0000-0000-000000000007")),
        ("type", "equals", json!("execution")),
        ("status", "equals", json!("running")),
        ("metadata.status", "equals", json!("of the metadata")),
        ("status", "in", json!(["failure", "running"])),
        ("progress.percentage", "equals", json!(50)),
        ("progress.percentage", "equals", json!(50.0)),
        ("progress.current", "in", json!([1, 2])),
        ("progress.total", "regex", json!("^2$")),
        ("message", "contains", json!("503")),
        ("message", "contains", json!(503)),
        ("message", "regex", json!("(?i)ANSWERED 5\\d\\d$")),
        ("timestamp", "regex", json!("^2026-09-21T")),
        ("rule", "equals", json!("deploy-main")),
        ("metadata.rule", "regex", json!("^deploy-")),
        ("labels", "contains", json!("blue")),
        ("labels", "contains", json!(7.0)),
        ("labels.0", "equals", json!("blue")),
        ("event.type", "equals", json!("push")),
        ("metadata.event.commits.0.id", "equals", json!("abc")),
        ("finishedAt", "equals", json!(null)),
        ("nothing.at.all", "equals", json!(null)),
        ("verified", "equals", json!(true)),
        ("verified", "regex", json!("^true$")),
        ("ratio", "equals", json!(0.5)),
        ("large", "equals", json!(u64::MAX)),
    ] {
        assert!(holds(field, operator, &value), "{field} {operator} {value}");
    }
}

#[test]
fn what_does_not_hold() {
    for (field, operator, value) in [
        ("status", "equals", json!("success")),
        ("status", "equals", json!("of the metadata")),
        ("status", "in", json!([])),
        ("status.word", "equals", json!("running")),
        ("progress", "equals", json!(50)),
        ("progress.percentage", "equals", json!("50")),
        ("attempt", "contains", json!(2)),
        ("message", "contains", json!("504")),
        ("message", "contains", json!(null)),
        ("labels", "contains", json!("lue")),
        ("labels.9", "equals", json!("blue")),
        ("labels.-1", "equals", json!("blue")),
        ("event", "regex", json!(".")),
        ("finishedAt", "regex", json!(".*")),
        ("nothing", "contains", json!("")),
        ("large", "equals", json!(u64::MAX - 1)),
        ("verified", "equals", json!("true")),
    ] {
        assert!(!holds(field, operator, &value), "{field} {operator} {value}");
    }
}

#[test]
fn all_must_hold_and_none_lets_everything_pass() {
    let both = |second: &str| {
        let filters = json!([
            { "field": "type", "operator": "equals", "value": "execution" },
            { "field": "rule", "operator": "equals", "value": second },
        ]);
        StatusFilters::parse(&filters).unwrap().hold(&update())
    };
    assert!(both("deploy-main") && !both("other"));
    assert!(StatusFilters::parse(&json!([])).unwrap().hold(&update()));
    assert!(StatusFilters::parse(&Value::Null).unwrap().hold(&update()));
}

#[test]
fn what_asks_the_same_is_the_same() {
    let canonical = |filters: Value| StatusFilters::parse(&filters).unwrap().canonical();
    let (one, two) = (
        json!({ "field": "type", "operator": "equals", "value": "a" }),
        json!({ "value": "b", "operator": "regex", "field": "rule" }),
    );
    assert_eq!(canonical(json!([one, two])), canonical(json!([two, one, two])));
    assert_ne!(canonical(json!([one])), canonical(json!([one, two])));
    assert_eq!(canonical(json!([])), "");
}

#[test]
fn what_is_wrong_is_named() {
    let filter =
        |operator: &str, value: Value| json!([{ "field": "rule", "operator": operator, "value": value }]);
    for (filters, expected) in [
        (json!({}), "filters are a list of {field, operator, value}"),
        (json!([1]), "filter 1: a filter is {field, operator, value}"),
        (json!([{}]), "filter 1: `field` is missing"),
        (json!([{ "field": 1 }]), "filter 1: `field` is a text"),
        (json!([{ "field": "" }]), "filter 1: `field` has 1 to 128 bytes"),
        (
            json!([{ "field": "rule" }]),
            "filter 1 (`rule`): `operator` is missing",
        ),
        (
            json!([{ "field": "rule", "operator": "equals" }]),
            "filter 1 (`rule`): `value` is missing",
        ),
        (
            json!([{ "field": "rule", "operator": "equals", "value": 1, "not": true }]),
            "filter 1 (`rule`): `not` is no part of a filter; there are `field`, `operator` and `value`",
        ),
        (
            filter("like", json!("a")),
            "filter 1 (`rule`): `like` is no operator; there are `equals`, `contains`, `in` and `regex`",
        ),
        (
            filter("in", json!("a")),
            "filter 1 (`rule`): `in` takes a list of values",
        ),
        (
            filter("in", json!(vec![1; 65])),
            "filter 1 (`rule`): `in` takes at most 64 values",
        ),
        (
            filter("equals", json!([1])),
            "filter 1 (`rule`): `value` is a text, a number, true, false or null here",
        ),
        (
            filter("equals", json!("a".repeat(1_025))),
            "filter 1 (`rule`): a text in `value` has at most 1024 bytes",
        ),
        (
            filter("regex", json!(1)),
            "filter 1 (`rule`): `regex` takes a pattern as text",
        ),
        (json!(vec![0; 17]), "at most 16 filters"),
    ] {
        assert_eq!(refused(&filters), expected);
    }
    let second = json!([
        { "field": "type", "operator": "equals", "value": "a" },
        { "field": "status", "operator": "regex", "value": "(" },
    ]);
    assert_eq!(
        refused(&second),
        "filter 2 (`status`): the pattern is refused: unclosed group"
    );
}

#[test]
fn a_pattern_that_could_cost_too_much_is_refused() {
    for (pattern, part) in [
        ("(?=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "backreferences"),
        ("(a+)+$", "repeats a repetition"),
        ("([a-z]*)*!", "repeats a repetition"),
        ("(x(y{2,}|z))*", "repeats a repetition"),
        ("(((a{100}){100}){100})", "size limit"),
        (&"a".repeat(257), "at most 256 bytes"),
        (&format!("{}a{}", "(".repeat(40), ")".repeat(40)), "nest"),
        ("[", "unclosed"),
    ] {
        let filter = json!([{ "field": "rule", "operator": "regex", "value": pattern }]);
        let error = refused(&filter);
        assert!(error.contains(part), "{pattern}: {error}");
    }
    for harmless in ["^deploy-.*$", "(a{1,3})+", "(a|b)+c*", r"\w+-\d+", ""] {
        let filter = json!([{ "field": "rule", "operator": "regex", "value": harmless }]);
        assert!(StatusFilters::parse(&filter).is_ok(), "{harmless}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("field|operator|value|[a-z.]{0,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_is_sent_panics(filters in any_json()) {
        if let Ok(filters) = StatusFilters::parse(&filters) {
            let _ = (filters.hold(&update()), filters.canonical());
        }
    }

    #[test]
    fn no_filter_panics(field in "[a-z.0-9]{0,20}|.{0,8}", operator in "equals|contains|in|regex", value in any_json()) {
        let filter = json!([{ "field": field, "operator": operator, "value": value }]);
        if let Ok(filters) = StatusFilters::parse(&filter) {
            let _ = filters.hold(&update());
        }
    }

    #[test]
    fn no_pattern_panics(pattern in r"[a-c()\[\]{}|*+?\\^$.0-9,:=<!&-]{0,24}") {
        let filter = json!([{ "field": "message", "operator": "regex", "value": pattern }]);
        if let Ok(filters) = StatusFilters::parse(&filter) {
            let _ = filters.hold(&update());
        }
    }

    #[test]
    fn equals_is_in_a_list_of_one(value in any_json()) {
        let ask = |operator: &str, value: &Value| {
            let filter = json!([{ "field": "rule", "operator": operator, "value": value }]);
            StatusFilters::parse(&filter).map(|filters| filters.hold(&update())).ok()
        };
        prop_assert_eq!(ask("equals", &value), ask("in", &json!([value])));
    }
}
