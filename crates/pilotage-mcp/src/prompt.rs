//! What a prompt is: data, one `render`, and perhaps completions of its arguments.

use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{GetPromptRequestParams, GetPromptResponse, PromptMessage},
};
use serde_json::{Map, Value};

use crate::{answer::ToolError, context::Context, resource::Complete, toolset::Toolset};

/// A message to begin with, for a task that people have often.
///
/// A task has one file with `pub(crate) static PROMPTS: &[Prompt]`, and that file one line in `prompts/mod.rs`.
#[derive(Debug)]
pub struct Prompt {
    /// Kebab-case, unique.
    pub name: &'static str,
    /// For people, a few words.
    pub title: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// With which tools it is offered.
    pub toolset: &'static Toolset,
    /// What it is filled with.
    pub arguments: &'static [PromptArgument],
    /// Writes it.
    pub render: Render,
}

/// One thing that a prompt is filled with; a text.
#[derive(Debug)]
pub struct PromptArgument {
    /// In `snake_case`.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// Whether the prompt is nothing without it.
    pub required: bool,
    /// What could stand there.
    pub complete: Option<Complete>,
}

/// How a prompt is written.
#[derive(Clone, Copy, Debug)]
pub enum Render {
    /// From its arguments, the required ones there, to messages.
    Messages(ToMessages),
    /// From the request to the result, for the fixtures of the conformance suite alone.
    Wire(
        for<'a> fn(
            &'a Context,
            GetPromptRequestParams,
        ) -> BoxFuture<'a, Result<GetPromptResponse, ErrorData>>,
    ),
}

/// From arguments to messages.
pub type ToMessages = for<'a> fn(&'a Context, &'a Map<String, Value>) -> BoxFuture<'a, Messages>;

/// Messages, or what went wrong and what to do next.
pub type Messages = Result<Vec<PromptMessage>, ToolError>;
