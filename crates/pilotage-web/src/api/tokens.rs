use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use pilotage_core::{
    Timestamp,
    ports::{Role, Token},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Page,
    request::{JsonBody, Name, PageSize, Parameters},
};
use crate::{
    auth::{Actor, create_token, token_change},
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};

/// Which tokens to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TokensQuery {
    /// Items on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: PageSize,
    /// `next` of the page before.
    after: Option<String>,
}

/// A token, without its text.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenView {
    /// Its name.
    name: String,
    /// What it allows: `viewer`, `operator` or `admin`.
    #[schema(value_type = String)]
    role: Role,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            name: token.name,
            role: token.role,
            created_at: token.created_at,
        }
    }
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// 1 to 64 letters, digits, `-`, `_` and `.`.
    name: String,
    /// What it allows: `viewer`, `operator` or `admin`.
    #[schema(value_type = String)]
    role: Role,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedToken {
    #[serde(flatten)]
    view: TokenView,
    /// Its text, shown this once.
    token: String,
}

/// The live tokens, by name.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", params(TokensQuery),
    responses((status = 200, description = "One page", body = Page<TokenView>))
)]
pub(super) async fn list(
    State(door): State<Arc<Door>>,
    Parameters(query): Parameters<TokensQuery>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let mut tokens = door.ports.registry.tokens().await?;
    tokens.sort_by(|a, b| a.name.cmp(&b.name));
    tokens.retain(|token| query.after.as_ref().is_none_or(|after| token.name > *after));
    let more = tokens.len() > query.limit.items();
    tokens.truncate(query.limit.items());
    let next = tokens.last().filter(|_| more).map(|token| token.name.clone());
    Ok(Json(Page {
        items: tokens.into_iter().map(TokenView::from).collect(),
        next,
    }))
}

/// Makes a token. Its text is in this answer and never shown again.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", request_body = TokenRequest,
    responses(
        (status = 201, description = "Made", body = CreatedToken),
        (status = 409, description = "The name is taken", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "The body does not hold", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(door): State<Arc<Door>>,
    Actor(actor): Actor,
    JsonBody(request): JsonBody<TokenRequest>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let TokenRequest { name, role } = request;
    let now = Timestamp::now();
    let token = create_token(door.ports.registry.as_ref(), now, &actor, &name, role).await?;
    door.tokens.forget().await;
    let view = TokenView {
        name,
        role,
        created_at: now,
    };
    Ok((StatusCode::CREATED, Json(CreatedToken { view, token })))
}

/// Revokes a token, from now on.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{name}", tag = "tokens",
    params(("name" = String, Path, description = "Name of the token")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 404, description = "No such token", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn revoke(
    State(door): State<Arc<Door>>,
    Name(name): Name,
    Actor(actor): Actor,
) -> Result<StatusCode, Problem> {
    let audit = token_change(Timestamp::now(), &actor, &name, &json!({ "change": "revoked" }));
    let revoked = door.ports.registry.revoke_token(&name, audit).await?;
    door.tokens.forget().await;
    if revoked {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(
            Kind::NotFound,
            format!("there is no token `{name}`"),
        ))
    }
}
