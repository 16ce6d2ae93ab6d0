//! Templates: those of a team, and those that Make offers to all.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    paging::Defaults,
    reply::{Refusal, Reply},
    resource::{Kind, Resource, optional, required},
    routing::{Answering, of, own},
    state::{Row, field, says},
};

const READ: &str = "templates:read";
const WRITE: &str = "templates:write";

const TEMPLATES: Resource = Resource {
    fields: &[
        required("name", Kind::Text(120)),
        optional("language", Kind::Text(10)),
        optional("templatePublic", Kind::Flag),
        optional("blueprint", Kind::Any),
        optional("scheduling", Kind::Any),
    ],
    view,
    ..Resource::of_team("templates", "template", "templates")
};

pub(crate) const CATEGORY: Category = Category {
    name: "templates",
    routes: &[
        own("GET", "/templates/public", READ, list_public),
        own("GET", "/templates/public/{}", READ, show_public),
        own("GET", "/templates/public/{}/blueprint", READ, blueprint_of_public),
        of("GET", "/templates", READ, Answering::List(&TEMPLATES)),
        of("POST", "/templates", WRITE, Answering::Create(&TEMPLATES)),
        of("GET", "/templates/{}", READ, Answering::Show(&TEMPLATES)),
        of("PATCH", "/templates/{}", WRITE, Answering::Change(&TEMPLATES)),
        of("DELETE", "/templates/{}", WRITE, Answering::Delete(&TEMPLATES)),
        own("GET", "/templates/{}/blueprint", READ, blueprint),
    ],
};

fn view(_: &Call<'_>, row: &Row) -> Value {
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "teamId": field(row, "teamId"),
        "description": field(row, "description"),
        "usedApps": row.get("usedApps").cloned().unwrap_or_else(|| json!([])),
        "public": field(row, "templatePublic") == true,
        "published": null,
        "approved": null,
        "approvedId": null,
        "requestedApproval": false,
        "publishedId": null,
        "publicUrl": null,
        "approvedName": null,
        "publishedName": null,
    })
}

fn blueprint(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("templates")?;
    Ok(Reply::json(with_controller(&row)))
}

fn with_controller(row: &Row) -> Value {
    let flow = field(row, "blueprint")["flow"].as_array().into_iter().flatten();
    let highest = flow.filter_map(|node| node["id"].as_u64()).max().unwrap_or(0);
    json!({
        "blueprint": field(row, "blueprint"),
        "controller": {"name": field(row, "name"), "modules": {}, "idSequence": highest.saturating_add(1)},
        "scheduling": row.get("scheduling").cloned().unwrap_or_else(|| json!({"type": "on-demand"})),
        "language": field(row, "language").as_str().unwrap_or("en"),
        "metadata": null,
    })
}

fn public(row: &Row) -> Value {
    let own = |name: &str| field(row, name);
    json!({
        "id": own("id"),
        "name": own("name"),
        "description": own("description"),
        "url": own("url"),
        "usedApps": own("usedApps"),
        "usage": own("usage").as_u64().unwrap_or(0),
    })
}

fn list_public(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.request.one("name").unwrap_or_default().to_lowercase();
    let apps = call.request.many("usedApps");
    let rows = call.state.rows("public-templates").iter().filter(|row| {
        let own = field(row, "name").as_str().unwrap_or_default().to_lowercase();
        let used = field(row, "usedApps").as_array().cloned().unwrap_or_default();
        own.contains(&name) && apps.iter().all(|app| used.contains(&Value::from(*app)))
    });
    let rows = rows.map(public).collect();
    call.page("templatesPublic", rows, Defaults::by("usage", 100).descending())
}

/// By its address, which begins with its id.
fn find_public(call: &Call<'_>) -> Result<Row, Refusal> {
    let wanted = call.parameter(0);
    let mut rows = call.state.rows("public-templates").iter();
    let found = rows.find(|row| says(row, "url", &wanted) || says(row, "id", &wanted));
    found.cloned().ok_or_else(Refusal::not_found)
}

fn show_public(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = find_public(call)?;
    Ok(call.one("templatePublic", public(&row)))
}

fn blueprint_of_public(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::json(with_controller(&find_public(call)?)))
}
