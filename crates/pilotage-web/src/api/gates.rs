use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, header};
use pilotage_core::{Timestamp, config::Problem as Finding, gate::GateFile};
use pilotage_engine::gates::{GateError, GateOrigin, GatesInForce, PutGate};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Page,
    openapi::GateSchema,
    request::{JsonBody, Name, PageSize, Parameters, convert},
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{FindingView, Kind, Problem, ProblemDocument},
};

/// What a gate has in our answers beside what people write. It is passed over in what comes back.
const READ_ONLY: [&str; 3] = ["origin", "inForce", "problems"];
/// Ids that would hide behind other paths.
const TAKEN: [&str; 3] = ["runs", "waivers", "evidence"];

/// Which gates to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GatesQuery {
    /// Items on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// `next` of the page before.
    after: Option<String>,
    /// Only gates that are asked for this environment.
    environment: Option<String>,
}

/// A gate, written out whole, with where it comes from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GateView {
    #[serde(flatten)]
    #[schema(value_type = GateSchema)]
    gate: GateFile,
    /// Where it is changed: `builtIn`, `file`, or `api`.
    #[schema(value_type = String, read_only)]
    origin: GateOrigin,
    /// False while it is switched off, or set aside because it does not fit the configuration file.
    #[schema(read_only)]
    in_force: bool,
    /// Why the gate that came through the API with this id is set aside.
    #[schema(value_type = Vec<FindingView>, read_only)]
    problems: Vec<Finding>,
}

fn view(in_force: &GatesInForce, id: &str) -> Option<GateView> {
    let problems = in_force.set_aside.get(id).cloned().unwrap_or_default();
    let (gate, origin) = in_force.gate(id)?;
    Some(GateView {
        gate: gate.clone(),
        origin,
        in_force: in_force.gates.iter().any(|gate| gate.id == id),
        problems,
    })
}

fn find(door: &Door, id: &str) -> Result<GateView, Problem> {
    let view = view(&door.gates.book.current(), id);
    view.ok_or_else(|| GateError::NotFound(format!("gate `{id}`")).into())
}

/// The gates in the order in which they are judged: built in, of the configuration file, of the API.
#[utoipa::path(
    get, path = "/api/v1/gates", tag = "gates", params(GatesQuery),
    responses((status = 200, description = "One page", body = Page<GateView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<GatesQuery>,
) -> Result<Json<Page<GateView>>, Problem> {
    let in_force = door.gates.book.current();
    let is_asked = |id: &str| match &query.environment {
        None => true,
        Some(environment) => {
            let mut gates = in_force.gates.iter();
            gates.any(|gate| gate.id == id && gate.applies_to(environment))
        }
    };
    let ids: Vec<_> = in_force
        .files
        .iter()
        .map(|gate| gate.id.as_str())
        .filter(|id| is_asked(id))
        .collect();
    let after = query.after.as_deref();
    let begin = after.map_or(0, |after| {
        ids.iter()
            .position(|id| *id == after)
            .map_or(ids.len(), |place| place + 1)
    });
    let rest = ids.get(begin..).unwrap_or_default();
    let shown = rest.get(..query.limit.items()).unwrap_or(rest);
    let next = shown.last().filter(|_| shown.len() < rest.len());
    Ok(Json(Page {
        items: shown.iter().filter_map(|id| view(&in_force, id)).collect(),
        next: next.map(|id| (*id).to_owned()),
    }))
}

/// One gate.
#[utoipa::path(
    get, path = "/api/v1/gates/{id}", tag = "gates",
    params(("id" = String, Path, description = "Id of the gate")),
    responses(
        (status = 200, description = "The gate", body = GateView),
        (status = 404, description = "No such gate", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(door): State<Arc<Door>>, Name(id): Name) -> Result<Json<GateView>, Problem> {
    Ok(Json(find(&door, &id)?))
}

/// The gate in a body. `id` is the one in the path, if there is one.
fn read_gate(mut body: Value, id: Option<&str>) -> Result<GateFile, Problem> {
    let refuse = |finding| {
        Err(Problem::new(Kind::Invalid, "the body is no gate for this place").with_errors(vec![finding]))
    };
    if let Value::Object(members) = &mut body {
        members.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        if let Some(id) = id {
            let written = members.entry("id").or_insert_with(|| id.into());
            if written.as_str().is_some_and(|written| written != id) {
                return refuse(Finding::at("/id", format!("the path says `{id}`")));
            }
        }
    }
    let gate: GateFile = convert(&body)?;
    if TAKEN.contains(&gate.id.as_str()) {
        return refuse(Finding::at(
            "/id",
            format!("`{}` cannot be the id of a gate", gate.id),
        ));
    }
    Ok(gate)
}

type Created = (StatusCode, [(HeaderName, String); 1], Json<GateView>);

fn created(door: &Door, id: &str) -> Result<Created, Problem> {
    // Only ids of letters, digits, `-`, `_` and `.` get this far, so they stand in a path as they are.
    let location = [(header::LOCATION, format!("/api/v1/gates/{id}"))];
    Ok((StatusCode::CREATED, location, Json(find(door, id)?)))
}

/// Creates a gate and puts it in force.
#[utoipa::path(
    post, path = "/api/v1/gates", tag = "gates", request_body = GateSchema,
    responses(
        (status = 201, description = "Created", body = GateView, headers(("location" = String, description = "Its path"))),
        (status = 409, description = "There is a gate with this id", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The gate does not hold; `errors` says where", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<Value>,
) -> Result<Created, Problem> {
    let gate = read_gate(body, None)?;
    let id = gate.id.clone();
    let current = door.gates.book.current();
    if current.gate(&id).is_some() || current.set_aside.contains_key(&id) {
        return Err(Problem::new(
            Kind::Conflict,
            format!("there is a gate `{id}` already; PUT replaces it"),
        ));
    }
    put_gate(&door, &actor, gate).await?;
    created(&door, &id)
}

/// A change that was begun is finished even when its client hangs up.
async fn put_gate(door: &Arc<Door>, actor: &str, gate: GateFile) -> Result<PutGate, Problem> {
    let (desk, actor) = (door.gates.clone(), actor.to_owned());
    let change = tokio::spawn(async move { desk.book.put(Timestamp::now(), &actor, gate).await });
    let changed = change.await;
    Ok(changed.map_err(|error| Problem::broken("a change of a gate broke off", &error))??)
}

/// Creates or replaces a gate. One with the id of a built-in gate inherits what it does not say.
#[utoipa::path(
    put, path = "/api/v1/gates/{id}", tag = "gates", request_body = GateSchema,
    params(("id" = String, Path, description = "Id of the gate; the body says the same or nothing")),
    responses(
        (status = 200, description = "Replaced", body = GateView),
        (status = 201, description = "Created", body = GateView, headers(("location" = String, description = "Its path"))),
        (status = 409, description = "It is written in the configuration file", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The gate does not hold; `errors` says where", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response, Problem> {
    let gate = read_gate(body, Some(&id))?;
    match put_gate(&door, &actor, gate).await? {
        PutGate::Created => Ok(created(&door, &id)?.into_response()),
        PutGate::Replaced => Ok(Json(find(&door, &id)?).into_response()),
    }
}

/// Deletes a gate that came through the API; a built-in one is then as it was. Runs that asked it stay.
#[utoipa::path(
    delete, path = "/api/v1/gates/{id}", tag = "gates",
    params(("id" = String, Path, description = "Id of the gate")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "No such gate", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It is built in or written in the configuration file", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    Actor(actor): Actor,
) -> Result<StatusCode, Problem> {
    let desk = door.gates.clone();
    let change = tokio::spawn(async move { desk.book.delete(Timestamp::now(), &actor, &id).await });
    let changed = change.await;
    changed.map_err(|error| Problem::broken("a change of a gate broke off", &error))??;
    Ok(StatusCode::NO_CONTENT)
}
