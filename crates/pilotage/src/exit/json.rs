//! Errors for programs: one JSON object on one line of the error output.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::Serialize;

use super::reasons;
use crate::{
    client::ClientError,
    findings::{Finding, Findings},
    output::escape_json,
    settings::SettingsError,
};

/// What kind of error it is, in a word that goes with the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// An option, an argument or a name that is not right.
    Usage,
    /// A configuration or a file with rules that does not hold.
    Config,
    /// The judgement is no: the wrong state.
    NotReady,
    /// No server, no permission, no data.
    CouldNotRun,
}

/// An error as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    message: String,
    exit_code: u8,
    kind: Kind,
    /// What is behind it, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    problems: Vec<Finding>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a Told,
}

/// An error that ends with this code.
pub(super) fn told(error: &anyhow::Error, exit_code: u8) -> Told {
    let findings = findings(error);
    let answer = error.downcast_ref::<ClientError>().and_then(ClientError::problem);
    let is_config = findings.is_some() || error.is::<SettingsError>();
    Told {
        message: match (findings, answer) {
            (Some(findings), _) => findings.summary(),
            (None, Some(answer)) => answer.summary(),
            (None, None) => error.to_string(),
        },
        exit_code,
        kind: match exit_code {
            1 => Kind::NotReady,
            2 if is_config => Kind::Config,
            2 => Kind::Usage,
            _ => Kind::CouldNotRun,
        },
        // Findings and answers are told whole already.
        reasons: match (findings, answer) {
            (None, None) => reasons(error),
            _ => Vec::new(),
        },
        problems: match (findings, answer) {
            (Some(findings), _) => findings.found.clone(),
            (None, Some(answer)) => answer.findings(),
            (None, None) => Vec::new(),
        },
    }
}

fn findings(error: &anyhow::Error) -> Option<&Findings> {
    match error.downcast_ref::<SettingsError>() {
        Some(SettingsError::Problems(findings)) => Some(findings),
        _ => error.downcast_ref::<Findings>(),
    }
}

pub(super) fn print(told: &Told) {
    let Ok(json) = serde_json::to_string(&Envelope { error: told }) else {
        return;
    };
    // Nobody is left to be told when this fails as well.
    let _ = writeln!(io::stderr().lock(), "{}", escape_json(&json));
}

/// Tells what is wrong with the command line, or prints the help or version that was asked for.
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && asks_for_json(std::env::args_os()) {
        print(&told_usage(error));
        return ExitCode::from(2);
    }
    error.exit()
}

/// The command line could not be read, so the option is looked for in its words.
fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = arguments.take_while(|word| word != "--").collect();
    let apart = words
        .windows(2)
        .any(|pair| matches!(pair, [option, value] if option == "--format" && value == "json"));
    apart || words.iter().any(|word| word == "--format=json")
}

fn told_usage(error: &clap::Error) -> Told {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let message = match error.kind() {
        // Then the text is the whole help.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing; --help lists them",
        _ => first.strip_prefix("error: ").unwrap_or(first),
    };
    let problems = help(error).map(|help| Finding {
        message: message.to_owned(),
        help: Some(help),
        ..Finding::default()
    });
    Told {
        message: message.to_owned(),
        exit_code: 2,
        kind: Kind::Usage,
        reasons: Vec::new(),
        problems: problems.into_iter().collect(),
    }
}

/// What clap suggests, in a sentence.
fn help(error: &clap::Error) -> Option<String> {
    let suggested = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    suggested.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(name) => Some(format!("did you mean `{name}`?")),
        ContextValue::Strings(names) => Some(format!("did you mean `{}`?", names.join("`, `"))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_found_in_words_that_could_not_be_read() {
        let cases = [
            ("pilotage event lst --format json", true),
            ("pilotage --format=json event", true),
            ("pilotage event lst --format text", false),
            ("pilotage json --format", false),
            ("pilotage rule show -- --format json", false),
        ];
        for (line, expected) in cases {
            let words = line.split(' ').map(OsString::from);
            assert_eq!(asks_for_json(words), expected, "{line}");
        }
    }
}
