//! `check`: what holds, and what is wrong with its line and what to do.

use crate::Place;

#[test]
fn what_holds_is_counted_and_a_source_without_a_secret_is_remarked() {
    let place = Place::new();
    place.write(
        "pilotage.yaml",
        "version: 1\nsources: { github: { secrets: [x] } }\nrules: [{ id: a, trigger: { source: make }, \
         actions: [{ type: webhook, target: \"https://ci.example.com/\" }] }]\n",
    );
    let ran = place.run("check");
    assert_eq!(
        ran.out,
        "pilotage.yaml holds: 1 of 7 sources configured, 1 rule.\n"
    );
    assert_eq!(
        ran.err,
        "make has no secret: its deliveries are accepted on loopback only, and refused on any other address.\n"
    );
    ran.ended(0);
}

#[test]
fn a_missing_file_is_explained() {
    let place = Place::new();
    for command in ["check", "check --config other.yaml", "up --config other.yaml"] {
        let ran = place.run(command);
        assert!(
            ran.err.contains("`pilotage init --config "),
            "{command}: {ran:#?}"
        );
        ran.ended(2);
    }
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 0);
}

/// What would fail when it is sent is refused when it is written.
#[test]
fn targets_that_cannot_be_asked_are_refused() {
    let place = Place::new();
    let rule = |target: &str| {
        format!(
            "rules:\n  - id: a\n    trigger: {{ source: github }}\n    actions:\n      - {{ type: webhook, target: \"{target}\" }}\n"
        )
    };
    let endpoint = |rest: &str| format!("endpoints:\n  ci: {{ {rest} }}\n");
    let cases = [
        (
            rule("http://127.0.0.1:9000/ci"),
            [
                "127.0.0.1 is a loopback address",
                "add it to `outgoing.allow`",
                "pilotage.yaml:6:",
            ],
        ),
        (
            rule("https://10.0.0.1/${event.id}"),
            [
                "10.0.0.1 is a private address",
                "add it to `outgoing.allow`",
                "pilotage.yaml:6:",
            ],
        ),
        (
            rule("https://${event.data.host}/ci"),
            [
                "must not choose the host",
                "write scheme and host out",
                "pilotage.yaml:6:",
            ],
        ),
        (
            rule("${event.data.url}"),
            [
                "must not choose the host",
                "write scheme and host out",
                "pilotage.yaml:6:",
            ],
        ),
        (
            endpoint("url: \"http://localhost:9000/\""),
            [
                "localhost is this machine",
                "add it to `outgoing.allow`",
                "pilotage.yaml:3:",
            ],
        ),
        (
            endpoint(
                "url: \"https://ci.example.com/\", headers: { Authorization: \"Bearer ${env:CI_TOKEN}\" }",
            ),
            [
                "a reference must be the whole text",
                "into the variable",
                "pilotage.yaml:3:",
            ],
        ),
    ];
    for (text, parts) in cases {
        place.write("pilotage.yaml", &format!("version: 1\n{text}"));
        let ran = place.run("check");
        for part in parts {
            assert!(ran.err.contains(part), "{part:?} is missing for {text}: {ran:#?}");
        }
        ran.ended(2);
    }
}
