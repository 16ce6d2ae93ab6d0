//! The tools about Make.com, called as agents call them, against the mock of Make.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "make_tools/calling.rs"]
mod calling;
#[path = "make_tools/many.rs"]
mod many;
#[path = "make_tools/walk.rs"]
mod walk;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pilotage_adapters::make::client::{Endpoint, MakeClient};
use pilotage_core::{
    Caller, Timestamp,
    audit::NewAuditRecord,
    ports::{Registry as Store, Role, StoreError, StoredRule, Token},
};
use pilotage_mcp::{
    Backends, Dispatcher, Trail,
    changes::Changes,
    make::Make,
    registry::{Registry, Selection},
};
use pilotage_mock::{MockMake, Options};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult};
use secrecy::SecretString;
use serde_json::{Value, json};

/// Keeps the trail and nothing else.
#[derive(Default)]
struct Notes(Mutex<Vec<NewAuditRecord>>);

#[async_trait]
impl Store for Notes {
    async fn rules(&self) -> Result<Vec<StoredRule>, StoreError> {
        Ok(Vec::new())
    }

    async fn put_rule(&self, _: StoredRule, audit: NewAuditRecord) -> Result<(), StoreError> {
        self.note(audit).await
    }

    async fn delete_rule(&self, _: &str, _: NewAuditRecord) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        Ok(Vec::new())
    }

    async fn add_token(&self, _: Token, _: NewAuditRecord) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn revoke_token(&self, _: &str, _: NewAuditRecord) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn note(&self, audit: NewAuditRecord) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(audit);
        Ok(())
    }

    async fn prune_bodies(&self, _: Timestamp, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A mock of Make, and every tool over it.
struct Stage {
    mock: MockMake,
    dispatcher: Dispatcher,
    notes: Arc<Notes>,
    control: reqwest::Client,
}

impl Stage {
    async fn new() -> Self {
        // Whoever comes second finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mock = MockMake::start(Options::new().unwrap()).await.unwrap();
        let endpoint = Endpoint::parse(mock.url()).unwrap();
        let client = MakeClient::new(endpoint, &SecretString::from(mock.token())).unwrap();
        let backends = Backends {
            api: axum::Router::new(),
            make: Some(Make::new(client, None, true)),
            changes: Changes::default(),
        };
        let everything = Selection {
            toolsets: vec!["all".to_owned()],
            ..Selection::default()
        };
        let notes = Arc::new(Notes::default());
        let trail = Trail::new(notes.clone());
        let registry = Registry::new(&everything);
        // Agreement to what destroys is tested with the transports; here the operator has done without.
        let dispatcher = Dispatcher::new(registry, Arc::new(backends), trail, &[7; 32], true).unwrap();
        let control = reqwest::Client::new();
        Self {
            mock,
            dispatcher,
            notes,
            control,
        }
    }

    async fn call_as(&self, role: Role, tool: &'static str, arguments: Value) -> CallToolResult {
        let caller = Caller::of_token(role.as_str(), role, pilotage_core::Digest::of(b"token"));
        let mut call = CallToolRequestParams::new(tool);
        call.arguments = arguments.as_object().cloned();
        match self.dispatcher.call(caller, call, None).await.unwrap() {
            CallToolResponse::Complete(result) => result,
            other => panic!("{tool} asks: {other:?}"),
        }
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> CallToolResult {
        self.call_as(Role::Operator, tool, arguments).await
    }

    /// The structured content of a call that went well.
    async fn done(&self, tool: &'static str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result.is_error, Some(true), "{tool}: {}", text(&result));
        result.structured_content.unwrap()
    }

    /// The text of a call that did not.
    async fn failed(&self, tool: &'static str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.is_error, Some(true), "{tool}: {}", text(&result));
        text(&result)
    }

    async fn control(&self, what: &str, body: Value) {
        let url = format!("{}/__mock/{what}", self.mock.url());
        assert_eq!(
            self.control.post(url).json(&body).send().await.unwrap().status(),
            200
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
}

/// The first text of a result.
fn text(result: &CallToolResult) -> String {
    let shown = serde_json::to_value(&result.content).unwrap();
    shown[0]["text"].as_str().unwrap_or_default().to_owned()
}
