//! Which custom properties scenarios of an organization may have.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::{Call, missing},
    paging::Defaults,
    reply::{Refusal, Reply},
    resource::{Field, Kind, optional, passes, read, required, text_of},
    routing::own,
    state::{Row, field, row},
};

const READ: &str = "custom-property-structures:read";
const WRITE: &str = "custom-property-structures:write";

const ITEM: &str = "/custom-property-structures/custom-property-structure-items/{}";
const ITEMS: &str = "/custom-property-structures/{}/custom-property-structure-items";

pub(crate) const CATEGORY: Category = Category {
    name: "custom properties",
    routes: &[
        own("GET", "/custom-property-structures", READ, list),
        own("POST", "/custom-property-structures", WRITE, create),
        own("PATCH", ITEM, WRITE, change_item),
        own("DELETE", ITEM, WRITE, delete_item),
        own("GET", ITEMS, READ, items),
        own("POST", ITEMS, WRITE, create_item),
    ],
};

const STRUCTURES: &str = "custom-property-structures";
const ITEM_ROWS: &str = "custom-property-structure-items";

const FIELDS: &[Field] = &[
    required("name", Kind::Text(128)),
    required("label", Kind::Text(128)),
    required("type", Kind::Text(20)),
    optional("description", Kind::Any),
    optional("options", Kind::Any),
    required("required", Kind::Flag),
];

const TYPES: [&str; 7] = [
    "boolean",
    "number",
    "shortText",
    "longText",
    "date",
    "dropdown",
    "multiselect",
];

fn shown(row: &Row) -> Value {
    let belonger = json!({
        "belongerId": field(row, "organizationId"),
        "belongerType": "organization",
        "associatedTypes": ["scenario"],
    });
    json!({"id": field(row, "id"), "created": field(row, "created"), "belongers": [belonger]})
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let organization = Value::from(call.organization()?);
    let rows = call.state.rows_with(STRUCTURES, "organizationId", &organization);
    let rows: Vec<Value> = rows.map(shown).collect();
    Ok(Reply::json(json!({"customPropertyStructures": rows})))
}

/// An organization has one, for ever.
fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let types = [text_of(call, "associatedType")?, text_of(call, "belongerType")?];
    if types != ["scenario", "organization"] {
        return Err(Refusal::invalid_input(
            "Only scenarios of an organization have custom properties.",
        ));
    }
    let organization = call.number("belongerId").ok_or_else(|| missing("belongerId"))?;
    call.row_by("organizations", &organization.to_string())
        .map_err(|_| Refusal::denied())?;
    let has_one = call
        .state
        .rows_with(STRUCTURES, "organizationId", &organization.into())
        .next()
        .is_some();
    if has_one {
        return Err(Refusal::invalid_input(
            "The organization has a structure already.",
        ));
    }
    let structure = row(json!({
        "id": call.state.next_number(STRUCTURES),
        "organizationId": organization,
        "created": call.moment(),
    }));
    call.state.insert(STRUCTURES, structure.clone())?;
    Ok(Reply::json(json!({"customPropertyStructure": shown(&structure)})))
}

fn items(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let structure = call.row(STRUCTURES)?;
    let rows = call
        .state
        .rows_with(ITEM_ROWS, "structureId", field(&structure, "id"));
    let rows = rows.filter(|row| {
        let mut filters = ["id", "name", "label", "description", "type", "required"].into_iter();
        filters.all(|name| passes(call, row, name))
    });
    let rows = rows.map(|row| Value::Object(row.clone())).collect();
    call.page("customPropertyStructureItems", rows, Defaults::by("id", 10_000))
}

fn create_item(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let structure = call.row(STRUCTURES)?;
    let mut item = read(call, FIELDS, true)?;
    if !TYPES.iter().any(|known| field(&item, "type") == known) {
        return Err(Refusal::invalid_input(format!(
            "type must be one of {}.",
            TYPES.join(", ")
        )));
    }
    item.extend(row(json!({
        "id": call.state.next_number(ITEM_ROWS),
        "structureId": field(&structure, "id"),
        "description": field(&item, "description"),
        "options": field(&item, "options"),
    })));
    call.state.insert(ITEM_ROWS, item.clone())?;
    Ok(Reply::json(json!({"customPropertyStructureItem": item})))
}

fn change_item(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.row(ITEM_ROWS)?;
    let mut changes = read(call, FIELDS, false)?;
    changes.retain(|name, _| name != "name" && name != "type");
    call.change(ITEM_ROWS, Value::Object(changes));
    Ok(Reply::json(
        json!({"customPropertyStructureItem": call.row(ITEM_ROWS)?}),
    ))
}

/// With a property that scenarios have filled in goes what they have; that has to be confirmed.
fn delete_item(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let item = call.row(ITEM_ROWS)?;
    let name = field(&item, "name").as_str().unwrap_or_default().to_owned();
    let has = |scenario: &Row| field(scenario, "customProperties").get(&name).is_some();
    if call.state.rows("scenarios").iter().any(has) {
        call.require_confirmation("Scenarios have a value of this property.")?;
    }
    call.state.remove_by_id(ITEM_ROWS, &call.parameter(0));
    while let Some(scenario) = call.state.first_mut("scenarios", has) {
        if let Some(Value::Object(properties)) = scenario.get_mut("customProperties") {
            properties.remove(&name);
        }
    }
    Ok(Reply::json(
        json!({"customPropertyStructureItem": field(&item, "id")}),
    ))
}
