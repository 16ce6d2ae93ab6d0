//! An unchanged gate costs nothing, and says so.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::Repository;

/// How a value came to be: `now`, `report` or `cached`.
#[track_caller]
fn how(repository: &Repository, arguments: &str, metric: &str) -> String {
    let (_, report) = repository.judge(arguments);
    let criterion = crate::criterion(&report, metric).unwrap_or_else(|| panic!("no {metric}: {report:#}"));
    let how = criterion
        .pointer("/evidence/measuredAt/how")
        .and_then(Value::as_str);
    how.unwrap_or_else(|| panic!("{criterion:#}")).to_owned()
}

fn times_run(repository: &Repository) -> usize {
    let noted = fs::read_to_string(repository.path().join("target/runs"));
    noted.map_or(0, |text| text.lines().count())
}

fn committed(repository: &Repository) {
    repository.write(".gitignore", "/target\n/.pilotage\nnode_modules\ngenerated\n");
    repository.write("target/.keep", "");
    repository.git("init -q");
    repository.commit();
}

#[test]
fn a_command_is_run_again_when_one_of_its_inputs_changed() {
    let repository = Repository::configured(
        "evidence:\n  size:\n    kind: command\n    command: [sh, size.sh]\n    inputs: [size.sh, \"data/*.txt\"]\n    \
         metrics: { image_size: { unit: count, from: output } }\n\
         gates:\n- id: size\n  criteria: [{ metric: image_size, operator: lte, threshold: 9 }]\n",
    );
    repository.write("size.sh", "echo x >> target/runs; cat data/*.txt | wc -c\n");
    repository.write("data/a.txt", "12345");
    committed(&repository);
    let asked = "--gate size";
    assert_eq!(
        (
            how(&repository, asked, "image_size").as_str(),
            times_run(&repository)
        ),
        ("now", 1)
    );
    assert_eq!(
        (
            how(&repository, asked, "image_size").as_str(),
            times_run(&repository)
        ),
        ("cached", 1)
    );
    let text = repository.command("run --gate size").output().unwrap();
    assert!(
        String::from_utf8_lossy(&text.stdout).contains(", cached since "),
        "{text:?}"
    );
    repository.write("elsewhere.txt", "what is no input does not count");
    assert_eq!(how(&repository, asked, "image_size"), "cached");
    repository.write("data/b.txt", "1");
    assert_eq!(
        (
            how(&repository, asked, "image_size").as_str(),
            times_run(&repository)
        ),
        ("now", 2)
    );
    fs::remove_file(repository.path().join("data/b.txt")).unwrap();
    assert_eq!(
        how(&repository, asked, "image_size"),
        "cached",
        "as it was before"
    );
    assert_eq!(
        (
            how(&repository, "--fresh --gate size", "image_size").as_str(),
            times_run(&repository)
        ),
        ("now", 3)
    );
}

#[test]
fn a_command_without_inputs_is_run_each_time() {
    let repository = Repository::configured(
        "evidence:\n  size:\n    kind: command\n    command: [echo, '1']\n    metrics: { image_size: { unit: count, from: output } }\n\
         gates:\n- id: size\n  criteria: [{ metric: image_size, operator: lte, threshold: 9 }]\n",
    );
    committed(&repository);
    for _ in 0..2 {
        assert_eq!(how(&repository, "--gate size", "image_size"), "now");
    }
}

#[test]
fn the_search_for_secrets_is_taken_again_over_the_same_files() {
    let repository = Repository::new();
    repository.write("a.txt", "nothing\n");
    committed(&repository);
    let asked = "--env staging --gate security-validation";
    assert_eq!(how(&repository, asked, "secrets_exposed"), "now");
    assert_eq!(how(&repository, asked, "secrets_exposed"), "cached");
    repository.write("new.txt", "nothing either\n");
    assert_eq!(how(&repository, asked, "secrets_exposed"), "now");
}

/// A tool that says its version, or notes that it ran and says what it was told to say.
fn tool(repository: &Repository, name: &str, version: &str, says: &str) {
    let path = format!("node_modules/.bin/{name}");
    repository.write(
        &path,
        &format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo {version}; exit; fi\necho x >> target/runs\necho '{says}'\n"
        ),
    );
    let file = repository.path().join(path);
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn tools_of_a_language_run_again_when_files_tools_or_packages_changed() {
    let repository = Repository::new();
    repository.write("tsconfig.json", "{}");
    repository.write("a.ts", "export {}\n");
    repository.write("node_modules/.package-lock.json", "{}");
    committed(&repository);
    let eslint = r#"[{"filePath":"/a.ts","messages":[]}]"#;
    tool(&repository, "tsc", "5.0", "/a.ts");
    tool(&repository, "eslint", "9.0", eslint);
    let asked = "--env staging --gate build-validation";
    let mut runs = 0;
    let mut expect = |what: &str, again: bool| {
        let expected = if again { "now" } else { "cached" };
        runs += if again { 2 } else { 0 };
        assert_eq!(how(&repository, asked, "lint_errors"), expected, "{what}");
        assert_eq!(times_run(&repository), runs, "{what}");
    };
    expect("first", true);
    expect("again", false);
    repository.write("a.ts", "export const a = 1\n");
    expect("a file", true);
    expect("again", false);
    repository.write("generated/b.ts", "export {}\n");
    expect("a file that git ignores and the compiler does not", true);
    repository.write("node_modules/.package-lock.json", r#"{"packages":{}}"#);
    expect("a package", true);
    tool(&repository, "eslint", "9.1", eslint);
    expect("a tool", true);
    expect("again", false);
    fs::remove_file(repository.path().join("node_modules/.package-lock.json")).unwrap();
    expect("nobody knows what is installed", true);
    expect("nobody knows what is installed", true);
}
