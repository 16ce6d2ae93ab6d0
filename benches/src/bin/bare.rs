//! The reference server: a bare axum route that reads the body and answers 202 with a small JSON text.
//!
//! Another route reads JSON and answers JSON.
//!
//! `bare ADDRESS [URL]`: with a URL, the id of each delivery is posted there at once, beside the answer.

use std::{env, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, bail};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};

/// Where deliveries are forwarded, if anywhere.
#[derive(Clone)]
struct Forward(Option<(reqwest::Client, Arc<str>)>);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let address: SocketAddr = arguments.next().context("usage: bare ADDRESS [URL]")?.parse()?;
    let forward = match arguments.next() {
        Some(url) => Some((client()?, url.into())),
        None => None,
    };
    let app = Router::new()
        .route("/webhooks/github", post(receive))
        .route("/json", post(answer))
        .route("/ready", get(async || "ready"))
        .with_state(Forward(forward));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

fn client() -> anyhow::Result<reqwest::Client> {
    // Nothing here speaks TLS, but the client is not built without knowing who would do it.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        bail!("there is a TLS provider already");
    }
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// Reads a request of JSON-RPC as JSON and answers one.
async fn answer(Json(request): Json<Value>) -> Json<Value> {
    let text = "This is a simple text response for testing.";
    let result = json!({ "content": [{ "type": "text", "text": text }], "isError": false });
    Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }))
}

async fn receive(
    State(Forward(forward)): State<Forward>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    if let Some((client, url)) = forward {
        let id = headers.get("x-github-delivery").cloned();
        tokio::spawn(async move {
            let id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
            let request = client
                .post(&*url)
                .header(header::CONTENT_TYPE, "application/json");
            // A lost one shows in the measurement as missing.
            let _ = request.body(format!(r#"{{"id":"{id}"}}"#)).send().await;
        });
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    (
        StatusCode::ACCEPTED,
        json,
        format!(r#"{{"received":true,"bytes":{}}}"#, body.len()),
    )
}
