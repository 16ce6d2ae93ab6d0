//! Teams.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    reply::{Content, Refusal, Reply},
    resource::{Kind, Owner, Resource, optional, required},
    routing::{Answering, of, own},
    state::{Row, field},
};

const READ: &str = "teams:read";
const WRITE: &str = "teams:write";

const TEAMS: Resource = Resource {
    owner: Owner::Organization,
    confirmed: true,
    fields: &[
        required("name", Kind::Text(128)),
        optional("operationsLimit", Kind::Number),
        optional("transferLimit", Kind::Number),
    ],
    view,
    prepare,
    ..Resource::of_team("teams", "team", "teams")
};

pub(crate) const CATEGORY: Category = Category {
    name: "teams",
    routes: &[
        of("GET", "/teams", READ, Answering::List(&TEAMS)),
        own("POST", "/teams", WRITE, create),
        of("GET", "/teams/{}", READ, Answering::Show(&TEAMS)),
        of("PATCH", "/teams/{}", WRITE, Answering::Change(&TEAMS)),
        of("DELETE", "/teams/{}", WRITE, Answering::Delete(&TEAMS)),
    ],
};

fn view(_: &Call<'_>, row: &Row) -> Value {
    let transfer = field(row, "transferLimit");
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "organizationId": field(row, "organizationId"),
        "operationsLimit": field(row, "operationsLimit"),
        "transferLimit": transfer.as_u64().map(|limit| limit.to_string()),
        "activeScenarios": 0,
        "activeApps": 0,
        "isPaused": false,
        "consumedOperations": 0,
        "consumedTransfer": "0",
        "scenarioDrafts": false,
    })
}

fn prepare(call: &mut Call<'_>, row: &mut Row) -> Result<(), Refusal> {
    let organization = field(row, "organizationId");
    let licence = call.row_by("organizations", &organization.to_string())?;
    let most = field(&licence, "license")["teams"].as_u64().unwrap_or(u64::MAX);
    let count = call
        .state
        .rows_with("teams", "organizationId", organization)
        .count();
    let has_room = u64::try_from(count).is_ok_and(|count| count < most);
    has_room
        .then_some(())
        .ok_or_else(|| Refusal::plan_limit("teams", most))
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut reply = TEAMS.create(call)?;
    if let Content::Json(answer) = &mut reply.content {
        let user = field(&call.caller.user, "id");
        let team = answer["team"]["id"].clone();
        answer["userTeamRole"] =
            json!({"usersRoleId": 1, "userId": user, "teamId": team, "changeable": false});
    }
    Ok(reply)
}
