//! Data stores and their records. Sizes are texts, in bytes.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::{Call, missing},
    ids,
    paging::{Defaults, Page},
    reply::{Refusal, Reply},
    resource::{Kind, Resource, optional, required},
    routing::{Answering, of, own},
    state::{Row, field, row},
};

const READ: &str = "datastores:read";
const WRITE: &str = "datastores:write";

const STORES: Resource = Resource {
    confirmed: true,
    fields: &[
        required("name", Kind::Text(128)),
        required("maxSizeMB", Kind::Number),
        optional("datastructureId", Kind::Number),
    ],
    view,
    prepare,
    clean_up,
    ..Resource::of_team("data-stores", "dataStore", "dataStores")
};

pub(crate) const CATEGORY: Category = Category {
    name: "data stores",
    routes: &[
        of("GET", "/data-stores", READ, Answering::List(&STORES)),
        of("POST", "/data-stores", WRITE, Answering::Create(&STORES)),
        own("DELETE", "/data-stores", WRITE, delete_many),
        of("GET", "/data-stores/{}", READ, Answering::Show(&STORES)),
        of("PATCH", "/data-stores/{}", WRITE, Answering::Change(&STORES)),
        of("DELETE", "/data-stores/{}", WRITE, Answering::Delete(&STORES)),
        own("GET", "/data-stores/{}/data", READ, records),
        own("POST", "/data-stores/{}/data", WRITE, add),
        own("DELETE", "/data-stores/{}/data", WRITE, delete_records),
        own("PATCH", "/data-stores/{}/data/{}", WRITE, |call| {
            write(call, true)
        }),
        own("PUT", "/data-stores/{}/data/{}", WRITE, |call| write(call, false)),
    ],
};

fn rows<'a>(call: &'a Call<'_>, store: &'a Row) -> impl Iterator<Item = &'a Row> {
    call.state.rows_with("records", "store", field(store, "id"))
}

fn size(call: &Call<'_>, store: &Row) -> u64 {
    let sizes = rows(call, store).map(|record| field(record, "data").to_string().len());
    u64::try_from(sizes.sum::<usize>()).unwrap_or(u64::MAX)
}

fn most_bytes(store: &Row) -> u64 {
    field(store, "maxSizeMB")
        .as_u64()
        .unwrap_or(1)
        .saturating_mul(1 << 20)
}

fn view(call: &Call<'_>, store: &Row) -> Value {
    json!({
        "id": field(store, "id"),
        "name": field(store, "name"),
        "records": rows(call, store).count(),
        "size": size(call, store).to_string(),
        "maxSize": most_bytes(store).to_string(),
        "teamId": field(store, "teamId"),
        "datastructureId": field(store, "datastructureId"),
    })
}

fn prepare(call: &mut Call<'_>, store: &mut Row) -> Result<(), Refusal> {
    let team = field(store, "teamId").as_u64().unwrap_or(0);
    call.require_room(team, "dslimit", "data-stores", "data stores")?;
    match field(store, "datastructureId") {
        Value::Null => Ok(()),
        id => call.row_by("data-structures", &id.to_string()).map(|_| ()),
    }
}

fn clean_up(call: &mut Call<'_>, store: &Row) {
    let id = field(store, "id");
    call.state
        .remove("records", |record| record.get("store") == Some(id));
}

/// As Make's documents have it; the official client deletes one at a time.
fn delete_many(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = Value::from(call.team()?);
    let ids = call.body["ids"]
        .as_array()
        .cloned()
        .ok_or_else(|| missing("ids"))?;
    call.require_confirmation("Deleting data stores may break the scenarios that use them.")?;
    let stores: Vec<Row> = call
        .state
        .rows_with("data-stores", "teamId", &team)
        .filter(|store| ids.contains(field(store, "id")))
        .cloned()
        .collect();
    for store in &stores {
        call.state
            .remove_by_id("data-stores", &field(store, "id").to_string());
        clean_up(call, store);
    }
    let ids: Vec<&Value> = stores.iter().map(|store| field(store, "id")).collect();
    Ok(Reply::json(json!({"dataStores": ids})))
}

fn shown(record: &Row) -> Value {
    json!({"key": field(record, "key"), "data": field(record, "data")})
}

fn structure(call: &Call<'_>, store: &Row) -> Row {
    let id = field(store, "datastructureId").to_string();
    call.state
        .find("data-structures", &id)
        .cloned()
        .unwrap_or_default()
}

fn records(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let store = call.row("data-stores")?;
    let structure = structure(call, &store);
    let page = Page::of(call.request, Defaults::by("key", 10))?;
    let found: Vec<Value> = rows(call, &store).map(shown).collect();
    let count = found.len();
    Ok(Reply::json(json!({
        "records": page.take(found),
        "spec": structure.get("spec").cloned().unwrap_or_else(|| json!([])),
        "strict": field(&structure, "strict") == true,
        "count": count,
        "pg": {"limit": page.limit, "offset": page.offset},
    })))
}

/// A strict structure takes no other fields and lacks none that it asks for.
fn check(structure: &Row, data: &Value) -> Result<(), Refusal> {
    let fields = data.as_object().ok_or_else(|| missing("data"))?;
    if field(structure, "strict") != true {
        return Ok(());
    }
    let spec = field(structure, "spec").as_array().cloned().unwrap_or_default();
    let absent = spec
        .iter()
        .find(|own| own["required"] == true && own["name"].as_str().is_some_and(|name| data[name].is_null()));
    let unknown = fields
        .keys()
        .find(|name| !spec.iter().any(|own| own["name"] == name.as_str()));
    match (absent, unknown) {
        (Some(absent), _) => Err(missing(absent["name"].as_str().unwrap_or_default())),
        (None, Some(name)) => Err(Refusal::invalid_input(format!(
            "The data structure has no field '{name}'."
        ))),
        (None, None) => Ok(()),
    }
}

fn require_space(call: &Call<'_>, store: &Row, data: &Value) -> Result<(), Refusal> {
    let added = u64::try_from(data.to_string().len()).unwrap_or(u64::MAX);
    let fits = size(call, store).saturating_add(added) <= most_bytes(store);
    fits.then_some(()).ok_or_else(Refusal::storage_full)
}

fn add(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let store = call.row("data-stores")?;
    let data = call
        .object()?
        .get("data")
        .cloned()
        .ok_or_else(|| missing("data"))?;
    check(&structure(call, &store), &data)?;
    require_space(call, &store, &data)?;
    let number = call.state.next_number("records");
    let given = call.body["key"]
        .as_str()
        .filter(|key| !key.is_empty())
        .map(str::to_owned);
    let key = given.unwrap_or_else(|| ids::hexadecimal("record", number)[..12].to_owned());
    if rows(call, &store).any(|record| field(record, "key") == key.as_str()) {
        return Err(Refusal::invalid_input("A record with that key exists already."));
    }
    let record = row(json!({"id": number, "store": field(&store, "id"), "key": key, "data": data}));
    call.state.insert("records", record.clone())?;
    Ok(Reply::json(shown(&record)))
}

/// Changes the fields that are given, or puts them in the place of all.
fn write(call: &mut Call<'_>, keeps_others: bool) -> Result<Reply, Refusal> {
    let store = call.row("data-stores")?;
    let key = call.parameter(1);
    let given = call.object()?.clone();
    let own = rows(call, &store)
        .find(|record| field(record, "key") == key.as_str())
        .cloned();
    let own = own.ok_or_else(Refusal::not_found)?;
    let mut data = match field(&own, "data").as_object() {
        Some(fields) if keeps_others => fields.clone(),
        _ => Row::new(),
    };
    data.extend(given);
    let data = Value::Object(data);
    check(&structure(call, &store), &data)?;
    require_space(call, &store, &data)?;
    call.change_by("records", &field(&own, "id").to_string(), json!({"data": data}));
    Ok(Reply::json(json!({"key": key, "data": data})))
}

fn delete_records(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let store = call.row("data-stores")?;
    let keys = call.body["keys"]
        .as_array()
        .cloned()
        .ok_or_else(|| missing("keys"))?;
    call.require_confirmation("Records would be deleted.")?;
    let id = field(&store, "id");
    let goes = |record: &Row| field(record, "store") == id && keys.contains(field(record, "key"));
    call.state.remove("records", goes);
    Ok(Reply::json(json!({"keys": keys})))
}
