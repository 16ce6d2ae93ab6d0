//! Policies over evidence: typed ones, CEL and Rego. What is missing, wrong or broken never passes.

use pilotage_core::gate::{Measured, Tool, Unit, Value};
use pilotage_runners::reading::Proof;
use serde_json::{Value as Json, json};

use crate::{Project, problems};

const METRIC: &str = "policy_violations";

/// Evidence as collectors give it, of a report that holds these numbers.
fn known() -> Measured {
    let tool = Tool {
        name: "lcov".to_owned(),
        version: None,
    };
    let proof = Proof::of_run(tool, b"report", 1);
    let evidence = |value, unit, examined| Ok(proof.evidence(value, unit, (examined, "things"), &[]));
    Measured::from([
        (
            "code_coverage_lines".to_owned(),
            evidence(Value::Number(84.5), Unit::Percent, 900),
        ),
        (
            "high_severity_vulnerabilities".to_owned(),
            evidence(Value::Number(0.0), Unit::Count, 50),
        ),
        (
            "build_success".to_owned(),
            evidence(Value::Bool(true), Unit::Bool, 1),
        ),
        (
            "lint_errors".to_owned(),
            evidence(Value::Number(0.0), Unit::Count, 0),
        ),
        (
            "secrets_exposed".to_owned(),
            Err("the scanner is not installed".to_owned()),
        ),
    ])
}

/// How many violations, and what is said of them.
async fn violations(section: Json, files: &[(&str, &str)]) -> (f64, String) {
    let project = Project::new();
    for (name, text) in files {
        project.write(name, text);
    }
    let found = project.conclude(section, METRIC, &known()).await.unwrap();
    match found.value {
        Value::Number(number) => (number, found.notes.join("; ")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn typed_rules_hold_or_say_why_not() {
    let cases = [
        (
            json!({ "metric": "code_coverage_lines", "operator": "gte", "threshold": "84%" }),
            "",
        ),
        (
            json!({ "metric": "code_coverage_lines", "operator": "gte", "threshold": "85%" }),
            "code_coverage_lines is 84.5%, and >= 85% is asked",
        ),
        (
            json!({ "metric": "build_success", "operator": "eq", "threshold": true }),
            "",
        ),
        (
            json!({ "metric": "code_coverage_lines", "tool": "lcov", "maxAge": "1h", "examined": 900 }),
            "",
        ),
        (
            json!({ "metric": "code_coverage_lines", "tool": "cobertura" }),
            "is by lcov, not cobertura",
        ),
        (
            json!({ "metric": "code_coverage_lines", "examined": 901 }),
            "900 things were looked at",
        ),
        (
            json!({ "metric": "secrets_exposed" }),
            "the scanner is not installed",
        ),
        (
            json!({ "metric": "lint_errors", "operator": "eq", "threshold": 0 }),
            "looked at 0 things",
        ),
        (
            json!({ "metric": "tests_total" }),
            "nothing here measures `tests_total`",
        ),
    ];
    for (rule, expected) in cases {
        let section = json!({ "kind": "policy", "rules": { "r": rule } });
        let (number, said) = violations(section, &[]).await;
        let is_violation = f64::from(u8::from(!expected.is_empty()));
        assert!((number - is_violation).abs() < f64::EPSILON, "{rule}: {said}");
        assert!(said.contains(expected), "{rule}: {said}");
    }
}

#[tokio::test]
async fn expressions_hold_or_block() {
    let cases = [
        (
            "metrics.code_coverage_lines >= 84 && metrics.high_severity_vulnerabilities == 0",
            "",
        ),
        ("metrics.code_coverage_lines >= 85.0", "does not hold"),
        (
            "metrics[\"build_success\"] && evidence.code_coverage_lines.examined > 100",
            "",
        ),
        ("metrics.secrets_exposed == 0", "the scanner is not installed"),
        ("metrics.tests_total > 0", "nothing here measures"),
        ("metrics.build_success > 3", "cannot be judged"),
        ("metrics.code_coverage_lines", "cannot be judged"),
        ("size(commit) == 0", ""),
    ];
    for (cel, expected) in cases {
        let section = json!({ "kind": "policy", "rules": { "r": { "cel": cel, "description": "a rule" } } });
        let (number, said) = violations(section, &[]).await;
        let is_violation = f64::from(u8::from(!expected.is_empty()));
        assert!((number - is_violation).abs() < f64::EPSILON, "{cel}: {said}");
        assert!(said.contains(expected), "{cel}: {said}");
    }
}

pub(crate) const REGO: &str = r#"package pilotage
import rego.v1
violations contains "too little is tested" if input.metrics.code_coverage_lines < 80
violations contains msg if {
  input.metrics.high_severity_vulnerabilities > 0
  msg := sprintf("%d vulnerabilities at %s", [input.metrics.high_severity_vulnerabilities, input.now])
}
"#;

#[tokio::test]
async fn rego_denies_what_it_should_and_what_is_missing() {
    let stricter = REGO.replace("< 80", "< 90");
    let secrets = format!("{REGO}violations contains \"secrets\" if input.metrics.secrets_exposed > 0\n");
    let alias = format!("{REGO}m := input.metrics\nviolations contains \"x\" if m.secrets_exposed > 0\n");
    let both = json!({ "code_coverage_lines": "percent", "high_severity_vulnerabilities": "count" });
    let more = json!({ "code_coverage_lines": "percent", "high_severity_vulnerabilities": "count", "secrets_exposed": "count" });
    let wrong = json!({ "code_coverage_lines": "count", "high_severity_vulnerabilities": "count" });
    let undefined = "package other\nimport rego.v1\nx := input.metrics.code_coverage_lines\n";
    let object = "package pilotage\nviolations := {\"a\": input.metrics.code_coverage_lines}\n";
    let clock =
        "package pilotage\nviolations := [t | t := time.now_ns(); input.metrics.code_coverage_lines > 0]\n";
    let cases = [
        (REGO, &both, 0.0, ""),
        (stricter.as_str(), &both, 1.0, "too little is tested"),
        (
            secrets.as_str(),
            &both,
            1.0,
            "names `secrets_exposed`, which is not among its `needs`",
        ),
        (secrets.as_str(), &more, 1.0, "the scanner is not installed"),
        (alias.as_str(), &both, 1.0, "otherwise than by naming a metric"),
        (
            REGO,
            &wrong,
            1.0,
            "is measured in percent, and the policy needs count",
        ),
        (undefined, &both, 1.0, "cannot be asked"),
        (object, &both, 1.0, "neither a set nor a list"),
        (clock, &both, 1.0, "cannot be asked"),
        (
            "package pilotage\nviolations contains",
            &both,
            1.0,
            "cannot be asked",
        ),
    ];
    for (policy, needs, expected, note) in cases {
        let section = json!({ "kind": "rego", "files": ["p.rego"], "needs": needs });
        let (number, said) = violations(section, &[("p.rego", policy)]).await;
        assert!((number - expected).abs() < f64::EPSILON, "{policy}: {said}");
        assert!(said.contains(note), "{policy}: {said}");
    }
}

#[test]
fn rules_that_say_nothing_or_too_much_are_refused() {
    let cases = [
        (json!({}), "either `cel` alone, or `metric`"),
        (
            json!({ "cel": "true", "metric": "build_success" }),
            "either `cel` alone",
        ),
        (
            json!({ "cel": "metric.x > 0" }),
            "`metric` is not known; did you mean `metrics`?",
        ),
        (
            json!({ "metric": "build_success", "operator": "eq" }),
            "go together",
        ),
        (
            json!({ "metric": "build_time", "operator": "lt", "threshold": "5%" }),
            "expected a time",
        ),
    ];
    for (rule, expected) in cases {
        let found = problems(json!({ "kind": "policy", "rules": { "r": rule } }));
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{rule}: {found:?}"
        );
    }
}
