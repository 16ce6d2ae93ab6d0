//! Readers of report formats: each takes bounded input and adds to what is known, or says why it cannot.

pub mod cobertura;
pub mod coverage;
pub mod coverage_py;
pub mod go_cover;
pub mod istanbul;
pub mod junit;
pub mod lcov;
pub mod libtest;
pub mod llvm_cov;
pub mod load;
pub mod places;
pub mod sarif;
pub mod simplecov;
mod xml;
