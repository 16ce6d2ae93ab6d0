use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{config::Problem, rule::testing::event};

fn parse(conditions: &Value) -> Result<Condition, Vec<Problem>> {
    let conditions: Map<String, Value> = serde_json::from_value(conditions.clone()).unwrap();
    parse_conditions(&conditions, "", &mut Interned::default())
}

fn holds(conditions: &Value) -> bool {
    let event = event(
        "github",
        "push",
        json!({
            "ref": "refs/heads/main",
            "n": 3,
            "f": 1.5,
            "big": 9_007_199_254_740_993_u64,
            "at": "2026-11-22T18:30:00+01:00",
            "flag": true,
            "nothing": null,
            "labels": ["bug", "help"],
            "commits": [{"who": "ann", "n": 1}, {"who": "bob", "n": 9}],
            "empty": [],
            "object": {"a": [1]},
        }),
    );
    parse(conditions).unwrap().holds(&event)
}

#[test]
fn what_holds_and_what_does_not() {
    let cases = [
        (json!({}), true),
        // Equality: JSON types, numbers as numbers.
        (json!({"ref": "refs/heads/main"}), true),
        (json!({"ref": "refs/heads/x"}), false),
        (json!({"data.n": 3}), true),
        (json!({"n": 3.0}), true),
        (json!({"n": "3"}), false),
        (json!({"big": 9_007_199_254_740_993_u64}), true),
        (json!({"big": 9_007_199_254_740_992_u64}), false),
        (json!({"flag": true}), true),
        (json!({"flag": "true"}), false),
        (json!({"nothing": null}), true),
        (json!({"labels": ["bug", "help"]}), true),
        (json!({"object": {"eq": {"a": [1.0]}}}), true),
        (
            json!({"verified": true, "source": "github", "type": "push"}),
            true,
        ),
        // Patterns.
        (json!({"ref": {"glob": "refs/heads/*"}}), true),
        (json!({"ref": {"glob": "refs/*"}}), false),
        (json!({"ref": {"glob": "refs/**"}}), true),
        (json!({"ref": {"regex": "main$"}}), true),
        (json!({"ref": {"regex": "^main"}}), false),
        (json!({"n": {"regex": "3"}}), false),
        // Order.
        (json!({"n": {"gt": 2, "lte": 3}}), true),
        (json!({"n": {"gt": 3}}), false),
        (json!({"f": {"lt": 2}}), true),
        (json!({"n": {"gt": "2"}}), false),
        (json!({"ref": {"gt": 2}}), false),
        (json!({"ref": {"gte": "refs"}}), true),
        (
            json!({"at": {"lt": "2026-11-22T17:30:01Z", "gte": "2026-11-22T17:30:00Z"}}),
            true,
        ),
        (json!({"ref": {"gt": "2026-11-22T17:30:01Z"}}), false),
        // Lists.
        (json!({"n": {"in": [1, 2, 3]}}), true),
        (json!({"n": {"in": ["3"]}}), false),
        (json!({"labels": {"contains": "bug"}}), true),
        (json!({"labels": {"contains": "bu"}}), false),
        (json!({"ref": {"contains": "heads"}}), true),
        (json!({"ref": {"contains": 1}}), false),
        (json!({"commits[*].who": "bob"}), true),
        (json!({"commits[*].n": {"gt": 1, "lt": 9}}), false),
        (json!({"commits[1].who": "bob"}), true),
        // Not.
        (json!({"n": {"not": 4}}), true),
        (json!({"n": {"not": 3}}), false),
        (json!({"n": {"not": [1, 3]}}), false),
        (json!({"n": {"not": {"gt": 5}}}), true),
        (json!({"n": {"not": {"gt": 1, "lt": 5}}}), false),
        (json!({"n": {"gt": 1, "not": 3}}), false),
        (json!({"commits[*].who": {"not": "bob"}}), false),
        (json!({"commits[*].who": {"not": "eve"}}), true),
        (json!({"commits[*].who": {"in": ["ann"], "not": "bob"}}), false),
        // Missing: closed.
        (json!({"none": {"not": 4}}), false),
        (json!({"none": null}), false),
        (json!({"empty[*].x": {"not": 1}}), false),
        (json!({"none": {"exists": false}}), true),
        (json!({"none": {"exists": true}}), false),
        (json!({"nothing": {"exists": true}}), true),
        (json!({"n": {"exists": false}}), false),
        (json!({"n": {"exists": true, "gt": 5}}), false),
        // Combined.
        (json!({"all": [{"n": 3}, {"flag": true}]}), true),
        (json!({"all": [{"n": 3}, {"flag": false}]}), false),
        (json!({"any": [{"n": 4}, {"flag": true}]}), true),
        (json!({"any": [{"none": 4}, {"flag": true}]}), true),
        (json!({"any": [{"n": 4}, {"none": true}]}), false),
        (json!({"not": {"n": 4}}), true),
        (json!({"not": {"n": 3, "flag": true}}), false),
        (json!({"not": {"none": 4}}), false),
        (json!({"not": {"none": 4, "n": 4}}), true),
        (json!({"not": {"none": {"exists": true}}}), true),
        (json!({"not": {"any": [{"n": 4}, {"none": 1}]}}), false),
        (
            json!({"data.ref": "refs/heads/main", "not": {"not": {"n": 3}}}),
            true,
        ),
    ];
    for (conditions, expected) in cases {
        assert_eq!(holds(&conditions), expected, "{conditions}");
    }
}

fn refused<const N: usize>(cases: [(Value, &str, &str); N]) {
    for (conditions, pointer, message) in cases {
        let problems = parse(&conditions).unwrap_err();
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.pointer.as_str(), problem.message.as_str()))
            .collect();
        assert_eq!(found, [(pointer, message)], "{conditions}");
    }
}

#[test]
fn what_is_no_operator_or_pattern_is_said_at_its_place() {
    let cases = [
        (json!({"a": {"regx": "x"}}), "/a/regx", "unknown operator `regx`"),
        (json!({"a": {}}), "/a", "expected at least one operator"),
        (
            json!({"a/b": {"in": 1}}),
            "/a~1b/in",
            "`in` takes a list with at least one value",
        ),
        (
            json!({"a": {"in": []}}),
            "/a/in",
            "`in` takes a list with at least one value",
        ),
        (
            json!({"a": {"glob": 1}}),
            "/a/glob",
            "`glob` takes a pattern: a string",
        ),
        (
            json!({"a": {"glob": "[a"}}),
            "/a/glob",
            "`[a` is no glob: unclosed character class; missing ']'",
        ),
        (
            json!({"a": {"regex": "(a"}}),
            "/a/regex",
            "`(a` is no regular expression: unclosed group",
        ),
        (
            json!({"a": {"regex": "(?:a{1000}){1000}"}}),
            "/a/regex",
            "`(?:a{1000}){1000}` takes too much memory when compiled",
        ),
    ];
    refused(cases);
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    let cases = [
        (
            json!({"a": {"gt": true}}),
            "/a/gt",
            "`gt` takes a number, a time stamp or a text",
        ),
        (
            json!({"a": {"exists": 1}}),
            "/a/exists",
            "`exists` takes true or false",
        ),
        (
            json!({"a": {"exists": false, "eq": 1}}),
            "/a/exists",
            "beside `exists: false` no other operator can hold",
        ),
        (
            json!({"a": {"not": {"not": 1}}}),
            "/a/not/not",
            "`not` does not go inside of `not`",
        ),
        (json!({"a": {"not": []}}), "/a/not", "expected at least one value"),
        (
            json!({"any": []}),
            "/any",
            "expected a list of conditions with at least one",
        ),
        (
            json!({"all": {"a": 1}}),
            "/all",
            "expected a list of conditions with at least one",
        ),
        (
            json!({"any": [{"a": 1}, 2]}),
            "/any/1",
            "expected conditions: a mapping of paths",
        ),
        (
            json!({"not": {"a": {"x": 1}}}),
            "/not/a/x",
            "unknown operator `x`",
        ),
        (
            json!({"a..b": 1}),
            "/a..b",
            "`a..b` is no path: expected a name before `.b`",
        ),
    ];
    refused(cases);
    let help = parse(&json!({"a": {"regx": "x"}})).unwrap_err().remove(0).help;
    assert_eq!(help.as_deref(), Some("did you mean `regex`?"));
    assert_eq!(
        parse(&json!({"a": {"x": 1}, "b": {"y": 1}})).unwrap_err().len(),
        2
    );
    let deep = (0..20).fold(json!({"a": 1}), |inner, _| json!({"not": inner}));
    assert!(parse(&deep).is_err());
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        r"[\[\](){}*?^$+|\\a-c]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof![
            proptest::sample::select(vec![
                "all", "any", "not", "eq", "in", "glob", "regex", "gt", "exists", "contains", "a"
            ])
            .prop_map(str::to_owned),
            ".{0,4}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn hostile_conditions_never_panic(conditions in prop::collection::vec((".{0,6}|all|any|not|a", value()), 0..4), data in value()) {
        let conditions = Value::Object(conditions.into_iter().collect());
        if let Ok(condition) = parse(&conditions) {
            condition.verdict(&event("a", "b", data));
        }
    }

    #[test]
    fn equal_values_have_equal_index_keys(left in value(), right in value()) {
        let hasher = std::hash::RandomState::new();
        let (found, operand) = (Found::Json(&left), Operator::Equal(right.clone()));
        if operand.holds(&found) {
            prop_assert_eq!(index_key(&hasher, &found), index_key(&hasher, &Found::Json(&right)));
        }
    }
}

#[test]
fn equal_numbers_have_equal_index_keys() {
    let hasher = std::hash::RandomState::new();
    let key = |value: Value| index_key(&hasher, &Found::Json(&value));
    assert_eq!(key(json!(1)), key(json!(1.0)));
    assert_eq!(key(json!(0)), key(json!(-0.0)));
    assert_ne!(key(json!(1)), key(json!("1")));
    assert_ne!(key(json!(null)), key(json!(false)));
    assert_eq!(key(json!([])), None);
}
