//! Roles: Make's own, and those that an organization makes for itself.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    paging::columns,
    reply::{Refusal, Reply},
    resource::{Field, Kind, optional, read, required},
    routing::{own, plain},
    state::{Row, field, row},
};

const READ: &str = "user:read";
const WRITE: &str = "user:write";

pub(crate) const CATEGORY: Category = Category {
    name: "roles",
    routes: &[
        plain("GET", "/users/roles", READ, list),
        plain("GET", "/users/roles/permissions", READ, permissions),
        own("GET", "/users/roles/{}", READ, show),
        own("POST", "/users/custom-roles", WRITE, create),
        own("PATCH", "/users/custom-roles/{}", WRITE, change),
        own("DELETE", "/users/custom-roles/{}", WRITE, delete),
    ],
};

const FIELDS: &[Field] = &[
    required("name", Kind::Text(128)),
    required("category", Kind::Text(20)),
    optional("description", Kind::Any),
    optional("permissions", Kind::List),
];

/// Id, name, what it is about, whose roles may have it.
const PERMISSIONS: [(u64, &str, &str, &str); 6] = [
    (101, "scenarios view", "scenarios", "organization"),
    (102, "scenarios edit", "scenarios", "organization"),
    (103, "organizations view", "organizations", "organization"),
    (104, "organizations edit", "organizations", "organization"),
    (201, "scenarios run", "scenarios", "team"),
    (202, "connections edit", "connections", "team"),
];

/// Make's own: id, name, category.
const BUILT_IN: [(u64, &str, &str); 6] = [
    (1, "Team Admin", "team"),
    (2, "Team Member", "team"),
    (3, "Team Monitoring", "team"),
    (11, "Owner", "organization"),
    (12, "Admin", "organization"),
    (13, "Member", "organization"),
];

fn named(ids: &[Value]) -> Vec<Value> {
    let known = PERMISSIONS
        .iter()
        .filter(|(id, ..)| ids.contains(&Value::from(*id)));
    known
        .map(|(id, name, ..)| json!({"id": id, "name": name}))
        .collect()
}

fn all(call: &Call<'_>) -> Vec<Value> {
    let built_in = BUILT_IN.iter().map(|(id, name, category)| {
        let own = PERMISSIONS
            .iter()
            .filter(|(.., of)| of == category)
            .map(|(_, name, ..)| name);
        json!({
            "id": id,
            "name": name,
            "identifier": name.to_lowercase().replace(' ', "_"),
            "category": category,
            "subsidiary": false,
            "managementType": "system_locked",
            "description": null,
            "permissions": own.collect::<Vec<_>>(),
        })
    });
    let custom = call.state.rows("roles").iter().map(|row| {
        let permissions = field(row, "permissions").as_array().cloned().unwrap_or_default();
        let names: Vec<Value> = named(&permissions)
            .iter()
            .map(|one| one["name"].clone())
            .collect();
        json!({
            "id": field(row, "id"),
            "name": field(row, "name"),
            "category": field(row, "category"),
            "subsidiary": true,
            "managementType": "custom_managed",
            "description": field(row, "description"),
            "organizationId": field(row, "organizationId"),
            "permissions": names,
        })
    });
    built_in.chain(custom).collect()
}

fn list(call: &mut Call<'_>) -> Reply {
    let category = call.request.one("category");
    let excluded = call.request.many("excludeRole");
    let wanted = call.request.one("roleId");
    let rows = all(call).into_iter().filter(|role| {
        let id = role["id"].to_string();
        category.is_none_or(|category| role["category"] == category)
            && !excluded.contains(&id.as_str())
            && wanted.is_none_or(|wanted| wanted == id)
    });
    let rows: Vec<Value> = rows.map(|role| columns(call.request, role)).collect();
    Reply::json(json!({"usersRoles": rows}))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let wanted = call.parameter(0).parse::<u64>().ok();
    let mut roles = all(call).into_iter();
    let role = roles.find(|role| role["id"].as_u64() == wanted);
    Ok(Reply::json(
        json!({"usersRole": role.ok_or_else(Refusal::not_found)?}),
    ))
}

fn permissions(call: &mut Call<'_>) -> Reply {
    let wanted = call.request.one("roleCategory");
    let rows = PERMISSIONS
        .iter()
        .filter(|(.., of)| wanted.is_none_or(|wanted| wanted == *of));
    let rows = rows.map(|(id, name, category, of)| {
        json!({
            "id": id,
            "name": name,
            "note": name,
            "category": category,
            "roleCategory": of,
            "label": name,
            "customRolesHidden": false,
            "requires": [],
        })
    });
    Reply::json(json!({"usersRolesPermissions": rows.collect::<Vec<_>>()}))
}

fn shown(row: &Row) -> Value {
    let permissions = field(row, "permissions").as_array().cloned().unwrap_or_default();
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "category": field(row, "category"),
        "managementType": "custom_managed",
        "description": field(row, "description"),
        "permissions": named(&permissions),
    })
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let organization = call.organization()?;
    let mut role = read(call, FIELDS, true)?;
    if !["organization", "team"]
        .iter()
        .any(|known| field(&role, "category") == known)
    {
        return Err(Refusal::invalid_input(
            "category must be 'organization' or 'team'.",
        ));
    }
    // Below it are the ids of Make's own roles.
    let number = call.state.next_number("roles") + 40;
    role.extend(row(json!({"id": number, "organizationId": organization})));
    call.state.insert("roles", role.clone())?;
    Ok(Reply::json(json!({"role": shown(&role)})))
}

fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.row("roles")?;
    call.organization()?;
    let changes = read(call, FIELDS, false)?;
    call.change("roles", Value::Object(changes));
    Ok(Reply::json(json!({"role": shown(&call.row("roles")?)})))
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let role = call.row("roles")?;
    call.organization()?;
    call.state.remove_by_id("roles", &call.parameter(0));
    Ok(Reply::json(json!({"roleId": field(&role, "id")})))
}
