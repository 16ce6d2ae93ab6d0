//! What a person may write in the section `sources`, and what is said about the rest.

use pilotage_adapters::sources::{RateLimit, kinds, schema};
use pilotage_core::config::Problem;
use serde_json::{Value, json};

use crate::{build, public};

#[track_caller]
fn problem(section: &Value) -> Problem {
    let Err(problems) = build(section, &[], true) else {
        panic!("{section} must be refused");
    };
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

fn own(verification: &Value) -> Value {
    json!({"own": {"verification": verification}})
}

/// Each section has one problem, at this pointer and with these words, and no secret is repeated.
#[track_caller]
fn point(cases: &[(Value, &str, &str)]) {
    for (section, pointer, message) in cases {
        let problem = problem(section);
        assert_eq!(problem.pointer, *pointer, "{section}: {problem}");
        assert!(problem.message.contains(message), "{section}: {problem}");
        for secret in ["hunter2", "1234567"] {
            assert!(!problem.to_string().contains(secret), "{problem}");
        }
    }
}

#[test]
fn problems_in_known_sources_point_at_their_place() {
    point(&[
        (
            json!({"github": {"secret": ["s"]}}),
            "/sources/github/secret",
            "unknown key `secret`",
        ),
        (
            json!({"github": {"secrets": "hunter2"}}),
            "/sources/github/secrets",
            "expected a sequence",
        ),
        (
            json!({"github": {"secrets": [1_234_567]}}),
            "/sources/github/secrets/0",
            "expected a string",
        ),
        (
            json!({"github": {"secrets": ["s", ""]}}),
            "/sources/github/secrets/1",
            "must not be empty",
        ),
        (
            json!({"github": {"secrets": ["${env:NOPE}"]}}),
            "/sources/github/secrets/0",
            "`NOPE` is not set",
        ),
        (
            json!({"github": {"secrets": ["${file:/x}"]}}),
            "/sources/github/secrets/0",
            "no such file",
        ),
        (
            json!({"github": {"secrets": vec!["s"; 17]}}),
            "/sources/github/secrets",
            "1 to 16",
        ),
        (
            json!({"gitlab": {"signingSecrets": ["hunter2"]}}),
            "/sources/gitlab/signingSecrets/0",
            "whsec_",
        ),
        (
            json!({"make": {"secrets": ["s"], "verification": {"type": "none"}}}),
            "/sources/make/secrets",
            "exclude",
        ),
        (
            json!({"make": {"verification": {"type": "hmac", "secrets": ["s"]}}}),
            "/sources/make/verification",
            "`header`",
        ),
        (
            json!({"make": {"rateLimit": {"perSecond": 0, "burst": 1}}}),
            "/sources/make/rateLimit/perSecond",
            "between 1",
        ),
        (
            json!({"make": {"rateLimit": {"perSecond": 1, "brst": 1}}}),
            "/sources/make/rateLimit/brst",
            "unknown key",
        ),
        (
            json!({"make": {"maxBodyBytes": 0}}),
            "/sources/make/maxBodyBytes",
            "between 1",
        ),
        (json!({"make": 5}), "/sources/make", "invalid type"),
    ]);
}

#[test]
fn problems_in_custom_sources_point_at_their_place() {
    point(&[
        (json!({"own": {}}), "/sources/own", "must say how"),
        (json!({"own": null}), "/sources/own", "must say how"),
        (
            json!({"Own/../x": {"verification": {"type": "none"}}}),
            "/sources/Own~1..~1x",
            "1 to 64",
        ),
        (own(&json!("none")), "/sources/own/verification", "object"),
        (own(&json!({})), "/sources/own/verification", "`type`"),
        (
            own(&json!({"type": "hmca"})),
            "/sources/own/verification/type",
            "unknown verification type",
        ),
        (
            own(&json!({"type": "none", "secrets": []})),
            "/sources/own/verification/secrets",
            "unknown key",
        ),
        (
            own(&json!({"type": "bearer", "secrets": []})),
            "/sources/own/verification/secrets",
            "1 to 16",
        ),
        (
            own(&json!({"type": "header", "header": "a b", "secrets": ["s"]})),
            "/sources/own/verification/header",
            "no header name",
        ),
    ]);
}

#[test]
fn problems_in_templates_and_places_point_at_theirs() {
    point(&[
        (
            own(&json!({"type": "hmac", "header": "X", "template": "{nonce}{body}", "secrets": ["s"]})),
            "/sources/own/verification/template",
            "unknown placeholder",
        ),
        (
            own(&json!({"type": "hmac", "header": "X", "template": "x", "secrets": ["s"]})),
            "/sources/own/verification/template",
            "exactly once",
        ),
        (
            own(&json!({"type": "hmac", "header": "X", "template": "{timestamp}{body}", "secrets": ["s"]})),
            "/sources/own/verification/template",
            "timestampHeader",
        ),
        (
            own(&json!({"type": "hmac", "header": "X", "timestampHeader": "T", "secrets": ["s"]})),
            "/sources/own/verification/timestampHeader",
            "not signed",
        ),
        (
            own(&json!({"type": "hmac", "header": "X", "algorithm": "md5", "secrets": ["s"]})),
            "/sources/own/verification/algorithm",
            "unknown variant",
        ),
        (
            json!({"own": {"verification": {"type": "none"}, "eventType": {"path": "a..b"}}}),
            "/sources/own/eventType/path",
            "no path",
        ),
        (
            json!({"own": {"verification": {"type": "none"}, "eventType": {}}}),
            "/sources/own/eventType",
            "either",
        ),
    ]);
}

#[test]
fn near_names_are_offered() {
    let help = |section: &Value| problem(section).help.unwrap_or_default();
    assert!(help(&json!({"githb": {"secrets": ["s"]}})).contains("`github`"));
    assert!(help(&json!({"github": {"secret": ["s"]}})).contains("`secrets`"));
    assert!(help(&own(&json!({"type": "hmca"}))).contains("`hmac`"));
}

#[test]
fn every_problem_is_told_at_once() {
    let section = json!({"github": {"x": 1}, "gitlab": {"y": 1}, "own": {}});
    assert_eq!(build(&section, &[], true).err().unwrap().len(), 3);
}

#[test]
fn limits_have_defaults_and_can_be_set() {
    let sources = public(&json!({
        "make": {"rateLimit": {"perSecond": 3, "burst": 9}, "maxBodyBytes": 100, "secrets": ["s"]},
        "jenkins": {"rateLimit": null},
        "own": {"verification": {"type": "none"}},
        "kubernetes": null,
    }));
    assert_eq!(sources.len(), kinds().len() + 1);
    assert_eq!(
        sources["make"].rate_limit,
        Some(RateLimit {
            per_second: 3,
            burst: 9
        })
    );
    assert_eq!(sources["make"].max_body_bytes, 100);
    assert_eq!(sources["jenkins"].rate_limit, None);
    assert_eq!(sources["own"].rate_limit, Some(RateLimit::default()));
    assert_eq!(sources["github"].max_body_bytes, 25 * 1024 * 1024);
    assert_eq!(sources["own"].max_body_bytes, 5 * 1024 * 1024);
    assert!(sources["own"].custom && !sources["github"].custom);
}

#[test]
fn the_schema_knows_every_kind_and_the_keys_that_all_have() {
    let mut generator = schemars::SchemaGenerator::default();
    let schema = schema(&mut generator).to_value();
    for kind in kinds() {
        let section = &schema["properties"][kind.name]["properties"];
        for key in ["rateLimit", "maxBodyBytes", "secrets"] {
            assert!(section[key].is_object(), "{} {key}: {schema:#}", kind.name);
        }
    }
    let custom = &schema["additionalProperties"]["properties"];
    for key in ["rateLimit", "maxBodyBytes", "verification", "eventType"] {
        assert!(custom[key].is_object(), "{key}: {schema:#}");
    }
    let definitions = generator.definitions();
    let variants = definitions["VerificationSettings"]["oneOf"]
        .as_array()
        .unwrap()
        .clone();
    let types: Vec<_> = variants
        .iter()
        .map(|variant| variant["properties"]["type"]["const"].clone())
        .collect();
    assert_eq!(
        types,
        [
            "standard-webhooks",
            "hmac",
            "bearer",
            "header",
            "basic",
            "slack",
            "none"
        ]
    );
}
