use crate::{Digest, ports::Role};

/// Who asks, as far as audit records are concerned, and what that allows. A door establishes it; everything behind the
/// door is handed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `token:NAME` or `local`; empty for somebody who has not said who it is.
    pub actor: String,
    /// What that allows.
    pub role: Role,
    /// What it was let in by: what lasts ends when that does.
    pub by: LetInBy,
}

/// What somebody was let in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetInBy {
    /// Nothing was needed.
    Nothing,
    /// A token, by its digest. One that is made anew under the same name is another.
    Token(Digest),
    /// A session of the dashboard that began with a token.
    Session {
        /// The digest of the session's id.
        id: Digest,
        /// The digest of the token.
        token: Digest,
    },
}

impl Caller {
    /// The actor where no token is needed.
    pub const LOCAL: &str = "local";

    /// Somebody who has not said who it is.
    pub const NOBODY: Self = Self {
        actor: String::new(),
        role: Role::Viewer,
        by: LetInBy::Nothing,
    };

    /// Who works on this machine, where that is enough.
    pub fn local() -> Self {
        Self {
            actor: Self::LOCAL.to_owned(),
            role: Role::Admin,
            by: LetInBy::Nothing,
        }
    }

    /// Who shows a token.
    pub fn of_token(name: &str, role: Role, digest: Digest) -> Self {
        Self {
            actor: format!("token:{name}"),
            role,
            by: LetInBy::Token(digest),
        }
    }

    /// Whether it is known who asks.
    pub fn is_somebody(&self) -> bool {
        !self.actor.is_empty()
    }
}
