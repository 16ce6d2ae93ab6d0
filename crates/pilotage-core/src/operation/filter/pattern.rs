//! Patterns that people send: bounded, and refused where an engine that backtracks would take for ever.

use regex::{Regex, RegexBuilder};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, HirKind},
};

/// Bytes of a pattern.
const LONGEST_PATTERN: usize = 256;
/// Bytes of a compiled pattern, and of what matching may keep.
const MOST_COMPILED_BYTES: usize = 256 << 10;
/// Groups within groups.
const DEEPEST: u32 = 32;

/// Compiles a pattern.
///
/// # Errors
/// Says why it is refused. A repetition without an end within another one does no harm here, yet takes exponential time in
/// every engine that backtracks; a filter is passed between programs, so it is refused rather than passed on.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(format!("a pattern has at most {LONGEST_PATTERN} bytes"));
    }
    let parsed = ParserBuilder::new().nest_limit(DEEPEST).build().parse(pattern);
    let parsed = parsed.map_err(|error| refused(&error.to_string()))?;
    if is_catastrophic(&parsed, false) {
        return Err(
            "the pattern repeats a repetition without end, such as `(a+)+`; write it with one of them"
                .to_owned(),
        );
    }
    RegexBuilder::new(pattern)
        .nest_limit(DEEPEST)
        .size_limit(MOST_COMPILED_BYTES)
        .dfa_size_limit(MOST_COMPILED_BYTES)
        .build()
        .map_err(|error| refused(&error.to_string()))
}

/// The last line says what is wrong; those before it draw the pattern.
fn refused(error: &str) -> String {
    let reason = error.lines().last().unwrap_or_default();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    format!("the pattern is refused: {reason}")
}

fn is_catastrophic(hir: &Hir, within: bool) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let endless = repetition.max.is_none();
            (within && endless) || is_catastrophic(&repetition.sub, within || endless)
        }
        HirKind::Capture(capture) => is_catastrophic(&capture.sub, within),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().any(|part| is_catastrophic(part, within))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}
