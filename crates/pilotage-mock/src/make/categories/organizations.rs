//! Organizations, with the plan that bounds what they may have.

use serde_json::{Value, json};

use super::{Category, executions::daily};
use crate::make::{
    call::Call,
    reply::{Refusal, Reply},
    resource::{Kind, Owner, Resource, optional, required},
    routing::{Answering, of, own},
    state::{Row, field, row},
};

const READ: &str = "organizations:read";
const WRITE: &str = "organizations:write";

const ORGANIZATIONS: Resource = Resource {
    owner: Owner::None,
    confirmed: true,
    fields: &[
        required("name", Kind::Text(128)),
        optional("regionId", Kind::Number),
        optional("timezoneId", Kind::Number),
        optional("countryId", Kind::Number),
    ],
    view,
    clean_up,
    ..Resource::of_team("organizations", "organization", "organizations")
};

pub(crate) const CATEGORY: Category = Category {
    name: "organizations",
    routes: &[
        of("GET", "/organizations", READ, Answering::List(&ORGANIZATIONS)),
        own("POST", "/organizations", WRITE, create),
        of("GET", "/organizations/{}", READ, Answering::Show(&ORGANIZATIONS)),
        of(
            "PATCH",
            "/organizations/{}",
            WRITE,
            Answering::Change(&ORGANIZATIONS),
        ),
        of(
            "DELETE",
            "/organizations/{}",
            WRITE,
            Answering::Delete(&ORGANIZATIONS),
        ),
    ],
};

/// What a new organization's plan allows: as much as any plan.
pub(super) fn licence() -> Value {
    json!({
        "apiLimit": 1_000, "interval": 1, "scenarios": 10_000, "teams": 100, "users": 50, "operations": 800_000_000_u64,
        "transfer": 1_099_511_627_776_u64, "iolimit": 10_000, "dslimit": 1_000, "dsslimit": 524_288_000,
        "fslimit": 2_147_483_648_u64, "dlqStorage": 10_000, "retention": 60, "hookQueueLimit": 667,
        "auditLogsDays": 365, "customFunctions": true, "customVariables": true, "webhookLogRetentionDays": 30,
        "onPremAgent": true, "advsched": true, "fulltext": true, "apps": [],
    })
}

fn view(call: &Call<'_>, own: &Row) -> Value {
    let id = field(own, "id");
    let teams = call.state.rows_with("teams", "organizationId", id);
    let teams: Vec<Value> = teams
        .map(|team| json!({"id": field(team, "id"), "name": field(team, "name")}))
        .collect();
    let days = daily(call, |log| log.get("organizationId") == Some(id));
    let sum = |name: &str| {
        days.iter()
            .filter_map(|day| day[name].as_u64())
            .sum::<u64>()
            .to_string()
    };
    json!({
        "id": id,
        "name": field(own, "name"),
        "countryId": field(own, "countryId").as_u64().unwrap_or(202),
        "timezoneId": field(own, "timezoneId").as_u64().unwrap_or(113),
        "license": own.get("license").cloned().unwrap_or_else(licence),
        "zone": call.base.split("://").last().unwrap_or_default(),
        "serviceName": "default",
        "isPaused": field(own, "isPaused") == true,
        "deleted": false,
        "externalId": null,
        "teams": teams,
        "features": {},
        "nextReset": null,
        "lastReset": null,
        "operations": sum("operations"),
        "transfer": sum("dataTransfer"),
        "centicreditsConsumed": sum("centicredits"),
        "operationsExt": "0",
        "transferExt": "0",
        "unusedOperations": "0",
        "unusedTransfer": "0",
    })
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let Reply { content, .. } = ORGANIZATIONS.create(call)?;
    let crate::make::reply::Content::Json(mut answer) = content else {
        return Err(Refusal::not_found());
    };
    let id = answer["organization"]["id"].clone();
    call.change_by("organizations", &id.to_string(), json!({"license": licence()}));
    let team = row(json!({"id": call.state.next_number("teams"), "name": "My Team", "organizationId": id}));
    answer["organization"]["teams"] = json!([{"id": team["id"], "name": team["name"]}]);
    call.state.insert("teams", team)?;
    let user = field(&call.caller.user, "id");
    answer["userOrganizationRole"] =
        json!({"userId": user, "organizationId": id, "usersRoleId": 11, "invitation": null});
    Ok(Reply::json(answer))
}

fn clean_up(call: &mut Call<'_>, own: &Row) {
    let id = field(own, "id");
    call.state
        .remove("teams", |team| team.get("organizationId") == Some(id));
}
