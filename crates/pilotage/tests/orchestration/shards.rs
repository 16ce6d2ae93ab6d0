//! Several machines, one verdict; and what a change asks for.

use std::{collections::BTreeSet, process::Command};

use crate::repository::{Repository, problems, tests};

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
        let report = std::fs::read(repository.path().join(format!("shard-{shard}.json"))).unwrap();
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

#[test]
fn what_a_change_asks_for_is_chosen_by_the_stated_rule() {
    let Some(repository) = repository() else { return };
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(repository.path())
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        assert!(
            command.args(arguments).output().unwrap().status.success(),
            "{arguments:?}"
        );
    };
    repository.write(".gitignore", ".pilotage\n__pycache__\n.pytest_cache\n");
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
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
