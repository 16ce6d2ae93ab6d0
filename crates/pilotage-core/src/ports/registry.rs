use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::{Digest, Timestamp, audit::NewAuditRecord};

/// A rule kept in the store because it came through the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRule {
    /// Its id.
    pub id: String,
    /// Its JSON text.
    pub json: String,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// What a token allows; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read everything.
    Viewer,
    /// Replay, retry, cancel.
    Operator,
    /// Change rules and tokens.
    Admin,
}

impl Role {
    /// Every role, least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word used in configuration, API and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A token as the store holds it: never its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Name given by its creator; unique among the live ones.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// SHA-256 of the token's text, which has 256 random bits, so no slow hash is needed.
    #[serde(skip)]
    pub digest: Digest,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What people may change while the server runs: rules through the API, and tokens. Every change carries its audit record.
#[async_trait]
pub trait Registry: Send + Sync {
    /// All rules that came through the API, by id.
    async fn rules(&self) -> Result<Vec<StoredRule>, StoreError>;

    /// Creates or replaces one.
    async fn put_rule(&self, rule: StoredRule, audit: NewAuditRecord) -> Result<(), StoreError>;

    /// Deletes one; false when there was none (nothing is recorded then).
    async fn delete_rule(&self, id: &str, audit: NewAuditRecord) -> Result<bool, StoreError>;

    /// All live tokens, by name.
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// Adds a token; false when the name is taken (nothing is recorded then).
    async fn add_token(&self, token: Token, audit: NewAuditRecord) -> Result<bool, StoreError>;

    /// Revokes a token; false when there was none (nothing is recorded then).
    async fn revoke_token(&self, name: &str, audit: NewAuditRecord) -> Result<bool, StoreError>;

    /// Records something that changes no other row: configuration loaded or refused, server started or stopped.
    async fn note(&self, audit: NewAuditRecord) -> Result<(), StoreError>;

    /// Prunes bodies of events received before `before` that are decided and have no execution still to run, at most
    /// `limit`; their facts stay. Answers how many. Writes one audit record when that is not zero.
    async fn prune_bodies(
        &self,
        now: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// Whether a write goes through at this moment.
    async fn probe(&self) -> Result<(), StoreError>;
}
