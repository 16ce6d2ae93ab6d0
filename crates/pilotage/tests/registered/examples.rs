//! Every configuration that people are shown holds.

use std::{collections::BTreeSet, fs, path::Path};

use pilotage_adapters::sources;
use serde_json::Value;

use crate::{kinds::translated, pilotage, place_with, read, root};

#[track_caller]
fn assert_checks(place: &Path, config: &Path, environment: &BTreeSet<String>, what: &str) {
    let output = pilotage(
        place,
        &["check", "--config", config.to_str().unwrap()],
        environment,
    );
    assert!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The names of the environment variables that a configuration asks for.
fn variables(config: &str) -> BTreeSet<String> {
    let references = config.split("${env:").skip(1);
    references
        .filter_map(|rest| rest.split('}').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_example_configuration_holds() {
    let config = read("examples/pilotage.yaml");
    let place = place_with(&config);
    assert_checks(
        place.path(),
        &root().join("examples/pilotage.yaml"),
        &variables(&config),
        "examples/pilotage.yaml",
    );
}

#[test]
fn the_examples_of_pipelines_hold() {
    for name in ["node", "rust"] {
        let file = format!("examples/pipelines/{name}.yaml");
        let place = tempfile::tempdir().unwrap();
        assert_checks(place.path(), &root().join(&file), &BTreeSet::new(), &file);
    }
}

#[test]
fn the_rules_of_the_example_match_what_they_are_meant_for() {
    let table = [
        ("push-to-main", "github", "push"),
        ("scenario-succeeded", "make", "scenario.executed"),
        ("deployment-failed", "kubernetes", "deployment.failed"),
    ];
    for (rule, source, event_type) in table {
        let kind = sources::kinds().iter().find(|kind| kind.name == source).unwrap();
        let sample = kind
            .samples
            .iter()
            .find(|sample| sample.event == event_type)
            .unwrap();
        let event = translated(source, sample);
        assert_eq!(rules_that_match(&event), [rule], "{event}");
    }
}

/// The rules of the example that `rule test` says would act on an event.
fn rules_that_match(event: &Value) -> Vec<String> {
    let place = place_with("");
    fs::write(place.path().join("event.json"), event.to_string()).unwrap();
    let example = root().join("examples/pilotage.yaml");
    let arguments = [
        "rule",
        "test",
        "--format",
        "json",
        "--event",
        "event.json",
        "--config",
    ];
    let arguments = [arguments.as_slice(), &[example.to_str().unwrap()]].concat();
    let output = pilotage(place.path(), &arguments, &BTreeSet::new());
    let tested: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules = tested["rules"].as_array().unwrap();
    let matching = rules.iter().filter(|rule| rule["matches"] == true);
    matching
        .map(|rule| rule["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_init_writes_holds() {
    let place = tempfile::tempdir().unwrap();
    let written = pilotage(place.path(), &["init", "--yes"], &BTreeSet::new());
    assert!(written.status.success(), "{written:?}");
    assert_checks(
        place.path(),
        Path::new("pilotage.yaml"),
        &BTreeSet::new(),
        "init --yes",
    );
}

/// A block of a guide that begins with the version is a whole configuration.
#[test]
fn every_configuration_in_the_guides_holds() {
    let mut held = 0;
    for entry in fs::read_dir(root().join("docs/guides")).unwrap() {
        let path = entry.unwrap().path();
        let page = fs::read_to_string(&path).unwrap();
        let blocks = page
            .split("```yaml\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next());
        for block in blocks.filter(|block| block.starts_with("version: 1\n")) {
            let place = place_with(block);
            let what = format!("{}:\n{block}", path.display());
            assert_checks(place.path(), Path::new("pilotage.yaml"), &variables(block), &what);
            held += 1;
        }
    }
    assert!(held >= 4, "only {held} configurations were found");
}
