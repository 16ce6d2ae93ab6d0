//! What resources, prompts and completions read of Make.com.

use serde_json::{Map, Value, json};

use super::made;
use crate::{answer::ToolError, context::Context};

/// What an operation answers that lists, for the default team or organization.
///
/// # Errors
/// Make is not set up, refuses, or cannot be reached.
pub(crate) async fn list(context: &Context, operation: &'static str) -> Result<Value, ToolError> {
    Ok(made::read(context, operation, json!({})).await?.structured)
}

/// A scenario with its blueprint.
///
/// # Errors
/// As for [`list`], and where there is no such scenario.
pub(crate) async fn scenario(context: &Context, id: &str) -> Result<Value, ToolError> {
    let number: u64 = id.parse().map_err(|_| {
        ToolError::new(
            "ids of scenarios are numbers",
            "Take one from `make://scenarios`.",
        )
    })?;
    let mut whole = Map::new();
    for operation in ["get-scenario", "get-scenario-blueprint"] {
        let part = made::read(context, operation, json!({ "scenarioId": number })).await?;
        if let Value::Object(part) = part.structured {
            whole.extend(part);
        }
    }
    Ok(Value::Object(whole))
}

/// Ids of scenarios that begin with `typed`, or whose names hold it.
pub(crate) async fn complete_scenarios(context: &Context, typed: &str) -> Vec<String> {
    let Ok(found) = list(context, "list-scenarios").await else {
        return Vec::new();
    };
    let wanted = typed.to_lowercase();
    let fits = |scenario: &&Value, id: &str| {
        let name = scenario["name"].as_str().unwrap_or_default().to_lowercase();
        id.starts_with(typed) || name.contains(&wanted)
    };
    let scenarios = found["scenarios"].as_array().into_iter().flatten();
    scenarios
        .filter_map(|scenario| {
            let id = scenario["id"].as_u64()?.to_string();
            fits(&scenario, &id).then_some(id)
        })
        .take(100)
        .collect()
}
