//! Runs that are kept: listed, shown, compared, waived, judged again by other criteria.

use pilotage_core::Timestamp;
use serde_json::{Value, json};

use crate::Repository;

/// One gate, which reads a number from a file, and no built-in gate beside it.
fn config(threshold: u32) -> String {
    format!(
        "version: 1\nevidence:\n  lint:\n    kind: command\n    command: [cat, errors]\n    \
         metrics: {{ lint_errors: {{ unit: count, from: output }} }}\n\
         gates:\n- {{ id: build-validation, enabled: false }}\n- {{ id: test-validation, enabled: false }}\n\
         - {{ id: security-validation, enabled: false }}\n- {{ id: performance-validation, enabled: false }}\n\
         - {{ id: compliance-validation, enabled: false }}\n\
         - id: lint\n  criteria: [{{ metric: lint_errors, operator: lte, threshold: {threshold} }}]\n"
    )
}

/// With so many errors, all of it committed.
fn repository(errors: u32) -> Repository {
    let repository = Repository::new();
    repository.write("pilotage.yaml", &config(0));
    repository.git("init -q -b main");
    commit(&repository, errors);
    repository
}

/// The next commit, with so many errors; its hash.
fn commit(repository: &Repository, errors: u32) -> String {
    repository.write("errors", &format!("{errors}\n"));
    repository.git("add .");
    repository.git("commit -q --allow-empty -m Next");
    repository.git("rev-parse HEAD").trim().to_owned()
}

/// What a command of `pilotage gate` prints as JSON, and its exit code.
#[track_caller]
fn said(repository: &Repository, arguments: &str) -> (i32, Value) {
    let output = repository
        .command(&format!("{arguments} --format json"))
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap(), json)
}

#[track_caller]
fn items(repository: &Repository, arguments: &str) -> Vec<Value> {
    let (code, found) = said(repository, arguments);
    assert_eq!(code, 0, "{found:#}");
    found["items"].as_array().unwrap().clone()
}

#[test]
fn runs_are_found_by_environment_gate_and_commit_and_shown_as_they_were() {
    let repository = repository(3);
    let (code, first) = repository.judge("--env staging");
    assert_eq!((code, &first["deploymentReady"]), (1, &json!(false)), "{first:#}");
    let fixed = commit(&repository, 0);
    let (code, second) = repository.judge("--env staging");
    assert_eq!(
        (code, &second["deploymentReady"]),
        (0, &json!(true)),
        "{second:#}"
    );
    repository.judge("--env production");
    let cases = [
        ("", 3),
        ("--env staging", 2),
        ("--env elsewhere", 0),
        ("--gate lint", 3),
        ("--gate build-validation", 0),
        (&format!("--commit {}", &fixed[..10]), 2),
        (&format!("--commit {} --env staging --gate lint", &fixed[..10]), 1),
        ("--since 1h", 3),
        ("--since 1h --limit 1", 1),
    ];
    for (filter, count) in cases {
        assert_eq!(
            items(&repository, &format!("history {filter}")).len(),
            count,
            "{filter}"
        );
    }
    let newest = items(&repository, "history --env staging").remove(0);
    assert_eq!(
        (&newest["commit"], &newest["verdict"]),
        (&json!(fixed), &json!("ready"))
    );
    let (code, shown) = said(&repository, &format!("report {}", newest["id"].as_str().unwrap()));
    assert_eq!((code, &shown), (0, &second), "a report stays as it was");
    assert_eq!(shown["comparison"]["better"][0]["metric"], "lint_errors");
    assert_eq!(shown["comparison"]["worse"], json!([]));
    for (format, begins) in [
        ("text", "Ready for staging"),
        ("markdown", "## Ready for staging"),
        ("junit", "<?xml"),
        ("sarif", "{"),
    ] {
        let id = newest["id"].as_str().unwrap();
        let output = repository
            .command(&format!("report {id} --format {format}"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(begins), "{format}: {text}");
    }
}

#[test]
fn what_is_not_there_is_told_from_what_is_empty() {
    let repository = Repository::new();
    for arguments in ["history", "report", "waivers", "run --replay 1h.."] {
        let output = repository.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments}: {output:?}");
    }
    let repository = self::repository(0);
    repository.judge("--env staging");
    for (arguments, code) in [
        ("report 0190c0de-0000-7000-8000-000000000000", 2),
        ("report last", 2),
        ("waivers --revoke 0190c0de-0000-7000-8000-000000000000", 2),
        ("run --replay yesterday", 2),
        ("run --replay 1h..2h", 2),
        ("waivers", 0),
        ("run --replay 2h..1h --env staging", 0),
    ] {
        let output = repository.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {output:?}");
    }
}

#[test]
fn a_waiver_holds_for_what_was_seen_and_is_shown_wherever_it_was_looked_at() {
    let repository = repository(3);
    let waive = |arguments: &str| {
        repository
            .command("waive")
            .args([
                "lint/lint_errors",
                "--reason",
                "generated code",
                "--by",
                "Ann Lee",
            ])
            .args(arguments.split_whitespace())
            .output()
            .unwrap()
    };
    let commit = repository.git("rev-parse HEAD").trim().to_owned();
    let asked = format!("--commit {} --expires 1h", &commit[..12]);
    repository.judge("--env elsewhere --no-keep");
    assert_ne!(waive(&asked).status.code(), Some(0), "nothing was seen yet");
    repository.judge("--env staging");
    for wrong in [
        "--commit 0000000 --expires 1h",
        &format!("--commit {commit} --expires 2020-01-01T00:00:00Z"),
        &format!("--commit {commit} --expires 1h --env production"),
    ] {
        assert_eq!(waive(wrong).status.code(), Some(2), "{wrong}");
    }
    assert_eq!(waive(&asked).status.code(), Some(0));
    let (code, report) = repository.judge("--env staging");
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(
        crate::criterion(&report, "lint_errors").unwrap()["state"],
        "waived"
    );
    assert_eq!(report["waivers"][0]["state"], "applied", "{report:#}");
    for format in ["text", "markdown", "junit", "sarif"] {
        let output = repository
            .command(&format!("run --env staging --format {format}"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("Ann Lee") && text.contains("generated code"),
            "{format}: {text}"
        );
    }
    let (code, elsewhere) = repository.judge("--env production");
    assert_eq!(code, 1, "it was for staging: {elsewhere:#}");
    repository.write("errors", "4\n");
    let (code, other) = repository.judge("--env staging");
    assert_eq!(
        (code, &other["waivers"][0]["state"]),
        (1, &json!("outdated")),
        "{other:#}"
    );
    repository.write("errors", "3\n");
    let id = items(&repository, "waivers")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(items(&repository, &format!("waivers --revoke {id}")).len(), 1);
    let (code, revoked) = repository.judge("--env staging");
    assert_eq!(code, 1, "{revoked:#}");
    assert!(items(&repository, "waivers")[0]["revokedAt"].is_string());
    let trail = assert_cmd::cargo::cargo_bin_cmd!("pilotage")
        .args(["audit", "verify"])
        .current_dir(repository.path())
        .output()
        .unwrap();
    assert!(trail.status.success(), "{trail:?}");
}

#[test]
fn a_draft_says_what_it_would_have_stopped_and_what_it_would_have_let_go() {
    let repository = repository(3);
    for errors in [3, 0, 7] {
        commit(&repository, errors);
        repository.judge("--env staging");
    }
    repository.write("draft.yaml", &config(5));
    let (code, same) = said(&repository, "run --env staging --replay 1h..");
    assert_eq!((code, &same["changed"]), (0, &json!(0)), "{same:#}");
    let (code, draft) = said(&repository, "run --env staging --replay 1h.. --config draft.yaml");
    assert_eq!((code, &draft["changed"]), (0, &json!(1)), "{draft:#}");
    let seen: Vec<_> = draft["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| [run["was"].as_str().unwrap(), run["wouldBe"].as_str().unwrap()])
        .collect();
    assert_eq!(
        seen,
        [
            ["notReady", "notReady"],
            ["ready", "ready"],
            ["notReady", "ready"]
        ]
    );
    assert_eq!(draft["runs"][0]["stands"], json!(["lint/lint_errors"]));
    let output = repository
        .command("run --env staging --replay 1h.. --config draft.yaml")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("1 of 3 runs would be judged otherwise."), "{text}");
    assert_eq!(items(&repository, "history").len(), 3, "a replay is no run");
}

#[test]
fn not_ready_is_told_from_could_not_judge() {
    let repository = repository(1);
    for (change, code) in [
        ("", 1),
        // Advisory gates alone say nothing about whether it may go.
        ("  blocking: false\n", 3),
        ("  environments: [production]\n", 3),
    ] {
        repository.write("pilotage.yaml", &(config(0) + change));
        let output = repository.command("run --env staging").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{change}: {output:?}");
    }
    // A command that cannot be started is no evidence, and that is not ready.
    repository.write(
        "pilotage.yaml",
        &config(0).replace("[cat, errors]", "[no-such-program-anywhere]"),
    );
    let (code, report) = repository.judge("--env staging");
    let criterion = crate::criterion(&report, "lint_errors").unwrap();
    assert_eq!((code, &criterion["state"]), (1, &json!("noEvidence")));
    assert!(
        criterion["reason"].as_str().unwrap().contains("not installed"),
        "{criterion}"
    );
}

#[test]
fn a_closed_window_says_when_the_next_slot_opens() {
    let now = Timestamp::now();
    let day = |shift: i64| {
        let at = Timestamp::from_micros(now.as_micros() + shift * 86_400_000_000);
        at.to_string().get(..10).unwrap().to_owned()
    };
    let (begins, ends, opens) = (day(-2), day(2), day(3));
    let repository = Repository::configured(&format!(
        "evidence:\n  when: {{ kind: window, timeZone: UTC, freezes: [{{ from: {begins}, to: {ends}, reason: sale }}] }}\n"
    ));
    let output = repository
        .command("run --env production --gate compliance-validation")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("the next slot opens at ") && text.contains(&format!(" {opens} 00:00 (UTC)")),
        "{text}"
    );
    assert!(text.contains("sale"), "{text}");
}

#[test]
fn a_bill_of_materials_is_kept_with_the_run_that_made_it() {
    let repository = Repository::configured(
        "evidence:\n  bill: { kind: sbom, locks: [Cargo.lock], output: bill.json }\n\
         gates:\n- { id: bill, criteria: [{ metric: sbom_components, operator: gt, threshold: 0 }] }\n",
    );
    repository.write(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
    );
    let (code, report) = repository.judge("--gate bill");
    assert_eq!(code, 0, "{report:#}");
    let criterion = crate::criterion(&report, "sbom_components").unwrap();
    let files = criterion["evidence"]["files"].as_array().unwrap();
    let bill = files.iter().find(|file| file["path"] == "bill.json").unwrap();
    let trail = assert_cmd::cargo::cargo_bin_cmd!("pilotage")
        .args(["audit", "export", "--data-dir", ".pilotage"])
        .current_dir(repository.path())
        .output()
        .unwrap();
    let trail = String::from_utf8(trail.stdout).unwrap();
    assert!(trail.contains(bill["digest"].as_str().unwrap()), "{trail}");
}
