//! What an app consists of. All parts are alike: a name, a few fields, and sections.

use serde_json::{Value, json};

use super::sections::{changed, kept, with};
use crate::make::{
    call::Call,
    reply::{Content, Refusal, Reply},
    request::text,
    state::{Row, field, row},
};

const PARTS: &str = "sdk-parts";

/// One kind of part.
pub(super) struct Kind {
    /// As in paths, and followed by the list's key and that of one.
    path: &'static str,
    many: &'static str,
    one: &'static str,
    /// What a caller may set, and what it is at first.
    fields: &'static [&'static str],
    sections: &'static [&'static str],
    /// Whether sections are JavaScript.
    is_code: bool,
}

pub(super) const CONNECTION: Kind = Kind {
    path: "connections",
    many: "appConnections",
    one: "appConnection",
    fields: &["label", "type"],
    sections: &["api", "parameters", "scopes", "scope", "install", "installSpec"],
    is_code: false,
};

pub(super) const WEBHOOK: Kind = Kind {
    path: "webhooks",
    many: "appWebhooks",
    one: "appWebhook",
    fields: &["label", "type", "connection", "altConnection"],
    sections: &["api", "parameters", "attach", "detach", "scope"],
    is_code: false,
};

const MODULE: Kind = Kind {
    path: "modules",
    many: "appModules",
    one: "appModule",
    fields: &[
        "label",
        "description",
        "typeId",
        "crud",
        "connection",
        "altConnection",
        "webhook",
    ],
    sections: &[
        "api",
        "epoch",
        "parameters",
        "expect",
        "interface",
        "samples",
        "scope",
    ],
    is_code: false,
};

const RPC: Kind = Kind {
    path: "rpcs",
    many: "appRpcs",
    one: "appRpc",
    fields: &["label", "connection", "altConnection"],
    sections: &["api", "parameters"],
    is_code: false,
};

const FUNCTION: Kind = Kind {
    path: "functions",
    many: "appFunctions",
    one: "appFunction",
    fields: &["args"],
    sections: &["code", "test"],
    is_code: true,
};

const ENDPOINT: Kind = Kind {
    path: "endpoints",
    many: "appEndpoints",
    one: "appEndpoint",
    fields: &[
        "label",
        "description",
        "context",
        "annotations",
        "attachedAccounts",
    ],
    sections: &["api", "scope", "inputParameters", "outputParameters"],
    is_code: false,
};

/// Those that belong to a version of an app, by the word in the path.
pub(super) fn kind(path: &str) -> Result<&'static Kind, Refusal> {
    const KINDS: [&Kind; 4] = [&MODULE, &RPC, &FUNCTION, &ENDPOINT];
    let found = KINDS.into_iter().find(|kind| kind.path == path);
    found.ok_or_else(Refusal::not_found)
}

fn view(kind: &Kind, row: &Row) -> Value {
    let mut shown = json!({"name": field(row, "name")});
    for name in kind.fields {
        shown[*name] = field(row, name).clone();
    }
    match kind.path {
        "functions" if shown["args"].is_null() => shown["args"] = "()".into(),
        "modules" => {
            shown["public"] = (field(row, "public") == true).into();
            shown["approved"] = false.into();
        }
        "endpoints" => endpoint(&mut shown, row),
        _ => {}
    }
    shown
}

fn endpoint(shown: &mut Value, row: &Row) {
    for (name, usual) in [("annotations", json!({})), ("attachedAccounts", json!([]))] {
        if shown[name].is_null() {
            shown[name] = usual;
        }
    }
    for name in ["approved", "deprecated", "archived"] {
        shown[name] = false.into();
    }
    shown["public"] = (field(row, "public") == true).into();
    shown["schemaVersion"] = 1.into();
    shown["createdAt"] = field(row, "created").clone();
    shown["updatedAt"] = field(row, "created").clone();
}

/// The rows of a kind in the app that the path names.
fn of_app<'a>(call: &'a Call<'_>, kind: &Kind) -> impl Iterator<Item = &'a Row> {
    let (app, path) = (call.parameter(0), kind.path);
    let rows = call.state.rows(PARTS).iter();
    rows.filter(move |row| field(row, "app") == app.as_str() && field(row, "kind") == path)
}

pub(super) fn list(call: &mut Call<'_>, kind: &Kind) -> Result<Reply, Refusal> {
    call.row(super::APPS)?;
    let rows: Vec<Value> = of_app(call, kind).map(|row| view(kind, row)).collect();
    Ok(Reply::json(json!({kind.many: rows})))
}

/// Connections and webhooks are named by the mock, after their app; the others by the caller.
pub(super) fn create(call: &mut Call<'_>, kind: &Kind) -> Result<Reply, Refusal> {
    let app = call.row(super::APPS)?;
    let number = call.state.next_number(PARTS);
    let given = call
        .object()?
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let app_name = field(&app, "name").as_str().unwrap_or_default();
    let name = given.unwrap_or_else(|| format!("{app_name}-{number}"));
    if of_app(call, kind).any(|row| field(row, "name") == name.as_str()) {
        return Err(Refusal::invalid_input("There is a part of that name already."));
    }
    let mut part = row(json!({
        "id": number,
        "app": app_name,
        "kind": kind.path,
        "name": name,
        "created": call.moment(),
    }));
    part.extend(given_fields(call, kind));
    call.state.insert(PARTS, part.clone())?;
    Ok(Reply::json(json!({kind.one: view(kind, &part)})))
}

fn given_fields(call: &Call<'_>, kind: &Kind) -> Row {
    let body = call.body.as_object().cloned().unwrap_or_default();
    let given = body
        .into_iter()
        .filter(|(name, _)| kind.fields.contains(&name.as_str()));
    given.collect()
}

/// A connection or webhook, by its name alone.
fn alone(call: &Call<'_>, kind: &Kind) -> Result<Row, Refusal> {
    let name = call.parameter(0);
    let mut rows = call.state.rows(PARTS).iter();
    let found = rows.find(|row| field(row, "kind") == kind.path && field(row, "name") == name.as_str());
    found.cloned().ok_or_else(Refusal::not_found)
}

/// A part of a version, with its kind.
fn in_version(call: &Call<'_>) -> Result<(&'static Kind, Row), Refusal> {
    super::app(call)?;
    let kind = kind(&call.parameter(2))?;
    let name = call.parameter(3);
    let found = of_app(call, kind)
        .find(|row| field(row, "name") == name.as_str())
        .cloned();
    found.map(|row| (kind, row)).ok_or_else(Refusal::not_found)
}

fn change_row(call: &mut Call<'_>, part: &Row, fields: Value) {
    call.change_by(PARTS, &field(part, "id").to_string(), fields);
}

fn shown(call: &Call<'_>, kind: &Kind, part: &Row) -> Result<Reply, Refusal> {
    let row = call.row_by(PARTS, &field(part, "id").to_string())?;
    Ok(Reply::json(json!({kind.one: view(kind, &row)})))
}

pub(super) fn show(call: &mut Call<'_>, kind: &Kind) -> Result<Reply, Refusal> {
    let part = alone(call, kind)?;
    shown(call, kind, &part)
}

pub(super) fn change(call: &mut Call<'_>, kind: &Kind) -> Result<Reply, Refusal> {
    let part = alone(call, kind)?;
    let fields = given_fields(call, kind);
    change_row(call, &part, Value::Object(fields));
    shown(call, kind, &part)
}

fn remove(call: &mut Call<'_>, kind: &Kind, part: &Row) -> Reply {
    call.state.remove_by_id(PARTS, &field(part, "id").to_string());
    Reply::json(json!({kind.one: field(part, "name")}))
}

pub(super) fn delete(call: &mut Call<'_>, kind: &Kind) -> Result<Reply, Refusal> {
    let part = alone(call, kind)?;
    Ok(remove(call, kind, &part))
}

fn section_of(kind: &Kind, part: &Row, section: &str) -> Result<Reply, Refusal> {
    if section == "common" && kind.path == CONNECTION.path {
        let common = part.get("common").cloned();
        return Ok(Reply::json(
            common.unwrap_or_else(|| json!({"clientId": "", "clientSecret": ""})),
        ));
    }
    if !kind.sections.contains(&section) {
        return Err(Refusal::not_found());
    }
    let mut reply = kept(part, section);
    if let (true, Content::Jsonc(code)) = (kind.is_code, &reply.content) {
        reply.content = Content::Text(if code == "{}" { String::new() } else { code.clone() });
    }
    Ok(reply)
}

fn set_section_of(call: &mut Call<'_>, kind: &Kind, part: &Row, section: &str) -> Result<Reply, Refusal> {
    let changes = if section == "common" && kind.path == CONNECTION.path {
        json!({"common": call.object()?})
    } else if kind.sections.contains(&section) {
        with(part, section, &text(&call.request.body))
    } else {
        return Err(Refusal::not_found());
    };
    change_row(call, part, changes);
    Ok(changed())
}

pub(super) fn section(call: &mut Call<'_>, kind: &Kind) -> Result<Reply, Refusal> {
    section_of(kind, &alone(call, kind)?, &call.parameter(1))
}

pub(super) fn set_section(call: &mut Call<'_>, kind: &Kind) -> Result<Reply, Refusal> {
    let part = alone(call, kind)?;
    let section = call.parameter(1);
    set_section_of(call, kind, &part, &section)
}

pub(super) fn create_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    super::app(call)?;
    let kind = kind(&call.parameter(2))?;
    crate::make::resource::text_of(call, "name")?;
    create(call, kind)
}

pub(super) fn show_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, part) = in_version(call)?;
    shown(call, kind, &part)
}

pub(super) fn change_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, part) = in_version(call)?;
    let fields = given_fields(call, kind);
    change_row(call, &part, Value::Object(fields));
    shown(call, kind, &part)
}

pub(super) fn delete_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, part) = in_version(call)?;
    Ok(remove(call, kind, &part))
}

/// Only RPCs are tested; the mock gives back what it was given.
pub(super) fn test_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, _) = in_version(call)?;
    if kind.path != RPC.path {
        return Err(Refusal::not_found());
    }
    Ok(Reply::json(json!({"data": call.body["data"]})))
}

pub(super) fn publish_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, part) = in_version(call)?;
    let public = match call.parameter(4).as_str() {
        "public" => true,
        "private" => false,
        _ => return Err(Refusal::not_found()),
    };
    if ![MODULE.path, ENDPOINT.path].contains(&kind.path) {
        return Err(Refusal::not_found());
    }
    change_row(call, &part, json!({"public": public}));
    Ok(changed())
}

pub(super) fn section_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, part) = in_version(call)?;
    section_of(kind, &part, &call.parameter(4))
}

pub(super) fn set_section_in_version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, part) = in_version(call)?;
    let section = call.parameter(4);
    set_section_of(call, kind, &part, &section)
}
