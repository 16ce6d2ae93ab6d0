//! Rules: which events they match, and what they then do.

mod model;

pub use model::*;
