//! What stands before streamable HTTP: sizes, syntax, rates, roles and the ownership of sessions, each answered as JSON-RPC
//! and HTTP ask, before the message reaches the protocol.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use pilotage_core::{Caller, ports::Role};
use serde_json::{Value, json};

use super::{
    message::{self, Head, INVALID_REQUEST, MOST_MESSAGE_BYTES, TOO_MUCH},
    web::Web,
};

const SESSION: &str = "mcp-session-id";

/// Judges a request to `/mcp`, passes it on, and puts right what comes back.
pub(super) async fn judge(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        // Fails closed: this route belongs behind the guard.
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let session = request.headers().get(SESSION).and_then(|id| id.to_str().ok());
    if session.is_some_and(|session| !web.sessions.is_of(session, &caller.actor)) {
        return refused(
            StatusCode::NOT_FOUND,
            &Value::Null,
            INVALID_REQUEST,
            "there is no such session; initialize anew",
        );
    }
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match Limited::new(body, MOST_MESSAGE_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return too_large(),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let (id, opens) = match web.admit(&caller, &parts.headers, &bytes).await {
        Ok(admitted) => admitted,
        Err(response) => return *response,
    };
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    let response = put_right(response, &id);
    if opens && let Some(session) = response.headers().get(SESSION).and_then(|id| id.to_str().ok()) {
        web.sessions.opened(session, &caller.actor);
    }
    response
}

impl Web {
    /// The id of a message that may go on, and whether it opens a session.
    async fn admit(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        bytes: &Bytes,
    ) -> Result<(Value, bool), Box<Response>> {
        let malformed =
            |malformed: message::Malformed| Box::new(answer(StatusCode::BAD_REQUEST, &malformed.answer()));
        let head = Head::read(bytes).map_err(malformed)?;
        let id = head.id();
        if let Err(wait) = self.limits.take(&caller.actor, Instant::now()) {
            return Err(Box::new(too_often(wait, &id)));
        }
        if let Some(tool) = head.tool()
            && let Some(needed) = self.role_of(&tool)
            && caller.role < needed
        {
            let arguments = message::arguments(bytes);
            let dispatcher = self.server.dispatcher();
            dispatcher.turned_away(caller, &tool, arguments.as_ref()).await;
            return Err(Box::new(self.too_small(caller.role, needed, headers, &id)));
        }
        let opens = head.method.as_deref() == Some("initialize");
        if opens && !self.sessions.has_room(&self.manager, &caller.actor).await {
            let text = "there are too many sessions; end some, or use the stateless revision 2026-07-28";
            return Err(Box::new(refused(
                StatusCode::SERVICE_UNAVAILABLE,
                &id,
                TOO_MUCH,
                text,
            )));
        }
        Ok((id, opens))
    }

    fn role_of(&self, tool: &str) -> Option<Role> {
        let entry = self.server.dispatcher().registry().tool(tool)?;
        Some(entry.tool().role)
    }

    /// A role too small, as RFC 6750 and the protocol's authorization part tell it.
    fn too_small(&self, has: Role, needed: Role, headers: &HeaderMap, id: &Value) -> Response {
        let (has, needed) = (has.as_str(), needed.as_str());
        let text = format!(
            "this needs the role `{needed}`, and this token has `{has}`. Do not try again with this token: ask a person to do \
             it, or for a token with that role."
        );
        let metadata = self.metadata.address(headers);
        let challenge =
            format!(r#"Bearer error="insufficient_scope", scope="{needed}", resource_metadata="{metadata}""#);
        let mut response = refused(StatusCode::FORBIDDEN, id, INVALID_REQUEST, &text);
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What the library answers where the protocol asks for something else.
fn put_right(mut response: Response, id: &Value) -> Response {
    // The content type was checked before, so what it could not read were the parameters.
    if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        let text = "the parameters are not those of the method";
        return refused(StatusCode::BAD_REQUEST, id, message::INVALID_PARAMS, text);
    }
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/event-stream");
    if is_stream {
        // A proxy that collects a stream would hold back what is meant for now.
        response
            .headers_mut()
            .insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response
}

fn too_large() -> Response {
    let text = format!("a message has at most {MOST_MESSAGE_BYTES} bytes");
    let mut response = refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        &Value::Null,
        INVALID_REQUEST,
        &text,
    );
    // The rest of the body is not read.
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn too_often(wait: std::time::Duration, id: &Value) -> Response {
    let wait_ms = u64::try_from(wait.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let text = format!("too many messages: wait {wait_ms} ms, then send it again");
    let error = message::error(id, TOO_MUCH, &text, Some(json!({ "retryAfterMs": wait_ms })));
    let mut response = answer(StatusCode::TOO_MANY_REQUESTS, &error);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1_000)));
    response
}

fn refused(status: StatusCode, id: &Value, code: i32, text: &str) -> Response {
    answer(status, &message::error(id, code, text, None))
}

fn answer(status: StatusCode, message: &Value) -> Response {
    let kind = (header::CONTENT_TYPE, "application/json");
    (status, [kind], message.to_string()).into_response()
}
