//! The five gates that hold without any configuration.

use serde_json::{Value as Json, json};

use super::{CriterionFile, GateFile, GateKind, Impact, Operator};

struct Asked(&'static str, Operator, Json, Impact, &'static str, &'static str);

fn gate(
    id: &str,
    name: &str,
    kind: GateKind,
    (environment, blocking, timeout): (&str, bool, &str),
    asked: Vec<Asked>,
) -> GateFile {
    GateFile {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        kind: Some(kind),
        environments: Some(vec![environment.to_owned()]),
        blocking: Some(blocking),
        timeout: Some(json!(timeout)),
        needs: None,
        on_no_evidence: None,
        enabled: None,
        criteria: asked.into_iter().map(criterion).collect(),
    }
}

fn criterion(
    Asked(metric, operator, threshold, impact, description, recommendation): Asked,
) -> CriterionFile {
    CriterionFile {
        metric: metric.to_owned(),
        operator: Some(operator),
        threshold: Some(threshold),
        impact: Some(impact),
        description: Some(description.to_owned()),
        recommendation: Some(recommendation.to_owned()),
        on_no_evidence: None,
        enabled: None,
    }
}

/// The built-in gates, in the order in which they are judged.
pub fn built_in() -> Vec<GateFile> {
    vec![build(), test(), security(), performance(), compliance()]
}

fn build() -> GateFile {
    use Impact::{Critical, Major, Minor};
    use Operator::{Eq, Lt};
    gate(
        "build-validation",
        "Build",
        GateKind::Build,
        ("all", true, "10m"),
        vec![
            Asked(
                "build_success",
                Eq,
                json!(true),
                Critical,
                "The build goes through",
                "Repair what the build reports first; nothing else can be trusted before.",
            ),
            Asked(
                "compile_errors",
                Eq,
                json!(0),
                Critical,
                "No error of the compiler or type checker",
                "Repair the errors that the compiler names.",
            ),
            Asked(
                "lint_errors",
                Eq,
                json!(0),
                Major,
                "No error of the linter",
                "Repair what the linter names, or say beside the line why it is right.",
            ),
            Asked(
                "build_time",
                Lt,
                json!("300s"),
                Minor,
                "The build is quick enough",
                "Look at what takes longest, and at whether the build cache is used.",
            ),
        ],
    )
}

fn test() -> GateFile {
    use Impact::{Critical, Major, Minor};
    use Operator::{Gte, Lt};
    gate(
        "test-validation",
        "Tests",
        GateKind::Test,
        ("all", true, "15m"),
        vec![
            Asked(
                "test_success_rate",
                Gte,
                json!("100%"),
                Critical,
                "Every test that ran passed",
                "Repair the failing tests, or the code that they caught.",
            ),
            Asked(
                "code_coverage_lines",
                Gte,
                json!("85%"),
                Major,
                "Lines are tested",
                "Test the files with the fewest lines reached first.",
            ),
            Asked(
                "code_coverage_branches",
                Gte,
                json!("80%"),
                Major,
                "Branches are tested",
                "Test the cases that are not taken, errors above all.",
            ),
            Asked(
                "code_coverage_functions",
                Gte,
                json!("90%"),
                Major,
                "Functions are tested",
                "Test the functions that nothing enters, or remove them.",
            ),
            Asked(
                "test_execution_time",
                Lt,
                json!("600s"),
                Minor,
                "The tests are quick enough",
                "Look at the slowest tests, and run them side by side.",
            ),
        ],
    )
}

fn security() -> GateFile {
    use Impact::{Critical, Major, Minor};
    use Operator::{Eq, Lte};
    gate(
        "security-validation",
        "Security",
        GateKind::Security,
        ("all", true, "5m"),
        vec![
            Asked(
                "high_severity_vulnerabilities",
                Eq,
                json!(0),
                Critical,
                "No known vulnerability of high severity",
                "Move to a release that is repaired.",
            ),
            Asked(
                "medium_severity_vulnerabilities",
                Lte,
                json!(5),
                Major,
                "Few known vulnerabilities of medium severity",
                "Move to releases that are repaired.",
            ),
            Asked(
                "outdated_dependencies",
                Lte,
                json!(10),
                Minor,
                "Dependencies are kept up",
                "Move to the newest releases, a few at a time.",
            ),
            Asked(
                "secrets_exposed",
                Eq,
                json!(0),
                Critical,
                "No secret stands in the repository",
                "Revoke the secret first, then take it out.",
            ),
        ],
    )
}

fn performance() -> GateFile {
    use Impact::{Critical, Major};
    use Operator::{Gt, Lt};
    gate(
        "performance-validation",
        "Performance",
        GateKind::Performance,
        ("production", false, "30m"),
        vec![
            Asked(
                "response_time_p95",
                Lt,
                json!("1000ms"),
                Major,
                "Answers are quick",
                "Look at the slowest requests.",
            ),
            Asked(
                "throughput_rps",
                Gt,
                json!(1000),
                Major,
                "Enough requests are answered",
                "Look at what is used up first under load.",
            ),
            Asked(
                "memory_usage_peak",
                Lt,
                json!("512MiB"),
                Major,
                "Memory is bounded",
                "Look at what grows, and bound it.",
            ),
            Asked(
                "error_rate",
                Lt,
                json!("0.1%"),
                Critical,
                "Hardly any request fails",
                "Look at the errors under load.",
            ),
        ],
    )
}

fn compliance() -> GateFile {
    use Impact::{Critical, Major};
    use Operator::{Eq, Gte};
    gate(
        "compliance-validation",
        "Compliance",
        GateKind::Compliance,
        ("production", true, "2m"),
        vec![
            Asked(
                "policy_violations",
                Eq,
                json!(0),
                Critical,
                "Every policy holds",
                "See which policy does not hold, and why.",
            ),
            Asked(
                "required_approvals",
                Gte,
                json!(2),
                Critical,
                "Two people approved",
                "Ask another person to look at the change.",
            ),
            Asked(
                "change_window_compliance",
                Eq,
                json!(true),
                Major,
                "Now is a time for changes",
                "Wait for the next change window.",
            ),
        ],
    )
}
