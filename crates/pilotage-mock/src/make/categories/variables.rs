//! Variables of teams and organizations.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::{Call, missing},
    reply::{Refusal, Reply},
    resource::text_of,
    routing::own,
    state::{Row, field, row},
};

pub(crate) const CATEGORY: Category = Category {
    name: "variables",
    routes: &[
        own("GET", "/teams/{}/variables", "team-variables:read", |call| {
            list(call, TEAM)
        }),
        own("POST", "/teams/{}/variables", "team-variables:write", |call| {
            create(call, TEAM)
        }),
        own(
            "PATCH",
            "/teams/{}/variables/{}",
            "team-variables:write",
            |call| change(call, TEAM),
        ),
        own(
            "DELETE",
            "/teams/{}/variables/{}",
            "team-variables:write",
            |call| delete(call, TEAM),
        ),
        own(
            "GET",
            "/organizations/{}/variables",
            "organization-variables:read",
            |call| list(call, ORGANIZATION),
        ),
        own(
            "POST",
            "/organizations/{}/variables",
            "organization-variables:write",
            |call| create(call, ORGANIZATION),
        ),
        own(
            "PATCH",
            "/organizations/{}/variables/{}",
            "organization-variables:write",
            |call| change(call, ORGANIZATION),
        ),
        own(
            "DELETE",
            "/organizations/{}/variables/{}",
            "organization-variables:write",
            |call| delete(call, ORGANIZATION),
        ),
    ],
};

/// Whose variables, and how they are called.
#[derive(Clone, Copy)]
struct Holder {
    holders: &'static str,
    table: &'static str,
    one: &'static str,
    many: &'static str,
}

const TEAM: Holder = Holder {
    holders: "teams",
    table: "team-variables",
    one: "teamVariable",
    many: "teamVariables",
};

const ORGANIZATION: Holder = Holder {
    holders: "organizations",
    table: "organization-variables",
    one: "organizationVariable",
    many: "organizationVariables",
};

fn shown(row: &Row) -> Value {
    json!({
        "name": field(row, "name"),
        "value": field(row, "value"),
        "typeId": field(row, "typeId"),
        "isSystem": false,
    })
}

fn list(call: &mut Call<'_>, of: Holder) -> Result<Reply, Refusal> {
    let holder = call.row(of.holders)?;
    let rows = call.state.rows_with(of.table, "holder", field(&holder, "id"));
    let rows: Vec<Value> = rows.map(shown).collect();
    Ok(Reply::json(json!({of.many: rows})))
}

/// 1 a number, 2 a text, 3 true or false, 4 a date.
fn check(type_id: &Value, value: &Value) -> Result<(), Refusal> {
    let fits = match type_id.as_u64() {
        Some(1) => value.is_number(),
        Some(2) => value.is_string(),
        Some(3) => value.is_boolean(),
        Some(4) => value
            .as_str()
            .is_some_and(|text| text.len() >= 10 && text.as_bytes()[4] == b'-'),
        _ => return Err(missing("typeId")),
    };
    fits.then_some(())
        .ok_or_else(|| Refusal::invalid_input("The value does not fit the type."))
}

fn find(call: &Call<'_>, of: Holder, name: &str) -> Option<Row> {
    let holder = call.row(of.holders).ok()?;
    let mut rows = call.state.rows_with(of.table, "holder", field(&holder, "id"));
    rows.find(|row| field(row, "name") == name).cloned()
}

fn create(call: &mut Call<'_>, of: Holder) -> Result<Reply, Refusal> {
    let holder = call.row(of.holders)?;
    let name = text_of(call, "name")?.to_owned();
    check(&call.body["typeId"], &call.body["value"])?;
    if find(call, of, &name).is_some() {
        return Err(Refusal::invalid_input("A variable of that name exists already."));
    }
    let variable = row(json!({
        "id": call.state.next_number(of.table),
        "holder": field(&holder, "id"),
        "name": name,
        "typeId": call.body["typeId"],
        "value": call.body["value"],
    }));
    call.state.insert(of.table, variable.clone())?;
    Ok(Reply::json(json!({of.one: shown(&variable)})))
}

fn named(call: &Call<'_>, of: Holder) -> Result<Row, Refusal> {
    call.row(of.holders)?;
    find(call, of, &call.parameter(1)).ok_or_else(Refusal::not_found)
}

fn change(call: &mut Call<'_>, of: Holder) -> Result<Reply, Refusal> {
    let mut variable = named(call, of)?;
    for name in ["typeId", "value"] {
        let given = call.object()?.get(name).cloned();
        variable.extend(given.map(|given| (name.to_owned(), given)));
    }
    check(field(&variable, "typeId"), field(&variable, "value"))?;
    let id = field(&variable, "id").to_string();
    call.change_by(of.table, &id, Value::Object(variable.clone()));
    Ok(Reply::json(json!({of.one: shown(&variable)})))
}

fn delete(call: &mut Call<'_>, of: Holder) -> Result<Reply, Refusal> {
    let variable = named(call, of)?;
    call.require_confirmation("Scenarios may use the variable.")?;
    call.state
        .remove_by_id(of.table, &field(&variable, "id").to_string());
    Ok(Reply::json(json!({"ok": true})))
}
