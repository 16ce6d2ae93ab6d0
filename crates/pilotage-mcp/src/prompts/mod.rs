//! The prompts: a file for each task.

use crate::prompt::Prompt;

/// Every prompt, a line for each task.
pub(crate) static ALL: &[&[Prompt]] = &[];
