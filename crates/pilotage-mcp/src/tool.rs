//! What a tool is: data, and one `run`.

use futures::future::BoxFuture;
use pilotage_core::ports::Role;
use rmcp::{
    ErrorData,
    model::{CallToolRequestParams, CallToolResponse},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    answer::{ToolAnswer, ToolError},
    context::Context,
    toolset::Toolset,
};

/// A tool: what agents read about it, what it needs, and how it runs.
///
/// A noun has one file with `pub(crate) static TOOLS: &[Tool]`, and that file one line in `tools/mod.rs`.
#[derive(Debug)]
pub struct Tool {
    /// Kebab-case, at most 128 characters, unique.
    pub name: &'static str,
    /// For people, a few words.
    pub title: &'static str,
    /// For the model: what it does, when to use it, what comes back. Every byte counts: lists of tools fill contexts.
    pub description: &'static str,
    /// With which tools it is offered.
    pub toolset: &'static Toolset,
    /// What it does to the world.
    pub effect: Effect,
    /// The least role that may call it.
    pub role: Role,
    /// Whether it reaches services beyond this installation.
    pub open_world: bool,
    /// JSON Schema of its arguments, an object. `fields` where it only reads, and `dry_run` where it does not, are added by the registry.
    pub input: fn() -> Value,
    /// JSON Schema of its structured content, an object. Shown without `required`, because `fields` may leave out anything.
    pub output: fn() -> Value,
    /// Arguments that its input schema accepts, and structured content that its output schema accepts.
    pub example: Example,
    /// Does it.
    pub run: Run,
}

/// One documented call.
#[derive(Debug)]
pub struct Example {
    /// The arguments.
    pub input: fn() -> Value,
    /// The structured content of the answer.
    pub output: fn() -> Value,
}

/// What a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    ReadOnly,
    /// It adds or changes, and nothing is lost by it.
    Change {
        /// Whether the same call once more changes nothing further.
        idempotent: bool,
    },
    /// It may lose something for good, so a person has to agree.
    Destructive,
}

impl Effect {
    /// Whether a call may change something.
    pub const fn changes(self) -> bool {
        !matches!(self, Self::ReadOnly)
    }
}

/// How a tool runs.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// From arguments that hold to its schema, under the names of the schema, to structured content.
    Json(for<'a> fn(&'a Context, Value) -> BoxFuture<'a, ToolAnswer>),
    /// From the request as it came to the result as it goes: for the fixtures of the conformance suite alone, which are
    /// about the protocol itself.
    Wire(Wire),
}

/// From the request as it came to the result as it goes.
pub type Wire =
    for<'a> fn(&'a Context, CallToolRequestParams) -> BoxFuture<'a, Result<CallToolResponse, ErrorData>>;

/// Runs `tool` with its arguments as a type: `run: Run::Json(|context, given| typed(context, given, list))`.
pub fn typed<'a, A, F>(
    context: &'a Context,
    given: Value,
    tool: impl FnOnce(&'a Context, A) -> F + Send + 'a,
) -> BoxFuture<'a, ToolAnswer>
where
    A: DeserializeOwned + Send + 'a,
    F: Future<Output = ToolAnswer> + Send + 'a,
{
    Box::pin(async move {
        let arguments = serde_path_to_error::deserialize(given).map_err(|error| {
            let place = error.path().to_string();
            ToolError::new(
                format!(
                    "the argument `{place}` is not what this tool takes: {}",
                    error.inner()
                ),
                "Correct it and call again; the input schema says what is taken.",
            )
        })?;
        tool(context, arguments).await
    })
}
