//! What most categories have in common: things of a team or an organization that are listed, shown, made, changed and deleted.

use serde_json::{Value, json};

use super::{
    call::{Call, missing},
    paging::Defaults,
    reply::{Refusal, Reply},
    state::{Row, field},
};

/// What a thing belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A team: lists need `teamId`.
    Team,
    /// An organization: lists need `organizationId`.
    Organization,
    /// Nobody in particular.
    None,
}

/// What a field of a body has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text of at most so many characters.
    Text(usize),
    /// A number that is not negative, or null. Digits in a text are one as well: Make's CLI sends them so where its schema
    /// leaves the type open.
    Number,
    /// True or false.
    Flag,
    /// A list.
    List,
    /// An object.
    Object,
    /// Whatever it is.
    Any,
}

/// A field that may be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether it must be there when a thing is made.
    pub(crate) required: bool,
}

/// A field that has to be given.
pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
    }
}

/// A field that may be given.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
    }
}

/// One kind of thing.
pub(crate) struct Resource {
    pub(crate) table: &'static str,
    /// The key around one of them in an answer.
    pub(crate) one: &'static str,
    /// The key around a list of them.
    pub(crate) many: &'static str,
    pub(crate) owner: Owner,
    pub(crate) defaults: Defaults,
    /// Whether deleting asks for `confirmed=true`.
    pub(crate) confirmed: bool,
    pub(crate) fields: &'static [Field],
    /// Parameters of a list that keep only rows whose field is equal.
    pub(crate) filters: &'static [&'static str],
    /// What a thing is shown as.
    pub(crate) view: fn(&Call<'_>, &Row) -> Value,
    /// What is added and checked when one is made; its id and the fields of the body are there.
    pub(crate) prepare: fn(&mut Call<'_>, &mut Row) -> Result<(), Refusal>,
    /// What goes with it when it is deleted.
    pub(crate) clean_up: fn(&mut Call<'_>, &Row),
}

impl Resource {
    /// A thing of a team that is shown as it is kept.
    pub(crate) const fn of_team(table: &'static str, one: &'static str, many: &'static str) -> Self {
        Self {
            table,
            one,
            many,
            owner: Owner::Team,
            defaults: Defaults::BY_NAME,
            confirmed: false,
            fields: &[],
            filters: &[],
            view: |_, row| Value::Object(row.clone()),
            prepare: |_, _| Ok(()),
            clean_up: |_, _| {},
        }
    }

    /// The page of a list.
    pub(crate) fn list(&self, call: &Call<'_>) -> Result<Reply, Refusal> {
        let owned = match self.owner {
            Owner::Team => Some(("teamId", call.team()?)),
            Owner::Organization => Some(("organizationId", call.organization()?)),
            Owner::None => None,
        };
        let is_listed = |row: &&Row| {
            let is_owned = owned.is_none_or(|(name, id)| row.get(name).and_then(Value::as_u64) == Some(id));
            is_owned && self.filters.iter().all(|name| passes(call, row, name))
        };
        let rows = call.state.rows(self.table).iter().filter(is_listed);
        let rows = rows.map(|row| (self.view)(call, row)).collect();
        call.page(self.many, rows, self.defaults)
    }

    pub(crate) fn show(&self, call: &Call<'_>) -> Result<Reply, Refusal> {
        let row = call.row(self.table)?;
        Ok(call.one(self.one, (self.view)(call, &row)))
    }

    pub(crate) fn create(&self, call: &mut Call<'_>) -> Result<Reply, Refusal> {
        let mut row = self.read(call, true)?;
        match self.owner {
            Owner::Team => drop(row.insert("teamId".to_owned(), call.team()?.into())),
            Owner::Organization => drop(row.insert("organizationId".to_owned(), call.organization()?.into())),
            Owner::None => {}
        }
        row.insert("id".to_owned(), call.state.next_number(self.table).into());
        (self.prepare)(call, &mut row)?;
        call.state.insert(self.table, row.clone())?;
        Ok(call.one(self.one, (self.view)(call, &row)))
    }

    pub(crate) fn change(&self, call: &mut Call<'_>) -> Result<Reply, Refusal> {
        call.row(self.table)?;
        let changes = self.read(call, false)?;
        call.change(self.table, Value::Object(changes));
        self.show(call)
    }

    pub(crate) fn delete(&self, call: &mut Call<'_>) -> Result<Reply, Refusal> {
        let row = call.row(self.table)?;
        if self.confirmed {
            call.require_confirmation("Deleting it may break the scenarios that use it.")?;
        }
        call.state.remove_by_id(self.table, &call.parameter(0));
        (self.clean_up)(call, &row);
        Ok(Reply::json(json!({self.one: field(&row, "id")})))
    }

    /// The fields of the body that may be written, checked.
    fn read(&self, call: &Call<'_>, making: bool) -> Result<Row, Refusal> {
        read(call, self.fields, making)
    }
}

/// The `fields` of the body, checked; others are left out.
///
/// # Errors
/// A required one is missing while `making`, or one is of the wrong kind.
pub(crate) fn read(call: &Call<'_>, fields: &[Field], making: bool) -> Result<Row, Refusal> {
    let body = call.object()?;
    let mut row = Row::new();
    let mut reasons = Vec::new();
    for field in fields {
        match body.get(field.name) {
            Some(value) => match fault(field, value) {
                Some(reason) => reasons.push(reason),
                None => drop(row.insert(field.name.to_owned(), plain(field, value))),
            },
            None if making && field.required => {
                reasons.push(format!("Missing value of required parameter '{}'.", field.name));
            }
            None => {}
        }
    }
    if reasons.is_empty() {
        Ok(row)
    } else {
        Err(Refusal::invalid(reasons))
    }
}

/// As it is kept.
fn plain(field: &Field, value: &Value) -> Value {
    let digits = value.as_str().filter(|_| field.kind == Kind::Number);
    digits.and_then(number).map_or_else(|| value.clone(), Value::from)
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

fn fault(field: &Field, value: &Value) -> Option<String> {
    let expected = match field.kind {
        Kind::Text(most) => {
            let length = value.as_str().map(|text| text.chars().count());
            let fits = length.is_some_and(|length| length <= most && (length > 0 || !field.required));
            (!fits).then(|| format!("a text of at most {most} characters"))
        }
        Kind::Number => {
            let fits = value.is_u64() || value.is_null() || value.as_str().and_then(number).is_some();
            (!fits).then(|| "a number".to_owned())
        }
        Kind::Flag => (!value.is_boolean()).then(|| "true or false".to_owned()),
        Kind::List => (!value.is_array()).then(|| "a list".to_owned()),
        Kind::Object => (!value.is_object()).then(|| "an object".to_owned()),
        Kind::Any => None,
    };
    expected.map(|expected| {
        format!(
            "Invalid value of parameter '{}'. It must be {expected}.",
            field.name
        )
    })
}

/// Whether a row is equal in a field to what the request asks for under its name, if it does.
pub(crate) fn passes(call: &Call<'_>, row: &Row, name: &str) -> bool {
    let wanted = call.request.many(name);
    let own = match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    wanted.is_empty() || wanted.contains(&own.as_str())
}

/// A text of the body that has to be there.
pub(crate) fn text_of<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a str, Refusal> {
    let text = call.body.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}
