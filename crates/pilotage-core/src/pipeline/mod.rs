//! A pipeline that is written once: what people write ([`PipelineFile`]), what it means ([`Pipeline`]), and how it is ordered.
//!
//! Nothing in here knows a platform. A [`crate::ports::PipelineRenderer`] turns a [`Pipeline`] into the files of one.

mod file;
mod graph;
mod matrix;
mod model;
mod resolve;
pub mod script;
mod step_file;
mod template;
mod text;

pub use file::*;
pub use graph::{Asked, asked_before, cycle, needed_by, waves};
pub use matrix::{Combination, Matrix};
pub use model::*;
pub use resolve::resolve;
pub use step_file::*;
pub use template::{Part, Reference, Template};
pub use text::Text;
