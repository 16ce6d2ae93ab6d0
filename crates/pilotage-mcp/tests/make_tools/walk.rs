//! Every tool about Make, called with its own example.

use pilotage_mcp::{registry::all_tools, tool::Effect};

use super::*;

/// What stands in the seed of the mock and is as good as a credential.
const SECRETS: [&str; 3] = [
    "1gqnexkk1vwxg2wpj39kg30pzp6uhe7h",
    "9xr2c4uh0vb7ywq1n8mzd5tk3pfa6ejl",
    "0c5a7d10-9b1e-4f6a-8d3c-2f4e6a8b0c1d",
];

/// Why an example may fail: the mock does not hold or serve what it names.
const EXPECTED: [&str; 3] = [
    "Make knows no such thing",
    "Make does not accept this",
    "a limit of the plan",
];

#[tokio::test]
async fn every_tool_answers_and_shows_no_secret() {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for tool in all_tools().filter(|tool| tool.toolset.name.starts_with("make")) {
        stage.control("reset", json!({})).await;
        let result = stage.call(tool.name, (tool.example.input)()).await;
        let shown = serde_json::to_value(&result).unwrap().to_string();
        if SECRETS.iter().any(|secret| shown.contains(secret)) {
            wrong.push(format!("{}: a secret in {shown}", tool.name));
        }
        let told = text(&result);
        if result.is_error == Some(true) && !EXPECTED.iter().any(|expected| told.contains(expected)) {
            wrong.push(format!("{}: {told}", tool.name));
        }
        wrong.extend(unfit(tool.name, &(tool.output)(), result.structured_content));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Where an answer is not what the tool announces.
fn unfit(name: &str, schema: &Value, answer: Option<Value>) -> Option<String> {
    let validator = jsonschema::draft202012::new(schema).unwrap();
    let answer = answer?;
    let error = validator.iter_errors(&answer).next()?.to_string();
    Some(format!("{name}: {error}"))
}

#[tokio::test]
async fn no_dry_run_changes_anything() {
    let stage = Stage::new().await;
    let changing =
        all_tools().filter(|tool| tool.toolset.name.starts_with("make") && tool.effect != Effect::ReadOnly);
    for tool in changing {
        let mut arguments = (tool.example.input)();
        arguments["dry_run"] = true.into();
        let answer = stage.done(tool.name, arguments).await;
        assert_eq!(answer["dry_run"], true, "{}", tool.name);
    }
    let written: Vec<_> = stage
        .calls()
        .await
        .into_iter()
        .filter(|(method, ..)| method != "GET")
        .collect();
    assert_eq!(written, Vec::new());
}
