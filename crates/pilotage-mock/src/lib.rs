//! Models of the services that Pilotage works with, to develop and test against. They speak the service's own protocol,
//! so that the service's own client cannot tell the difference. And the other end of what Pilotage sends: a listener for
//! webhooks.

mod azure_devops;
mod ci;
mod connection;
mod github;
mod gitlab;
mod jenkins;
mod make;
mod server;
mod webhooks;

pub use ci::{CiCall, CiFault, CiOptions, CiVendor, MockCi};
pub use make::{Seed, SeedError, categories};
pub use server::{Clock, MockMake, Options, StartError};
pub use webhooks::{Accepted, Answers, Arrival, Endpoint, ListenerOptions, Verdict, WebhookListener};
