//! From how a command ended to an exit code, and to what people read about it. The only place that knows the codes.
//!
//! | code | meaning |
//! |------|---------|
//! | 0 | done |
//! | 1 | judged not ready or failed: a refused delivery, no rule that matches, a broken audit trail, the wrong state |
//! | 2 | usage or configuration: an option, a file or a name that is not right |
//! | 3 | could not run: no server, no permission, no data; or was left before the end |

use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

mod json;

use crate::{
    client::ClientError,
    findings::Findings,
    output::{Format, Style, clean_lines, stderr_colour},
    settings::SettingsError,
};

pub(crate) use json::report_usage;

/// How a command ended that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// What was asked is done, or holds.
    Yes,
    /// It ran, and the judgement is no.
    NotReady,
    /// It ran, and found the configuration wrong; what is wrong has been printed as asked.
    Misconfigured,
    /// Whoever asked went away before it ended; what was watched goes on.
    Detached,
    /// It ran, and nothing can be said.
    Unknown,
    /// A command that was asked for ended with this code, which is handed on.
    Code(u8),
}

impl Done {
    /// `Yes` if it holds.
    pub(crate) const fn when(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::NotReady }
    }
}

/// What the person asked for is not right; the text says what to change.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error that ends with exit code 2.
pub(crate) fn usage(text: impl Into<String>) -> anyhow::Error {
    Usage(text.into()).into()
}

/// Prints the error, if there is one, and gives the code.
pub(crate) fn report(result: &anyhow::Result<Done>, format: Format) -> ExitCode {
    let code = code(result);
    match result {
        Err(error) if is_closed_pipe(error) => {}
        Err(error) if format == Format::Json => json::print(&json::told(error, code)),
        Err(error) => print(error),
        Ok(_) => {}
    }
    ExitCode::from(code)
}

fn print(error: &anyhow::Error) {
    let label = stderr_colour().paint(Style::Bad, "error:");
    let text = clean_lines(&describe(error));
    // Problems of a file come with the word already, as compilers put it.
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    // Nobody is left to be told when this fails as well.
    let _ = writeln!(io::stderr().lock(), "{label} {text}");
}

/// The error, and behind it each reason that it does not say itself.
fn describe(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in reasons(error) {
        text.push_str("\n  because: ");
        text.push_str(&cause);
    }
    text
}

/// Each reason behind the error that is not told before it.
fn reasons(error: &anyhow::Error) -> Vec<String> {
    let mut told = error.to_string();
    let mut reasons = Vec::new();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !told.contains(&cause) {
            told.push_str(&cause);
            reasons.push(cause);
        }
    }
    reasons
}

fn code(result: &anyhow::Result<Done>) -> u8 {
    match result {
        Ok(Done::Yes) => 0,
        Ok(Done::NotReady) => 1,
        Ok(Done::Misconfigured) => 2,
        Ok(Done::Detached | Done::Unknown) => 3,
        Ok(Done::Code(code)) => *code,
        Err(error) => code_of_error(error),
    }
}

fn code_of_error(error: &anyhow::Error) -> u8 {
    if is_closed_pipe(error) {
        return 0;
    }
    if error.is::<Usage>() || error.is::<SettingsError>() || error.is::<Findings>() {
        return 2;
    }
    error.downcast_ref::<ClientError>().map_or(3, code_of_answer)
}

/// An answer of the API: what was asked may be wrong, refused in this state, or beyond what could be done.
fn code_of_answer(error: &ClientError) -> u8 {
    match error.status() {
        Some(409) => 1,
        Some(400 | 404 | 405 | 413 | 415 | 422) => 2,
        _ => 3,
    }
}

/// The reader of our output went away, as `head` does: that is its right, and no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::client::Problem;

    fn answered(status: u16) -> anyhow::Error {
        ClientError::Refused(Box::new(Problem::from_text(status, ""))).into()
    }

    #[test]
    fn every_end_has_its_code() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        let cases: Vec<(anyhow::Result<Done>, u8)> = vec![
            (Ok(Done::Yes), 0),
            (Ok(Done::when(false)), 1),
            (Err(usage("no such option")), 2),
            (Err(usage("no such file").context("reading the rule")), 2),
            (Err(anyhow::anyhow!("out of luck")), 3),
            (Err(pipe().into()), 0),
            (Err(pipe()).context("printing"), 0),
            (Err(answered(400)), 2),
            (Err(answered(401)), 3),
            (Err(answered(403)), 3),
            (Err(answered(404)), 2),
            (Err(answered(409)), 1),
            (Err(answered(422)), 2),
            (Err(answered(500)), 3),
            (Err(answered(503)), 3),
        ];
        for (result, expected) in cases {
            assert_eq!(code(&result), expected, "{result:?}");
        }
    }

    #[test]
    fn a_reason_is_told_once() {
        let error = anyhow::anyhow!("disk full")
            .context("cannot store")
            .context("cannot store");
        assert_eq!(describe(&error), "cannot store\n  because: disk full");
    }
}
