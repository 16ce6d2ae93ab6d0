//! What was consumed.

use serde_json::json;

use super::{Category, executions::daily};
use crate::make::{
    call::Call,
    reply::{Refusal, Reply},
    routing::own,
    state::{Row, field},
};

pub(crate) const CATEGORY: Category = Category {
    name: "usage",
    routes: &[
        own("GET", "/teams/{}/usage", "teams:read", of_team),
        own(
            "GET",
            "/organizations/{}/usage",
            "organizations:read",
            of_organization,
        ),
    ],
};

pub(super) fn of_scenario(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    of(call, "scenarios", "scenarioId")
}

fn of_team(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    of(call, "teams", "teamId")
}

fn of_organization(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    of(call, "organizations", "organizationId")
}

fn of(call: &Call<'_>, table: &str, name: &str) -> Result<Reply, Refusal> {
    let row = call.row(table)?;
    let id = field(&row, "id");
    let days = daily(call, |log: &Row| log.get(name) == Some(id));
    Ok(Reply::json(json!({"data": days})))
}
