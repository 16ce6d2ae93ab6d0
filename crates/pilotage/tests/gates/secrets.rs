//! Secrets in the tree, in the history, and what lets them through. They are put together here, so that none stands in this file.

use std::process::{Command, Output};

use serde_json::Value;

use crate::{Repository, criterion};

/// A value that looks drawn.
fn value() -> String {
    ["mucsh", "xrkcq", "7zt4"].concat()
}

/// A line with it, as a configuration file has it.
pub(crate) fn line() -> String {
    format!("password: {}\n", value())
}

impl Repository {
    /// What git prints; it must go through.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &str) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.com",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(["-c", "commit.gpgSign=false", "-c", "advice.detachedHead=false"])
            .args(arguments.split_whitespace())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn commit(&self) {
        self.git("add -A");
        self.git("commit -q -m change");
    }

    #[track_caller]
    fn secrets(&self, arguments: &str) -> (i32, Value, Output) {
        let output = self
            .command(&format!("secrets --format json {arguments}"))
            .output()
            .unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code().unwrap(), report, output)
    }

    #[track_caller]
    fn places(&self, arguments: &str) -> Vec<String> {
        let (_, report, output) = self.secrets(arguments);
        let items = report["items"].as_array().unwrap_or_else(|| panic!("{output:?}"));
        let place = |item: &Value| format!("{}:{}", item["path"].as_str().unwrap(), item["line"]);
        items.iter().map(place).collect()
    }
}

#[test]
fn files_that_git_tracks_count_even_if_ignored_and_ignored_ones_do_not() {
    let repository = Repository::new();
    repository.git("init -q");
    repository.write("tracked.env", &line());
    repository.commit();
    repository.write(".gitignore", "*.env\n");
    repository.write("ignored.env", &line());
    repository.write("new.yml", &line());
    assert_eq!(repository.places(""), ["new.yml:1", "tracked.env:1"]);
    assert_eq!(repository.secrets("").0, 1);
}

#[test]
fn without_git_every_file_counts() {
    let repository = Repository::new();
    repository.write("a/b/c.yml", &format!("\n{}", line()));
    assert_eq!(repository.places(""), ["a/b/c.yml:2"]);
    assert_eq!(repository.places("a/b"), ["c.yml:2"]);
    let (code, _, _) = Repository::new().secrets("");
    assert_eq!(code, 3, "nothing was looked at");
}

#[test]
fn what_was_taken_out_again_is_still_in_the_history() {
    let repository = Repository::new();
    repository.git("init -q");
    repository.write("a.yml", "a: 1\n");
    repository.commit();
    repository.write("a.yml", &format!("a: 1\nb: 2\n{}", line()));
    repository.commit();
    repository.write("a.yml", "a: 1\n");
    repository.commit();
    assert_eq!(repository.places(""), [""; 0]);
    let (code, report, _) = repository.secrets("--since HEAD~2");
    assert_eq!(code, 1);
    assert_eq!(
        (&report["items"][0]["path"], &report["items"][0]["line"]),
        (&"a.yml".into(), &3.into())
    );
    assert!(
        report["items"][0]["commit"]
            .as_str()
            .is_some_and(|commit| commit.len() == 40)
    );
    assert_eq!(report["examined"]["history"]["commits"], 2);
    assert_eq!(repository.places("--since HEAD~1"), [""; 0]);
}

#[test]
fn what_a_merge_adds_by_itself_is_found() {
    let repository = Repository::new();
    repository.git("init -q");
    repository.write("a.yml", "a: 1\n");
    repository.commit();
    repository.git("checkout -q -b side");
    repository.write("b.yml", "b: 1\n");
    repository.commit();
    repository.git("checkout -q main");
    repository.write("c.yml", "c: 1\n");
    repository.commit();
    repository.git("tag base");
    repository.git("merge -q --no-ff --no-commit side");
    repository.write("a.yml", &format!("a: 1\n{}", line()));
    repository.commit();
    repository.write("a.yml", "a: 1\n");
    repository.commit();
    assert_eq!(repository.places("--since base"), ["a.yml:2"]);
}

#[test]
fn a_base_that_is_none_is_no_evidence() {
    let repository = Repository::configured("evidence: { s: { kind: secrets, since: nowhere } }\n");
    repository.git("init -q");
    repository.commit();
    let (state, reason) = repository.state("security-validation", "secrets_exposed");
    assert_eq!(state, "noEvidence");
    assert!(reason.contains("there is no commit `nowhere`"), "{reason}");
    for base in ["nowhere", "--output=x", "-x"] {
        let (code, _, output) = repository.secrets(&format!("--since={base}"));
        assert_eq!(code, 3, "{base}: {output:?}");
    }
    assert!(!repository.path().join("x").exists());
}

#[test]
fn a_permit_holds_for_what_it_names_until_its_day() {
    let permit = |what: &str| {
        let config = format!(
            "evidence: {{ s: {{ kind: secrets, ignore: [{{ {what}, reason: a test server }}] }} }}\n"
        );
        let repository = Repository::configured(&config);
        repository.write("test/a.yml", &line());
        repository.places("").len()
    };
    let found = {
        let repository = Repository::new();
        repository.write("a.yml", &line());
        repository.secrets("").1
    };
    let print = found["items"][0]["fingerprint"].as_str().unwrap().to_owned();
    let later = "expires: '2999-01-01'";
    for (what, left) in [
        (format!("path: test/**, {later}"), 0),
        (format!("path: other/**, {later}"), 1),
        (format!("fingerprint: '{print}', {later}"), 0),
        (format!("fingerprint: '0000000000000000', {later}"), 1),
        (format!("path: other/**, fingerprint: '{print}', {later}"), 1),
        ("path: test/**, expires: '2020-01-01'".to_owned(), 1),
    ] {
        assert_eq!(permit(&what), left, "{what}");
    }
}

#[test]
fn permits_that_say_nothing_are_refused() {
    for (permit, problem) in [
        (
            "reason: because, expires: '2030-01-01'",
            "a `path` or a `fingerprint` is needed",
        ),
        ("path: a, expires: '2030-01-01'", "reason"),
        ("path: a, reason: because", "expires"),
        ("path: a, reason: ' ', expires: '2030-01-01'", "say why"),
        ("path: a, reason: because, expires: soon", "a day, such as"),
        (
            "path: a, reason: because, expires: '2030-01-01', colour: red",
            "colour",
        ),
    ] {
        let config = format!("evidence: {{ s: {{ kind: secrets, ignore: [{{ {permit} }}] }} }}\n");
        let repository = Repository::configured(&config);
        let output = repository.command("secrets").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{permit}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(problem), "{permit}: {said}");
    }
}

#[test]
fn no_format_shows_the_secret() {
    let repository = Repository::new();
    repository.git("init -q");
    repository.write("a.yml", &line());
    repository.commit();
    let commands = [
        "secrets",
        "secrets --format json",
        "secrets --format sarif",
        "run --env staging --gate security-validation",
        "run --format json --gate security-validation",
    ];
    for command in commands {
        let output = repository.command(command).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(
            said.contains("a.yml:1:11") || said.contains("\"line\": 1"),
            "{command}: {said}"
        );
        assert!(!said.contains(&value()[..6]), "{command}: {said}");
    }
}

#[test]
fn a_gate_counts_what_is_there_and_says_how_much_was_looked_at() {
    let repository = Repository::new();
    repository.git("init -q");
    repository.write("a.yml", "a: 1\n");
    repository.commit();
    let (_, report) = repository.judge("--gate security-validation");
    let found = criterion(&report, "secrets_exposed").unwrap();
    assert_eq!(
        (&found["state"], &found["evidence"]["examined"]["count"]),
        (&"passed".into(), &1.into()),
        "{found:#}"
    );
    repository.write("b.yml", &line());
    assert_eq!(
        repository.state("security-validation", "secrets_exposed").0,
        "failed"
    );
}
