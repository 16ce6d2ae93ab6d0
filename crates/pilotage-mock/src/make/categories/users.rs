//! Who calls, and who else there is.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    paging::Defaults,
    reply::{Refusal, Reply},
    routing::{own, plain},
    state::{Row, field},
};

pub(crate) const CATEGORY: Category = Category {
    name: "users",
    routes: &[
        plain("GET", "/users/me", "", me),
        plain("GET", "/users/me/current-authorization", "", authorization),
        own("GET", "/users", "user:read", list),
        own("GET", "/users/{}", "user:read", show),
        own("GET", "/users/{}/user-team-roles", "user:read", |call| {
            roles_of_user(call, "team")
        }),
        own("GET", "/users/{}/user-organization-roles", "user:read", |call| {
            roles_of_user(call, "organization")
        }),
        own("GET", "/teams/{}/user-team-roles", "teams:read", |call| {
            roles_in(call, "team")
        }),
        own(
            "GET",
            "/organizations/{}/user-organization-roles",
            "organizations:read",
            |call| roles_in(call, "organization"),
        ),
    ],
};

fn view(row: &Row) -> Value {
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "email": field(row, "email"),
        "language": "en",
        "timezoneId": 113,
        "localeId": 1,
        "countryId": 202,
        "features": {},
        "avatar": "",
        "lastLogin": field(row, "lastLogin"),
    })
}

fn me(call: &mut Call<'_>) -> Reply {
    let mut user = view(&call.caller.user);
    user["timezone"] = "Europe/Prague".into();
    user["locale"] = "en".into();
    Reply::json(json!({"authUser": user}))
}

fn authorization(call: &mut Call<'_>) -> Reply {
    let authorization = json!({"authUsed": call.caller.kind, "scope": call.caller.scopes});
    Reply::json(json!({"authorization": authorization}))
}

/// Those who have a role in the team or organization that is named.
fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (kind, id) = match call.request.one("teamId") {
        Some(_) => ("team", call.team()?),
        None => ("organization", call.organization()?),
    };
    let has_role = |user: &&Row| {
        memberships(call, kind)
            .any(|own| field(own, "userId") == field(user, "id") && field(own, "holder") == id)
    };
    let rows = call
        .state
        .rows("users")
        .iter()
        .filter(has_role)
        .map(view)
        .collect();
    call.page("users", rows, Defaults::BY_NAME)
}

fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row("users")?;
    Ok(call.one("user", view(&row)))
}

fn memberships<'a>(call: &'a Call<'_>, kind: &'a str) -> impl Iterator<Item = &'a Row> {
    call.state
        .rows("memberships")
        .iter()
        .filter(move |row| field(row, "kind") == kind)
}

fn role(kind: &str, row: &Row) -> Value {
    json!({
        "usersRoleId": field(row, "roleId"),
        "userId": field(row, "userId"),
        format!("{kind}Id"): field(row, "holder"),
        "changeable": true,
    })
}

/// `userTeamRoles` or `userOrganizationRoles`.
fn roles(call: &Call<'_>, kind: &str, is_meant: impl Fn(&Row) -> bool) -> Result<Reply, Refusal> {
    let rows = memberships(call, kind)
        .filter(|row| is_meant(row))
        .map(|row| role(kind, row))
        .collect();
    let name = if kind == "team" {
        "userTeamRoles"
    } else {
        "userOrganizationRoles"
    };
    call.page(name, rows, Defaults::by("usersRoleId", 10_000))
}

fn roles_of_user(call: &mut Call<'_>, kind: &str) -> Result<Reply, Refusal> {
    let user = call.row("users")?;
    roles(call, kind, |row| field(row, "userId") == field(&user, "id"))
}

fn roles_in(call: &mut Call<'_>, kind: &str) -> Result<Reply, Refusal> {
    let holder = call.row(&format!("{kind}s"))?;
    roles(call, kind, |row| field(row, "holder") == field(&holder, "id"))
}
