//! Ways in which a run looks green and is not. Each has to end red, with a message that names the cause.

use std::fs;

use crate::repository::{Repository, assert_red, problems, rspec, tests};

const PASSES: &str = "def test_passes():\n    assert True\n";

#[test]
fn a_file_that_does_not_load_is_named_and_the_others_are_heard() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("test_good.py", PASSES);
    repository.write(
        "test_broken.py",
        "import no_such_module_anywhere\n\ndef test_lost():\n    pass\n",
    );
    let found = repository.run("");
    assert_red(&found, &["test_broken.py", "no_such_module_anywhere"]);
    assert_eq!(tests(&found.1).len(), 1, "the other file has run");
}

#[test]
fn a_spec_that_does_not_load_takes_no_other_along() {
    if rspec().is_none() {
        return;
    }
    let repository = Repository::new();
    repository.write(
        "spec/good_spec.rb",
        "RSpec.describe('good') { it('holds') { expect(1).to eq(1) } }\n",
    );
    repository.write("spec/broken_spec.rb", "require 'no/such/file/anywhere'\n");
    let found = repository.run("--workers 1");
    assert_red(&found, &["spec/broken_spec.rb", "no/such/file/anywhere"]);
    assert_eq!(
        tests(&found.1).len(),
        1,
        "RSpec alone would have run nothing at all: {:#}",
        found.1
    );
}

#[test]
fn a_runner_that_is_killed_each_time_is_named_with_the_test() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("test_good.py", PASSES);
    repository.write(
        "test_kills.py",
        "import os\n\ndef test_kills():\n    os.kill(os.getpid(), 9)\n",
    );
    let found = repository.run("--workers 1");
    assert_red(
        &found,
        &[
            "test_kills.py",
            "killed by signal 9",
            "while it ran test_kills.py::test_kills",
            "2 times",
        ],
    );
    assert_eq!(tests(&found.1).len(), 1, "the other file has run: {:#}", found.1);
}

#[test]
fn a_runner_that_is_killed_once_runs_again_and_nothing_is_lost() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("test_a.py", PASSES);
    repository.write(
        "test_b.py",
        "import os, pathlib\n\ndef test_dies_once():\n    flag = pathlib.Path('died')\n    if not flag.exists():\n        \
         flag.write_text('')\n        os.kill(os.getpid(), 9)\n\ndef test_after():\n    pass\n",
    );
    repository.write("test_c.py", PASSES);
    let (code, report) = repository.run("--workers 1");
    assert_eq!(code, 0, "{:#?}", problems(&report));
    assert_eq!(tests(&report).len(), 4, "{report:#}");
    assert!(
        report["notes"].to_string().contains("killed by signal 9"),
        "{report:#}"
    );
}

#[test]
fn a_test_that_ends_the_runner_with_code_0_is_red() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write(
        "test_exits.py",
        "import os\n\ndef test_exits():\n    os._exit(0)\n\ndef test_lost():\n    assert False\n",
    );
    assert_red(
        &repository.run(""),
        &["test_exits.py", "ended with code 0", "while it ran", "breaks off"],
    );
}

#[test]
fn a_test_that_takes_too_long_is_ended_by_itself_where_the_runner_can() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { suites: { pytest: { testTimeoutSeconds: 1 } } }\n",
    );
    repository.write(
        "test_slow.py",
        "import threading\n\ndef test_slow():\n    threading.Event().wait()\n\ndef test_next():\n    pass\n",
    );
    let (code, report) = repository.run("");
    assert_eq!(code, 1, "{report:#}");
    let told = tests(&report);
    let state = |name: &str| &told.iter().find(|(_, test, _)| test == name).unwrap().2;
    assert_eq!(
        (state("test_slow").as_str(), state("test_next").as_str()),
        ("failed", "passed")
    );
    assert!(
        report.to_string().contains("the test took longer than 1 s"),
        "{report:#}"
    );
}

#[test]
fn a_test_that_the_runner_cannot_end_takes_the_runner_along_and_nothing_else() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { workers: 1, suites: { pytest: { testTimeoutSeconds: 1 } } }\n",
    );
    repository.write(
        "test_deaf.py",
        "import signal, time\n\ndef test_deaf():\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    time.sleep(600)\n",
    );
    repository.write("test_other.py", "def test_other():\n    pass\n");
    let found = repository.run("");
    assert_red(&found, &["test_deaf.py", "1 s", "test_deaf.py::test_deaf"]);
    let told = tests(&found.1);
    assert!(
        told.iter()
            .any(|(_, name, state)| name == "test_other" && state == "passed"),
        "{told:?}"
    );
}

#[test]
fn a_file_that_hangs_is_ended_and_named() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { suites: { pytest: { timeoutSeconds: 8 } } }\n",
    );
    repository.write("test_a.py", PASSES);
    repository.write(
        "test_hangs.py",
        "import threading\n\ndef test_hangs():\n    threading.Event().wait()\n",
    );
    let found = repository.run("--workers 1");
    assert_red(
        &found,
        &[
            "test_hangs.py",
            "without getting through",
            "test_hangs.py::test_hangs",
        ],
    );
    assert_eq!(tests(&found.1).len(), 1);
}

#[test]
fn no_test_at_all_is_red() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("test_empty.py", "x = 1\n");
    assert_red(&repository.run(""), &["1 files were planned and no test ran"]);
    repository.write(
        "test_empty.py",
        "import pytest\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n",
    );
    assert_red(&repository.run(""), &["no test ran at all"]);
}

#[test]
fn a_listed_suite_without_files_is_red() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { suites: { moved: { runner: pytest, folder: old } } }\n",
    );
    repository.write("old/readme.txt", "the tests went elsewhere\n");
    repository.write("test_good.py", PASSES);
    assert_red(
        &repository.run(""),
        &["it is listed, and there is no test file in it"],
    );
}

#[test]
fn a_code_that_no_test_explains_is_red() {
    let Some(repository) = Repository::with_pytest() else {
        return;
    };
    repository.write("test_good.py", PASSES);
    repository.write(
        "conftest.py",
        "def pytest_unconfigure(config):\n    import os\n    os._exit(3)\n",
    );
    assert_red(
        &repository.run(""),
        &["ended with code 3", "though no test that it ran failed"],
    );
}

/// A runner that lists as pytest does, and for a run does what is said here.
fn faked(does: &str) -> Option<Repository> {
    let repository = Repository::with_pytest()?;
    repository.write("test_good.py", PASSES);
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { suites: { pytest: { command: [./fake.sh] } } }\n",
    );
    let script = format!(
        "#!/bin/sh\nif [ \"$PILOTAGE_TEST_MODE\" != run ]; then exec python3 -m pytest \"$@\"; fi\n{does}\n"
    );
    repository.program("fake.sh", &script);
    Some(repository)
}

#[test]
fn a_report_that_is_cut_off_is_red() {
    let does = "printf '{\"event\":\"begin\",\"run\":\"%s\"}\\n{\"event\":\"file\",\"file\":\"test_good.py\",\"tests\":1}\\n{\"eve' \
                \"$PILOTAGE_TEST_RUN\" > \"$PILOTAGE_TEST_REPORT\"; exit 0";
    let Some(repository) = faked(does) else { return };
    assert_red(
        &repository.run(""),
        &["test_good.py", "ended with code 0", "its report breaks off"],
    );
}

#[test]
fn a_report_that_another_run_left_lying_around_is_red() {
    let Some(repository) = faked("cp \"$HOME/old.jsonl\" \"$PILOTAGE_TEST_REPORT\"; exit 0") else {
        return;
    };
    let old = r#"{"event":"begin","run":"yesterday"}
{"event":"file","file":"test_good.py","tests":1}
{"event":"test","file":"test_good.py","id":"a","name":"a","outcome":"passed","seconds":0.1}
{"event":"done","file":"test_good.py","seconds":0.1}
{"event":"end"}
"#;
    let mut repository = repository;
    fs::write(repository.path().join("old.jsonl"), old).unwrap();
    let home = repository.path().to_owned();
    repository.set("HOME", home);
    assert_red(
        &repository.run(""),
        &["test_good.py", "cannot be believed", "report of another run"],
    );
}

#[test]
fn a_runner_that_writes_nothing_and_ends_well_is_red() {
    let Some(repository) = faked("echo all is well; exit 0") else {
        return;
    };
    assert_red(
        &repository.run(""),
        &[
            "test_good.py",
            "ended with code 0 before it reported this file",
            "all is well",
        ],
    );
}

#[test]
fn a_runner_that_is_not_installed_is_red_and_named() {
    let repository = Repository::new();
    repository.write("test_good.py", PASSES);
    repository.write(
        "pilotage.yaml",
        "version: 1\ntests: { suites: { pytest: { command: [no-such-runner] } } }\n",
    );
    assert_red(
        &repository.run(""),
        &["`no-such-runner` cannot be started: it is not installed"],
    );
}
