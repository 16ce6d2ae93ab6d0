//! Data structures: what records and deliveries have to look like.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::{Call, missing},
    reply::{Refusal, Reply},
    resource::{Kind, Resource, optional, required, text_of},
    routing::{Answering, of, own},
    state::{Row, field},
};

const READ: &str = "udts:read";
const WRITE: &str = "udts:write";

const STRUCTURES: Resource = Resource {
    confirmed: true,
    fields: &[
        required("name", Kind::Text(128)),
        optional("strict", Kind::Flag),
        required("spec", Kind::List),
    ],
    view,
    ..Resource::of_team("data-structures", "dataStructure", "dataStructures")
};

pub(crate) const CATEGORY: Category = Category {
    name: "data structures",
    routes: &[
        of("GET", "/data-structures", READ, Answering::List(&STRUCTURES)),
        of("POST", "/data-structures", WRITE, Answering::Create(&STRUCTURES)),
        of("GET", "/data-structures/{}", READ, Answering::Show(&STRUCTURES)),
        of(
            "PATCH",
            "/data-structures/{}",
            WRITE,
            Answering::Change(&STRUCTURES),
        ),
        of(
            "DELETE",
            "/data-structures/{}",
            WRITE,
            Answering::Delete(&STRUCTURES),
        ),
        own("POST", "/data-structures/{}/clone", WRITE, clone),
    ],
};

fn view(_: &Call<'_>, row: &Row) -> Value {
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "teamId": field(row, "teamId"),
        "spec": row.get("spec").cloned().unwrap_or_else(|| json!([])),
        "strict": field(row, "strict") == true,
    })
}

fn clone(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut copy = call.row("data-structures")?;
    let name = text_of(call, "name")?.to_owned();
    let team = call
        .number("targetTeamId")
        .ok_or_else(|| missing("targetTeamId"))?;
    call.row_by("teams", &team.to_string())
        .map_err(|_| Refusal::denied())?;
    copy.insert("id".to_owned(), call.state.next_number("data-structures").into());
    copy.insert("name".to_owned(), name.into());
    copy.insert("teamId".to_owned(), team.into());
    call.state.insert("data-structures", copy.clone())?;
    Ok(call.one("dataStructure", view(call, &copy)))
}
