use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::read,
    rule::testing::{event, rule},
};

fn ids(matches: &Matches) -> Vec<&str> {
    matches.matched.iter().map(|rule| rule.rule.id.as_str()).collect()
}

#[test]
fn sets_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<RuleSet>();
    shared::<Matches>();
}

#[test]
fn matching_rules_come_in_the_order_of_the_set() {
    let set = RuleSet::compile(vec![
        rule(
            "residual",
            &json!({"source": "github", "conditions": {"n": {"gt": 1}}}),
        ),
        rule(
            "by-value",
            &json!({"source": "github", "eventTypes": ["push"], "conditions": {"ref": "main"}}),
        ),
        rule(
            "any-source",
            &json!({"source": "*", "conditions": {"ref": {"in": ["x", "main"]}}}),
        ),
        rule(
            "glob-type",
            &json!({"source": "github", "eventTypes": ["pu*", "push"]}),
        ),
        rule("other-type", &json!({"source": "github", "eventTypes": ["ping"]})),
        rule("other-source", &json!({"source": "gitlab"})),
        rule(
            "when",
            &json!({"source": "github", "conditions": {"ref": "main"}, "when": "data.n == 2"}),
        ),
        rule("fault", &json!({"source": "github", "when": "data.none == 2"})),
        rule(
            "no-fault",
            &json!({"source": "github", "conditions": {"ref": "x"}, "when": "data.none == 2"}),
        ),
    ])
    .unwrap();
    let matches = set.matches(&event("github", "push", json!({"ref": "main", "n": 2})));
    assert_eq!(
        ids(&matches),
        ["residual", "by-value", "any-source", "glob-type", "when"]
    );
    let faults: Vec<_> = matches
        .faults
        .iter()
        .map(|fault| (fault.rule.as_str(), fault.reason.as_str()))
        .collect();
    assert_eq!(
        faults,
        [("fault", "the expression failed: there is no key `none`")]
    );
    assert_eq!(set.get("when").unwrap().rule.id, "when");
    assert!(set.get("none").is_none());
}

#[test]
fn a_rule_that_is_not_enabled_is_kept_and_not_asked() {
    let mut disabled = rule("a", &json!({"source": "*"}));
    disabled.enabled = false;
    let set = RuleSet::compile(vec![disabled]).unwrap();
    assert_eq!(set.rules().len(), 1);
    assert!(
        set.matches(&event("github", "push", json!({})))
            .matched
            .is_empty()
    );
}

#[test]
fn the_version_of_a_rule_is_the_digest_of_its_json() {
    let compile = |trigger: Value| RuleSet::compile(vec![rule("a", &trigger)]).unwrap().rules()[0].clone();
    let first = compile(json!({"source": "github", "conditions": {"b": 1, "a": 2}}));
    let same = compile(json!({"conditions": {"a": 2, "b": 1}, "source": "github"}));
    let other = compile(json!({"source": "github", "conditions": {"b": 1, "a": 3}}));
    assert_eq!(first.digest, same.digest);
    assert_ne!(first.digest, other.digest);
    assert_eq!(first.digest, crate::Digest::of(first.json.as_bytes()));
    let again: Rule = serde_json::from_str(&first.json).unwrap();
    assert_eq!(again, *first.rule);
}

fn right() -> Value {
    json!({"id": "a", "trigger": {"source": "x"}, "actions": [{"type": "webhook", "target": "t"}]})
}

fn refused<const N: usize>(cases: [(&str, Value, &str); N]) {
    for (place, value, pointer) in cases {
        let mut written = right();
        let (parent, key) = place.rsplit_once('/').unwrap();
        written.pointer_mut(parent).unwrap()[key] = value;
        let problems = RuleSet::compile(vec![read(&written).unwrap()]).unwrap_err();
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, [pointer], "{written}");
    }
}

#[test]
fn what_is_wrong_with_a_trigger_is_said_at_its_place() {
    let cases = [
        ("/id", json!("a b"), "/0/id"),
        ("/id", json!(""), "/0/id"),
        ("/id", json!(".."), "/0/id"),
        ("/id", json!("x".repeat(129)), "/0/id"),
        ("/trigger/source", json!(""), "/0/trigger/source"),
        (
            "/trigger/eventTypes",
            json!(["ok", ""]),
            "/0/trigger/eventTypes/1",
        ),
        ("/trigger/eventTypes", json!(["[a"]), "/0/trigger/eventTypes/0"),
        (
            "/trigger/conditions",
            json!({"a": {"regex": "("}}),
            "/0/trigger/conditions/a/regex",
        ),
        ("/trigger/when", json!("1 +"), "/0/trigger/when"),
    ];
    refused(cases);
}

#[test]
fn what_is_wrong_with_actions_is_said_at_its_place() {
    let cases = [
        ("/actions", json!([]), "/0/actions"),
        ("/actions/0/target", json!("${"), "/0/actions/0/target"),
        (
            "/actions/0/parameters",
            json!({"a/b": ["${x y}"]}),
            "/0/actions/0/parameters/a~1b/0",
        ),
        ("/actions/0/timeoutMs", json!(0), "/0/actions/0/timeoutMs"),
        ("/actions/0/timeoutMs", json!(3_600_001), "/0/actions/0/timeoutMs"),
        (
            "/actions/0/retryPolicy",
            json!({"maxAttempts": 0}),
            "/0/actions/0/retryPolicy/maxAttempts",
        ),
        (
            "/actions/0/retryPolicy",
            json!({"maxAttempts": 101}),
            "/0/actions/0/retryPolicy/maxAttempts",
        ),
        (
            "/actions/0/retryPolicy",
            json!({"backoffMultiplier": 0.5}),
            "/0/actions/0/retryPolicy/backoffMultiplier",
        ),
        (
            "/actions/0/retryPolicy",
            json!({"maxDelay": u64::MAX}),
            "/0/actions/0/retryPolicy/maxDelay",
        ),
        ("/concurrency", json!({"limit": 0}), "/0/concurrency/limit"),
        (
            "/concurrency",
            json!({"limit": 1, "key": "${"}),
            "/0/concurrency/key",
        ),
        ("/debounce", json!({"windowMs": 0}), "/0/debounce/windowMs"),
        (
            "/debounce",
            json!({"windowMs": 10, "maxWaitMs": 9}),
            "/0/debounce/maxWaitMs",
        ),
        (
            "/debounce",
            json!({"windowMs": 1, "key": "${a..b}"}),
            "/0/debounce/key",
        ),
    ];
    refused(cases);
}

#[test]
fn an_id_is_there_once() {
    let twice = vec![read(&right()).unwrap(), read(&right()).unwrap()];
    let problems = RuleSet::compile(twice).unwrap_err();
    assert_eq!(
        problems,
        [Problem::at("/1/id", "the id `a` is already that of rule 1")]
    );
}

#[test]
fn many_rules_with_only_a_pattern_are_not_asked_one_by_one() {
    let patterns = (0..2_000).map(|number| match number % 2 {
        0 => json!({"ref": {"glob": format!("refs/heads/team-{number}/*")}}),
        _ => json!({"ref": {"regex": format!("^refs/heads/team-{number}/")}}),
    });
    let rules = patterns.enumerate().map(|(number, conditions)| {
        rule(
            &format!("r{number}"),
            &json!({"source": "x", "conditions": conditions}),
        )
    });
    let set = RuleSet::compile(rules.collect()).unwrap();
    let event = event("x", "push", json!({"ref": "refs/heads/team-77/a"}));
    assert_eq!(ids(&set.matches(&event)), ["r77"]);
    assert_eq!(set.index.candidates(&event), [77]);
}

/// Few names and values, so that rules and events often agree.
fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["a", "b", "items[*].a", "items[*]", "data.b", "type", "c.d"])
}

fn scalar() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!(1),
        json!(1.0),
        json!(2),
        json!("x"),
        json!("push"),
        json!(true),
        json!(null),
    ])
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => scalar(),
        2 => prop::collection::vec(scalar(), 1..4).prop_map(|values| json!({"in": values})),
        1 => scalar().prop_map(|value| json!({"not": value})),
        1 => scalar().prop_map(|value| json!({"eq": value, "not": 2})),
        1 => any::<bool>().prop_map(|exists| json!({"exists": exists})),
        1 => Just(json!({"gte": 1})),
        1 => Just(json!({"regex": "^[px]"})),
        2 => proptest::sample::select(vec!["p*", "x*", "push", "{x,push}", "[p]*", "pu*h", "q*"])
            .prop_map(|glob| json!({"glob": glob})),
        2 => proptest::sample::select(vec!["^p", "^pus", "^q|x", "^x?", "^pq*ush$", "^q+", "^push$", "x"])
            .prop_map(|regex| json!({"regex": regex})),
        1 => Just(json!({"contains": "x"})),
        1 => Just(json!(["x", 1])),
    ]
}

fn conditions() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::vec((name(), test()), 0..4).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(name, test)| (name.to_owned(), test))
            .collect::<Value>()
    });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = prop::collection::vec(
            inner.clone().prop_filter("not empty", |map| *map != json!({})),
            1..3,
        );
        (inner, some, 0..4).prop_map(|(mut map, nested, kind)| {
            match kind {
                0 => map["all"] = nested.into(),
                1 => map["any"] = nested.into(),
                2 => map["not"] = nested[0].clone(),
                _ => {}
            }
            map
        })
    })
}

fn trigger() -> impl Strategy<Value = Value> {
    let source = proptest::sample::select(vec!["github", "gitlab", "*"]);
    let types = prop::collection::vec(proptest::sample::select(vec!["push", "ping", "p*", "*"]), 0..3);
    let when = proptest::option::weighted(
        0.2,
        proptest::sample::select(vec!["data.b == 1", "event.type == 'push'", "true"]),
    );
    (source, types, conditions(), when).prop_map(|(source, types, conditions, when)| {
        let mut trigger = json!({"source": source, "eventTypes": types, "conditions": conditions});
        if let Some(when) = when {
            trigger["when"] = when.into();
        }
        trigger
    })
}

fn data() -> impl Strategy<Value = Value> {
    let item = prop_oneof![scalar(), scalar().prop_map(|value| json!({"a": value}))];
    (
        proptest::option::of(scalar()),
        proptest::option::of(scalar()),
        prop::collection::vec(item, 0..4),
        scalar(),
    )
        .prop_map(|(a, b, items, d)| {
            let mut data = json!({"items": items, "c": {"d": d}});
            for (name, value) in [("a", a), ("b", b)] {
                if let Some(value) = value {
                    data[name] = value;
                }
            }
            data
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_index_finds_what_asking_every_rule_finds(
        triggers in prop::collection::vec((trigger(), prop::bool::weighted(0.9)), 0..24),
        events in prop::collection::vec((proptest::sample::select(vec!["github", "gitlab", "make"]),
            proptest::sample::select(vec!["push", "ping", "other"]), data()), 1..6),
    ) {
        let rules = triggers.into_iter().enumerate().map(|(number, (trigger, enabled))| {
            let mut rule = rule(&format!("r{number}"), &trigger);
            rule.enabled = enabled;
            rule
        });
        let set = RuleSet::compile(rules.collect()).unwrap();
        for (source, event_type, data) in events {
            let event = event(source, event_type, data);
            let (mut matched, mut faults) = (Vec::new(), Vec::new());
            for rule in set.rules() {
                match rule.matches(&event) {
                    Ok(true) => matched.push(rule.rule.id.as_str()),
                    Ok(false) => {}
                    Err(fault) => faults.push(fault),
                }
            }
            let found = set.matches(&event);
            prop_assert_eq!(ids(&found), matched);
            prop_assert_eq!(found.faults, faults);
        }
    }
}
