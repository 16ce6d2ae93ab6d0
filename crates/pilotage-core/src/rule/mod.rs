//! Rules: which events they match, and what they then do.

mod check;
mod compiled;
mod condition;
mod explain;
mod expression;
mod glob;
mod model;
mod path;
mod set;
mod template;
#[cfg(test)]
mod testing;

pub use compiled::CompiledRule;
pub use explain::{ExplainedPart, Explanation, explain};
pub use expression::{Expression, ExpressionScope};
pub use model::*;
pub use path::Path;
pub use set::{Matches, RuleSet};
pub use template::{Template, TemplateError, TemplateScope, check_templates, render_all};
