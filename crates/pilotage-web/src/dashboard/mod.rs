//! The dashboard: pages rendered here, which work without a script and are kept fresh by a small one.
//!
//! A page is one template and one function that gathers what it shows. What people do goes out as a form of the page's own
//! origin and comes back as a redirect to where the outcome shows.

mod actions;
mod assets;
mod audit;
mod chart;
mod delivery;
mod event;
mod events;
mod execution;
mod executions;
mod figures;
mod form;
mod gate_run;
mod gates;
mod login;
mod look;
mod now;
mod payload;
mod pipeline;
mod pipelines;
mod planned;
mod query;
mod rule;
mod rules;
mod search;
mod shell;
mod test_history;
mod test_run;
mod tests;
mod verdicts;
mod verify;
mod visit;
mod words;
mod yaml;

use std::sync::Arc;

use axum::{Router, routing::get, routing::post};
use pilotage_core::ports::Role;

pub(crate) use assets::routes as assets;
pub use verify::Verify;
pub(crate) use verify::Verifying;
pub(crate) use visit::Visit;

use crate::door::Door;

/// What the dashboard's forms are sent as.
pub(crate) const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// The pages, behind the guard.
pub(crate) fn routes() -> Router<Arc<Door>> {
    let pages = Router::new()
        .route("/", get(now::show))
        .route("/events", get(events::show))
        .route("/events/{id}", get(event::show))
        .route("/executions", get(executions::show))
        .route("/executions/{id}", get(execution::show))
        .route("/rules", get(rules::show))
        .route("/rules/{id}", get(rule::show))
        .route("/gates", get(gates::show))
        .route("/gates/runs/{id}", get(gate_run::show))
        .route("/pipelines", get(pipelines::show))
        .route("/pipelines/{id}", get(pipeline::show))
        .route("/tests", get(tests::show))
        .route("/tests/history", get(test_history::show))
        .route("/tests/runs/{id}", get(test_run::show))
        .route("/audit", get(audit::show))
        .route("/metrics-board", get(figures::show))
        .route("/search", get(search::show))
        .route("/logout", post(login::leave));
    let pages = planned::PAGES.iter().fold(pages, |pages, page| {
        pages.route(
            page.path,
            get(async move |visitor: shell::Visitor| planned::show(&visitor, page)),
        )
    });
    pages
        .route(
            "/events/{id}/replay",
            get(actions::ask_replay).post(actions::replay),
        )
        .route(
            "/executions/{id}/retry",
            get(actions::ask_retry).post(actions::retry),
        )
        .route(
            "/executions/{id}/cancel",
            get(actions::ask_cancel).post(actions::cancel),
        )
        .route(
            "/pipelines/{id}/retry",
            get(pipeline::ask_retry).post(pipeline::retry),
        )
        .route(
            "/pipelines/{id}/cancel",
            get(pipeline::ask_cancel).post(pipeline::cancel),
        )
        .route(
            "/pipelines/{id}/approve",
            get(pipeline::ask_approve).post(pipeline::approve),
        )
        .route(
            "/rules/{id}/enable",
            get(actions::ask_enable).post(actions::enable),
        )
        .route(
            "/rules/{id}/disable",
            get(actions::ask_disable).post(actions::disable),
        )
        .route("/audit/verify", post(verify::begin))
}

/// The page that lets people in, which no token is needed for.
pub(crate) fn doorstep() -> Router<Arc<Door>> {
    Router::new().route("/login", get(login::show).post(login::enter))
}

/// What a form of the dashboard needs, by its route; `None` for what is no form of the dashboard.
pub(crate) fn role_of_form(route: &str) -> Option<Role> {
    match route {
        "/logout" | "/audit/verify" => Some(Role::Viewer),
        "/events/{id}/replay"
        | "/executions/{id}/retry"
        | "/executions/{id}/cancel"
        | "/pipelines/{id}/retry"
        | "/pipelines/{id}/cancel"
        | "/pipelines/{id}/approve" => Some(Role::Operator),
        "/rules/{id}/enable" | "/rules/{id}/disable" => Some(Role::Admin),
        _ => None,
    }
}
