use std::collections::BTreeSet;

use super::{
    super::{
        Check, Report, secret,
        view::{Script, View},
    },
    noted,
};

pub(in super::super) const CHECK: Check = Check {
    id: "secrets",
    about: "Secrets that a script writes into the log, or that become part of a script.",
    run,
};

/// Commands that write what they are handed.
const WRITE: [&str; 6] = ["echo", "printf", "Write-Host", "Write-Output", "printenv", "env"];

fn run(view: &View, report: &mut Report<'_>) {
    noted(view, report);
    for script in view.jobs.iter().flat_map(|job| &job.scripts) {
        for inner in &script.filled_in {
            let is_secret =
                inner.contains("secrets.") || inner == "System.AccessToken" || names_secret(inner);
            if is_secret {
                report.error(&script.at, format!("the secret `{inner}` becomes part of the script: hand it over through the environment"));
            }
        }
        let secrets = secrets_of(script);
        for line in script.text.lines() {
            if let Some(name) = told(line, &secrets) {
                report.error(&script.at, format!("the secret `{name}` is written into the log"));
            }
        }
        let traces = script.text.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("set")
                && words.any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('x'))
        });
        if traces && !secrets.is_empty() {
            report.error(
                &script.at,
                "`set -x` writes every command into the log, with the secrets that it is handed",
            );
        }
    }
}

/// Those that are handed over, and those that go by a name of such.
fn secrets_of(script: &Script) -> BTreeSet<String> {
    let mut all = script.secrets.clone();
    for after in script.text.split('$').skip(1) {
        let name: String = after
            .trim_start_matches('{')
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        if names_secret(&name) {
            all.insert(name);
        }
    }
    all
}

/// The secret that a line writes for everybody to read; what goes on into a pipe or a file does not reach the log.
fn told(line: &str, secrets: &BTreeSet<String>) -> Option<String> {
    let commands = line.split("&&").flat_map(|part| part.split(';'));
    for command in commands {
        let first = command.split_whitespace().next().unwrap_or_default();
        if !WRITE.contains(&first) || command.contains('|') || command.contains('>') {
            continue;
        }
        let found = secrets.iter().find(|name| {
            ["$", "${", "env:"].iter().any(|start| {
                command.split(&format!("{start}{name}")).skip(1).any(|after| {
                    !after.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
                })
            })
        });
        if found.is_some() {
            return found.cloned();
        }
    }
    None
}

/// A name with a point is one of the platform's own values.
fn names_secret(name: &str) -> bool {
    !name.contains('.') && secret::names_secret(name)
}
