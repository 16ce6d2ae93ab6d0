//! Configuration documents: YAML with a place for every value, and problems that point at their place.

mod problem;
mod secret;

pub use problem::*;
pub use secret::{SecretError, SecretRef};
