//! What a client is told about how to be let in: OAuth 2.0 Protected Resource Metadata (RFC 9728), as the authorization part
//! of the protocol asks.

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pilotage_core::ports::Role;
use serde_json::{Value, json};

/// Where clients look for it; the path of the resource may follow.
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What of it the operator sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    /// The address by which clients reach this server, without a path; without it the `Host` of the request says it.
    pub(crate) public_url: Option<String>,
    /// Authorization servers whose tokens are taken; none while tokens are made with `pilotage token create`.
    pub(crate) authorization_servers: Vec<String>,
}

impl Metadata {
    fn base(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        // The guard has checked it already.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        format!("http://{}", host.unwrap_or("127.0.0.1"))
    }

    /// The address of the document, for `WWW-Authenticate`.
    pub(crate) fn address(&self, headers: &HeaderMap) -> String {
        format!("{}{WELL_KNOWN}/mcp", self.base(headers))
    }
}

/// The document.
pub(super) async fn show(State(metadata): State<Metadata>, headers: HeaderMap) -> Json<Value> {
    let scopes: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let mut document = json!({
        "resource": format!("{}/mcp", metadata.base(&headers)),
        "resource_name": "Pilotage",
        "bearer_methods_supported": ["header"],
        "scopes_supported": scopes,
    });
    if let Value::Object(document) = &mut document
        && !metadata.authorization_servers.is_empty()
    {
        document.insert(
            "authorization_servers".to_owned(),
            json!(metadata.authorization_servers),
        );
    }
    Json(document)
}

/// Tells who is not let in where to read how (RFC 9728, section 5.1).
pub(super) async fn challenge(State(metadata): State<Metadata>, request: Request, next: Next) -> Response {
    let address = metadata.address(request.headers());
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = format!(r#"Bearer realm="pilotage", resource_metadata="{address}""#);
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
    }
    response
}
