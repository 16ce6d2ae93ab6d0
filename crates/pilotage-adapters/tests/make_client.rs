//! The client of Make's API against our mock of it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "make_client/asking.rs"]
mod asking;
#[path = "make_client/catalogue.rs"]
mod catalogue;
#[path = "make_client/pace.rs"]
mod pace;
#[path = "make_client/trouble.rs"]
mod trouble;

use pilotage_adapters::make::client::{
    Arguments, CallOptions, Endpoint, MakeClient, MakeError, catalogue::find,
};
use pilotage_mock::{MockMake, Options};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A mock, and a client of it.
struct Stage {
    mock: MockMake,
    client: MakeClient,
    control: reqwest::Client,
}

impl Stage {
    async fn new() -> Self {
        // Whoever comes second finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mock = MockMake::start(Options::new().unwrap()).await.unwrap();
        let client = client(mock.url(), mock.token());
        let control = reqwest::Client::new();
        Self {
            mock,
            client,
            control,
        }
    }

    async fn control(&self, what: &str, body: Value) {
        let url = format!("{}/__mock/{what}", self.mock.url());
        let answer = self.control.post(url).json(&body).send().await.unwrap();
        assert_eq!(
            answer.status(),
            200,
            "{what} {body}: {}",
            answer.text().await.unwrap()
        );
    }

    /// Method, path and status of every call so far.
    async fn calls(&self) -> Vec<(String, String, u64)> {
        let url = format!("{}/__mock/calls", self.mock.url());
        let answer: Value = self.control.get(url).send().await.unwrap().json().await.unwrap();
        let text = |call: &Value, name: &str| call[name].as_str().unwrap().to_owned();
        let calls = answer["calls"].as_array().unwrap().iter();
        calls
            .map(|call| {
                (
                    text(call, "method"),
                    text(call, "path"),
                    call["status"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    async fn call(&self, id: &str, arguments: Value) -> Result<Value, MakeError> {
        self.call_with(id, arguments, &CallOptions::default()).await
    }

    async fn call_with(&self, id: &str, arguments: Value, options: &CallOptions) -> Result<Value, MakeError> {
        self.client
            .call(find(id).expect(id), &object(arguments), options)
            .await
    }
}

fn client(url: &str, token: &str) -> MakeClient {
    MakeClient::new(Endpoint::parse(url).unwrap(), &SecretString::from(token)).unwrap()
}

fn object(value: Value) -> Arguments {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

/// A scenario as small as can be.
fn scenario(name: &str) -> Value {
    json!({
        "teamId": 5,
        "blueprint": {"name": name, "flow": [], "metadata": {"version": 1}},
        "scheduling": {"type": "on-demand"},
    })
}
