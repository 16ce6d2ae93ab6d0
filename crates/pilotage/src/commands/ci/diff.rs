//! What differs between two texts, as `diff -u` says it.

use similar::TextDiff;

/// From `before` to `after`, with three lines around each change.
pub(super) fn unified(name: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&format!("{name} (there)"), &format!("{name} (definition)"))
        .to_string()
}
