use crate::ports::Role;

/// Who asks, as far as audit records are concerned, and what that allows. A door establishes it; everything behind the
/// door is handed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `token:NAME` or `local`; empty for somebody who has not said who it is.
    pub actor: String,
    /// What that allows.
    pub role: Role,
}

impl Caller {
    /// The actor where no token is needed.
    pub const LOCAL: &str = "local";

    /// Somebody who has not said who it is.
    pub const NOBODY: Self = Self {
        actor: String::new(),
        role: Role::Viewer,
    };

    /// Who works on this machine, where that is enough.
    pub fn local() -> Self {
        Self {
            actor: Self::LOCAL.to_owned(),
            role: Role::Admin,
        }
    }

    /// Whether it is known who asks.
    pub fn is_somebody(&self) -> bool {
        !self.actor.is_empty()
    }
}
