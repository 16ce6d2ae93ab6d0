//! The ways in: streamable HTTP at `/mcp`, WebSocket at `/ws`, standard input and output.

mod front;
mod limits;
mod message;
mod metadata;
mod pipe;
mod sessions;
mod web;
mod websocket;

pub use limits::Limits;
pub use pipe::serve_lines;
pub use web::{Admission, Challenge, Web, WebDoors, WebSettings};
