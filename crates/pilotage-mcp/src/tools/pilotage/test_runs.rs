use pilotage_core::{
    ports::Role,
    testing::{TestReport, TestReported, TestState},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::facts::{self, ById};
use crate::{
    answer::{Answer, ToolAnswer},
    api,
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::TESTS,
};

/// What a list shows of a run.
const BRIEF: &[(&str, &str)] = &[
    ("id", "string"),
    ("name", "string"),
    ("commit", "string"),
    ("status", "string"),
    ("message", "string"),
    ("startedAt", "string"),
    ("finishedAt", "string"),
];
/// What a run is told by.
const RUN: &[(&str, &str)] = &[
    ("id", "string"),
    ("name", "string"),
    ("status", "string"),
    ("message", "string"),
    ("totals", "object"),
    ("problems", "array"),
    ("tests", "array"),
    ("slowest", "array"),
];
/// Problems and tests of one answer.
const MOST_TESTS: usize = 40;
/// Slow tests of one answer.
const MOST_SLOWEST: usize = 10;
/// Letters of what a test said: its end, where the reason usually stands.
const MOST_LETTERS: usize = 500;

const ID: &str = "0198f3a0-0000-7000-8000-000000000005";

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "list-test-runs",
        title: "List test runs",
        description: "Runs of tests that were shown here, newest first. `get-test-run` says what failed.",
        toolset: &TESTS,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ListRuns>,
        output: || facts::page(BRIEF),
        example: Example {
            input: || json!({ "status": "failed" }),
            output: || json!({ "items": [{ "id": ID, "name": "main", "status": "failed", "message": "40 tests in 4 files, 1 failed" }], "next": null }),
        },
        run: Run::Json(|context, given| typed(context, given, list)),
    },
    Tool {
        name: "get-test-run",
        title: "Test run",
        description: "A run of tests: what failed or was flaky with the end of what each attempt said, what is missing, the slowest. At most 40 tests.",
        toolset: &TESTS,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: false,
        input: schema::arguments::<ById>,
        output: || facts::object(RUN),
        example: Example {
            input: || json!({ "id": ID }),
            output: || {
                json!({ "id": ID, "name": "main", "status": "failed", "message": "40 tests in 4 files, 1 failed",
                "totals": { "tests": 40, "failed": 1 }, "problems": [], "slowest": [],
                "tests": [{ "suite": "unit", "file": "src/list.test.ts", "name": "sorts", "state": "failed", "said": ["expected 1 to be 2"] }] })
            },
        },
        run: Run::Json(|context, given| typed(context, given, show)),
    },
];

#[derive(Deserialize, JsonSchema)]
struct ListRuns {
    /// Branch
    name: Option<String>,
    /// Beginning of the hash
    commit: Option<String>,
    status: Option<Status>,
    after: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Status {
    Running,
    Passed,
    Failed,
    BrokenOff,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::BrokenOff => "brokenOff",
        }
    }
}

async fn list(context: &Context, asked: ListRuns) -> ToolAnswer {
    let parameters = [
        ("name", asked.name),
        ("commit", asked.commit),
        ("status", asked.status.map(|status| status.as_str().to_owned())),
        ("after", asked.after),
        ("limit", Some(asked.limit.unwrap_or(20).to_string())),
    ];
    let path = api::query("/api/v1/tests/runs", &parameters);
    let page = context.api().get(&path).await?;
    Ok(Answer::json(facts::brief(page, BRIEF)).untrusted())
}

async fn show(context: &Context, asked: ById) -> ToolAnswer {
    let path = api::path("/api/v1/tests/runs/{}", &[&asked.id]);
    let mut run = context.api().get(&path).await?;
    // What the server keeps it has read before; a run that has not ended has none.
    let report: TestReport = serde_json::from_value(run["report"].take()).unwrap_or_default();
    if let Some(run) = run.as_object_mut() {
        run.remove("report");
        run.extend(told(&report));
    }
    Ok(Answer::json(run).untrusted())
}

/// What is told of a report, within bounds.
fn told(report: &TestReport) -> serde_json::Map<String, Value> {
    let red = |state| report.tests().filter(move |(.., test)| test.state == state);
    let tests = red(TestState::Failed).chain(red(TestState::Flaky)).map(test);
    let slowest = report.standouts().slowest.into_iter().take(MOST_SLOWEST);
    let facts = [
        (
            "problems",
            report
                .problems
                .iter()
                .take(MOST_TESTS)
                .map(|problem| json!(problem))
                .collect(),
        ),
        ("tests", tests.take(MOST_TESTS).collect()),
        ("slowest", slowest.map(|slow| json!(slow)).collect::<Vec<_>>()),
    ];
    facts
        .map(|(name, list)| (name.to_owned(), Value::Array(list)))
        .into_iter()
        .collect()
}

fn test((suite, file, test): (&str, &str, &TestReported)) -> Value {
    let said: Vec<_> = test
        .attempts
        .iter()
        .map(|attempt| last_letters(&attempt.message))
        .collect();
    json!({ "suite": suite, "file": file, "name": test.name, "state": test.state, "said": said, "quarantine": test.quarantine })
}

fn last_letters(text: &str) -> &str {
    let start = text.char_indices().rev().nth(MOST_LETTERS - 1);
    start.and_then(|(start, _)| text.get(start..)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_is_whole_letters() {
        let long = "é".repeat(5_000);
        assert_eq!(last_letters(&long).chars().count(), MOST_LETTERS);
        assert_eq!(last_letters("short"), "short");
    }
}
