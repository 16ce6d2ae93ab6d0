//! Messages as clients of both eras send them over HTTP.

use reqwest::{Response, header::HeaderMap};
use serde_json::{Value, json};

use crate::server::Server;

pub(crate) const MODERN: &str = "2026-07-28";

/// A request of 2026-07-28 with everything that it has to say about itself.
pub(crate) fn modern(id: u64, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
    });
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// The headers that go with a request of 2026-07-28.
pub(crate) fn headers_of(message: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("accept", "application/json, text/event-stream".parse().unwrap());
    headers.insert("mcp-protocol-version", MODERN.parse().unwrap());
    headers.insert("mcp-method", message["method"].as_str().unwrap().parse().unwrap());
    let name = message["params"]["name"]
        .as_str()
        .or(message["params"]["uri"].as_str());
    if let Some(name) = name {
        headers.insert("mcp-name", name.parse().unwrap());
    }
    headers
}

impl Server {
    /// Sends a message of 2026-07-28 as it should be sent.
    pub(crate) async fn tell(&self, message: &Value) -> (u16, Value) {
        self.tell_with(message, headers_of(message)).await
    }

    /// Sends it with these headers instead.
    pub(crate) async fn tell_with(&self, message: &Value, headers: HeaderMap) -> (u16, Value) {
        let answer = self.post_raw(message.to_string(), headers).await;
        (answer.status().as_u16(), body(answer).await)
    }

    /// Sends any text.
    pub(crate) async fn post_raw(&self, text: impl Into<reqwest::Body>, headers: HeaderMap) -> Response {
        let request = self
            .http
            .post(format!("{}/mcp", self.url))
            .headers(headers)
            .body(text);
        request.send().await.unwrap()
    }
}

/// The message in an answer, be it JSON or the last event of a stream.
pub(crate) async fn body(answer: Response) -> Value {
    let text = answer.text().await.unwrap();
    let last = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .next_back();
    let text = last.map_or(text.as_str(), str::trim);
    serde_json::from_str(text).unwrap_or(Value::Null)
}
