//! `pilotage ci lint` over the definition and the files of the platforms.

use serde_json::Value;

use crate::Place;

const DEFINITION: &str = "\
version: 1
pipelines:
  ci:
    on: {push: {}}
    jobs:
      build:
        variables: {TITLE: \"${git.title}\"}
        steps:
          - run: echo \"$TITLE\"
";

/// A folder with a definition and what is rendered from it.
fn place() -> Place {
    let place = Place::new();
    place.write("pilotage.yaml", DEFINITION);
    place.run("ci render").ended(0);
    place
}

#[test]
fn what_was_rendered_is_clean() {
    let out = place().run("ci lint").ended(0);
    assert_eq!(out, "5 files checked, nothing found.\n");
}

#[test]
fn what_is_wrong_is_shown_with_its_line() {
    let place = place();
    place.write("pilotage.yaml", &DEFINITION.replace("\"$TITLE\"", "$TITLE"));
    let workflow = place.read(".github/workflows/ci.yml");
    place.write(
        ".github/workflows/ci.yml",
        &workflow.replace("timeout-minutes", "timeout-minute"),
    );
    place.write("Jenkinsfile", "pipeline {\n  agent any\n");
    insta::assert_snapshot!(place.run("ci lint").ended(1));
}

#[test]
fn programs_get_the_place() {
    let place = place();
    place.write(
        ".gitlab-ci.yml",
        "build:\n  script: make\n  needs: [biild, test]\n",
    );
    let report: Value =
        serde_json::from_str(&place.run("ci lint --format json .gitlab-ci.yml").ended(1)).unwrap();
    let found = &report["findings"][0];
    assert_eq!(
        (&found["check"], &found["line"], &found["column"]),
        (&"graph".into(), &3.into(), &11.into())
    );

    let sarif: Value =
        serde_json::from_str(&place.run("ci lint --format sarif .gitlab-ci.yml").ended(1)).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(
        results
            .iter()
            .all(|result| rules.iter().any(|rule| rule["id"] == result["ruleId"]))
    );
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], ".gitlab-ci.yml");
    assert_eq!(place["region"]["startLine"], 3);
}

#[test]
fn warnings_count_when_asked() {
    let place = Place::new();
    place.write("Jenkinsfile", "node { sh 'make' }\n");
    place.run("ci lint").ended(0);
    place.run("ci lint --strict").ended(1);
}

#[test]
fn a_pipeline_in_a_file_of_its_own_is_checked_too() {
    let place = Place::new();
    place.write("pilotage.yaml", "version: 1\npipelines: {ci: {file: ci.yaml}}\n");
    place.write(
        "ci.yaml",
        "on: {push: {}}\njobs:\n  a: {steps: [{run: \"echo 'a\"}]}\n",
    );
    let out = place.run("ci lint").ended(1);
    assert!(out.contains("--> ci.yaml:3:"), "{out}");
}

#[test]
fn what_cannot_be_checked_is_said() {
    let place = Place::new();
    place.run("ci lint").ended(2);
    place.run("ci lint missing.yml").ended(3);
    place.write("notes.yml", "hello: world\n");
    place.run("ci lint notes.yml").ended(2);
    place.run("ci lint notes.yml --format junit").ended(2);
}
