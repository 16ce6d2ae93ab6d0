//! Signing in with a token, and out.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use askama::Template;
use axum::{
    extract::{ConnectInfo, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use super::{form::Form, look::Look, query::Query, shell::page};
use crate::{auth, door::Door, intake, problem::Problem};

/// Longest address to go on to after signing in, in bytes.
const LONGEST_NEXT: usize = 4_096;

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct Login<'a> {
    look: Look,
    next: &'a str,
    wrong: Option<&'a str>,
}

impl<'a> Login<'a> {
    pub(super) fn new(look: Look, next: &'a str, wrong: Option<&'a str>) -> Self {
        Self {
            look,
            next: own_page(next),
            wrong,
        }
    }
}

/// Only a page of this server: a link to the login page must lead nobody elsewhere.
pub(super) fn own_page(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && next.len() <= LONGEST_NEXT;
    let is_plain = !next.contains(|letter: char| letter == '\\' || letter.is_control());
    let leads_here = !next.starts_with("/login") && next.parse::<Uri>().is_ok();
    if is_path && is_plain && leads_here {
        next
    } else {
        "/"
    }
}

/// The login page, for who comes by a link or wants to be somebody else.
pub(super) async fn show(headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    page(&Login::new(
        Look::of(&headers),
        &Query::of(&uri).field("next"),
        None,
    ))
}

/// Takes a token, and gives a cookie for it.
pub(super) async fn enter(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    let next = own_page(form.text("next"));
    let again = |status: StatusCode, wrong: &str| {
        page(&Login::new(Look::of(&headers), next, Some(wrong))).map(|page| (status, page).into_response())
    };
    // Only wrong tries are counted: behind a proxy everybody has one address, and who guesses there keeps nobody out.
    let Some(token) = auth::token_of(&door, form.text("token")).await? else {
        let Err(wait) = door.logins.take(peer.ip(), intake::now()) else {
            return again(
                StatusCode::UNAUTHORIZED,
                "This token is not known here, or it was revoked.",
            );
        };
        let seconds = wait.as_secs() + 1;
        let mut answer = again(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many wrong tries from this address. Wait a moment, then try again.",
        )?;
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(answer);
    };
    door.sessions.end(&headers);
    let id = door.sessions.begin(&token, Instant::now())?;
    let cookie = auth::set_cookie(Some(&id), auth::is_secure(&headers));
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response())
}

/// Ends the session.
pub(super) async fn leave(State(door): State<Arc<Door>>, headers: HeaderMap) -> Response {
    door.sessions.end(&headers);
    let cookie = auth::set_cookie(None, auth::is_secure(&headers));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_else() {
        for ours in ["/", "/events?source=github&after=7", "/rules/a%20b"] {
            assert_eq!(own_page(ours), ours);
        }
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "evil",
            "/a\nb",
            "/login?next=/login",
        ] {
            assert_eq!(own_page(foreign), "/", "{foreign}");
        }
    }
}
