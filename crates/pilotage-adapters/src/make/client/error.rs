//! Why Make did not do what it was asked: a variant for each way to react.

use std::{fmt, time::Duration};

use serde::Deserialize;
use serde_json::Value;

/// Longest text of Make's that is kept, in characters.
const MOST_CHARACTERS: usize = 500;
/// Most reasons that are kept.
const MOST_REASONS: usize = 10;

/// What Make said when it refused, bounded and without control characters.
///
/// Make's errors are `{"detail","message","code","suberrors":[{"message"}]}`; codes `SCnnn` repeat the HTTP status, codes
/// `IMnnn` say more (developers.make.com, "Troubleshooting").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// Such as `IM004`.
    pub code: Option<String>,
    /// Its `detail`, or its `message` where there is none, or the name of the status.
    pub text: String,
    /// Its `suberrors`, at most ten.
    pub reasons: Vec<String>,
}

impl Said {
    /// From a status and the body that came with it, whatever that is.
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        let read: MakeBody = serde_json::from_slice(body).unwrap_or_default();
        let name = || {
            let status = http::StatusCode::from_u16(status).ok();
            status
                .and_then(|status| status.canonical_reason())
                .unwrap_or("no reason given")
        };
        let text = [&read.detail, &read.message]
            .into_iter()
            .find_map(|text| text.as_str().filter(|text| !text.trim().is_empty()))
            .unwrap_or_else(name);
        let reasons = read.suberrors.iter().filter_map(reason);
        Self {
            status,
            code: read.code.as_str().map(bounded).filter(|code| !code.is_empty()),
            text: bounded(text),
            reasons: reasons.take(MOST_REASONS).map(bounded).collect(),
        }
    }

    fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.text)?;
        for reason in &self.reasons {
            write!(formatter, " - {reason}")?;
        }
        match &self.code {
            Some(code) => write!(formatter, " ({code})"),
            None => write!(formatter, " (HTTP {})", self.status),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MakeBody {
    detail: Value,
    message: Value,
    code: Value,
    suberrors: Vec<Value>,
}

fn reason(suberror: &Value) -> Option<&str> {
    suberror.as_str().or_else(|| suberror.get("message")?.as_str())
}

/// One line of bounded length.
pub(super) fn bounded(text: &str) -> String {
    let line = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut bounded: String = line.take(MOST_CHARACTERS).collect();
    if text.trim().chars().nth(MOST_CHARACTERS).is_some() {
        bounded.push('…');
    }
    bounded
}

/// Why a call came to nothing. Each variant is something else that the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// The arguments do not fit the operation; nothing was sent. Correct them.
    #[error("{}", .0.join("; "))]
    Arguments(Vec<String>),
    /// The token is not known, or of another zone. Give another one.
    #[error("Make does not accept the token: {0}")]
    NotAuthorised(Said),
    /// The token may not do this. Give it the scope, or use another token.
    #[error("the token for Make may not do this{}: {said}", .scope.map_or_else(String::new, |scope| format!("; it needs the scope `{scope}` and a role that allows it")))]
    NotAllowed {
        /// What the operation needs.
        scope: Option<&'static str>,
        /// What Make said.
        said: Said,
    },
    /// There is no such thing, or none that the token may see.
    #[error("Make knows no such thing: {0}")]
    NotFound(Said),
    /// Make asks for a confirmation (IM004). Look at what would be affected, then call with `confirmed`.
    #[error("Make asks for a confirmation: {0}")]
    ConfirmationRequired(Said),
    /// Something else has to change first (IM016).
    #[error("something else has to change first: {0}")]
    Dependency(Said),
    /// The plan has no room for more (IM003, IM011). Delete something, or change the plan.
    #[error("a limit of the plan is reached: {0}")]
    LimitReached(Said),
    /// What was sent is not right, or not in the state that things are in. Change it.
    #[error("Make does not accept this: {0}")]
    Invalid(Said),
    /// The organization or team is paused (IM310). Trying again does not help; its owner has to act.
    #[error("the organization is paused: {0}")]
    Paused(Said),
    /// The requests of the organization are used up. Try again after `wait`, or be more patient.
    #[error("the rate limit of Make is reached; try again in {} s", secs(*.wait))]
    RateLimited {
        /// When there is room again.
        wait: Duration,
    },
    /// Make is in trouble. Trying again later may help; what was asked for may have been done nevertheless.
    #[error("Make is in trouble: {0}")]
    ServerTrouble(Said),
    /// There was no answer.
    #[error("{what}{}", if *.may_be_done { "; what was asked for may have been done nevertheless" } else { "" })]
    ConnectionLost {
        /// What broke.
        what: String,
        /// Whether the request may have arrived. Look before you repeat it.
        may_be_done: bool,
    },
    /// The answer is larger than the caller takes. Ask for less.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What the caller takes.
        limit_bytes: usize,
    },
    /// What came back is not Make's API: the address may be wrong, or a proxy answers.
    #[error("the answer is not that of Make's API: {0}")]
    NotMake(String),
}

/// Seconds, rounded up, at least one.
fn secs(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
}

impl MakeError {
    /// What Make said, if it was asked.
    pub const fn said(&self) -> Option<&Said> {
        match self {
            Self::NotAuthorised(said)
            | Self::NotAllowed { said, .. }
            | Self::NotFound(said)
            | Self::ConfirmationRequired(said)
            | Self::Dependency(said)
            | Self::LimitReached(said)
            | Self::Invalid(said)
            | Self::Paused(said)
            | Self::ServerTrouble(said) => Some(said),
            Self::Arguments(_)
            | Self::RateLimited { .. }
            | Self::ConnectionLost { .. }
            | Self::TooLarge { .. }
            | Self::NotMake(_) => None,
        }
    }

    /// What to do next, in a sentence.
    pub fn advice(&self) -> String {
        match self {
            Self::Arguments(_) => "Correct the arguments and call again.".to_owned(),
            Self::NotAuthorised(_) => {
                "Check MAKE_API_TOKEN and the zone: a token belongs to one zone.".to_owned()
            }
            Self::NotAllowed { scope, .. } => scope.map_or_else(
                || "Check the role of the token's owner.".to_owned(),
                |scope| format!("Give the token the scope `{scope}`, or check the role of its owner."),
            ),
            Self::NotFound(_) => "List what there is first; the id may be of another team.".to_owned(),
            Self::ConfirmationRequired(_) => "Have a person confirm what is affected.".to_owned(),
            Self::Dependency(_) => "Change first what the message names, then call again.".to_owned(),
            Self::LimitReached(_) => "Delete what is not needed, or have the plan changed.".to_owned(),
            Self::Invalid(_) => "Change what the message names and call again.".to_owned(),
            Self::Paused(_) => "Do not try again: the owner of the organization has to act.".to_owned(),
            Self::RateLimited { wait } => format!("Wait {} s and call again.", secs(*wait)),
            Self::ServerTrouble(_) => "Read what was to be changed, then try again later.".to_owned(),
            Self::ConnectionLost {
                may_be_done: true, ..
            } => "Read what was to be changed before calling again.".to_owned(),
            Self::ConnectionLost { .. } => "Check the address of Make's API, then try again.".to_owned(),
            Self::TooLarge { .. } => "Ask for a smaller page or for one thing.".to_owned(),
            Self::NotMake(_) => "Check MAKE_API_ENDPOINT.".to_owned(),
        }
    }

    /// From what Make said; `scope` is what the operation needs.
    pub(super) fn of(said: Said, scope: &'static str) -> Self {
        let scope = Some(scope).filter(|scope| !scope.is_empty());
        match said.status {
            _ if said.has_code("IM004") || said.status == 406 => Self::ConfirmationRequired(said),
            _ if said.has_code("IM016") => Self::Dependency(said),
            _ if said.has_code("IM003") || said.has_code("IM011") => Self::LimitReached(said),
            _ if said.has_code("IM310") => Self::Paused(said),
            401 => Self::NotAuthorised(said),
            _ if said.has_code("IM102") => Self::NotAuthorised(said),
            403 => Self::NotAllowed { scope, said },
            404 => Self::NotFound(said),
            408 | 500..=599 => Self::ServerTrouble(said),
            _ => Self::Invalid(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(status: u16, body: &str) -> MakeError {
        MakeError::of(Said::read(status, body.as_bytes()), "keys:read")
    }

    #[test]
    fn each_refusal_is_something_else_to_do() {
        let with = |code: &str| format!(r#"{{"detail":"D","message":"M","code":"{code}"}}"#);
        let table = [
            (401, with("SC401"), "Make does not accept the token: D (SC401)"),
            (
                403,
                with("IM002"),
                "it needs the scope `keys:read` and a role that allows it: D (IM002)",
            ),
            (403, with("IM011"), "a limit of the plan is reached: D (IM011)"),
            (404, with("SC404"), "Make knows no such thing: D (SC404)"),
            (406, with("IM004"), "Make asks for a confirmation: D (IM004)"),
            (
                422,
                with("IM016"),
                "something else has to change first: D (IM016)",
            ),
            (413, with("IM003"), "a limit of the plan is reached: D (IM003)"),
            (429, with("IM310"), "the organization is paused: D (IM310)"),
            (400, with("IM005"), "Make does not accept this: D (IM005)"),
            (
                500,
                "<html>".to_owned(),
                "Make is in trouble: Internal Server Error (HTTP 500)",
            ),
            (
                503,
                r#"{"message":"M"}"#.to_owned(),
                "Make is in trouble: M (HTTP 503)",
            ),
            (
                400,
                r#"{"detail":"D","code":"SC400","suberrors":[{"message":"one"},{"message":"two"},7]}"#
                    .to_owned(),
                "Make does not accept this: D - one - two (SC400)",
            ),
        ];
        for (status, body, expected) in table {
            let error = of(status, &body);
            assert!(error.to_string().ends_with(expected), "{status} {body}: {error}");
            assert!(!error.advice().is_empty());
        }
    }

    #[test]
    fn waits_are_named_in_whole_seconds() {
        let text = |ms| {
            MakeError::RateLimited {
                wait: Duration::from_millis(ms),
            }
            .to_string()
        };
        assert!(text(0).ends_with("in 1 s"));
        assert!(text(1_001).ends_with("in 2 s"));
    }

    proptest! {
        #[test]
        fn any_body_is_bounded_and_one_line(status in 0_u16..1000, body in proptest::collection::vec(any::<u8>(), 0..4000)) {
            let text = MakeError::of(Said::read(status, &body), "").to_string();
            prop_assert!(!text.contains(char::is_control));
        }

        #[test]
        fn any_text_of_make_is_bounded(text in "\\PC{0,3000}") {
            let body = serde_json::json!({"detail": text, "code": text, "suberrors": vec![text.clone(); 50]});
            let shown = of(400, &body.to_string()).to_string();
            prop_assert!(shown.chars().count() <= 13 * (MOST_CHARACTERS + 10));
        }
    }
}
