//! The page at `/`: what this is and where to go on. The dashboard takes its place later.

use axum::response::Html;

/// Needs neither style nor script, so that nothing at all may be loaded from it.
pub(crate) async fn show() -> Html<String> {
    Html(format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Pilotage</title>\n\
         <h1>Pilotage {version}</h1>\n\
         <p>A release control plane: webhooks come in, rules decide, actions run, and every step is on an audit trail.</p>\n\
         <ul>\n\
         <li><a href=\"/api/v1/events\">Events</a></li>\n\
         <li><a href=\"/api/v1/rules\">Rules</a></li>\n\
         <li><a href=\"/api/v1/executions\">Executions</a></li>\n\
         <li><a href=\"/api/v1/audit\">Audit trail</a></li>\n\
         <li><a href=\"/api/v1/stats\">Statistics</a></li>\n\
         <li><a href=\"/api/openapi.json\">The API as OpenAPI</a></li>\n\
         <li><a href=\"/metrics\">Metrics</a></li>\n\
         </ul>\n\
         </html>\n",
        version = env!("CARGO_PKG_VERSION"),
    ))
}
