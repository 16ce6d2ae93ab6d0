//! What a tool is handed beside its arguments.

use std::sync::Arc;

use axum::Router;
use pilotage_core::Caller;
use rmcp::{RoleServer, model::ProgressNotificationParam, service::RequestContext};
use tokio_util::sync::CancellationToken;

use crate::{answer::ToolError, api::Api, changes::Changes, make::Make};

/// What tools work on, the same for every call.
#[derive(Clone, Debug)]
pub struct Backends {
    /// Pilotage's own HTTP interface, as `pilotage_web::inner_router` makes it.
    pub api: Router,
    /// Make.com, if it is set up.
    pub make: Option<Make>,
    /// Where changes of resources are told to clients.
    pub changes: Changes,
}

/// One call: who asks, how, and with what.
#[derive(Debug)]
pub struct Context {
    caller: Caller,
    dry_run: bool,
    backends: Arc<Backends>,
    api: Api,
    request: Option<RequestContext<RoleServer>>,
    cancelled: CancellationToken,
}

impl Context {
    /// The context of a call. Without `request` nobody hears of progress and nobody can be asked, as in tests of tools.
    pub fn new(
        caller: Caller,
        dry_run: bool,
        backends: Arc<Backends>,
        request: Option<RequestContext<RoleServer>>,
    ) -> Self {
        let api = Api::new(backends.api.clone(), caller.clone(), !dry_run);
        let cancelled = request
            .as_ref()
            .map_or_else(CancellationToken::new, |request| request.ct.clone());
        Self {
            caller,
            dry_run,
            backends,
            api,
            request,
            cancelled,
        }
    }

    /// Who asks.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether nothing may be changed and only said what would be. The tool answers with `Answer::would`.
    pub const fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// What tools work on.
    pub fn backends(&self) -> &Backends {
        &self.backends
    }

    /// Make.com.
    ///
    /// # Errors
    /// It is not set up; the error says how that is done.
    pub fn make(&self) -> Result<&Make, ToolError> {
        self.backends.make.as_ref().ok_or_else(Make::absent)
    }

    /// Pilotage's own interface, as this caller sees it.
    pub const fn api(&self) -> &Api {
        &self.api
    }

    /// Ends when the caller does not want the answer any more. A long tool waits for it beside its work; a tool that does
    /// not is dropped at its next await.
    pub const fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// Tells how far a long call is, if the caller asked to be told. `done` grows with every report.
    pub async fn progress(&self, done: f64, total: Option<f64>, message: &str) {
        let Some(request) = &self.request else { return };
        let Some(token) = request.meta.get_progress_token() else {
            return;
        };
        let mut report = ProgressNotificationParam::new(token, done).with_message(message);
        report.total = total;
        // Who has gone away needs no reports.
        let _ = request.peer.notify_progress(report).await;
    }

    /// The request as the protocol has it, for what is about the protocol itself.
    pub const fn request(&self) -> Option<&RequestContext<RoleServer>> {
        self.request.as_ref()
    }
}
