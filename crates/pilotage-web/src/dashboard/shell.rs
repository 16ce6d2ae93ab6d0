//! What every page has around its own content.

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::{
    extract::FromRequestParts,
    response::{Html, IntoResponse, Response},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderValue, header, request::Parts};
use pilotage_core::{Caller, Digest, Timestamp, ports::Role};

use super::{assets::STYLE, look::Look, query::Query, words::Moment};
use crate::{
    auth::SignedIn,
    door::Door,
    problem::{Kind, Problem},
};

/// Nothing comes from elsewhere, no script and no style stands inline but the one style of every page, which is named by its
/// digest; nobody frames the page. `form-action` names what the forms may reach: this server.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Digest::of(STYLE.as_bytes()).0);
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'self'; connect-src 'self'; img-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    // Base64 is ASCII; were it not, a page without style is better than one without a policy.
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

/// The pages in the order of the menu: path and name.
const MENU: [(&str, &str); 10] = [
    ("/", "Now"),
    ("/events", "Events"),
    ("/executions", "Executions"),
    ("/rules", "Rules"),
    ("/gates", "Gates"),
    ("/pipelines", "Pipelines"),
    ("/tests", "Tests"),
    ("/deployments", "Deployments"),
    ("/audit", "Audit"),
    ("/metrics-board", "Metrics"),
];

/// Who looks, at what, and when.
pub(super) struct Visitor {
    pub(super) caller: Caller,
    pub(super) signed_in: bool,
    pub(super) query: Query,
    pub(super) now: Timestamp,
    look: Look,
}

impl FromRequestParts<Arc<Door>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Door>) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        Ok(Self {
            signed_in: parts.extensions.get::<SignedIn>().is_some(),
            // Fails closed, as everywhere.
            caller: caller.ok_or_else(|| Problem::new(Kind::Unauthenticated, "nobody is known to ask"))?,
            query: Query::of(&parts.uri),
            now: Timestamp::now(),
            look: Look::of(&parts.headers),
        })
    }
}

impl Visitor {
    pub(super) fn may(&self, role: Role) -> bool {
        self.caller.role >= role
    }

    pub(super) const fn moment(&self, at: Timestamp) -> Moment {
        Moment { at, now: self.now }
    }

    /// The surroundings of a page; `current` is its place in the menu.
    pub(super) fn shell(&self, title: impl Into<String>, current: &'static str) -> Shell {
        Shell {
            title: title.into(),
            current,
            said: self.said(),
            name: self.caller.actor.clone(),
            role: self.caller.role.as_str(),
            signed_in: self.signed_in,
            menu: &MENU,
            search: String::new(),
            version: env!("CARGO_PKG_VERSION"),
            look: self.look,
        }
    }

    /// What was just done, from a word in the address: never text from it.
    fn said(&self) -> Option<String> {
        let number = self
            .query
            .text("n")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        Some(match self.query.text("done")? {
            "replayed" if number == 0 => {
                "Replayed: no rule matches the event, so nothing was scheduled.".to_owned()
            }
            "replayed" => format!(
                "Replayed: {} scheduled.",
                super::words::plural(number, "execution")
            ),
            "retried" => {
                "Sent back from the dead letters: it goes on from the action that failed.".to_owned()
            }
            "cancelled" => "Asked to cancel; an execution that runs stops at its next look.".to_owned(),
            "asked" => "The platform was asked; what it makes of it shows here.".to_owned(),
            "enabled" => "The rule is enabled: it is asked about every event from now on.".to_owned(),
            "disabled" => "The rule is disabled: it is asked about no event from now on.".to_owned(),
            "verifying" => "Verification has begun.".to_owned(),
            _ => return None,
        })
    }
}

/// What stands around every page.
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) current: &'static str,
    pub(super) said: Option<String>,
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) signed_in: bool,
    pub(super) menu: &'static [(&'static str, &'static str)],
    pub(super) search: String,
    pub(super) version: &'static str,
    pub(super) look: Look,
}

impl Shell {
    pub(super) fn is_current(&self, path: &str) -> bool {
        self.current == path
    }
}

/// A page as it goes out.
///
/// # Errors
/// The template failed, which would be a bug of ours.
pub(super) fn page(template: &impl Template) -> Result<Response, Problem> {
    let text = template
        .render()
        .map_err(|error| Problem::broken("a page could not be rendered", &error))?;
    let mut response = Html(text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    // Without it browsers send `Origin: null` with our own forms.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}
