use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use axum::{Json, extract::State, http::StatusCode};
use http::{HeaderName, header};
use pilotage_core::{
    Event, EventId, Timestamp,
    config::Problem as Finding,
    ports::RuleStatistics,
    rule::{Explanation, Rule, explain},
};
use pilotage_engine::rule_book::{Loaded, Origin, Put, RuleBookError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Page,
    openapi::{ExplanationSchema, RuleSchema},
    request::{JsonBody, Name, PageSize, Parameters, convert},
    stats::StatisticsView,
    test_event::TestEvent,
};
use crate::{
    auth::Actor,
    door::Door,
    problem::{FindingView, Kind, Problem, ProblemDocument},
};

/// What a rule has in our answers beside what people write. It is passed over in what comes back, so that what was read
/// can be changed and sent.
const READ_ONLY: [&str; 5] = ["origin", "digest", "inForce", "problems", "statistics"];

/// Which rules to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RulesQuery {
    /// Items on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// `next` of the page before.
    after: Option<String>,
}

/// A rule with where it comes from and what it has done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleView {
    #[serde(flatten)]
    #[schema(value_type = RuleSchema)]
    rule: Rule,
    /// Where it is changed: in the configuration `file`, or through the `api`.
    #[schema(value_type = String, read_only)]
    origin: Origin,
    /// Its version: digest of its JSON. `null` while it is set aside.
    #[schema(read_only)]
    digest: Option<String>,
    /// False while it is set aside because it does not fit the configuration file.
    #[schema(read_only)]
    in_force: bool,
    /// Why the rule that came through the API with this id is set aside.
    #[schema(value_type = Vec<FindingView>, read_only)]
    problems: Vec<Finding>,
    /// What it has done; `null` if it never matched.
    #[schema(read_only)]
    statistics: Option<StatisticsView>,
}

/// The rules at one moment, with what they have done.
struct Shelf {
    loaded: Arc<Loaded>,
    /// The texts of rules that are set aside.
    aside: BTreeMap<String, Rule>,
    statistics: BTreeMap<String, RuleStatistics>,
}

impl Shelf {
    async fn read(door: &Door) -> Result<Self, Problem> {
        let loaded = door.rules.current();
        let mut aside = BTreeMap::new();
        if !loaded.set_aside.is_empty() {
            let stored = door.ports.registry.rules().await?;
            let set_aside = stored
                .into_iter()
                .filter(|rule| loaded.set_aside.contains_key(&rule.id));
            aside
                .extend(set_aside.filter_map(|rule| Some((rule.id, serde_json::from_str(&rule.json).ok()?))));
        }
        let statistics = door.ports.history.rule_statistics().await?;
        let statistics = statistics
            .into_iter()
            .map(|one| (one.rule.clone(), one))
            .collect();
        Ok(Self {
            loaded,
            aside,
            statistics,
        })
    }

    fn ids_after(&self, after: &str) -> impl Iterator<Item = &str> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let in_force = self
            .loaded
            .origins
            .range::<str, _>(range)
            .map(|(id, _)| id.as_str());
        let aside = self.aside.range::<str, _>(range).map(|(id, _)| id.as_str());
        in_force.chain(aside).collect::<BTreeSet<_>>().into_iter()
    }

    fn view(&self, id: &str) -> Option<RuleView> {
        let problems = self.loaded.set_aside.get(id).cloned().unwrap_or_default();
        let statistics = self.statistics.get(id).cloned().map(StatisticsView::from);
        if let Some((compiled, origin)) = self.loaded.rule(id) {
            let (rule, digest) = (Rule::clone(&compiled.rule), Some(compiled.digest.to_string()));
            return Some(RuleView {
                rule,
                origin,
                digest,
                in_force: true,
                problems,
                statistics,
            });
        }
        let rule = self.aside.get(id)?.clone();
        Some(RuleView {
            rule,
            origin: Origin::Api,
            digest: None,
            in_force: false,
            problems,
            statistics,
        })
    }
}

/// The rules by id: those in force, and those from the API that do not fit the configuration file.
#[utoipa::path(
    get, path = "/api/v1/rules", tag = "rules", params(RulesQuery),
    responses((status = 200, description = "One page", body = Page<RuleView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<RulesQuery>,
) -> Result<Json<Page<RuleView>>, Problem> {
    let shelf = Shelf::read(&door).await?;
    let limit = query.limit.items();
    let after = query.after.unwrap_or_default();
    let ids: Vec<&str> = shelf.ids_after(&after).take(limit + 1).collect();
    let items: Vec<RuleView> = ids.iter().take(limit).filter_map(|id| shelf.view(id)).collect();
    let more = ids.len() > limit;
    let next = ids.get(limit - 1).filter(|_| more).map(|id| (*id).to_owned());
    Ok(Json(Page { items, next }))
}

async fn find(door: &Door, id: &str) -> Result<RuleView, Problem> {
    let view = Shelf::read(door).await?.view(id);
    view.ok_or_else(|| RuleBookError::NotFound(id.to_owned()).into())
}

/// One rule.
#[utoipa::path(
    get, path = "/api/v1/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "Id of the rule")),
    responses(
        (status = 200, description = "The rule", body = RuleView),
        (status = 404, description = "No such rule", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(State(door): State<Arc<Door>>, Name(id): Name) -> Result<Json<RuleView>, Problem> {
    Ok(Json(find(&door, &id).await?))
}

/// The rule in a body. `id` is the one in the path, if there is one.
fn read_rule(mut body: Value, id: Option<&str>) -> Result<Rule, Problem> {
    if let Value::Object(members) = &mut body {
        members.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        if let Some(id) = id {
            let written = members.entry("id").or_insert_with(|| id.into());
            if written.as_str().is_some_and(|written| written != id) {
                let finding = Finding::at("/id", format!("the path says `{id}`"));
                return Err(
                    Problem::new(Kind::Invalid, "the body is another rule").with_errors(vec![finding])
                );
            }
        }
    }
    convert(&body)
}

type Created = (StatusCode, [(HeaderName, String); 1], Json<RuleView>);

async fn created(door: &Door, id: &str) -> Result<Created, Problem> {
    // Only ids of letters, digits, `-`, `_` and `.` get this far, so they stand in a path as they are.
    let location = [(header::LOCATION, format!("/api/v1/rules/{id}"))];
    Ok((StatusCode::CREATED, location, Json(find(door, id).await?)))
}

/// Creates a rule and puts it in force.
#[utoipa::path(
    post, path = "/api/v1/rules", tag = "rules", request_body = RuleSchema,
    responses(
        (status = 201, description = "Created", body = RuleView, headers(("location" = String, description = "Its path"))),
        (status = 409, description = "There is a rule with this id", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The rule does not hold; `errors` says where", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<Value>,
) -> Result<Created, Problem> {
    let rule = read_rule(body, None)?;
    let id = rule.id.clone();
    let loaded = door.rules.current();
    if loaded.origins.contains_key(&id) || loaded.set_aside.contains_key(&id) {
        return Err(Problem::new(
            Kind::Conflict,
            format!("there is a rule `{id}` already; PUT replaces it"),
        ));
    }
    door.rules.put(Timestamp::now(), &actor, rule).await?;
    created(&door, &id).await
}

/// Creates or replaces a rule and puts it in force. Executions under way end with the version that they began with.
#[utoipa::path(
    put, path = "/api/v1/rules/{id}", tag = "rules", request_body = RuleSchema,
    params(("id" = String, Path, description = "Id of the rule; the body says the same or nothing")),
    responses(
        (status = 200, description = "Replaced", body = RuleView),
        (status = 201, description = "Created", body = RuleView, headers(("location" = String, description = "Its path"))),
        (status = 409, description = "It is written in the configuration file", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The rule does not hold; `errors` says where", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    Actor(actor): Actor,
    JsonBody(body): JsonBody<Value>,
) -> Result<axum::response::Response, Problem> {
    use axum::response::IntoResponse as _;
    let rule = read_rule(body, Some(&id))?;
    match door.rules.put(Timestamp::now(), &actor, rule).await? {
        Put::Created => created(&door, &id)
            .await
            .map(axum::response::IntoResponse::into_response),
        Put::Replaced => Ok(Json(find(&door, &id).await?).into_response()),
    }
}

/// Deletes a rule that came through the API. What it has done stays in the history.
#[utoipa::path(
    delete, path = "/api/v1/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "Id of the rule")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "No such rule", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It is written in the configuration file", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    Actor(actor): Actor,
) -> Result<StatusCode, Problem> {
    door.rules.delete(Timestamp::now(), &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What to ask a rule about: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TestRequest {
    /// A stored event.
    #[schema(value_type = Option<String>, format = Uuid)]
    event_id: Option<Uuid>,
    /// An event that is not stored, in the form in which the API shows events.
    event: Option<TestEvent>,
}

/// Says part by part why a rule matches an event or not. Nothing is stored and nothing runs.
#[utoipa::path(
    post, path = "/api/v1/rules/{id}/test", tag = "rules", request_body = TestRequest,
    params(("id" = String, Path, description = "Id of the rule")),
    responses(
        (status = 200, description = "Why it matches or not", body = ExplanationSchema),
        (status = 404, description = "No such rule or event", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The rule is set aside", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The body does not hold", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn test(
    State(door): State<Arc<Door>>,
    Name(id): Name,
    JsonBody(request): JsonBody<TestRequest>,
) -> Result<Json<Explanation>, Problem> {
    let loaded = door.rules.current();
    let Some((rule, _)) = loaded.rule(&id) else {
        return Err(match loaded.set_aside.get(&id) {
            Some(problems) => {
                Problem::new(Kind::Conflict, "the rule is set aside").with_errors(problems.clone())
            }
            None => RuleBookError::NotFound(id).into(),
        });
    };
    let event: Event = match (request.event_id, request.event) {
        (Some(id), None) => super::events::find_parsed(&door, EventId(id)).await?,
        (None, Some(event)) => event.into(),
        _ => return Err(Problem::new(Kind::Invalid, "give either `eventId` or `event`")),
    };
    Ok(Json(explain(rule, &event)))
}
