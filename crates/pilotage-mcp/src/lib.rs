//! The door for agents: Pilotage and Make.com over the Model Context Protocol.
//!
//! A tool is data and one `run` ([`tool`]); [`registry`] finds it, `arguments` reads what it is given, and everything that
//! holds for all tools (roles, dry runs, confirmations, bounds, audit) is done around it once.

pub mod answer;
pub mod api;
mod arguments;
pub mod changes;
mod consent;
pub mod context;
pub mod dispatcher;
pub mod doors;
mod fixtures;
pub mod make;
pub mod prompt;
mod prompts;
mod reading;
pub mod reference;
pub mod registry;
pub mod resource;
mod resources;
pub mod schema;
pub mod server;
pub mod shaping;
mod slots;
pub mod tool;
mod tools;
pub mod toolset;
mod trail;
pub mod watching;

pub use context::{Backends, Context};
pub use dispatcher::Dispatcher;
pub use server::{Connection, Server};
pub use trail::Trail;
