//! The API under `/api/v1`: one file for each noun, each route with its description for `OpenAPI`.

mod audit;
mod dora;
mod events;
mod executions;
mod gate_runs;
mod gates;
mod metrics;
mod openapi;
mod operations;
mod pipeline_runs;
mod platforms;
mod request;
mod rules;
mod stats;
mod test_event;
mod test_runs;
mod tokens;
mod waivers;

use std::sync::Arc;

use axum::Router;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use openapi::document;
pub(crate) use request::{Id, Name, read_body};
pub(crate) use test_runs::{find as find_test_run, report_of as test_report_of};

use crate::{door::Door, live::stream};

/// One page of a collection.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it.
    items: Vec<T>,
    /// What to pass as `after` for the next page; `null` on the last.
    next: Option<String>,
}

impl<T> Page<T> {
    fn of<S>(page: pilotage_core::ports::Page<S>, view: impl FnMut(S) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            next: page.next.map(|next| next.to_string()),
        }
    }
}

/// Every route of the API with its description.
pub(crate) fn routes() -> (Router<Arc<Door>>, utoipa::openapi::OpenApi) {
    OpenApiRouter::new()
        .routes(routes!(events::list))
        .routes(routes!(events::show))
        .routes(routes!(events::replay))
        .routes(routes!(rules::list, rules::create))
        .routes(routes!(rules::show, rules::put, rules::delete))
        .routes(routes!(rules::test))
        .routes(routes!(executions::list))
        .routes(routes!(executions::show))
        .routes(routes!(executions::retry))
        .routes(routes!(executions::cancel))
        .routes(routes!(gates::list, gates::create))
        .routes(routes!(gate_runs::list, gate_runs::create))
        .routes(routes!(gate_runs::show))
        .routes(routes!(gate_runs::evidence))
        .routes(routes!(waivers::list, waivers::create))
        .routes(routes!(waivers::delete))
        .routes(routes!(gates::show, gates::put, gates::delete))
        .routes(routes!(operations::list))
        .routes(routes!(operations::show))
        .routes(routes!(pipeline_runs::list, pipeline_runs::create))
        .routes(routes!(pipeline_runs::show))
        .routes(routes!(pipeline_runs::logs))
        .routes(routes!(pipeline_runs::artifacts))
        .routes(routes!(pipeline_runs::download))
        .routes(routes!(pipeline_runs::approvals))
        .routes(routes!(pipeline_runs::approve))
        .routes(routes!(pipeline_runs::cancel))
        .routes(routes!(pipeline_runs::retry))
        .routes(routes!(pipeline_runs::platforms))
        .routes(routes!(platforms::mark))
        .routes(routes!(platforms::check))
        .routes(routes!(platforms::deployments))
        .routes(routes!(audit::list))
        .routes(routes!(audit::head))
        .routes(routes!(stats::show))
        .routes(routes!(metrics::activity))
        .routes(routes!(dora::show))
        .routes(routes!(stream::watch))
        .routes(routes!(test_runs::list, test_runs::create))
        .routes(routes!(test_runs::show))
        .routes(routes!(test_runs::progress))
        .routes(routes!(test_runs::report))
        .routes(routes!(test_runs::break_off))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .split_for_parts()
}
