use super::*;
use crate::config::Document;

fn problems(yaml: &str) -> Vec<String> {
    let document = Document::parse(yaml).unwrap();
    let file: PipelineFile = match document.read("") {
        Ok(file) => file,
        Err(problems) => return problems.iter().map(ToString::to_string).collect(),
    };
    resolve("ci", &file)
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn assert_refused(yaml: &str, expected: &str) {
    let found = problems(yaml);
    assert!(
        found.iter().any(|problem| problem.contains(expected)),
        "{found:#?}"
    );
}

const HOLDS: &str = "\
on: {push: {branches: [main, release/*]}, manual: {inputs: {level: {type: choice, options: [a, b], default: a}}}}
stages: [check, ship]
variables: {SHA: '${git.sha}', PORT: 8080}
jobs:
  lint: {stage: check, steps: [{checkout: {}}, {setup: {node: 20}}, {run: npm run lint}]}
  test:
    stage: check
    needs: [lint]
    matrix: {axes: {node: [18, 20]}, exclude: [{node: 18}], include: [{node: 22}]}
    variables: {NODE: '${matrix.node}'}
    steps: [{run: 'echo \"$NODE\"'}]
  ship:
    stage: ship
    needs: [test]
    when: {branches: [main]}
    environment: {name: production, url: 'https://example.com/${git.sha}'}
    steps: [{deploy: {run: ./ship.sh}}]
";

#[test]
fn what_holds_is_put_in_order() {
    let file: PipelineFile = Document::parse(HOLDS).unwrap().read("").unwrap();
    let pipeline = resolve("ci", &file).unwrap();
    let ids: Vec<&str> = pipeline.jobs.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, ["lint", "test", "ship"]);
    assert_eq!(pipeline.stages, ["check", "ship"]);
}

/// What is changed, into what, and what is said of it.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "needs: [lint]",
        "needs: [lnt]",
        "/jobs/test/needs/0: there is no job called `lnt` (did you mean `lint`?)",
    ),
    ("needs: [lint]", "needs: [ship]", "in the later stage `ship`"),
    (
        "lint: {stage: check,",
        "lint: {stage: check, needs: [test],",
        "jobs wait for each other: lint -> test -> lint",
    ),
    (
        "stage: ship\n",
        "stage: shop\n",
        "/jobs/ship/stage: there is no stage called `shop` (did you mean `ship`?)",
    ),
    (
        "node: [18, 20]",
        "node: []",
        "/jobs/test/matrix/axes/node: 1 to 250 values",
    ),
    (
        "exclude: [{node: 18}]",
        "exclude: [{node: 19}]",
        "the axis has no such value",
    ),
    (
        "'${matrix.node}'",
        "'${matrix.nod}'",
        "no axis called `nod` here (did you mean `node`?)",
    ),
    (
        "'${git.sha}'",
        "'${git.shaw}'",
        "/variables/SHA: there is no `${git.shaw}`",
    ),
    (
        "PORT: 8080",
        "PATH: /tmp",
        "belongs to the platforms or the shell",
    ),
    (
        "echo \"$NODE\"",
        "echo ${matrix.node}",
        "cannot stand in a script",
    ),
    (
        "branches: [main]}\n",
        "branches: [dev*lop]}\n",
        "/jobs/ship/when/branches/0: a name of letters",
    ),
    ("default: a", "default: c", "this is no answer of that type"),
    (
        "environment: {name: production, url: 'https://example.com/${git.sha}'}",
        "",
        "says where to in `environment`",
    ),
    (
        "{checkout: {}}",
        "{checkout: {}, run: ls}",
        "a step has exactly one of run",
    ),
    (
        "{checkout: {}}",
        "{checkouts: {}}",
        "unknown key `checkouts` (did you mean `checkout`?)",
    ),
    (
        "when: {branches: [main]}",
        "when: {events: [schedule]}",
        "`on` has no `schedules`",
    ),
    (
        "when: {branches: [main]}",
        "timeout: 3 days",
        "minutes or hours such as `30m`",
    ),
];

#[test]
fn what_does_not_hold_is_refused_at_its_place() {
    assert_eq!(problems(HOLDS), [""; 0]);
    for (from, to, expected) in REFUSED {
        let changed = HOLDS.replacen(from, to, 1);
        assert!(changed != HOLDS, "{from}");
        assert_refused(&changed, expected);
    }
}

#[test]
fn a_job_that_no_push_can_reach_is_named() {
    let yaml = HOLDS
        .replace(
            ", manual: {inputs: {level: {type: choice, options: [a, b], default: a}}}",
            "",
        )
        .replace("branches: [main]}\n", "branches: [develop]}\n");
    assert_refused(&yaml, "/jobs/ship/when: this job can never run");
}

#[test]
fn a_time_is_five_fields_within_their_limits() {
    let table = [
        ("0 3 * * 1", true),
        ("*/15 0-6 1,15 * 0", true),
        ("60 3 * * 1", false),
        ("0 3 * *", false),
        ("0 3 * * MON", false),
        ("0  3 * * 1", false),
        ("5-2 * * * *", false),
        ("*/0 * * * *", false),
    ];
    for (text, expected) in table {
        assert_eq!(trigger::is_cron(text), expected, "{text}");
    }
}
