//! One request while it is answered: everything that a handler may look at and change.

use pilotage_core::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    control::Settings,
    ids,
    limits::Rate,
    model::Effect,
    paging::{Defaults, Page, columns},
    reply::{Refusal, Reply},
    request::Request,
    runs::Outcomes,
    state::{Row, State, field},
};

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: Row,
    pub(crate) scopes: Vec<String>,
    /// `token` or `oauth`.
    pub(crate) kind: &'static str,
}

impl Caller {
    /// `{id, name, email}`, as scenarios and logs name people.
    pub(crate) fn short(&self) -> Value {
        let own = |name: &str| field(&self.user, name);
        json!({"id": own("id"), "name": own("name"), "email": own("email")})
    }
}

/// A request that was let in.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) request: &'a Request,
    /// What stands in the path where the route has `{}`.
    pub(crate) parameters: Vec<String>,
    /// The body as JSON; `Null` where it is something else.
    pub(crate) body: Value,
    pub(crate) now: Timestamp,
    pub(crate) caller: Caller,
    /// Where this mock answers, such as `https://127.0.0.1:8443`.
    pub(crate) base: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) outcomes: &'a mut Outcomes,
    pub(crate) effects: &'a mut Vec<Effect>,
}

impl Call<'_> {
    /// The parameter of the path at `index`; empty if the route has fewer.
    pub(crate) fn parameter(&self, index: usize) -> String {
        self.parameters.get(index).cloned().unwrap_or_default()
    }

    /// A copy of the row that the path names.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn row(&self, table: &str) -> Result<Row, Refusal> {
        self.row_by(table, &self.parameter(0))
    }

    pub(crate) fn row_by(&self, table: &str, id: &str) -> Result<Row, Refusal> {
        self.state.find(table, id).cloned().ok_or_else(Refusal::not_found)
    }

    /// Puts `fields` into the row that the path names.
    pub(crate) fn change(&mut self, table: &str, fields: Value) {
        let id = self.parameter(0);
        self.change_by(table, &id, fields);
    }

    pub(crate) fn change_by(&mut self, table: &str, id: &str, fields: Value) {
        if let (Some(row), Value::Object(fields)) = (self.state.find_mut(table, id), fields) {
            row.extend(fields);
        }
    }

    /// # Errors
    /// The request does not carry `confirmed=true`.
    pub(crate) fn require_confirmation(&self, detail: &str) -> Result<(), Refusal> {
        if self.request.is_true("confirmed") {
            return Ok(());
        }
        Err(Refusal::unconfirmed(detail, Vec::new()))
    }

    /// The body as an object.
    ///
    /// # Errors
    /// It is something else.
    pub(crate) fn object(&self) -> Result<&Map<String, Value>, Refusal> {
        let object = self.body.as_object();
        object.ok_or_else(|| Refusal::bad("The body must be a JSON object."))
    }

    /// A number of the query or of the body.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let in_query = self.request.one(name).and_then(|text| text.parse().ok());
        in_query.or_else(|| self.body.get(name)?.as_u64())
    }

    /// The team that the request names.
    ///
    /// # Errors
    /// It names none, or one that does not exist, which Make does not tell from one that is not the caller's.
    pub(crate) fn team(&self) -> Result<u64, Refusal> {
        let team = self.number("teamId").ok_or_else(|| missing("teamId"))?;
        self.require("teams", team)
    }

    /// The organization that the request names.
    ///
    /// # Errors
    /// As for [`Call::team`].
    pub(crate) fn organization(&self) -> Result<u64, Refusal> {
        let organization = self
            .number("organizationId")
            .ok_or_else(|| missing("organizationId"))?;
        self.require("organizations", organization)
    }

    fn require(&self, table: &str, id: u64) -> Result<u64, Refusal> {
        let found = self.state.find(table, &id.to_string());
        found.map(|_| id).ok_or_else(Refusal::denied)
    }

    /// A number of the plan of a team's organization; `None` without a bound.
    pub(crate) fn licensed(&self, team: u64, name: &str) -> Option<u64> {
        let organization = self.state.organization_of_team(team)?;
        licence_of(self.state, organization, name)
    }

    /// # Errors
    /// The plan has room for no more than there are.
    pub(crate) fn require_room(
        &self,
        team: u64,
        licence: &str,
        table: &str,
        what: &str,
    ) -> Result<(), Refusal> {
        let Some(most) = self.licensed(team, licence) else {
            return Ok(());
        };
        let organization = self.state.organization_of_team(team);
        let is_there = |row: &&Row| {
            let team = row.get("teamId").and_then(Value::as_u64);
            team.and_then(|team| self.state.organization_of_team(team)) == organization
        };
        let count = self.state.rows(table).iter().filter(is_there).count();
        if u64::try_from(count).is_ok_and(|count| count < most) {
            return Ok(());
        }
        Err(Refusal::plan_limit(what, most))
    }

    /// A page of `rows` under `name`, with their chosen columns.
    ///
    /// # Errors
    /// The request asks for a page that cannot be.
    pub(crate) fn page(&self, name: &str, rows: Vec<Value>, defaults: Defaults) -> Result<Reply, Refusal> {
        let page = Page::of(self.request, defaults)?;
        let rows = page.take(rows).into_iter();
        let rows: Vec<Value> = rows.map(|row| columns(self.request, row)).collect();
        Ok(Reply::json(json!({name: rows, "pg": page.echo()})))
    }

    /// One thing under `name`, with its chosen columns.
    pub(crate) fn one(&self, name: &str, value: Value) -> Reply {
        Reply::json(json!({name: columns(self.request, value)}))
    }

    /// The present moment, as Make writes it.
    pub(crate) fn moment(&self) -> String {
        ids::moment(self.now)
    }
}

/// A parameter that has to be there.
pub(crate) fn missing(name: &str) -> Refusal {
    Refusal::invalid(vec![format!("Missing value of required parameter '{name}'.")])
}

fn licence_of(state: &State, organization: u64, name: &str) -> Option<u64> {
    let organization = state.find("organizations", &organization.to_string())?;
    organization.get("license")?.get(name)?.as_u64()
}

/// What an organization may ask in a minute.
pub(crate) fn rate_of(state: &State, organization: u64) -> Rate {
    /// Make's smallest paid plan.
    const CORE: u64 = 60;
    Rate::per_minute(licence_of(state, organization, "apiLimit").unwrap_or(CORE))
}
