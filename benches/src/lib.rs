//! What the performance goals are measured with: real processes on loopback, real payloads, and a reference in the same
//! run. Nothing here asserts a time; `README.md` says how to read the figures.

pub mod delivery;
pub mod load;
pub mod process;
pub mod server;
pub mod table;
pub mod watching;
