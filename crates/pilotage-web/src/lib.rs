//! The door for HTTP: intake of deliveries, the API, the dashboard, health and metrics.
//!
//! Two routers stand over one [`Door`]: `main_router` answers the outside (deliveries, API, page) and `health_router`
//! answers whoever keeps the process alive. Deliveries are let in by their signature, everything else by `auth`.

mod api;
mod auth;
mod dashboard;
mod door;
mod health;
mod impatient;
pub mod intake;
mod live;
mod metrics;
mod problem;
mod routes;
mod server;
mod shares;

pub use auth::{CreateTokenError, create_token, is_still_admitted};
pub use dashboard::Verify;
pub use door::{Door, ReadyLimits, SourceEntry, SourceTable, WebSettings};
pub use routes::{OtherDoors, health_router, inner_router, main_router, openapi};
pub use server::{Connections, serve};
