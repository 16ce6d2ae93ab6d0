//! Every runner in one repository: found, run side by side, and told in one verdict.

use crate::repository::{Repository, go, js_runners, problems, pytest, rspec, tests};

/// A small suite of a runner: its files, and what its tests are and how they end.
struct Sample {
    files: &'static [(&'static str, &'static str)],
    tests: &'static [(&'static str, &'static str)],
}

const PYTEST: Sample = Sample {
    files: &[(
        "py/test_a.py",
        "import pytest\n\ndef test_passes():\n    pass\n\ndef test_fails():\n    assert 1 == 2\n\n@pytest.mark.skip(reason='later')\n\
         def test_skipped():\n    pass\n\n@pytest.mark.xfail\ndef test_expected():\n    assert False\n\n\
         @pytest.mark.parametrize('n', [1, 'é/[x]'])\ndef test_each(n):\n    pass\n",
    )],
    tests: &[
        ("test_each[1]", "passed"),
        ("test_expected", "skipped"),
        ("test_fails", "failed"),
        ("test_passes", "passed"),
        ("test_skipped", "skipped"),
    ],
};

const RSPEC: Sample = Sample {
    files: &[
        (
            "rb/spec/shared.rb",
            "RSpec.shared_examples('a thing') { it('is shared') { } }\n",
        ),
        (
            "rb/spec/a_spec.rb",
            "require_relative 'shared'\nRSpec.describe 'a' do\n  include_examples 'a thing'\n  it('passes') { }\n  it('fails') { expect(1).to eq 2 }\n  \
             it('is pending')\n  it('same') { }\n  it('same') { }\nend\n",
        ),
        (
            "rb/spec/b_spec.rb",
            "require_relative 'shared'\nRSpec.describe('b') { include_examples 'a thing' }\n",
        ),
    ],
    tests: &[
        ("a fails", "failed"),
        ("a is pending", "skipped"),
        ("a is shared", "passed"),
        ("a passes", "passed"),
        ("a same", "passed"),
        ("a same", "passed"),
        ("b is shared", "passed"),
    ],
};

const VITEST: Sample = Sample {
    files: &[
        (
            "vi/package.json",
            "{\"type\": \"module\", \"devDependencies\": {\"vitest\": \"4\"}}",
        ),
        (
            "vi/a.test.js",
            "import { describe, expect, it } from 'vitest';\nlet times = 0;\ndescribe('a', () => {\n  it('passes', () => {});\n  \
             it('fails', () => expect(1).toBe(2));\n  it.skip('is skipped', () => {});\n  it.todo('is to be');\n  \
             it('is flaky', { retry: 2 }, () => expect(times++).toBe(1));\n});\n",
        ),
    ],
    tests: &[
        ("a > fails", "failed"),
        ("a > is flaky", "flaky"),
        ("a > is skipped", "skipped"),
        ("a > is to be", "skipped"),
        ("a > passes", "passed"),
    ],
};

const JEST: Sample = Sample {
    files: &[
        ("je/package.json", "{\"devDependencies\": {\"jest\": \"30\"}}"),
        (
            "je/a.test.js",
            "let times = 0;\njest.retryTimes(2);\ndescribe('a', () => {\n  it('passes', () => {});\n  it('fails', () => expect(1).toBe(2));\n  \
             it.skip('is skipped', () => {});\n  it.todo('is to be');\n  it('is flaky', () => expect(times++).toBe(1));\n});\n",
        ),
    ],
    tests: &[
        ("a > fails", "failed"),
        ("a > is flaky", "flaky"),
        ("a > is skipped", "skipped"),
        ("a > is to be", "skipped"),
        ("a > passes", "passed"),
    ],
};

const CARGO: Sample = Sample {
    files: &[
        (
            "rs/Cargo.toml",
            "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        ),
        (
            "rs/src/lib.rs",
            "//! ```\n//! assert!(sample::yes());\n//! ```\npub fn yes() -> bool { true }\n\n#[test]\nfn passes() {}\n\n#[test]\n\
             fn fails() { assert!(!yes()); }\n\n#[test]\n#[ignore]\nfn is_ignored() {}\n",
        ),
        (
            "rs/tests/whole.rs",
            "#[test]\nfn holds() { assert!(sample::yes()); }\n",
        ),
    ],
    tests: &[
        ("fails", "failed"),
        ("holds", "passed"),
        ("is_ignored", "skipped"),
        ("passes", "passed"),
        ("src/lib.rs - (line 1)", "passed"),
    ],
};

const GO: Sample = Sample {
    files: &[
        ("go/go.mod", "module example.com/sample\n\ngo 1.19\n"),
        ("go/plain/plain.go", "package plain\n"),
        (
            "go/a/a_test.go",
            "package a\n\nimport \"testing\"\n\nfunc TestPasses(t *testing.T) { t.Run(\"sub\", func(t *testing.T) {}) }\n\n\
             func TestFails(t *testing.T) { t.Fatal(\"no\") }\n\nfunc TestSkipped(t *testing.T) { t.Skip() }\n",
        ),
    ],
    tests: &[
        ("TestFails", "failed"),
        ("TestPasses", "passed"),
        ("TestPasses/sub", "passed"),
        ("TestSkipped", "skipped"),
    ],
};

#[track_caller]
fn assert_sample(repository: &Repository, sample: &Sample, suite: &str) {
    for (name, text) in sample.files {
        repository.write(name, text);
    }
    let (code, report) = repository.run("--workers 2");
    assert_eq!(code, 1, "{report:#}");
    assert!(problems(&report).is_empty(), "{:#?}", problems(&report));
    let found = tests(&report);
    for (name, state) in sample.tests {
        let expected = (suite.to_owned(), (*name).to_owned(), (*state).to_owned());
        assert!(found.contains(&expected), "{expected:?} is not in {found:#?}");
    }
    assert!(
        found.iter().filter(|(_, _, state)| state == "failed").count() == 1,
        "{found:#?}"
    );
}

#[test]
fn pytest_is_found_run_and_told_as_it_is() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    assert_sample(&repository, &PYTEST, "pytest:py");
}

#[test]
fn rspec_is_found_run_and_told_as_it_is() {
    if rspec().is_none() {
        return;
    }
    let repository = Repository::new();
    assert_sample(&repository, &RSPEC, "rspec:rb");
    let (_, report) = repository.run("");
    assert_eq!(
        tests(&report).len(),
        RSPEC.tests.len(),
        "an example of a shared group belongs to the file that uses it"
    );
}

#[test]
fn vitest_is_found_run_and_told_as_it_is() {
    let Some(repository) = Repository::with_js() else {
        return;
    };
    assert_sample(&repository, &VITEST, "vitest:vi");
}

#[test]
fn jest_is_found_run_and_told_as_it_is() {
    let Some(repository) = Repository::with_js() else {
        return;
    };
    assert_sample(&repository, &JEST, "jest:je");
}

#[test]
fn cargo_is_found_run_and_told_as_it_is() {
    assert_sample(&Repository::new(), &CARGO, "cargo:rs");
}

#[test]
fn cargo_is_run_by_nextest_where_a_workspace_is_set_up_for_it() {
    let mut version = std::process::Command::new("cargo");
    version.args(["nextest", "--version"]);
    if !version.output().is_ok_and(|output| output.status.success()) {
        // Building it takes longer than everything else, so the full suite does without it.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: cargo-nextest is not installed; see https://nexte.st\n",
        );
        return;
    }
    let repository = Repository::new();
    repository.write("rs/.config/nextest.toml", "[profile.default]\nretries = 3\n");
    repository.write(
        "rs/tests/alone.rs",
        "#[test]\nfn by_nextest() { assert!(std::env::var_os(\"NEXTEST\").is_some()); }\n",
    );
    // It would be a second failure if it ran by itself.
    assert_sample(&repository, &CARGO, "cargo:rs");
}

#[test]
fn go_is_found_run_and_told_as_it_is() {
    if go().is_none() {
        return;
    }
    assert_sample(&Repository::new(), &GO, "go:go");
}

#[test]
fn all_of_them_run_side_by_side_under_one_verdict() {
    if [pytest(), js_runners(), rspec(), go()]
        .iter()
        .any(Option::is_none)
    {
        return;
    }
    let mut repository = Repository::with_js().unwrap();
    repository.set("PYTHONPATH", pytest().unwrap());
    let samples = [PYTEST, RSPEC, VITEST, JEST, CARGO, GO];
    for (name, text) in samples.iter().flat_map(|sample| sample.files) {
        repository.write(name, text);
    }
    let listed = repository.command("list --format json").output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let names: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|suite| suite["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "cargo:rs",
            "go:go",
            "jest:je",
            "pytest:py",
            "rspec:rb",
            "vitest:vi"
        ]
    );
    let (code, report) = repository.run("--workers 3");
    assert_eq!(code, 1);
    assert!(problems(&report).is_empty(), "{:#?}", problems(&report));
    assert_eq!(report["verdict"]["totals"]["failed"], 6);
    let again = repository
        .command("run --dry-run --format json --workers 2")
        .output()
        .unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert!(
        plan["makespanSeconds"].as_f64() >= plan["lowerBoundSeconds"].as_f64(),
        "{plan:#}"
    );
}
