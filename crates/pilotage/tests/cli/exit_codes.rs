//! Exit codes: 0 done, 1 judged not ready or failed, 2 usage or configuration, 3 could not run.

use std::{
    io::Read as _,
    process::{Command, Stdio},
};

use assert_cmd::cargo::cargo_bin;

use crate::Place;

/// Nothing listens on the discard port of loopback.
const NOBODY: &str = "--server http://127.0.0.1:9";

#[test]
fn every_kind_of_end_has_its_code() {
    let place = Place::new();
    place.write("empty", "");
    place.write("rule.yaml", "id: a\ntrigger: {source: github}\nactions: []\n");
    place.write("broken.yaml", "id: [");
    place.write("body.json", "{}");
    let cases = [
        ("--version", 0),
        ("help", 0),
        ("completions bash", 0),
        ("", 2),
        ("nonsense", 2),
        ("event list --limit 0", 2),
        ("event list --limit 501", 2),
        ("event list --since yesterday", 2),
        ("event show not-a-uuid", 2),
        ("event list --server ftp://a", 2),
        ("event list --server http://user:password@a", 2),
        ("event list --token-file missing", 2),
        ("event list --token-file empty", 2),
        ("execution list --status exploded", 2),
        ("completions tcsh", 2),
        ("token create a", 2),
        ("token create a --role god", 2),
        ("audit verify --expect-head 12", 2),
        ("audit verify --file missing", 2),
        ("rule apply missing", 2),
        ("rule apply broken.yaml", 2),
        ("webhook send gihub --event push --file body.json", 2),
        ("webhook send github --file body.json", 2),
        ("webhook send github --event push --file missing", 2),
        ("webhook send custom/a --file body.json", 2),
        (
            "webhook send github --event push --file body.json --secret a --secret-file b",
            2,
        ),
        ("webhook send make --file body.json --header nonsense", 2),
        (&format!("event list {NOBODY}"), 3),
        (&format!("stats {NOBODY}"), 3),
        (&format!("rule apply rule.yaml {NOBODY}"), 3),
        (&format!("webhook send make --file body.json {NOBODY}"), 3),
        (&format!("audit export {NOBODY}"), 3),
        ("audit verify", 3),
        ("audit export --data-dir missing", 3),
        ("token list", 3),
        ("token revoke a", 3),
    ];
    for (arguments, code) in cases {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(code), "`pilotage {arguments}`: {ran:#?}");
        let told = if code == 0 { &ran.out } else { &ran.err };
        assert!(!told.trim().is_empty(), "`pilotage {arguments}` says nothing");
    }
}

#[test]
fn a_missing_server_is_explained() {
    let ran = Place::new().run(&format!("event list {NOBODY}"));
    assert_eq!(ran.code, Some(3));
    assert!(ran.out.is_empty());
    let first = ran.err.lines().next().unwrap();
    assert_eq!(
        first,
        "error: No Pilotage answers at http://127.0.0.1:9/. Start it with `pilotage up`, or name another with --server."
    );
    let reasons: Vec<_> = ran.err.lines().skip(1).collect();
    assert!(
        matches!(reasons.as_slice(), [reason] if reason.starts_with("  because: Connection refused")),
        "{ran:#?}"
    );
}

#[test]
fn what_is_no_id_is_told_where_ids_are() {
    let place = Place::new();
    let cases = [
        ("event show 7", "want an id from `pilotage event list`"),
        ("event replay last", "want an id from `pilotage event list`"),
        (
            "execution list --event 7",
            "want an id from `pilotage event list`",
        ),
        ("execution show 7", "want an id from `pilotage execution list`"),
        ("execution retry ID", "want an id from `pilotage execution list`"),
        ("rule test --event 7", "no id from `pilotage event list` either"),
    ];
    for (arguments, told) in cases {
        let ran = place.run(arguments);
        assert!(ran.err.contains(told), "`{arguments}`: {ran:#?}");
        ran.ended(2);
    }
}

#[test]
fn nothing_is_made_by_looking() {
    let place = Place::new();
    for command in [
        "audit verify",
        "audit export --data-dir .pilotage",
        "token list",
        "token revoke a",
    ] {
        place.run(command).ended(3);
    }
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 0);
}

/// As `head` does it: the reader goes away, and that is no failure and no panic.
#[test]
fn a_closed_pipe_ends_quietly() {
    for arguments in [["completions", "zsh"].as_slice(), &["help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = Command::new(cargo_bin!("pilotage"))
            .env_clear()
            .args(arguments)
            .stdout(Stdio::from(writer))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(
            (child.wait().unwrap().code(), err.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}
