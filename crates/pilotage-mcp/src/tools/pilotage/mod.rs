//! Pilotage itself, through its own HTTP interface.

pub(crate) mod events;
pub(crate) mod status;
