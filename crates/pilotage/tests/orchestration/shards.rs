//! Several machines, one verdict; and what a change asks for.

use std::{collections::BTreeSet, fs, process::Command};

use crate::repository::{Repository, go, problems, tests};

fn repository() -> Option<Repository> {
    let repository = Repository::with_pytest()?;
    for number in 0..7 {
        repository.write(
            &format!("test_{number}.py"),
            &format!("def test_{number}():\n    pass\n\ndef test_and_{number}():\n    pass\n"),
        );
    }
    Some(repository)
}

#[test]
fn every_shard_has_its_own_part_and_together_they_are_the_whole() {
    let Some(repository) = repository() else { return };
    let (_, whole) = repository.run("--no-keep");
    let mut all = Vec::new();
    for shard in 1..=3 {
        let arguments =
            format!("run --no-keep --shards 3 --shard {shard} --format json --output shard-{shard}.json");
        let output = repository.command(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let report = fs::read(repository.path().join(format!("shard-{shard}.json"))).unwrap();
        all.extend(tests(&serde_json::from_slice(&report).unwrap()));
    }
    all.sort();
    assert_eq!(
        all.iter().collect::<BTreeSet<_>>().len(),
        all.len(),
        "no test twice"
    );
    assert_eq!(all, tests(&whole));
    let merged = repository
        .command("merge shard-1.json shard-2.json shard-3.json --format json")
        .output()
        .unwrap();
    assert_eq!(merged.status.code(), Some(0), "{merged:?}");
    let merged: serde_json::Value = serde_json::from_slice(&merged.stdout).unwrap();
    assert_eq!(tests(&merged), tests(&whole));
    let lacking = repository
        .command("merge shard-1.json shard-3.json --format json")
        .output()
        .unwrap();
    assert_eq!(lacking.status.code(), Some(1));
    let lacking: serde_json::Value = serde_json::from_slice(&lacking.stdout).unwrap();
    assert!(
        problems(&lacking)
            .iter()
            .any(|problem| problem.contains("no report of shard 2 of 3")),
        "{lacking:#}"
    );
}

#[test]
fn a_report_of_a_shard_that_is_cut_off_cannot_be_merged() {
    let Some(repository) = repository() else { return };
    repository.write("shard-1.json", "{\"shard\": 1, \"shards\": 1, \"pl");
    let output = repository.command("merge shard-1.json").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("no whole report"),
        "{output:?}"
    );
}

/// Everything that is there becomes the branch `main`.
fn commit(repository: &Repository) {
    repository.write(
        ".gitignore",
        ".pilotage\n__pycache__\n.pytest_cache\nnode_modules\n",
    );
    for arguments in ["init -q -b main", "add .", "commit -qm one"] {
        let mut command = Command::new("git");
        command
            .current_dir(repository.path())
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        let done = command.args(arguments.split(' ')).output().unwrap();
        assert!(done.status.success(), "{arguments}: {done:?}");
    }
}

/// The files that `--affected main` runs after this file is changed, which is then put back.
fn asked_for(repository: &Repository, file: &str) -> Vec<String> {
    let path = repository.path().join(file);
    let before = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{before}\n\n")).unwrap();
    let (_, report) = repository.run("--affected main");
    fs::write(&path, before).unwrap();
    let suites = report["verdict"]["suites"].as_array().unwrap().iter();
    let mut files: Vec<_> = suites
        .flat_map(|suite| suite["files"].as_object().unwrap().keys())
        .cloned()
        .collect();
    files.sort();
    files
}

#[test]
fn what_imports_a_change_is_found_where_the_runner_can_tell() {
    for (name, test, import) in [
        ("vitest", "import { it } from 'vitest';\n", "import"),
        ("jest", "", "require"),
    ] {
        let Some(repository) = Repository::with_js() else {
            return;
        };
        let imported = |from: &str| match import {
            "import" => format!("import '{from}';\n"),
            _ => format!("require('{from}');\n"),
        };
        let kind = if import == "import" { "module" } else { "commonjs" };
        let package = format!("{{\"type\": \"{kind}\", \"devDependencies\": {{\"{name}\": \"1\"}}}}");
        repository.write("package.json", &package);
        repository.write("src/base.js", "");
        repository.write("src/above.js", &imported("./base.js"));
        repository.write("src/other.js", "");
        repository.write("src/alone.js", "");
        for module in ["above", "other"] {
            let text = format!(
                "{test}{}it('{module}', () => {{}});\n",
                imported(&format!("../src/{module}.js"))
            );
            repository.write(&format!("test/{module}.test.js"), &text);
        }
        commit(&repository);
        let (above, other) = ("test/above.test.js", "test/other.test.js");
        assert_eq!(asked_for(&repository, "src/base.js"), [above], "{name}");
        assert_eq!(asked_for(&repository, "src/other.js"), [other], "{name}");
        assert_eq!(
            asked_for(&repository, "package.json").len(),
            2,
            "{name}: no module"
        );
        if name == "jest" {
            assert_eq!(
                asked_for(&repository, "src/alone.js").len(),
                2,
                "its configuration may name it"
            );
        }
    }
}

#[test]
fn packages_of_go_are_reached_through_imports() {
    if go().is_none() {
        return;
    }
    let repository = Repository::new();
    repository.write("go.mod", "module example.com/m\n\ngo 1.19\n");
    repository.write("base/base.go", "package base\n\nfunc One() int { return 1 }\n");
    repository.write(
        "above/above_test.go",
        "package above\n\nimport (\n\t\"testing\"\n\n\t\"example.com/m/base\"\n)\n\nfunc TestOne(t *testing.T) { base.One() }\n",
    );
    repository.write("above/testdata/a.json", "1");
    repository.write(
        "other/other_test.go",
        "package other\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {}\n",
    );
    commit(&repository);
    let (above, other) = ("example.com/m/above", "example.com/m/other");
    assert_eq!(asked_for(&repository, "base/base.go"), [above]);
    assert_eq!(asked_for(&repository, "above/testdata/a.json"), [above]);
    assert_eq!(asked_for(&repository, "other/other_test.go"), [other]);
    assert_eq!(asked_for(&repository, "go.mod").len(), 2);
}

#[test]
fn what_a_change_asks_for_is_chosen_by_the_stated_rule() {
    let Some(repository) = repository() else { return };
    commit(&repository);
    let nothing = repository.command("run --affected main").output().unwrap();
    assert_eq!(nothing.status.code(), Some(0));
    assert!(
        String::from_utf8_lossy(&nothing.stdout).contains("asks for a test"),
        "{nothing:?}"
    );
    repository.write("test_3.py", "def test_3():\n    assert True\n");
    let (code, report) = repository.run("--affected main");
    assert_eq!((code, tests(&report).len()), (0, 1), "{report:#}");
    repository.write("source.py", "x = 1\n");
    let (code, report) = repository.run("--affected main");
    assert_eq!(
        (code, tests(&report).len()),
        (0, 13),
        "a change of anything else asks for the suite"
    );
    let unknown = repository
        .command("run --affected no-such-commit")
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}
