//! What does not hold is a configuration error with its line, never a pass.

use crate::Repository;

#[test]
fn what_does_not_hold_is_refused_with_its_line() {
    let cases = [
        (
            "gates:\n- id: a\n  criteria_: []\n",
            4,
            "did you mean `criteria`?",
        ),
        (
            "gates:\n- id: a\n  criteria: [{ metric: lint_error, operator: eq, threshold: 0 }]\n",
            4,
            "did you mean `lint_errors`?",
        ),
        (
            "gates:\n- id: a\n  criteria: [{ metric: lint_errors, operator: gtee, threshold: 0 }]\n",
            4,
            "did you mean `gte`?",
        ),
        (
            "gates:\n- id: a\n  criteria: [{ metric: build_time, operator: lt, threshold: 85% }]\n",
            4,
            "a time such as",
        ),
        (
            "evidence:\n  load: { kind: grafana }\n",
            3,
            "there is no evidence of the kind `grafana`",
        ),
        (
            "evidence:\n  it: { kind: juint, files: [a] }\n",
            3,
            "did you mean `junit`?",
        ),
        (
            "evidence:\n  it: { kind: junit, file: [a] }\n",
            3,
            "did you mean `files`?",
        ),
        (
            "evidence:\n  it: { kind: junit, files: [../a] }\n",
            3,
            "without `..`",
        ),
        (
            "evidence:\n  a: { kind: junit, files: [a] }\n  b: { kind: junit, files: [b] }\n",
            4,
            "both measure",
        ),
        (
            "evidence:\n  a: { kind: command, command: [a], metrics: { mine: { from: output } } }\n",
            3,
            "lacks its `unit`",
        ),
    ];
    for (config, line, expected) in cases {
        let repository = Repository::configured(config);
        for arguments in ["run", "list"] {
            let output = repository.command(arguments).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{config}: {output:?}");
            assert!(
                said.contains(expected) && said.contains(&format!("pilotage.yaml:{line}:")),
                "{config}: {said}"
            );
        }
    }
}

#[test]
fn a_gate_that_is_not_there_or_not_for_this_environment_is_refused() {
    let repository = Repository::new();
    for (arguments, expected) in [
        ("run --gate build", "There is no gate `build`"),
        (
            "run --env staging --gate compliance-validation",
            "is for production, not for staging",
        ),
        ("run --env no/such:name", "an environment is"),
        (
            "list --format markdown",
            "Only `pilotage gate run` and `gate report` print",
        ),
    ] {
        let output = repository.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(expected),
            "{arguments}: {output:?}"
        );
    }
}
