//! Models of the services that Pilotage works with, to develop and test against. They speak the service's own protocol,
//! so that the service's own client cannot tell the difference.

mod make;
mod server;

pub use make::{Seed, SeedError, categories};
pub use server::{Clock, MockMake, Options, StartError};
