//! Every source, notifier and action kind is documented, in the schema, and backed by a fixture.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use pilotage_adapters::{
    notifiers,
    sources::{self, BuildScope, Sample, SourceKind},
};
use pilotage_core::{
    Timestamp,
    ports::{Delivery, Received},
};
use serde_json::{Value, json};

use crate::{pilotage, place_with, read, root, said};

const SECRET: &str = "a secret of this test";

/// Whether a table of the page has a row that begins with this name.
fn has_row(page: &str, name: &str) -> bool {
    page.lines().any(|line| line.starts_with(&format!("| `{name}` ")))
}

#[test]
fn every_source_is_documented_in_the_schema_and_has_a_fixture() {
    let guide = read("docs/guides/webhooks.md");
    let origins = read("fixtures/README.md");
    let schema: Value = serde_json::from_str(&said(&["schema"])).unwrap();
    for SourceKind { name, samples, .. } in sources::kinds() {
        assert!(
            has_row(&guide, name),
            "docs/guides/webhooks.md has no row for `{name}`"
        );
        let section = schema.pointer(&format!("/properties/sources/properties/{name}"));
        assert!(section.is_some(), "the schema does not know the source `{name}`");
        assert!(
            origins.contains(&format!("`{name}/*.json`")),
            "fixtures/README.md does not say where `{name}` is from"
        );
        let kept = fixtures(name);
        assert!(!samples.is_empty(), "`{name}` has no sample");
        for sample in *samples {
            assert!(
                kept.iter().any(|body| body == sample.body),
                "the sample `{}` of `{name}` is no file of fixtures/{name}",
                sample.event
            );
        }
    }
}

fn fixtures(source: &str) -> Vec<String> {
    let folder = root().join("fixtures").join(source);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn every_source_accepts_what_sign_makes_of_its_samples() {
    for kind in sources::kinds() {
        for sample in kind.samples {
            let event = translated(kind.name, sample);
            assert_eq!(event["type"], sample.event, "{}", kind.name);
            assert_eq!(event["verified"], true, "{} {}", kind.name, sample.event);
        }
    }
}

/// The event that a sample becomes when its sender signs and sends it.
pub(crate) fn translated(source: &str, sample: &Sample) -> Value {
    let config = BTreeMap::from([(source.to_owned(), json!({ "secrets": [SECRET] }))]);
    let scope = BuildScope {
        env: &|_| None,
        read_file: &|_| Err("no file".to_owned()),
        loopback_only: false,
    };
    let built = sources::build_all(&config, &scope).unwrap();
    let (body, now) = (sample.body.as_bytes(), Timestamp::now());
    let signed = sources::sign(source, sample.event, body, Some(&SECRET.into()), "d-1", now).unwrap();
    let headers: Vec<(&str, &[u8])> = signed
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let delivery = Delivery {
        headers: &headers,
        body,
        now,
    };
    let received = built[source].source.receive(&delivery);
    let Received {
        event_type,
        verified,
        attributes,
        data,
        ..
    } = received.unwrap_or_else(|refusal| panic!("{source} {}: {refusal}", sample.event));
    let data: Value = serde_json::from_slice(&data).unwrap();
    json!({ "source": source, "type": event_type, "verified": verified, "attributes": attributes, "data": data })
}

#[test]
fn every_collector_is_documented_and_in_the_schema() {
    let guide = read("docs/guides/gates.md");
    let schema: Value = serde_json::from_str(&said(&["schema"])).unwrap();
    let known = schema
        .pointer("/properties/evidence/additionalProperties/oneOf")
        .and_then(Value::as_array)
        .unwrap();
    for kind in pilotage_runners::collectors::KINDS {
        let name = kind.name;
        assert!(
            has_row(&guide, name),
            "docs/guides/gates.md has no row for `{name}`"
        );
        let in_schema = known
            .iter()
            .any(|kind| kind.pointer("/properties/kind/const") == Some(&json!(name)));
        assert!(in_schema, "the schema does not know the evidence `{name}`");
    }
}

#[test]
fn every_notifier_is_documented_and_in_the_schema() {
    let guide = read("docs/guides/actions.md");
    let schema: Value = serde_json::from_str(&said(&["schema"])).unwrap();
    let known = schema
        .pointer("/properties/notifiers/additionalProperties/oneOf")
        .and_then(Value::as_array)
        .unwrap();
    for kind in notifiers::kinds() {
        let name = kind.name;
        assert!(
            has_row(&guide, name),
            "docs/guides/actions.md has no row for the notifier `{name}`"
        );
        let described = known
            .iter()
            .any(|schema| schema.pointer("/properties/type/const") == Some(&json!(name)));
        assert!(described, "the schema does not know the notifier `{name}`");
    }
}

#[test]
fn every_action_is_documented() {
    let guide = read("docs/guides/actions.md");
    let kinds = action_kinds();
    assert!(kinds.contains(&"webhook".to_owned()), "{kinds:?}");
    for name in kinds {
        assert!(
            has_row(&guide, &name),
            "docs/guides/actions.md has no row for the action `{name}`"
        );
    }
}

/// What the wiring registers, as the program itself lists it for a kind that is nothing like any of them.
fn action_kinds() -> Vec<String> {
    let place = place_with(
        "version: 1\nrules: [{id: r, trigger: {source: make}, actions: [{type: zzzzzzzzzzzz, target: x}]}]\n",
    );
    let output = pilotage(place.path(), &["check", "--format", "json"], &BTreeSet::new());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let help = answer.pointer("/problems/0/help").and_then(Value::as_str);
    let names = help.and_then(|help| help.strip_prefix("there are: "));
    let names = names.unwrap_or_else(|| panic!("the kinds are not listed: {answer}"));
    names.split(", ").map(str::to_owned).collect()
}
