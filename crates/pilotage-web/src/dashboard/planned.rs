//! Pages of parts that later versions bring. They say so, and what can be done today.

use askama::Template;
use axum::response::Response;

use super::shell::{Shell, Visitor, page};
use crate::problem::Problem;

/// A page without content yet.
pub(super) struct Planned {
    pub(super) path: &'static str,
    title: &'static str,
    what: &'static str,
    first: &'static str,
    today: &'static str,
    example: &'static str,
}

/// The pages.
pub(super) const PAGES: &[Planned] = &[Planned {
    path: "/deployments",
    title: "Deployments",
    what: "A deployment is planned, approved, applied, observed and rolled back, and each of these is on the audit trail.",
    first: "This part is not in this version. There is no deployment, and nothing here can be switched on yet.",
    today: "Deployments that others make arrive today as events, and a rule can act on those that fail:",
    example: "trigger:\n  source: kubernetes\n  eventTypes: [deployment.failed]",
}];

#[derive(Template)]
#[template(path = "planned.html")]
struct PlannedPage {
    shell: Shell,
    planned: &'static Planned,
}

/// A page without content yet.
pub(super) fn show(visitor: &Visitor, planned: &'static Planned) -> Result<Response, Problem> {
    page(&PlannedPage {
        shell: visitor.shell(planned.title, planned.path),
        planned,
    })
}
