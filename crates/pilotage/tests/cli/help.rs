//! What `--help` and the completions say.

use crate::Place;

/// Every command with its subcommands.
const COMMANDS: &[&str] = &[
    "",
    "up",
    "init",
    "check",
    "schema",
    "webhook",
    "webhook send",
    "webhook listen",
    "event",
    "event list",
    "event show",
    "event replay",
    "rule",
    "rule list",
    "rule show",
    "rule test",
    "rule apply",
    "rule delete",
    "execution",
    "execution list",
    "execution show",
    "execution retry",
    "execution cancel",
    "gate",
    "gate run",
    "gate list",
    "gate history",
    "gate report",
    "gate waive",
    "gate waivers",
    "gate secrets",
    "ci",
    "ci render",
    "ci lint",
    "ci import",
    "ci trigger",
    "ci runs",
    "ci watch",
    "ci logs",
    "ci approve",
    "ci cancel",
    "ci retry",
    "ci artifacts",
    "ci status",
    "ci deployments",
    "run",
    "test",
    "test list",
    "test run",
    "test env",
    "test merge",
    "test coverage",
    "test flaky",
    "load",
    "load run",
    "watch",
    "stats",
    "metrics",
    "audit",
    "audit verify",
    "audit export",
    "token",
    "token create",
    "token list",
    "token revoke",
    "mock",
    "mock make",
    "mock ci",
    "mcp",
    "completions",
];

#[test]
fn the_short_help_of_every_command() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.run(&format!("{command} -h")).ended(0);
        let name = format!("help {command}").trim().replace(' ', "-");
        insta::assert_snapshot!(name, help);
    }
}

#[test]
fn no_line_of_help_is_wider_than_a_terminal() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.run(&format!("{command} --help")).ended(0);
        let widest = help.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 122, "{command}: {widest} columns");
    }
}

/// Options and arguments are described by phrases, not sentences.
#[test]
fn no_description_ends_with_a_full_stop() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.run(&format!("{command} --help")).ended(0);
        let described = help.lines().filter(|line| line.starts_with("          "));
        let ended: Vec<_> = described.filter(|line| line.ends_with('.')).collect();
        assert!(ended.is_empty(), "{command}: {ended:?}");
    }
}

#[test]
fn completions_know_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&format!("completions {shell}")).ended(0);
        for word in ["webhook", "replay", "expect-head", "standard-webhooks"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}
