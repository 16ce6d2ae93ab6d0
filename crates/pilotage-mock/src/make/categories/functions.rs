//! Functions that people write for their scenarios. The mock keeps their code and does not run it.

use serde_json::{Value, json};

use super::Category;
use crate::make::{
    call::Call,
    reply::{Refusal, Reply},
    resource::{Kind, Resource, optional, required, text_of},
    routing::{Answering, of, own},
    state::{Row, field, row},
};

const READ: &str = "functions:read";
const WRITE: &str = "functions:write";

const FUNCTIONS: Resource = Resource {
    fields: &[
        required("name", Kind::Text(128)),
        optional("description", Kind::Text(1_000)),
        required("code", Kind::Text(100_000)),
    ],
    view,
    prepare,
    ..Resource::of_team("functions", "function", "functions")
};

pub(crate) const CATEGORY: Category = Category {
    name: "functions",
    routes: &[
        of("GET", "/functions", READ, Answering::List(&FUNCTIONS)),
        of("POST", "/functions", WRITE, Answering::Create(&FUNCTIONS)),
        own("POST", "/functions/eval", WRITE, eval),
        of("GET", "/functions/{}", READ, Answering::Show(&FUNCTIONS)),
        own("PATCH", "/functions/{}", WRITE, change),
        own("DELETE", "/functions/{}", WRITE, delete),
        own("GET", "/functions/{}/history", READ, history),
    ],
};

fn view(call: &Call<'_>, row: &Row) -> Value {
    let code = field(row, "code").as_str().unwrap_or_default();
    json!({
        "id": field(row, "id"),
        "name": field(row, "name"),
        "description": field(row, "description").as_str().unwrap_or_default(),
        "args": arguments(code),
        "code": code,
        "teamId": field(row, "teamId"),
        "scenarios": [],
        "updatedAt": field(row, "updatedAt"),
        "createdAt": field(row, "createdAt"),
        "createdByUser": call.caller.short(),
    })
}

/// `(a, b)` of `function name(a, b) { ... }`.
fn arguments(code: &str) -> String {
    let inside = code.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    format!("({})", inside.map_or("", |(inside, _)| inside))
}

fn prepare(call: &mut Call<'_>, row: &mut Row) -> Result<(), Refusal> {
    check(field(row, "code").as_str().unwrap_or_default()).map_err(Refusal::invalid_input)?;
    row.insert("createdAt".to_owned(), call.moment().into());
    row.insert("updatedAt".to_owned(), call.moment().into());
    remember(call, field(row, "id"), &Value::Null);
    Ok(())
}

/// As far as one can tell without running it: it is a function, and its brackets are closed.
fn check(code: &str) -> Result<(), String> {
    if !code.trim_start().starts_with("function") {
        return Err("SyntaxError: the code must be one function".to_owned());
    }
    let count = |open: char| code.chars().filter(|found| *found == open).count();
    let is_closed = [('(', ')'), ('{', '}'), ('[', ']')]
        .iter()
        .all(|(open, close)| count(*open) == count(*close));
    is_closed
        .then_some(())
        .ok_or_else(|| "SyntaxError: Unexpected end of input".to_owned())
}

fn remember(call: &mut Call<'_>, function: &Value, previous: &Value) {
    let entry = row(json!({
        "id": call.state.next_number("function-history"),
        "functionId": function,
        "previousCode": previous,
        "updatedAt": call.moment(),
        "updatedBy": call.caller.short(),
    }));
    call.state.log("function-history", entry);
}

fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let before = call.row("functions")?;
    if let Some(code) = call.body["code"].as_str() {
        check(code).map_err(Refusal::invalid_input)?;
    }
    FUNCTIONS.change(call)?;
    remember(call, field(&before, "id"), field(&before, "code"));
    let updated = call.moment();
    call.change("functions", json!({"updatedAt": updated}));
    FUNCTIONS.show(call)
}

fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    FUNCTIONS.delete(call)?;
    Ok(Reply::json(json!({"success": true})))
}

fn eval(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    call.team()?;
    let checked = check(text_of(call, "code")?);
    Ok(Reply::json(
        json!({"success": checked.is_ok(), "error": checked.err()}),
    ))
}

fn history(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let function = call.row("functions")?;
    let entries = call
        .state
        .rows_with("function-history", "functionId", field(&function, "id"))
        .rev();
    let entries: Vec<&Row> = entries.collect();
    Ok(Reply::json(json!({"functionHistory": entries})))
}
