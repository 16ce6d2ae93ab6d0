//! What people who look at pages are told when there is no page to show: to sign in, or what is wrong.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, Method, StatusCode, header, request::Parts};
use pilotage_core::config::Problem as Finding;

use super::{
    login::{Login, own_page},
    look::Look,
    shell::page,
};
use crate::problem::{self, Problem};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The first piece of paths that programs ask for, whatever they accept.
const FOR_PROGRAMS: [&str; 6] = ["api", "metrics", "webhooks", "mcp", "ws", "socket.io"];

/// A request of somebody who reads pages.
pub(crate) struct Visit {
    /// Where to go on after signing in.
    next: String,
    look: Look,
    /// A page of another site led here. Browsers then keep our cookie back, although the person may be signed in.
    from_elsewhere: bool,
}

impl Visit {
    /// `None` for programs.
    pub(crate) fn of(request: &Parts) -> Option<Self> {
        let path = request.uri.path();
        let accepts = request.headers.get_all(header::ACCEPT).iter();
        let mut accepts = accepts.filter_map(|value| value.to_str().ok());
        let reads_pages = accepts.any(|value| value.contains("text/html"));
        let first = path.split('/').nth(1).unwrap_or_default();
        if !reads_pages || FOR_PROGRAMS.contains(&first) {
            return None;
        }
        let is_look = request.method == Method::GET;
        let whole = request.uri.path_and_query();
        let next = whole.filter(|_| is_look).map_or("/", |whole| whole.as_str());
        let site = request.headers.get(SEC_FETCH_SITE);
        Some(Self {
            next: next.to_owned(),
            look: Look::of(&request.headers),
            from_elsewhere: is_look && site.is_some_and(|site| site == "cross-site"),
        })
    }

    /// Shows a problem that was left behind as a page.
    pub(crate) fn render(&self, response: Response) -> Response {
        problem::render_as(response, |problem| {
            let status = problem.status();
            let shown = if status == StatusCode::UNAUTHORIZED && self.from_elsewhere {
                page(&Hop {
                    next: own_page(&self.next),
                })
            } else if status == StatusCode::UNAUTHORIZED {
                page(&Login::new(self.look, &self.next, None))
            } else {
                page(&Refused::new(self.look, problem))
            };
            match shown {
                Ok(page) => (status, page).into_response(),
                Err(_) => problem.respond(&self.next),
            }
        })
    }
}

/// Goes on to the same address, this time from a page of ours, so that the cookie comes along.
#[derive(Template)]
#[template(path = "hop.html")]
struct Hop<'a> {
    next: &'a str,
}

/// A problem as a page.
#[derive(Template)]
#[template(path = "refused.html")]
struct Refused<'a> {
    look: Look,
    title: &'a str,
    status: u16,
    detail: &'a str,
    errors: &'a [Finding],
}

impl<'a> Refused<'a> {
    fn new(look: Look, problem: &'a Problem) -> Self {
        Self {
            look,
            title: problem.title(),
            status: problem.status().as_u16(),
            detail: problem.detail(),
            errors: problem.errors(),
        }
    }
}
