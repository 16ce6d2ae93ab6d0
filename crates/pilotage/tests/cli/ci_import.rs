//! `pilotage ci import`.

use serde_json::Value;

use crate::Place;

const CONFIGURATION: &str = "\
stages: [build]
compile:
  stage: build
  script: [make]
  coverage: /x/
";

#[test]
fn a_configuration_becomes_a_definition_that_holds() {
    let place = Place::new();
    place.write(".gitlab-ci.yml", CONFIGURATION);
    let ran = place.run("ci import .gitlab-ci.yml");
    assert!(ran.err.contains("line 5: `coverage`"), "{ran:#?}");
    place.write("pilotage.yaml", &ran.ended(0));
    place.run("ci render --platform jenkins").ended(0);
}

#[test]
fn programs_get_what_could_not_be_carried_over() {
    let place = Place::new();
    place.write(".gitlab-ci.yml", CONFIGURATION);
    let answer = place
        .run("ci import .gitlab-ci.yml --format json --output new.yaml")
        .ended(0);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["left"][0]["line"], 5);
    assert_eq!(answer["definition"], place.read("new.yaml"));
    place.run("ci import .gitlab-ci.yml --output new.yaml").ended(2);
}

#[test]
fn what_cannot_be_read_is_said() {
    let place = Place::new();
    place.run("ci import missing.yml").ended(3);
    place.write("Jenkinsfile", "pipeline {}");
    place.run("ci import Jenkinsfile").ended(2);
    place.write(".gitlab-ci.yml", "a: [");
    place.run("ci import .gitlab-ci.yml").ended(2);
}
