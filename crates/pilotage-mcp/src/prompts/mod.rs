//! The prompts: a file for each task.

mod make;
mod release;

use rmcp::model::{PromptMessage, Role};
use serde_json::{Map, Value};

use crate::prompt::Prompt;

/// Every prompt, a line for each task.
pub(crate) static ALL: &[&[Prompt]] = &[make::PROMPTS, release::PROMPTS];

/// Characters of an argument that find their way into a prompt.
const MOST_ARGUMENT: usize = 500;

/// An argument, bounded; empty where it is not given.
fn argument<'a>(arguments: &'a Map<String, Value>, name: &str) -> &'a str {
    let text = arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    &text[..text.floor_char_boundary(MOST_ARGUMENT)]
}

/// One message of the person.
fn ask(text: String) -> Vec<PromptMessage> {
    vec![PromptMessage::new_text(Role::User, text)]
}
