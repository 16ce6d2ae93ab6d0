//! What every operation of the API needs.

use pilotage_core::ports::Role;

/// Every operation of the API and the least role that may ask for it.
pub(crate) const ROLES: &[(&str, &str, Role)] = &[
    ("GET", "/", Role::Viewer),
    ("GET", "/metrics", Role::Viewer),
    ("GET", "/api/openapi.json", Role::Viewer),
    ("GET", "/api/v1/events", Role::Viewer),
    ("GET", "/api/v1/events/{id}", Role::Viewer),
    ("POST", "/api/v1/events/{id}/replay", Role::Operator),
    ("GET", "/api/v1/rules", Role::Viewer),
    ("POST", "/api/v1/rules", Role::Admin),
    ("GET", "/api/v1/rules/{id}", Role::Viewer),
    ("PUT", "/api/v1/rules/{id}", Role::Admin),
    ("DELETE", "/api/v1/rules/{id}", Role::Admin),
    ("POST", "/api/v1/rules/{id}/test", Role::Viewer),
    ("GET", "/api/v1/executions", Role::Viewer),
    ("GET", "/api/v1/executions/{id}", Role::Viewer),
    ("POST", "/api/v1/executions/{id}/retry", Role::Operator),
    ("POST", "/api/v1/executions/{id}/cancel", Role::Operator),
    ("GET", "/api/v1/operations", Role::Viewer),
    ("GET", "/api/v1/operations/{id}", Role::Viewer),
    ("GET", "/api/v1/audit", Role::Viewer),
    ("GET", "/api/v1/audit/head", Role::Viewer),
    ("GET", "/api/v1/stats", Role::Viewer),
    ("GET", "/api/v1/metrics/activity", Role::Viewer),
    ("GET", "/api/v1/metrics/dora", Role::Viewer),
    ("GET", "/api/v1/tokens", Role::Admin),
    ("GET", "/api/v1/gates", Role::Viewer),
    ("POST", "/api/v1/gates", Role::Admin),
    ("GET", "/api/v1/gates/{id}", Role::Viewer),
    ("PUT", "/api/v1/gates/{id}", Role::Admin),
    ("DELETE", "/api/v1/gates/{id}", Role::Admin),
    ("GET", "/api/v1/gates/runs", Role::Viewer),
    ("POST", "/api/v1/gates/runs", Role::Operator),
    ("GET", "/api/v1/gates/runs/{id}", Role::Viewer),
    ("GET", "/api/v1/gates/evidence/{digest}", Role::Viewer),
    ("GET", "/api/v1/gates/waivers", Role::Viewer),
    ("POST", "/api/v1/gates/waivers", Role::Admin),
    ("DELETE", "/api/v1/gates/waivers/{id}", Role::Admin),
    ("GET", "/api/v1/pipelines/platforms", Role::Viewer),
    (
        "GET",
        "/api/v1/pipelines/platforms/{platform}/deployments",
        Role::Viewer,
    ),
    (
        "POST",
        "/api/v1/pipelines/platforms/{platform}/marks",
        Role::Operator,
    ),
    (
        "POST",
        "/api/v1/pipelines/platforms/{platform}/checks",
        Role::Operator,
    ),
    ("GET", "/api/v1/pipelines/runs", Role::Viewer),
    ("POST", "/api/v1/pipelines/runs", Role::Operator),
    ("GET", "/api/v1/pipelines/runs/{id}", Role::Viewer),
    ("GET", "/api/v1/pipelines/runs/{id}/logs", Role::Viewer),
    ("GET", "/api/v1/pipelines/runs/{id}/artifacts", Role::Viewer),
    (
        "GET",
        "/api/v1/pipelines/runs/{id}/artifacts/{artifact}",
        Role::Viewer,
    ),
    ("GET", "/api/v1/pipelines/runs/{id}/approvals", Role::Viewer),
    ("POST", "/api/v1/pipelines/runs/{id}/approve", Role::Operator),
    ("POST", "/api/v1/pipelines/runs/{id}/cancel", Role::Operator),
    ("POST", "/api/v1/pipelines/runs/{id}/retry", Role::Operator),
    ("GET", "/api/v1/tests/runs", Role::Viewer),
    ("POST", "/api/v1/tests/runs", Role::Operator),
    ("GET", "/api/v1/tests/runs/{id}", Role::Viewer),
    ("PUT", "/api/v1/tests/runs/{id}/progress", Role::Operator),
    ("PUT", "/api/v1/tests/runs/{id}/report", Role::Operator),
    ("POST", "/api/v1/tests/runs/{id}/break-off", Role::Operator),
];

/// Every form of the dashboard and what it needs.
pub(crate) const FORMS: [(&str, Role); 10] = [
    ("/events/{event}/replay", Role::Operator),
    ("/executions/{execution}/retry", Role::Operator),
    ("/executions/{execution}/cancel", Role::Operator),
    ("/pipelines/{execution}/retry", Role::Operator),
    ("/pipelines/{execution}/cancel", Role::Operator),
    ("/pipelines/{execution}/approve", Role::Operator),
    ("/rules/r/enable", Role::Admin),
    ("/rules/r/disable", Role::Admin),
    ("/audit/verify", Role::Viewer),
    ("/logout", Role::Viewer),
];

/// Those with a name instead of an id.
pub(crate) const TOKEN_ROLES: [(&str, &str, Role); 2] = [
    ("POST", "/api/v1/tokens", Role::Admin),
    ("DELETE", "/api/v1/tokens/{name}", Role::Admin),
];

/// Those whose answer has no end; with a query that is refused, they have one.
pub(crate) const ENDLESS: [(&str, &str, Role); 1] = [("GET", "/api/v1/stream", Role::Viewer)];
