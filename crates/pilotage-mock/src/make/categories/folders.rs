//! Folders of scenarios, which may lie in one another.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    reply::{Refusal, Reply},
    resource::{Kind, Resource, optional, read, required},
    routing::{Answering, of, own},
    state::{Row, field},
};

const READ: &str = "scenarios:read";
const WRITE: &str = "scenarios:write";

const FOLDERS: Resource = Resource {
    fields: &[
        required("name", Kind::Text(100)),
        optional("parentId", Kind::Number),
    ],
    view,
    prepare,
    clean_up,
    ..Resource::of_team("scenarios-folders", "scenarioFolder", "scenariosFolders")
};

pub(crate) const CATEGORY: Category = Category {
    name: "folders",
    routes: &[
        own("GET", "/scenarios-folders", READ, list),
        of("POST", "/scenarios-folders", WRITE, Answering::Create(&FOLDERS)),
        own("PATCH", "/scenarios-folders/{}", WRITE, change),
        of(
            "DELETE",
            "/scenarios-folders/{}",
            WRITE,
            Answering::Delete(&FOLDERS),
        ),
    ],
};

fn view(call: &Call<'_>, row: &Row) -> Value {
    let id = field(row, "id");
    let count = call.state.rows_with("scenarios", "folderId", id).count();
    json!({
        "id": id,
        "name": field(row, "name"),
        "teamId": field(row, "teamId"),
        "parentId": field(row, "parentId"),
        "scenariosTotal": count,
    })
}

/// All of a team, or with `parentId` those in one folder, with `childrenDepth=all` also what lies deeper.
fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let Some(parent) = call.request.one("parentId") else {
        return FOLDERS.list(call);
    };
    let team = Value::from(call.team()?);
    let deep = call.request.one("childrenDepth") == Some("all");
    let mut inside = vec![parent.to_owned()];
    let mut found = Vec::new();
    for row in call.state.rows_with("scenarios-folders", "teamId", &team) {
        if inside.contains(&field(row, "parentId").to_string()) {
            found.push(view(call, row));
            inside.extend(deep.then(|| field(row, "id").to_string()));
        }
    }
    call.page("scenariosFolders", found, FOLDERS.defaults)
}

fn prepare(call: &mut Call<'_>, row: &mut Row) -> Result<(), Refusal> {
    require_parent(call, field(row, "parentId"))
}

fn require_parent(call: &Call<'_>, parent: &Value) -> Result<(), Refusal> {
    if parent.is_null() {
        return Ok(());
    }
    call.row_by("scenarios-folders", &parent.to_string()).map(|_| ())
}

fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = call.row("scenarios-folders")?;
    let given = read(call, FOLDERS.fields, false)?;
    let mut parent = field(&given, "parentId").clone();
    require_parent(call, &parent)?;
    // A folder never comes to lie in itself; the way up is as long as there are folders.
    for _ in 0..call.state.rows("scenarios-folders").len() {
        if parent == *field(&own, "id") {
            return Err(Refusal::invalid_input("A folder cannot lie in itself."));
        }
        let above = call.state.find("scenarios-folders", &parent.to_string());
        parent = above
            .map(|row| field(row, "parentId").clone())
            .unwrap_or_default();
    }
    FOLDERS.change(call)
}

/// What lay in it lies in none.
fn clean_up(call: &mut Call<'_>, row: &Row) {
    let id = field(row, "id");
    for (table, name) in [("scenarios", "folderId"), ("scenarios-folders", "parentId")] {
        while let Some(inside) = call.state.first_mut(table, |row| row.get(name) == Some(id)) {
            inside.insert(name.to_owned(), Value::Null);
        }
    }
}
