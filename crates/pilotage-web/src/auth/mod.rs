//! Who may ask for what, for everything but deliveries.
//!
//! On loopback nothing but the right `Host` is asked for, when the settings say so and as long as there is no token;
//! everywhere else, and as soon as there is one, a token. A plain proxy on this machine looks just like a local client, so
//! the first token closes that path for good. The `Host` and `Origin` checks keep web pages of others, which run in a browser on this machine, from using that openness: one that
//! rebinds its own name to a loopback address still names itself in `Host`, and one that merely sends requests across
//! names itself in `Origin`.

mod host;
mod sessions;
mod tokens;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, Version, header, request::Parts};
use http_body::Body as _;
use pilotage_core::{
    Caller, LetInBy,
    ports::{Role, Token},
};

pub(crate) use sessions::{Sessions, cookie, is_secure, set_cookie};
pub use tokens::{CreateTokenError, create_token};
pub(crate) use tokens::{Tokens, token_change};

use crate::{
    dashboard,
    door::Door,
    problem::{self, Kind, Problem},
};
use host::Named;

/// Beside the caller of a request: the browser is signed in, and so may sign out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedIn;

/// The name under which what a handler does is audited: `token:NAME` or `local`.
pub(crate) struct Actor(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>();
        let actor = caller.map(|caller| Self(caller.actor.clone()));
        // Fails closed: a route that is not behind the guard must not act for nobody.
        actor.ok_or_else(|| Problem::new(Kind::Unauthenticated, "nobody is known to ask"))
    }
}

/// Stands before every route but those of deliveries, and gives every answer its last shape.
pub(crate) async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let visit = dashboard::Visit::of(&parts);
    let has_body = !body.is_end_stream() && body.size_hint().exact() != Some(0);
    let response = match admit(&door, &parts, has_body).await {
        Ok((caller, signed_in)) => {
            parts.extensions.insert(caller);
            if signed_in {
                parts.extensions.insert(SignedIn);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    // Who reads pages is told on a page.
    let response = match visit {
        Some(visit) => visit.render(response),
        None => problem::render(response, &path),
    };
    secured(response)
}

/// Stands before the page that lets people in, which needs no token and the same checks of where a request comes from.
pub(crate) async fn doorstep(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let visit = dashboard::Visit::of(&parts);
    let response = match approach(&door, &parts) {
        Ok(_) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    let response = match visit {
        Some(visit) => visit.render(response),
        None => problem::render(response, &path),
    };
    secured(response)
}

/// The live token with this text, as a person pastes it.
///
/// # Errors
/// The store failed.
pub(crate) async fn token_of(door: &Door, text: &str) -> Result<Option<Token>, Problem> {
    door.tokens.find_text(text).await
}

/// Checks whom a request means and that no page of others sends it.
fn approach(door: &Door, request: &Parts) -> Result<Named, Problem> {
    let (uri, headers) = (&request.uri, &request.headers);
    let named = host::check(uri, headers, &door.settings.allowed_hosts)?;
    host::check_origin(uri, headers)?;
    if !request.method.is_safe() {
        host::check_fetch_site(headers)?;
    }
    Ok(named)
}

/// Who asks, and whether by a session of the dashboard.
async fn admit(door: &Door, request: &Parts, has_body: bool) -> Result<(Caller, bool), Problem> {
    let (method, headers) = (&request.method, &request.headers);
    let route = request
        .extensions
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let named = approach(door, request)?;
    let (caller, signed_in) = match identify(door, named, request).await {
        // A socket may bring its token in its first packet instead; without one it is sent nothing.
        Err(_) if is_socket(route) && !headers.contains_key(header::AUTHORIZATION) => {
            return Ok((Caller::NOBODY, false));
        }
        identified => identified?,
    };
    permit(&caller, method, route, headers, has_body)?;
    Ok((caller, signed_in))
}

/// Whether somebody may ask for this, in this way.
fn permit(
    caller: &Caller,
    method: &Method,
    route: &str,
    headers: &HeaderMap,
    has_body: bool,
) -> Result<(), Problem> {
    let needed = needed_role(method, route);
    if caller.role < needed {
        let detail = format!(
            "this needs the role `{}`, and the token has `{}`",
            needed.as_str(),
            caller.role.as_str()
        );
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    if !method.is_safe() && !is_socket(route) {
        check_sending(headers, route, has_body)?;
    }
    Ok(())
}

/// Stands before the API for the other doors of this process, which have established who asks.
pub(crate) async fn inner_guard(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = match permit_inner(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    problem::render(response, &path)
}

fn permit_inner(request: &Request) -> Result<(), Problem> {
    let caller = request.extensions().get::<Caller>();
    // Fails closed, as everywhere.
    let caller = caller
        .filter(|caller| caller.is_somebody())
        .ok_or_else(|| Problem::new(Kind::Unauthenticated, "nobody is known to ask"))?;
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let has_body = !request.body().is_end_stream();
    permit(caller, request.method(), route, request.headers(), has_body)
}

/// Whether a route is that of Socket.IO, whose packets are plain text and change nothing.
fn is_socket(route: &str) -> bool {
    matches!(route, "/socket.io" | "/socket.io/")
}

/// Who sends this token in the first packet of a socket.
///
/// # Errors
/// It is not known, or the store failed.
pub(crate) async fn identify_token(door: &Door, token: &str) -> Result<Caller, Problem> {
    let token = token_of(door, token).await?;
    let token = token.ok_or_else(|| unauthenticated("the token is not known here, or was revoked"))?;
    Ok(caller_of(&token))
}

/// Whether somebody who was let in earlier would be let in now: the token is still there and the session open, or still none
/// is needed. When
/// the store does not answer, nobody is put out for that.
pub async fn is_still_admitted(door: &Door, caller: &Caller) -> bool {
    match caller.by {
        LetInBy::Session { id, .. } if !door.sessions.is_open(id) => false,
        LetInBy::Session { token, .. } | LetInBy::Token(token) => {
            door.tokens.live(token).await.map_or(true, |live| live.is_some())
        }
        LetInBy::Nothing if caller.actor == Caller::LOCAL => door.tokens.is_empty().await.unwrap_or(true),
        LetInBy::Nothing => true,
    }
}

/// What a route needs, by its path as the router has it. What is not named here needs the most.
fn needed_role(method: &Method, route: &str) -> Role {
    let tokens = route.starts_with("/api/v1/tokens");
    if (method.is_safe() && !tokens) || is_socket(route) {
        return Role::Viewer;
    }
    match route {
        // What the tools of agents need, they say themselves.
        "/api/v1/rules/{id}/test" | "/mcp" => Role::Viewer,
        "/api/v1/events/{id}/replay"
        | "/api/v1/executions/{id}/retry"
        | "/api/v1/executions/{id}/cancel"
        | "/api/v1/gates/runs"
        | "/api/v1/pipelines/runs"
        | "/api/v1/pipelines/runs/{id}/cancel"
        | "/api/v1/pipelines/runs/{id}/retry"
        | "/api/v1/pipelines/runs/{id}/approve"
        | "/api/v1/pipelines/platforms/{platform}/marks"
        | "/api/v1/pipelines/platforms/{platform}/checks"
        | "/api/v1/tests/runs"
        | "/api/v1/tests/runs/{id}/progress"
        | "/api/v1/tests/runs/{id}/report"
        | "/api/v1/tests/runs/{id}/break-off" => Role::Operator,
        form => dashboard::role_of_form(form).unwrap_or(Role::Admin),
    }
}

async fn identify(door: &Door, named: Named, request: &Parts) -> Result<(Caller, bool), Problem> {
    let headers = &request.headers;
    if headers.contains_key(header::AUTHORIZATION) {
        let token = door.tokens.find(headers).await?;
        let token = token.ok_or_else(|| unauthenticated("the token is not known here, or was revoked"))?;
        return Ok((caller_of(&token), false));
    }
    if let Some((id, token)) = door.sessions.find(headers, &door.tokens).await? {
        let by = LetInBy::Session {
            id,
            token: token.digest,
        };
        return Ok((
            Caller {
                by,
                ..caller_of(&token)
            },
            true,
        ));
    }
    let may_be_open = door.settings.open_on_loopback && named == Named::Loopback && is_near(request);
    if may_be_open && door.tokens.is_surely_empty().await? {
        return Ok((Caller::local(), false));
    }
    if door.tokens.is_empty().await? {
        return Err(unauthenticated(
            "a token is needed, and there is none yet: make the first with `pilotage token create NAME --role admin` \
             on the machine where Pilotage runs",
        ));
    }
    Err(unauthenticated(
        "send a token as `Authorization: Bearer plo_...`; since the first token was made, one is needed on loopback too",
    ))
}

fn caller_of(token: &Token) -> Caller {
    Caller::of_token(&token.name, token.role, token.digest)
}

/// Whether a client on this machine seems to ask by itself: its peer is loopback, it speaks HTTP/1.1, which no proxy with
/// old defaults does, and nothing says that somebody passed the request on.
fn is_near(request: &Parts) -> bool {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let near = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    near && request.version >= Version::HTTP_11 && !is_forwarded(&request.headers)
}

/// Whether a delivery may be taken although nothing about it is checked: it comes from this machine, means this machine,
/// was sent by no web page, and nobody has asked for protection by making a token yet.
///
/// # Errors
/// The store failed.
pub(crate) async fn may_deliver_unchecked(door: &Door, request: &Parts) -> Result<bool, Problem> {
    let (uri, headers) = (&request.uri, &request.headers);
    let local = is_near(request)
        && matches!(host::check(uri, headers, &[]), Ok(Named::Loopback))
        && host::check_origin(uri, headers).is_ok()
        && host::check_fetch_site(headers).is_ok();
    Ok(local && door.tokens.is_empty().await?)
}

/// What a proxy says about where a request came from is not trusted, but that there is a proxy means that the peer is not
/// who asks.
fn is_forwarded(headers: &HeaderMap) -> bool {
    let signs = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    signs.iter().any(|name| headers.contains_key(*name))
}

fn unauthenticated(detail: &str) -> Problem {
    let challenge = HeaderValue::from_static(r#"Bearer realm="pilotage""#);
    Problem::new(Kind::Unauthenticated, detail).with_header(header::WWW_AUTHENTICATE, challenge)
}

/// A form of another site can send a body too, but not as JSON without asking first. The dashboard's own forms are let
/// through only with an `Origin`, which every browser sends with a form and which was found to be ours.
fn check_sending(headers: &HeaderMap, route: &str, has_body: bool) -> Result<(), Problem> {
    let is_form = dashboard::role_of_form(route).is_some();
    if is_form && !headers.contains_key(header::ORIGIN) {
        return Err(Problem::new(
            Kind::Forbidden,
            "the forms of the dashboard are sent by a browser, with an `Origin`; programs use `/api/v1`",
        ));
    }
    let expected = if is_form {
        dashboard::FORM_TYPE
    } else {
        "application/json"
    };
    if !has_body || has_media_type(headers, expected) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::UnsupportedType,
        format!("bodies are sent here as `Content-Type: {expected}`"),
    ))
}

/// Whether a body is said to be of this type.
pub(crate) fn has_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next()).map(str::trim);
    media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case(expected))
}

/// Headers that keep browsers from doing anything with an answer but show it here.
fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let csp = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, csp),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
