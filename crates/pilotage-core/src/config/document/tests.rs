use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::{config::SecretRef, rule::Rule};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    rules: Vec<Rule>,
    #[expect(dead_code, reason = "only read to see how it is refused")]
    #[serde(default)]
    sources: BTreeMap<String, Source>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Source {
    #[expect(dead_code, reason = "only read to see how it is refused")]
    signing_secret: SecretRef,
    #[expect(dead_code, reason = "only read to see how it is refused")]
    #[serde(default)]
    max_body_bytes: u32,
}

fn refusal(text: &str) -> String {
    match Document::parse(text) {
        Err(error) => error.render("pilotage.yaml"),
        Ok(document) => {
            let problems = document.read::<Settings>("").unwrap_err();
            document.render("pilotage.yaml", &problems)
        }
    }
}

const RULE: &str = "rules:\n  - id: deploy\n    trigger:\n      source: github\n";

#[test]
fn unknown_key() {
    let text = format!("{RULE}      conditons: {{ref: main}}\n    actions: []\n");
    insta::assert_snapshot!(refusal(&text), @r#"
        error: unknown key `conditons`
         --> pilotage.yaml:5:7
          |
        5 |       conditons: {ref: main}
          |       ^^^^^^^^^
          = help: did you mean `conditions`?
        "#);
}

#[test]
fn unknown_key_far_from_every_known_one() {
    insta::assert_snapshot!(refusal("sources:\n  a: {x: 1}\n"), @r#"
        error: unknown key `x`
         --> pilotage.yaml:2:7
          |
        2 |   a: {x: 1}
          |       ^
          = help: known here: signingSecret, maxBodyBytes
        "#);
}

#[test]
fn wrong_type() {
    let text = format!("{RULE}    enabled: maybe\n    actions: []\n");
    insta::assert_snapshot!(refusal(&text), @r#"
        error: expected a boolean, found a string
         --> pilotage.yaml:5:14
          |
        5 |     enabled: maybe
          |              ^^^^^
        "#);
}

#[test]
fn wrong_word() {
    let text = format!("{RULE}    actions: []\n    concurrency: {{limit: 1, onLimit: dorp}}\n");
    insta::assert_snapshot!(refusal(&text), @r#"
        error: `dorp` is not known here
         --> pilotage.yaml:6:38
          |
        6 |     concurrency: {limit: 1, onLimit: dorp}
          |                                      ^^^^
          = help: did you mean `drop`?
        "#);
}

#[test]
fn missing_key() {
    insta::assert_snapshot!(refusal(RULE), @r#"
        error: the key `actions` is missing
         --> pilotage.yaml:2:5
          |
        2 |   - id: deploy
          |     ^
        "#);
}

#[test]
fn duplicate_key() {
    insta::assert_snapshot!(refusal("rules: []\nsources: {}\nrules: []\n"), @r#"
        error: the key `rules` is here twice
         --> pilotage.yaml:3:1
          |
        3 | rules: []
          | ^^^^^
          = help: it is first on line 1
        "#);
}

#[test]
fn syntax_error() {
    insta::assert_snapshot!(refusal("rules:\n  - id: \"deploy\n    trigger: x\n"), @r#"
        error: not valid YAML: invalid indentation in quoted scalar
         --> pilotage.yaml:2:9
          |
        2 |   - id: "deploy
          |         ^
        "#);
}

#[test]
fn a_secret_beside_the_problem_is_struck_out() {
    insta::assert_snapshot!(
        refusal("sources:\n  github: {signingSecret: \"hunter2\", maxBodyByte: 1} # end\n"),
        @r#"
        error: unknown key `maxBodyByte`
         --> pilotage.yaml:2:38
          |
        2 |   github: {signingSecret: ***, maxBodyByte: 1} # end
          |                                ^^^^^^^^^^^
          = help: did you mean `maxBodyBytes`?
        "#
    );
}

#[test]
fn an_empty_secret() {
    insta::assert_snapshot!(refusal("sources:\n  github:\n    signingSecret: ''\n"), @r#"
        error: a secret must not be empty
         --> pilotage.yaml:3:20
          |
        3 |     signingSecret: ***
          |                    ^^^
        "#);
}

#[test]
fn no_way_of_being_wrong_shows_a_secret() {
    for text in [
        "sources:\n  github: {signingSecret: [hunter2]}\n",
        "sources:\n  github: {signingSecret: {a: hunter2}}\n",
        "sources:\n  github: {signingSecret: hunter2, a: 1}\n",
        "sources:\n  github:\n    signingSecret: |\n      hunter2\n    a: 1\n",
        "sources:\n  github:\n    signingSecret: \"hunter2\n    a: 1\n",
        "sources:\n  github:\n    signingSecret: hunter2\n    signingSecret: hunter2\n",
        "sources:\n  github: {signingSecret: hunter2, maxBodyBytes: x}\n",
        "sources:\n  github: {signingSecret: !x hunter2}\n",
        "sources:\n  github: {signingSecret: hunter2\n",
        "sources: hunter2\n",
        "rules: &a hunter2\nsources: {a: {signingSecret: *a}}\n",
    ] {
        let shown = refusal(text);
        assert!(
            !shown.contains("hunter2") || !text.contains("ecret"),
            "{text}\n{shown}"
        );
        assert!(!shown.lines().next().unwrap().contains("hunter2"), "{shown}");
    }
}

#[test]
fn every_value_has_a_place() {
    let document = Document::parse("a: 1\nb:\n  - c: é\n    d~/: x\n  - &e {f: 2}\n  - *e\n").unwrap();
    let at = |pointer: &str| document.locate(pointer).map(|place| (place.line, place.column));
    assert_eq!(at("/a"), Some((1, 4)));
    assert_eq!(at("/b"), Some((2, 1)));
    assert_eq!(at("/b/0/c"), Some((3, 8)));
    assert_eq!(at("/b/0/d~0~1"), Some((4, 10)));
    assert_eq!(at("/b/1/f"), Some((5, 12)));
    assert_eq!(
        at("/b/2/f"),
        Some((6, 5)),
        "an alias is the place of all that it stands for"
    );
    assert_eq!(at("/none/deeper"), Some((1, 1)));
}

#[test]
fn reads_what_is_right() {
    let document = Document::parse(format!("{RULE}    actions: []\n")).unwrap();
    assert_eq!(document.read::<Settings>("").unwrap().rules.len(), 1);
    assert_eq!(document.read::<String>("/rules/0/id").unwrap(), "deploy");
    assert_eq!(document.read::<Option<u8>>("/none").unwrap(), None);
    let problems = document.read::<u8>("/rules/0/id").unwrap_err();
    assert_eq!(
        problems,
        [Problem::at("/rules/0/id", "expected u8, found a string")]
    );
}

proptest! {
    #[test]
    fn hostile_text_is_refused_or_rendered_without_panic(
        text in r##"[a-cst:\-\[\]{},&*!|>'"#%?\n\r\té \\~<0-9.\x00]{0,80}"##,
        pointer in "(/[a-c0-2~]{0,2}){0,3}",
    ) {
        match Document::parse(text) {
            Err(error) => drop(error.render("f")),
            Ok(document) => {
                let _ = document.locate(&pointer);
                let _ = document.render("f", &[Problem::at(&pointer, "m"), Problem::at_key(&pointer, "m")]);
                if let Err(problems) = document.read::<Settings>("") {
                    let _ = document.render("f", &problems);
                }
            }
        }
    }
}
