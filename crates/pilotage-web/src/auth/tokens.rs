use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, header};
use pilotage_core::{
    Digest, Timestamp,
    audit::{NewAuditRecord, kind},
    ports::{Registry, Role, StoreError, Token},
};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;

use crate::{
    intake::{Cell, Limit, now},
    problem::Problem,
};

/// How long a revoked token may still pass when another process revoked it.
const REFRESH_AFTER: Duration = Duration::from_secs(2);
/// How often an unknown token may make us look into the store: a token made a moment ago by another process must pass, and
/// guessing must cost the store nothing.
const LOOK_AGAIN: Limit = Limit {
    per_second: 5,
    burst: 5,
};
/// What every token begins with, so that one that leaked is recognised.
const PREFIX: &str = "plo_";
/// Longest name in characters.
const LONGEST_NAME: usize = 64;

/// The tokens as the store had them a moment ago.
pub(crate) struct Tokens {
    registry: Arc<dyn Registry>,
    known: Mutex<Option<(Instant, Arc<[Token]>)>>,
    look_again: Cell,
}

impl Tokens {
    pub(crate) fn new(registry: Arc<dyn Registry>) -> Self {
        Self {
            registry,
            known: Mutex::default(),
            look_again: Cell::default(),
        }
    }

    /// The live token that the `Authorization` of a request names.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn find(&self, headers: &HeaderMap) -> Result<Option<Token>, Problem> {
        match bearer(headers) {
            Some(text) => self.find_text(text).await,
            None => Ok(None),
        }
    }

    /// The live token with this text.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn find_text(&self, text: &str) -> Result<Option<Token>, Problem> {
        if !text.starts_with(PREFIX) {
            return Ok(None);
        }
        let digest = Digest::of(text.as_bytes());
        let found = matching(&self.known(REFRESH_AFTER).await?, digest);
        if found.is_some() || self.look_again.take(LOOK_AGAIN, now()).is_err() {
            return Ok(found);
        }
        Ok(matching(&self.known(Duration::ZERO).await?, digest))
    }

    /// The live token with this digest; one that was revoked here is gone at once.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn live(&self, digest: Digest) -> Result<Option<Token>, Problem> {
        Ok(matching(&self.known(REFRESH_AFTER).await?, digest))
    }

    /// Whether there is no token at all.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn is_empty(&self) -> Result<bool, Problem> {
        Ok(self.known(REFRESH_AFTER).await?.is_empty())
    }

    /// The same, but asks the store again before it says yes: a token that another process made closes what was open at
    /// once.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn is_surely_empty(&self) -> Result<bool, Problem> {
        Ok(self.is_empty().await? && self.known(Duration::ZERO).await?.is_empty())
    }

    /// Forgets what was known: tokens were changed here.
    pub(crate) async fn forget(&self) {
        *self.known.lock().await = None;
    }

    async fn known(&self, most_age: Duration) -> Result<Arc<[Token]>, StoreError> {
        let asked = Instant::now();
        let mut known = self.known.lock().await;
        // Those who waited for a look that began after they came share it.
        if let Some((began, tokens)) = known.as_ref()
            && (*began >= asked || began.elapsed() < most_age)
        {
            return Ok(tokens.clone());
        }
        let began = Instant::now();
        let tokens: Arc<[Token]> = self.registry.tokens().await?.into();
        *known = Some((began, tokens.clone()));
        Ok(tokens)
    }
}

/// The token of the one `Authorization: Bearer` header, if there is one and it looks like ours.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.starts_with(PREFIX)).then_some(token)
}

/// Looks at all of them, each in constant time, so that timing tells nothing about any.
fn matching(tokens: &[Token], digest: Digest) -> Option<Token> {
    let same = |token: &&Token| bool::from(token.digest.0.ct_eq(&digest.0));
    tokens
        .iter()
        .filter(same)
        .fold(None, |_, token| Some(token.clone()))
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// The name is empty, too long, or has other characters.
    #[error("a token's name has 1 to 64 letters, digits, `-`, `_` and `.`")]
    InvalidName,
    /// There is one with this name.
    #[error("there is a token `{0}` already")]
    Taken(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a token, durably and with its audit record, and gives its text: `plo_` and 64 hexadecimal digits (256 random
/// bits). Only its digest is kept, so the text can be shown this once.
///
/// # Errors
/// The name does not hold or is taken, there is no randomness, or the store failed.
pub async fn create_token(
    registry: &dyn Registry,
    now: Timestamp,
    actor: &str,
    name: &str,
    role: Role,
) -> Result<String, CreateTokenError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
        return Err(CreateTokenError::InvalidName);
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| CreateTokenError::NoRandomness)?;
    let text = format!("{PREFIX}{}", Digest(random));
    let digest = Digest::of(text.as_bytes());
    let token = Token {
        name: name.to_owned(),
        role,
        digest,
        created_at: now,
    };
    let facts = json!({ "change": "created", "role": role.as_str() });
    if registry
        .add_token(token, token_change(now, actor, name, &facts))
        .await?
    {
        Ok(text)
    } else {
        Err(CreateTokenError::Taken(name.to_owned()))
    }
}

/// The record of a change to a token.
pub(crate) fn token_change(
    now: Timestamp,
    actor: &str,
    name: &str,
    facts: &serde_json::Value,
) -> NewAuditRecord {
    NewAuditRecord {
        at: now,
        tenant: "default".to_owned(),
        actor: actor.to_owned(),
        kind: kind::TOKEN_CHANGED.to_owned(),
        subject: name.to_owned(),
        facts: facts.to_string(),
    }
}
