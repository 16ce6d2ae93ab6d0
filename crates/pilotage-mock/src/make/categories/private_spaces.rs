//! Private spaces: what belongs to one person within an organization.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    reply::{Refusal, Reply},
    resource::{Kind, Owner, Resource, optional, read},
    routing::{Answering, of, own},
    state::{Row, field},
};

const READ: &str = "private-spaces:read";
const WRITE: &str = "private-spaces:write";

const SPACES: Resource = Resource {
    owner: Owner::Organization,
    fields: &[optional("operationsLimit", Kind::Number)],
    filters: &["externalId"],
    view,
    ..Resource::of_team("private-spaces", "privateSpace", "privateSpaces")
};

pub(crate) const CATEGORY: Category = Category {
    name: "private spaces",
    routes: &[
        of("GET", "/private-spaces", READ, Answering::List(&SPACES)),
        of("GET", "/private-spaces/{}", READ, Answering::Show(&SPACES)),
        own("PATCH", "/private-spaces/{}", WRITE, change),
    ],
};

fn view(call: &Call<'_>, row: &Row) -> Value {
    let owner = field(row, "privateSpaceOwnerId");
    let user = call
        .state
        .find("users", &owner.to_string())
        .cloned()
        .unwrap_or_default();
    let consumed = field(row, "consumedOperations").as_u64().unwrap_or(0);
    let limit = field(row, "operationsLimit").as_u64();
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "organizationId": field(row, "organizationId"),
        "globalAgentsEnabled": false,
        "type": "personal",
        "privateSpaceOwnerName": field(&user, "name"),
        "privateSpaceOwnerEmail": field(&user, "email"),
        "privateSpaceOwnerId": owner,
        "operationsLimit": limit,
        "transferLimit": limit.map(|limit| limit.saturating_mul(1 << 20).to_string()),
        "consumedOperations": consumed,
        "consumedTransfer": "0",
        "isPaused": limit.is_some_and(|limit| limit < consumed),
        "consumedCenticredits": consumed.saturating_mul(100).to_string(),
        "operations": consumed.to_string(),
        "transfer": "0",
        "centicredits": consumed.saturating_mul(100).to_string(),
        "deleted": false,
        "externalId": field(row, "externalId"),
    })
}

/// A limit below what is consumed pauses the space at once, so that has to be confirmed.
fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("private-spaces")?;
    let given = read(call, SPACES.fields, false)?;
    let limit = field(&given, "operationsLimit").as_u64();
    let consumed = field(&row, "consumedOperations").as_u64().unwrap_or(0);
    if limit.is_some_and(|limit| limit < consumed) {
        call.require_confirmation("The private space would be paused.")?;
    }
    SPACES.change(call)
}
