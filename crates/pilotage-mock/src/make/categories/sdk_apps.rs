//! Apps that people build for Make, with their connections, webhooks, modules, RPCs, functions and endpoints.
//!
//! Sections are texts: JSON with comments, Markdown or JavaScript, kept and given back byte for byte.

mod parts;
mod sections;

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

const READ: &str = "sdk-apps:read";
const WRITE: &str = "sdk-apps:write";

pub(crate) const CATEGORY: Category = Category {
    name: "custom apps",
    routes: &[
        plain("GET", "/sdk/apps", READ, list),
        own("POST", "/sdk/apps", WRITE, create),
        // What belongs to an app as a whole, not to a version of it.
        own("GET", "/sdk/apps/{}/connections", READ, |call| {
            parts::list(call, &parts::CONNECTION)
        }),
        own("POST", "/sdk/apps/{}/connections", WRITE, |call| {
            parts::create(call, &parts::CONNECTION)
        }),
        own("GET", "/sdk/apps/connections/{}", READ, |call| {
            parts::show(call, &parts::CONNECTION)
        }),
        own("PATCH", "/sdk/apps/connections/{}", WRITE, |call| {
            parts::change(call, &parts::CONNECTION)
        }),
        own("DELETE", "/sdk/apps/connections/{}", WRITE, |call| {
            parts::delete(call, &parts::CONNECTION)
        }),
        own("GET", "/sdk/apps/connections/{}/{}", READ, |call| {
            parts::section(call, &parts::CONNECTION)
        }),
        own("PUT", "/sdk/apps/connections/{}/{}", WRITE, |call| {
            parts::set_section(call, &parts::CONNECTION)
        }),
        own("GET", "/sdk/apps/{}/webhooks", READ, |call| {
            parts::list(call, &parts::WEBHOOK)
        }),
        own("POST", "/sdk/apps/{}/webhooks", WRITE, |call| {
            parts::create(call, &parts::WEBHOOK)
        }),
        own("GET", "/sdk/apps/webhooks/{}", READ, |call| {
            parts::show(call, &parts::WEBHOOK)
        }),
        own("PATCH", "/sdk/apps/webhooks/{}", WRITE, |call| {
            parts::change(call, &parts::WEBHOOK)
        }),
        own("DELETE", "/sdk/apps/webhooks/{}", WRITE, |call| {
            parts::delete(call, &parts::WEBHOOK)
        }),
        own("GET", "/sdk/apps/webhooks/{}/{}", READ, |call| {
            parts::section(call, &parts::WEBHOOK)
        }),
        own("PUT", "/sdk/apps/webhooks/{}/{}", WRITE, |call| {
            parts::set_section(call, &parts::WEBHOOK)
        }),
        // What belongs to a version.
        own("GET", "/sdk/apps/{}/{}", READ, show),
        own("PATCH", "/sdk/apps/{}/{}", WRITE, change),
        own("DELETE", "/sdk/apps/{}/{}", WRITE, delete),
        own("POST", "/sdk/apps/{}/{}/public", WRITE, |call| {
            publish(call, true)
        }),
        own("POST", "/sdk/apps/{}/{}/private", WRITE, |call| {
            publish(call, false)
        }),
        own("PUT", "/sdk/apps/{}/{}/icon", WRITE, sections::set_icon),
        own("GET", "/sdk/apps/{}/{}/icon/{}", READ, sections::icon),
        own("GET", "/sdk/apps/{}/{}/{}", READ, sections::of_app_or_list),
        own("PUT", "/sdk/apps/{}/{}/{}", WRITE, sections::set_of_app),
        own("POST", "/sdk/apps/{}/{}/{}", WRITE, parts::create_in_version),
        own("GET", "/sdk/apps/{}/{}/{}/{}", READ, parts::show_in_version),
        own("PATCH", "/sdk/apps/{}/{}/{}/{}", WRITE, parts::change_in_version),
        own("DELETE", "/sdk/apps/{}/{}/{}/{}", WRITE, parts::delete_in_version),
        own("POST", "/sdk/apps/{}/{}/{}/{}", WRITE, parts::test_in_version),
        own(
            "POST",
            "/sdk/apps/{}/{}/{}/{}/{}",
            WRITE,
            parts::publish_in_version,
        ),
        own("GET", "/sdk/apps/{}/{}/{}/{}/{}", READ, parts::section_in_version),
        own(
            "PUT",
            "/sdk/apps/{}/{}/{}/{}/{}",
            WRITE,
            parts::set_section_in_version,
        ),
    ],
};

const APPS: &str = "sdk-apps";

const FIELDS: &[Field] = &[
    required("name", Kind::Text(64)),
    required("label", Kind::Text(128)),
    optional("description", Kind::Text(1_000)),
    optional("theme", Kind::Text(20)),
    optional("language", Kind::Text(10)),
    optional("countries", Kind::Any),
    optional("private", Kind::Flag),
    optional("audience", Kind::Text(50)),
];

fn view(row: &Row) -> Value {
    json!({
        "name": field(row, "name"),
        "label": field(row, "label"),
        "description": field(row, "description").as_str().unwrap_or_default(),
        "version": 1,
        "beta": true,
        "theme": field(row, "theme").as_str().map(str::to_lowercase),
        "language": field(row, "language"),
        "public": field(row, "public") == true,
        "approved": false,
        "global": true,
        "countries": field(row, "countries"),
        "created": field(row, "created"),
        "manifestVersion": 2,
    })
}

fn list(call: &mut Call<'_>) -> Reply {
    let rows = call.state.rows(APPS).iter();
    let rows: Vec<Value> = rows.map(|row| columns(call.request, view(row))).collect();
    Reply::json(json!({"apps": rows}))
}

/// The real service adds to a name that is taken; so does the mock, always.
fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut app = read(call, FIELDS, true)?;
    let number = call.state.next_number("sdk-parts");
    let name = field(&app, "name").as_str().unwrap_or_default();
    let name = format!("{name}-{number}");
    app.extend(row(
        json!({"id": name, "name": name, "_number": number, "created": call.moment(), "public": false}),
    ));
    call.state.insert(APPS, app.clone())?;
    Ok(Reply::json(json!({"app": view(&app)})))
}

/// The version of the app that the path names. There is only the first.
fn app(call: &Call<'_>) -> Result<Row, Refusal> {
    let app = call.row(APPS)?;
    (call.parameter(1) == "1")
        .then_some(app)
        .ok_or_else(Refusal::not_found)
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let app = app(call)?;
    Ok(call.one("app", view(&app)))
}

fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    app(call)?;
    let mut changes = read(call, FIELDS, false)?;
    changes.remove("name");
    call.change(APPS, Value::Object(changes));
    show(call)
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let app = app(call)?;
    let name = field(&app, "name");
    call.state.remove("sdk-parts", |part| field(part, "app") == name);
    call.state.remove_by_id(APPS, &call.parameter(0));
    Ok(Reply::json(json!({"app": name})))
}

fn publish(call: &mut Call<'_>, public: bool) -> Result<Reply, Refusal> {
    app(call)?;
    call.change(APPS, json!({"public": public}));
    Ok(Reply::json(json!({"changed": true})))
}
