//! Configuration documents: YAML with a place for every value, and problems that point at their place.

mod problem;

pub use problem::*;
