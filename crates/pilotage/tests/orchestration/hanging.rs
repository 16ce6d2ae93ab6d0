//! A test that hangs is named, whatever its runner; the others are heard of, and nothing is left running.
//!
//! What hangs starts a process and notes its id, so that its end can be waited for.

use std::fs;

use crate::{
    processes::{is_gone, wait_for},
    repository::{Repository, go, problems, rspec, tests},
};

/// What a suite is to look like, and who is to be named.
struct Hanging<'a> {
    suite: &'a str,
    files: &'a [(&'a str, &'a str)],
    /// Words of what is told of it, in one text.
    named: &'a [&'a str],
    /// Tests that pass all the same.
    passing: &'a [&'a str],
}

#[track_caller]
fn assert_named(repository: &Repository, hanging: &Hanging<'_>) {
    let suite = hanging.suite;
    let config = format!(
        "version: 1\ntests: {{ workers: 1, suites: {{ {suite}: {{ testTimeoutSeconds: 2, timeoutSeconds: 30 }} }} }}\n"
    );
    repository.write("pilotage.yaml", &config);
    for (name, text) in hanging.files {
        repository.write(name, text);
    }
    let (code, report) = repository.run("");
    assert_eq!(code, 1, "{report:#}");
    let failures = report.to_string();
    let is_named = |told: &String| hanging.named.iter().all(|word| told.contains(word));
    let all: Vec<String> = problems(&report).into_iter().chain([failures]).collect();
    assert!(all.iter().any(is_named), "{:?}: {all:#?}", hanging.named);
    let found = tests(&report);
    for name in hanging.passing {
        let passed = found
            .iter()
            .any(|(_, test, state)| test == name && state == "passed");
        assert!(passed, "{name}: {found:#?}");
    }
    let pids = fs::read_to_string(repository.path().join("pids")).unwrap();
    for pid in pids.lines().map(|pid| pid.parse().unwrap()) {
        wait_for("the end of what it started", || is_gone(pid).then_some(()));
    }
}

fn hanging<'a>(
    suite: &'a str,
    files: &'a [(&'a str, &'a str)],
    named: &'a [&'a str],
    passing: &'a [&'a str],
) -> Hanging<'a> {
    Hanging {
        suite,
        files,
        named,
        passing,
    }
}

/// Starts a process, in JavaScript.
const STARTS: &str = "const { spawn } = require('node:child_process');\nrequire('node:fs').appendFileSync('pids', spawn('sleep', ['600']).pid + '\\n');\n";

#[test]
fn vitest_ends_a_test_and_is_ended_where_it_cannot() {
    let Some(repository) = Repository::with_js() else {
        return;
    };
    let starts = STARTS
        .replace(
            "const { spawn } = require('node:child_process')",
            "import { spawn } from 'node:child_process'; import fs from 'node:fs'",
        )
        .replace("require('node:fs')", "fs");
    let waits = format!(
        "import {{ it }} from 'vitest';\n{starts}it('waits', () => new Promise(() => {{}}));\nit('next', () => {{}});\n"
    );
    let spins = format!("import {{ it }} from 'vitest';\n{starts}it('spins', () => {{ for (;;); }});\n");
    let package = "{\"type\": \"module\", \"devDependencies\": {\"vitest\": \"*\"}}";
    let good = "import { it } from 'vitest';\nit('good', () => {});\n";
    let files = [
        ("package.json", package),
        ("good.test.js", good),
        ("bad.test.js", waits.as_str()),
    ];
    assert_named(
        &repository,
        &hanging("vitest", &files, &["timed out in 2000ms"], &["good", "next"]),
    );
    let files = [files[0], files[1], ("bad.test.js", spins.as_str())];
    assert_named(
        &repository,
        &hanging(
            "vitest",
            &files,
            &["bad.test.js", "was ended after", "without getting through"],
            &["good"],
        ),
    );
}

#[test]
fn jest_ends_a_test_and_is_ended_where_it_cannot() {
    let Some(repository) = Repository::with_js() else {
        return;
    };
    let waits = format!("{STARTS}it('waits', () => new Promise(() => {{}}));\nit('next', () => {{}});\n");
    let spins = format!("{STARTS}it('spins', () => {{ for (;;); }});\n");
    let files = [
        ("package.json", "{\"devDependencies\": {\"jest\": \"*\"}}"),
        ("good.test.js", "it('good', () => {});\n"),
        ("bad.test.js", waits.as_str()),
    ];
    assert_named(
        &repository,
        &hanging(
            "jest",
            &files,
            &["Exceeded timeout of 2000 ms"],
            &["good", "next"],
        ),
    );
    let files = [files[0], files[1], ("bad.test.js", spins.as_str())];
    assert_named(
        &repository,
        &hanging(
            "jest",
            &files,
            &["bad.test.js", "was ended after", "without getting through"],
            &["good"],
        ),
    );
}

#[test]
fn rspec_ends_an_example_and_is_ended_where_it_cannot() {
    if rspec().is_none() {
        return;
    }
    let repository = Repository::new();
    let starts = "File.write('pids', \"#{spawn('sleep 600')}\\n\", mode: 'a')\n";
    let waits =
        format!("{starts}RSpec.describe('bad') do\n  it('waits') {{ sleep }}\n  it('next') {{ }}\nend\n");
    let deaf = format!(
        "{starts}RSpec.describe('bad') {{ it('is deaf') {{ Thread.handle_interrupt(Exception => :never) {{ loop {{ }} }} }} }}\n"
    );
    let files = [
        (
            "spec/good_spec.rb",
            "RSpec.describe('good') { it('holds') { } }\n",
        ),
        ("spec/bad_spec.rb", waits.as_str()),
    ];
    assert_named(
        &repository,
        &hanging(
            "rspec",
            &files,
            &["the test took longer than 2 s"],
            &["good holds", "bad next"],
        ),
    );
    let files = [files[0], ("spec/bad_spec.rb", deaf.as_str())];
    assert_named(
        &repository,
        &hanging(
            "rspec",
            &files,
            &[
                "spec/bad_spec.rb",
                "without getting through",
                "spec/bad_spec.rb[1:1]",
            ],
            &["good holds"],
        ),
    );
}

#[test]
fn a_program_of_cargo_that_hangs_is_ended_and_the_test_is_named() {
    let repository = Repository::new();
    let bad = "use std::io::Write;\n#[test]\nfn a_first() {}\n#[test]\nfn hangs() {\n    let child = std::process::Command::new(\"sleep\").arg(\"600\").spawn().unwrap();\n    \
        let mut pids = std::fs::OpenOptions::new().create(true).append(true).open(\"pids\").unwrap();\n    writeln!(pids, \"{}\", child.id()).unwrap();\n    \
        loop { std::thread::park(); }\n}\n";
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        ),
        ("src/lib.rs", ""),
        ("tests/bad.rs", bad),
        ("tests/good.rs", "#[test]\nfn holds() {}\n"),
    ];
    let named = &["sample::bad", "without getting through", "hangs"];
    let passing = &["a_first", "holds"];
    assert_named(&repository, &hanging("cargo", &files, named, passing));
}

#[test]
fn a_package_of_go_that_hangs_is_ended_and_the_test_is_named() {
    let Some(program) = go() else { return };
    let mut repository = Repository::new();
    let path = std::env::var("PATH").unwrap();
    repository.set(
        "PATH",
        format!("{}:{path}", program.parent().unwrap().display()).into(),
    );
    let bad = "package bad\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"os/exec\"\n\t\"testing\"\n)\n\nfunc TestFirst(t *testing.T) {}\n\nfunc TestHangs(t *testing.T) {\n\t\
        child := exec.Command(\"sleep\", \"600\")\n\tchild.Start()\n\tf, _ := os.OpenFile(\"../pids\", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)\n\t\
        fmt.Fprintln(f, child.Process.Pid)\n\tchild.Wait()\n}\n";
    let good = "package good\n\nimport \"testing\"\n\nfunc TestHolds(t *testing.T) {}\n";
    let files = [
        ("go.mod", "module example.com/m\n\ngo 1.19\n"),
        ("bad/bad_test.go", bad),
        ("good/good_test.go", good),
    ];
    let named = &["bad", "without getting through", "TestHangs"];
    let passing = &["TestFirst", "TestHolds"];
    assert_named(&repository, &hanging("go", &files, named, passing));
}
