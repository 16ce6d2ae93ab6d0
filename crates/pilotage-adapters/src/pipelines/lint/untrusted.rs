//! What strangers write.

use super::expression;

/// Parts of expressions whose value others write. Source: <https://docs.github.com/en/actions/concepts/security/script-injections>,
/// and the predefined variables of the other platforms.
const WRITTEN_BY_OTHERS: [&str; 24] = [
    "github.head_ref",
    "github.ref_name",
    "github.event.",
    "inputs.",
    "parameters.",
    "params.",
    "matrix.",
    "steps.",
    "needs.",
    "build.sourcebranch",
    "build.sourceversionmessage",
    "build.requestedfor",
    "build.queuedby",
    "system.pullrequest.sourcebranch",
    "env.branch_name",
    "env.change_",
    "env.git_branch",
    "env.tag_name",
    "branch_name",
    "change_title",
    "change_branch",
    "git_branch",
    "tag_name",
    "build.sourceversionauthor",
];

/// Values of other jobs and steps, and of the matrix: they become a danger where they are put into a script, not before.
const PASSED_ON: [&str; 3] = ["matrix.", "steps.", "needs."];

/// Whether strangers can choose what an expression or a variable of a platform stands for.
pub(super) fn is_untrusted(inner: &str) -> bool {
    let lower = inner.to_ascii_lowercase();
    // Numbers and commits of events are not free text.
    let harmless = [".number", ".id", ".sha", ".result", ".outcome", ".conclusion"];
    WRITTEN_BY_OTHERS.iter().any(|start| lower.contains(start))
        && !harmless.iter().any(|end| lower.ends_with(end))
}

/// Whether a variable that is set to this text may hold what strangers wrote.
pub(super) fn is_untrusted_value(text: &str) -> bool {
    let filled_in = expression::expressions(text).map(|(inner, _)| inner);
    let macros = text
        .split("$(")
        .skip(1)
        .filter_map(|after| after.split(')').next());
    filled_in
        .chain(macros)
        .any(|inner| is_untrusted(inner) && !PASSED_ON.iter().any(|start| inner.starts_with(start)))
}
