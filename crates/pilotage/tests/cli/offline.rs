//! Commands that work on the data folder, without a server.

use serde_json::Value;

use crate::Place;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A folder with a token made and another revoked: an audit trail of three records.
fn place_with_trail() -> Place {
    let place = Place::new();
    place.run("token create first --role admin").ended(0);
    place.run("token create second --role viewer").ended(0);
    place.run("token revoke second").ended(0);
    place
}

#[test]
fn a_token_is_printed_alone_on_its_line() {
    let place = Place::new();
    let ran = place.run("token create ci --role operator");
    assert!(ran.err.contains("shown this once"), "{ran:#?}");
    let text = ran.ended(0);
    let token = text.strip_suffix('\n').unwrap();
    assert!(
        token.starts_with("plo_") && token.len() >= 40 && !token.contains(char::is_whitespace),
        "{token:?}"
    );

    let listed = place.run("token list").ended(0);
    assert!(listed.contains("ci") && listed.contains("operator"), "{listed}");
    let listed = json(&place.run("token list --format json").ended(0));
    assert_eq!(listed["items"][0]["name"], "ci");
    let shown = format!(
        "{listed}{}",
        place.run("audit export --data-dir .pilotage").ended(0)
    );
    assert!(!shown.contains(token));

    let again = place.run("token create ci --role viewer");
    assert_eq!(again.code, Some(2), "{again:#?}");
    let created = json(
        &place
            .run("token create other --role viewer --format json")
            .ended(0),
    );
    assert!(created["token"].as_str().unwrap().starts_with("plo_"));
}

#[test]
fn a_revoked_token_is_gone() {
    let place = place_with_trail();
    let listed = place.run("token list").ended(0);
    assert!(listed.contains("first") && !listed.contains("second"), "{listed}");
    place.run("token revoke second").ended(2);
}

#[test]
fn a_trail_holds_until_somebody_touches_it() {
    let place = place_with_trail();
    let text = place.run("audit verify").ended(0);
    assert!(text.starts_with("✓ The audit trail holds."), "{text}");
    let report = json(&place.run("audit verify --format json").ended(0));
    assert_eq!(report["holds"], true);
    assert_eq!(report["records"], 3);

    place
        .run("audit export --data-dir .pilotage --output trail.jsonl")
        .ended(0);
    place
        .run("audit export --data-dir .pilotage --output trail.jsonl")
        .ended(2);
    let exported = json(
        &place
            .run("audit verify --file trail.jsonl --format json")
            .ended(0),
    );
    assert_eq!(exported["head"], report["head"]);

    let trail = place.read("trail.jsonl");
    let lines: Vec<&str> = trail.lines().collect();
    let tampered = [
        (
            "changed",
            trail.replace("second", "record"),
            "audit record 2 was changed after it was written",
        ),
        (
            "gap",
            format!("{}\n{}\n", lines[0], lines[2]),
            "audit record 3 follows record 1",
        ),
        (
            "garbage",
            format!("{}\nnonsense\n", lines[0]),
            "line 2 is no audit record",
        ),
    ];
    for (name, text, expected) in tampered {
        place.write(name, &text);
        let told = place.run(&format!("audit verify --file {name}")).ended(1);
        assert!(told.contains(expected), "{name}: {told}");
        let told = json(
            &place
                .run(&format!("audit verify --format json --file {name}"))
                .ended(1),
        );
        assert_eq!(told["holds"], false);
    }
}

#[test]
fn a_trail_that_was_cut_short_is_noticed_by_its_head() {
    let place = place_with_trail();
    let head_of = |report: &Value| report["head"]["hash"].as_str().unwrap().to_owned();
    let early = head_of(&json(&place.run("audit verify --format json").ended(0)));
    place.run("token create third --role viewer").ended(0);
    let late = head_of(&json(&place.run("audit verify --format json").ended(0)));
    for hash in [&early, &late] {
        place.run(&format!("audit verify --expect-head {hash}")).ended(0);
    }
    let exported = place.run("audit export --data-dir .pilotage").ended(0);
    let cut = exported.lines().take(3).collect::<Vec<_>>().join("\n");
    place.write("cut.jsonl", &cut);
    place
        .run(&format!("audit verify --file cut.jsonl --expect-head {early}"))
        .ended(0);
    let told = place
        .run(&format!("audit verify --file cut.jsonl --expect-head {late}"))
        .ended(1);
    assert!(told.contains("cut short"), "{told}");
    place
        .run(&format!("audit verify --expect-head {}", "0".repeat(64)))
        .ended(1);
}
