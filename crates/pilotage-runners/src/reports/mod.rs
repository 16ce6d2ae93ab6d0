//! Readers of report formats: each takes bounded input and adds to what is known, or says why it cannot.

pub mod cobertura;
pub mod coverage;
pub mod istanbul;
pub mod junit;
pub mod lcov;
pub mod sarif;
mod xml;
