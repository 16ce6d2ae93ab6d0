//! Long files are run in parts where that pays, and every test of them is heard of all the same.

use std::fs;

use serde_json::Value;

use crate::repository::{Repository, problems, tests};

/// Tests whose names mean something to regular expressions, one within another, and tests that do not run.
const VITEST: &str = "import { describe, expect, it } from 'vitest';\ndescribe('a (b) [c]', () => {\n  \
    it.each([1, 2, 3, 4])('is $value^%i.*', (n) => expect(n).toBeLessThan(9));\n  it('is', () => {});\n  it('is a', () => {});\n  \
    it.skip('is skipped', () => {});\n  it.todo('is to be');\n  it('fails|', () => expect(1).toBe(2));\n});\n";
const JEST: &str = "describe('a (b) [c]', () => {\n  it.each([1, 2, 3, 4])('is $value^%i.*', (n) => expect(n).toBeLessThan(9));\n  \
    it('is', () => {});\n  it('is a', () => {});\n  it.skip('is skipped', () => {});\n  it.todo('is to be');\n  \
    it('fails|', () => expect(1).toBe(2));\n});\n";

/// Lets everybody believe that the file takes 80 s, nearly all of it in its tests.
fn make_long(repository: &Repository, file: &str) {
    let path = repository.path().join(".pilotage/test-history.json");
    let mut history: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let classes = history["classes"].as_object_mut().unwrap();
    for suite in classes
        .values_mut()
        .flat_map(|suites| suites.as_object_mut().unwrap().values_mut())
    {
        suite["start"] = serde_json::json!({ "average": 0.5, "runs": [0.5] });
        let known = &mut suite["files"][file];
        known["spent"] = serde_json::json!({ "average": 81.0, "runs": [81.0] });
        let tests = known["tests"].as_object_mut().unwrap();
        let each = 80.0 / f64::from(u32::try_from(tests.len()).unwrap());
        for test in tests.values_mut() {
            test["seconds"] = each.into();
        }
    }
    fs::write(path, history.to_string()).unwrap();
}

/// How many parts of a file a plan has.
fn parts(repository: &Repository, file: &str) -> usize {
    let output = repository
        .command("run --workers 2 --dry-run --format json")
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lanes = plan["lanes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|lane| lane.as_array().unwrap());
    let batches = lanes.chain(plan["tail"].as_array().unwrap());
    let items = batches.flat_map(|batch| batch["items"].as_array().unwrap());
    items
        .filter(|item| item["file"] == file && !item["part"].is_null())
        .count()
}

#[track_caller]
fn assert_same_in_parts(package: &str, file: &str, text: &str) {
    let Some(repository) = Repository::with_js() else {
        return;
    };
    repository.write("package.json", package);
    repository.write(file, text);
    let (code, whole) = repository.run("--workers 2");
    assert_eq!((code, problems(&whole)), (1, Vec::new()), "{whole:#}");
    assert_eq!(parts(&repository, file), 0, "it is short");
    make_long(&repository, file);
    assert!(parts(&repository, file) > 1, "it is long");
    let (code, parted) = repository.run("--workers 2");
    assert_eq!((code, problems(&parted)), (1, Vec::new()), "{parted:#}");
    let found = tests(&parted);
    assert_eq!(found, tests(&whole), "as at once");
    assert_eq!(found.len(), 9, "{found:#?}");
}

#[test]
fn a_long_file_of_vitest_is_the_same_in_parts() {
    let package = "{\"type\": \"module\", \"devDependencies\": {\"vitest\": \"*\"}}";
    assert_same_in_parts(package, "a.test.js", VITEST);
}

#[test]
fn a_long_file_of_jest_is_the_same_in_parts() {
    assert_same_in_parts("{\"devDependencies\": {\"jest\": \"*\"}}", "a.test.js", JEST);
}
