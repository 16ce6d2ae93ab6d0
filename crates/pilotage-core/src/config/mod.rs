//! Configuration documents: YAML with a place for every value, and problems that point at their place.

mod document;
mod problem;
mod secret;
mod snippet;
mod yaml;

pub use document::{Document, DocumentError, read};
pub use problem::*;
pub use secret::{SecretError, SecretRef};
pub use snippet::Location;
