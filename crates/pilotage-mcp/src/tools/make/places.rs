//! Teams and what they consumed.

use pilotage_core::ports::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answers;
use crate::{
    answer::{Answer, ToolAnswer, ToolError},
    context::Context,
    schema,
    tool::{Effect, Example, Run, Tool, typed},
    toolset::MAKE,
};

pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        name: "get-team-info",
        title: "Team",
        description: "A team in Make: its organization and limits, and how many of its scenarios are on, off or broken.",
        toolset: &MAKE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: true,
        input: schema::arguments::<TeamInfo>,
        output: || {
            json!({"type": "object", "properties": {
                "team": {"type": "object"},
                "scenarios": {"type": "object"},
            }, "required": ["team"]})
        },
        example: Example {
            input: || json!({"team_id": 5}),
            output: || json!({"team": {"id": 5, "name": "Production"}, "scenarios": {"total": 3, "active": 2, "invalid": 0}}),
        },
        run: Run::Json(|context, given| typed(context, given, info)),
    },
    Tool {
        name: "get-usage-stats",
        title: "Usage of a team",
        description: "Operations, credits and transfer of a team in Make over a period, in sum and by day.",
        toolset: &MAKE,
        effect: Effect::ReadOnly,
        role: Role::Viewer,
        open_world: true,
        input: schema::arguments::<UsageStats>,
        output: || {
            json!({"type": "object", "properties": {
                "team_id": {"type": "integer"},
                "period": {"type": "string"},
                "operations": {"type": "integer"},
                "centicredits": {"type": "integer"},
                "data_transfer": {"type": "integer"},
                "days": {"type": "array", "items": {"type": "object"}},
            }, "required": ["team_id", "period", "operations"]})
        },
        example: Example {
            input: || json!({"team_id": 5, "period": "week"}),
            output: || json!({"team_id": 5, "period": "week", "operations": 12, "centicredits": 1200, "data_transfer": 4096, "days": []}),
        },
        run: Run::Json(|context, given| typed(context, given, usage)),
    },
];

#[derive(Deserialize, JsonSchema)]
struct TeamInfo {
    /// Has a default
    team_id: Option<u64>,
}

#[derive(Deserialize, JsonSchema)]
struct UsageStats {
    /// Has a default
    team_id: Option<u64>,
    /// day, week or month (the default)
    period: Option<String>,
}

/// The scenarios of a team that are counted.
const MOST_COUNTED: u64 = 1_000;

async fn team(context: &Context, asked: Option<u64>) -> Result<u64, ToolError> {
    match asked {
        Some(team) => Ok(team),
        None => context.make()?.default_team(context).await,
    }
}

async fn info(context: &Context, asked: TeamInfo) -> ToolAnswer {
    let make = context.make()?;
    let id = team(context, asked.team_id).await?;
    let team = make.ask(context, "get-team", json!({"teamId": id})).await?;
    let listed = make
        .ask(
            context,
            "list-scenarios",
            json!({"teamId": id, "limit": MOST_COUNTED}),
        )
        .await?;
    let scenarios = listed["scenarios"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let count = |name: &str| scenarios.iter().filter(|own| own[name] == true).count();
    let mut structured = json!({
        "team": team["team"],
        "scenarios": {"total": scenarios.len(), "active": count("isActive"), "invalid": count("isinvalid")},
    });
    answers::hide(&mut structured);
    answers::mark(make, &mut structured);
    Ok(Answer::json(structured).untrusted())
}

/// The days of a period, whichever word is used for it.
fn days(period: &str) -> Option<(&'static str, usize)> {
    match period.trim().to_lowercase().replace(['-', ' '], "_").as_str() {
        "day" | "daily" | "today" | "1d" | "24h" | "last_24_hours" | "last_day" => Some(("day", 1)),
        "week" | "weekly" | "7d" | "last_7_days" | "last_week" | "this_week" => Some(("week", 7)),
        "" | "month" | "monthly" | "30d" | "last_30_days" | "last_month" | "this_month" | "current_month" => {
            Some(("month", 30))
        }
        _ => None,
    }
}

async fn usage(context: &Context, asked: UsageStats) -> ToolAnswer {
    let make = context.make()?;
    let (period, count) = days(asked.period.as_deref().unwrap_or_default()).ok_or_else(|| {
        ToolError::new(
            "period is none that Make keeps",
            "Use day, week or month: Make keeps 30 days.",
        )
    })?;
    let team = team(context, asked.team_id).await?;
    let answer = make
        .ask(context, "get-team-usage", json!({"teamId": team}))
        .await?;
    let all = answer["data"].as_array().cloned().unwrap_or_default();
    // The oldest day comes first.
    let days = all.get(all.len().saturating_sub(count)..).unwrap_or_default();
    let sum = |name: &str| days.iter().filter_map(|day| day[name].as_u64()).sum::<u64>();
    let mut structured = json!({
        "team_id": team,
        "period": period,
        "operations": sum("operations"),
        "centicredits": sum("centicredits"),
        "data_transfer": sum("dataTransfer"),
        "days": days,
    });
    answers::mark(make, &mut structured);
    Ok(Answer::json(structured))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_many_names() {
        let table = [
            ("day", Some(1)),
            ("Weekly", Some(7)),
            ("last 30 days", Some(30)),
            ("", Some(30)),
            ("year", None),
        ];
        for (period, expected) in table {
            assert_eq!(days(period).map(|(_, days)| days), expected, "{period}");
        }
    }
}
