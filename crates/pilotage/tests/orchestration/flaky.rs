//! Tests that do not always end the same, and what does not stand in the way.

use serde_json::json;

use crate::repository::{Repository, tests};

/// Fails the first time.
const FLAKY: &str = "import pathlib\n\ndef test_flaky():\n    flag = pathlib.Path('flag')\n    first = not flag.exists()\n    \
                     flag.write_text('')\n    assert not first, 'the first time it fails'\n\ndef test_steady():\n    pass\n";

#[test]
fn a_test_that_passes_when_it_runs_again_is_shown_as_flaky_with_every_attempt() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("pilotage.yaml", "version: 1\ntests: { retries: { most: 2 } }\n");
    repository.write("test_flaky.py", FLAKY);
    let (code, report) = repository.run("");
    assert_eq!(code, 0, "{report:#}");
    let totals = &report["verdict"]["totals"];
    assert_eq!(
        (&totals["flaky"], &totals["passed"], &totals["tests"]),
        (&json!(1), &json!(1), &json!(2))
    );
    let found = report["verdict"]["suites"][0]["files"]["test_flaky.py"]["tests"]
        .as_array()
        .unwrap();
    let flaky = found.iter().find(|test| test["state"] == "flaky").unwrap();
    assert_eq!(flaky["attempts"].as_array().unwrap().len(), 2);
    assert!(
        flaky["attempts"][0]["message"]
            .as_str()
            .unwrap()
            .contains("the first time it fails")
    );
    let shown = repository.command("flaky").output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("No test is known"), "one run is no habit: {shown}");
    std::fs::remove_file(repository.path().join("flag")).unwrap();
    repository.run("");
    let shown = repository.command("flaky --format json").output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["items"][0]["outcomes"], "RR", "{shown:#}");
}

#[test]
fn the_junit_report_keeps_the_attempts() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("pilotage.yaml", "version: 1\ntests: { retries: { most: 1 } }\n");
    repository.write("test_flaky.py", FLAKY);
    repository.write(
        "test_fails.py",
        "def test_fails():\n    assert 'a' == \"<b>&'\\x1b[31m\"\n",
    );
    let output = repository.command("run --format junit").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let xml = String::from_utf8(output.stdout).unwrap();
    for element in [
        "<flakyFailure ",
        "<failure ",
        "<rerunFailure ",
        "file=\"test_fails.py\"",
    ] {
        assert!(xml.contains(element), "{element}: {xml}");
    }
    let mut read = pilotage_runners::reports::junit::Tests::default();
    let stop = std::sync::Arc::default();
    let mut input = pilotage_runners::reading::Bounded::new(xml.as_bytes(), stop);
    pilotage_runners::reports::junit::read(&mut read, &mut input).unwrap();
    assert_eq!(
        (read.cases, read.failed, read.flaky, read.incomplete),
        (3, 1, 1, None),
        "{xml}"
    );
}

#[test]
fn what_is_in_quarantine_runs_and_reports_and_does_not_stand_in_the_way_until_its_day() {
    for (until, code) in [("2999-12-31", 0), ("2020-01-01", 1)] {
        let Some(repository) = Repository::with_pytest() else {
            return;
        };
        repository.write(
            "pilotage.yaml",
            &format!(
                "version: 1\ntests:\n  quarantine:\n  - test: test_fails.py::test_fails\n    owner: ann\n    reason: the clock\n    until: {until}\n"
            ),
        );
        repository.write(
            "test_fails.py",
            "def test_fails():\n    assert False\n\ndef test_passes():\n    pass\n",
        );
        let (found, report) = repository.run("");
        assert_eq!(found, code, "{until}: {report:#}");
        assert!(
            tests(&report)
                .iter()
                .any(|(_, name, state)| name == "test_fails" && state == "failed")
        );
        let shown = repository.command("flaky").output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains("ann") && shown.contains("the clock"), "{shown}");
        assert_eq!(shown.contains("(over)"), code == 1, "{shown}");
    }
}

#[test]
fn too_many_failures_are_no_flakiness() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { retries: { most: 3, budget: 2 } }\n",
    );
    repository.write(
        "test_fails.py",
        "import pytest\n\n@pytest.mark.parametrize('n', range(3))\ndef test_fails(n):\n    assert False\n",
    );
    let (code, report) = repository.run("");
    assert_eq!(code, 1);
    assert!(
        report["notes"]
            .to_string()
            .contains("3 tests failed, more than the 2"),
        "{report:#}"
    );
    let found = report["verdict"]["suites"][0]["files"]["test_fails.py"]["tests"]
        .as_array()
        .unwrap();
    assert!(
        found
            .iter()
            .all(|test| test["attempts"].as_array().unwrap().len() == 1)
    );
}
