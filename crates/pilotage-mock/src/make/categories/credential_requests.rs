//! Requests that ask a person for the credentials that only he can give.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::{Call, missing},
    ids,
    paging::Defaults,
    reply::{Refusal, Reply},
    routing::{own, plain},
    state::{Row, field, row},
};

const READ: &str = "credential-requests:read";
const WRITE: &str = "credential-requests:write";

/// How long a person has.
const VALID_SECS: i64 = 31 * 24 * 60 * 60;

pub(crate) const CATEGORY: Category = Category {
    name: "credential requests",
    routes: &[
        own("GET", "/credential-requests/requests", READ, list),
        own("POST", "/credential-requests/requests", WRITE, create),
        own("GET", "/credential-requests/requests/{}", READ, show),
        own("GET", "/credential-requests/requests/{}/detail", READ, detail),
        own("DELETE", "/credential-requests/requests/{}", WRITE, delete),
        own(
            "POST",
            "/credential-requests/credentials/{}/decline",
            WRITE,
            decline,
        ),
        own(
            "POST",
            "/credential-requests/credentials/{}/delete-remote",
            WRITE,
            delete_remote,
        ),
        own("POST", "/credential-requests/actions/create", WRITE, by_apps),
        own(
            "POST",
            "/credential-requests/actions/create-by-credentials",
            WRITE,
            by_credentials,
        ),
        own("POST", "/credential-requests/actions/extend", WRITE, extend),
        plain(
            "GET",
            "/credential-requests/apps/{}/{}/modules-with-credentials",
            "apps:read",
            modules,
        ),
    ],
};

const REQUESTS: &str = "credential-requests";

/// Who is asked for what.
struct Wanted {
    /// `account` for a connection, `keychain` for a key.
    component: &'static str,
    name: String,
    about: Value,
}

fn wanted(component: &'static str, name: &str, about: &Value) -> Wanted {
    Wanted {
        component,
        name: name.to_owned(),
        about: about.clone(),
    }
}

/// Keeps a request of a team with its credentials.
fn keep(call: &mut Call<'_>, team: u64, wanted: &[Wanted]) -> Result<(Row, Vec<Value>), Refusal> {
    let number = call.state.next_number(REQUESTS);
    let id = ids::hexadecimal("credential request", number);
    let user = field(&call.caller.user, "id").clone();
    let text = |name: &str| call.body[name].as_str();
    let expires = pilotage_core::Timestamp::from_micros(call.now.as_micros() + VALID_SECS * 1_000_000);
    let request = row(json!({
        "id": id,
        "_number": number,
        "organizationId": call.state.organization_of_team(team),
        "teamId": team,
        "userId": user,
        "name": text("name").unwrap_or("Request for credentials"),
        "description": text("description"),
        "externalProviderId": null,
        "makeProviderId": user.to_string(),
        "createdAt": call.moment(),
        "updatedAt": call.moment(),
        "expiresAt": ids::moment(expires),
        "status": "pending",
        "shouldSendEmail": true,
        "emailSentAt": null,
    }));
    call.state.insert(REQUESTS, request.clone())?;
    let mut credentials = Vec::new();
    for wanted in wanted {
        let credential = credential(call, &id, wanted);
        call.state.insert("credentials", credential.clone())?;
        credentials.push(Value::Object(credential));
    }
    Ok((request, credentials))
}

fn credential(call: &mut Call<'_>, request: &str, wanted: &Wanted) -> Row {
    let number = call.state.next_number("credentials");
    let about = |name: &str| wanted.about[name].clone();
    let list = |name: &str| wanted.about[name].as_array().cloned().unwrap_or_default();
    row(json!({
        "id": ids::hexadecimal("credential", number),
        "requestId": request,
        "component": wanted.component,
        "type": if wanted.component == "account" { "oauth" } else { "basic" },
        "name": wanted.name,
        "nameOverride": about("nameOverride"),
        "label": "",
        "description": about("description").as_str().unwrap_or_default(),
        "scope": list("scope"),
        "remoteId": null,
        "remoteScope": [],
        "tokenId": null,
        "createdAt": call.moment(),
        "updatedAt": call.moment(),
        "state": "pending",
        "declineReason": null,
        "appName": about("appName"),
        "appModules": list("appModules"),
        "appVersion": about("appVersion").as_str().map_or_else(|| about("appVersion").to_string(), str::to_owned),
    }))
}

fn shown(row: &Row) -> Value {
    super::executions::shown(row)
}

fn public_uri(call: &Call<'_>, request: &Row) -> String {
    let id = field(request, "id").as_str().unwrap_or_default();
    format!("{}/credential-requests/{id}/authorize", call.base)
}

fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = Value::from(call.team()?);
    let name = call.request.one("name").unwrap_or_default();
    let status = call.request.one("status");
    let rows = call.state.rows_with(REQUESTS, "teamId", &team).filter(|row| {
        let own = field(row, "name").as_str().unwrap_or_default();
        own.contains(name) && status.is_none_or(|status| field(row, "status") == status)
    });
    let rows = rows.map(shown).collect();
    call.page("requests", rows, Defaults::by("createdAt", 100))
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REQUESTS)?;
    Ok(call.one("request", shown(&row)))
}

fn detail(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let request = call.row(REQUESTS)?;
    let credentials = call
        .state
        .rows_with("credentials", "requestId", field(&request, "id"));
    let credentials: Vec<&Row> = credentials.collect();
    let user = call.caller.short();
    let mut shown = shown(&request);
    shown["credentials"] = json!(credentials);
    shown["makeProvider"] = user.clone();
    shown["user"] = user;
    Ok(Reply::json(json!({"requestDetail": shown})))
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let request = call.row(REQUESTS)?;
    call.require_confirmation("The credentials of the request would be deleted.")?;
    let id = field(&request, "id");
    call.state
        .remove("credentials", |credential| field(credential, "requestId") == id);
    call.state.remove_by_id(REQUESTS, &call.parameter(0));
    Ok(Reply::json(json!({"request": id})))
}

fn decline(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let reason = call.body["reason"].clone();
    set_state(call, json!({"state": "declined", "declineReason": reason}))
}

fn delete_remote(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    set_state(
        call,
        json!({"state": "pending", "remoteId": null, "declineReason": null}),
    )
}

fn set_state(call: &mut Call<'_>, mut changes: Value) -> Result<Reply, Refusal> {
    call.row("credentials")?;
    changes["updatedAt"] = call.moment().into();
    call.change("credentials", changes);
    Ok(Reply::json(json!({"credential": call.row("credentials")?})))
}

/// What a list of the body asks for; `name` is the field that says of what.
fn read(call: &Call<'_>, list: &str, name: &str, component: &'static str) -> Vec<Wanted> {
    let entries = call.body[list].as_array().into_iter().flatten();
    entries
        .map(|entry| wanted(component, entry[name].as_str().unwrap_or_default(), entry))
        .collect()
}

fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = call.team()?;
    let mut all = read(call, "connections", "type", "account");
    all.extend(read(call, "keys", "type", "keychain"));
    let (request, _) = keep(call, team, &all)?;
    Ok(Reply::json(json!({"request": shown(&request)})))
}

fn by_apps(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = call.team()?;
    let all = read(call, "credentials", "appName", "account");
    if all.is_empty() {
        return Err(missing("credentials"));
    }
    let (request, _) = keep(call, team, &all)?;
    Ok(Reply::json(
        json!({"request": shown(&request), "publicUri": public_uri(call, &request)}),
    ))
}

fn by_credentials(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let team = call.team()?;
    let mut all = read(call, "connections", "type", "account");
    all.extend(read(call, "keys", "type", "keychain"));
    if all.is_empty() {
        return Err(missing("connections"));
    }
    let (request, credentials) = keep(call, team, &all)?;
    Ok(Reply::json(json!({
        "request": shown(&request),
        "credentials": credentials,
        "publicUri": public_uri(call, &request),
    })))
}

fn extend(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call
        .number("connectionId")
        .ok_or_else(|| missing("connectionId"))?;
    let connection = call.row_by("connections", &id.to_string())?;
    let team = field(&connection, "teamId").as_u64().unwrap_or(0);
    let name = field(&connection, "accountName")
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let about = json!({"scope": call.body["scopes"]});
    let (request, _) = keep(call, team, &[wanted("account", &name, &about)])?;
    Ok(Reply::json(
        json!({"request": shown(&request), "publicUri": public_uri(call, &request)}),
    ))
}

/// The mock knows no apps: each has one module that needs a connection of its name.
fn modules(call: &mut Call<'_>) -> Reply {
    let kind = format!("account:{}", call.parameter(0));
    let module = json!({
        "id": "CreateMessage", "name": "CreateMessage", "label": "Create a message", "type": kind, "scope": [], "hook": false,
    });
    Reply::json(json!({"appModules": [module]}))
}
