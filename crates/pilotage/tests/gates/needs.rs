//! Gates that need others.

use serde_json::{Value, json};

use crate::Repository;

/// `second` needs `first`; what `second` asks is measured by a command that notes that it ran.
const CONFIG: &str = "
evidence:
  first: { kind: command, command: [cat, errors], metrics: { lint_errors: { from: output } } }
  second: { kind: command, command: [sh, -c, 'touch .looked; echo 1'], metrics: { image_size: { unit: count, from: output } } }
gates:
- { id: build-validation, enabled: false }
- { id: test-validation, enabled: false }
- { id: security-validation, enabled: false }
- { id: second, needs: [first], criteria: [{ metric: image_size, operator: eq, threshold: 1 }] }
- { id: first, criteria: [{ metric: lint_errors, operator: eq, threshold: 0 }] }
";

fn repository(errors: u32) -> Repository {
    let repository = Repository::configured(CONFIG);
    repository.write(".gitignore", ".looked\n.pilotage\n");
    repository.write("errors", &errors.to_string());
    repository.git("init -q");
    repository.commit();
    repository
}

/// The exit code, and the gates in their order: id, state and why it was not run.
#[track_caller]
fn gates(repository: &Repository, arguments: &str) -> (i32, Vec<[Value; 3]>) {
    let (code, report) = repository.judge(&format!("--env staging {arguments}"));
    let gates = report["gates"].as_array().unwrap().iter();
    let told = gates.map(|gate| ["id", "state", "reason"].map(|key| gate[key].clone()));
    (code, told.collect())
}

fn looked(repository: &Repository) -> bool {
    let mark = repository.path().join(".looked");
    let found = mark.exists();
    let _ = std::fs::remove_file(mark);
    found
}

#[test]
fn a_gate_is_not_looked_at_where_one_that_it_needs_does_not_pass() {
    for order in ["", "--sequential"] {
        let repository = repository(2);
        let (code, told) = gates(&repository, order);
        let why = json!("it needs `first`, which did not pass");
        assert_eq!(code, 1);
        assert_eq!(
            told,
            [
                [json!("first"), json!("failed"), Value::Null],
                [json!("second"), json!("notRun"), why]
            ]
        );
        assert!(!looked(&repository), "nothing is measured for nothing");
        repository.write("errors", "0");
        let (code, told) = gates(&repository, order);
        assert_eq!((code, &told[1][1]), (0, &json!("passed")));
        assert!(looked(&repository));
    }
}

#[test]
fn every_form_says_why_a_gate_was_not_run() {
    let repository = repository(2);
    for format in ["text", "markdown", "junit", "sarif"] {
        let output = repository
            .command(&format!("run --no-keep --env staging --format {format}"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap().replace('\\', "");
        assert!(
            text.contains("it needs `first`, which did not pass"),
            "{format}: {text}"
        );
    }
}

#[test]
fn what_was_waived_holds_nobody_up() {
    let repository = repository(2);
    gates(&repository, "");
    let commit = repository.git("rev-parse HEAD");
    let waived = repository
        .command("waive first/lint_errors --reason known --by Ann --expires 1h --commit")
        .arg(commit.trim())
        .output()
        .unwrap();
    assert!(waived.status.success(), "{waived:?}");
    for order in ["", "--stop-on-failure --sequential"] {
        let (code, told) = gates(&repository, order);
        assert_eq!((code, &told[1][1]), (0, &json!("passed")), "{order}: {told:?}");
        assert!(looked(&repository));
    }
}

#[test]
fn one_gate_alone_is_asked_without_those_that_it_needs() {
    let repository = repository(2);
    let (code, told) = gates(&repository, "--gate second");
    assert_eq!((code, told.len(), &told[0][1]), (0, 1, &json!("passed")));
}
