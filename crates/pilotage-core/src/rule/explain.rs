use serde::Serialize;
use serde_json::Value;

use super::{
    CompiledRule,
    compiled::LazyScope,
    condition::{Condition, Test},
};
use crate::Event;

/// Longest text of a value in an explanation, in characters.
const MAX_SHOWN: usize = 200;
/// Most values of one path in an explanation.
const MAX_VALUES: usize = 10;

/// Why a rule matches an event, or why it does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The rule.
    pub rule: String,
    /// Whether it matches.
    pub matches: bool,
    /// Every part of its trigger, in the order in which people write them.
    pub parts: Vec<ExplainedPart>,
}

/// One part of a trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedPart {
    /// `enabled`, `source`, `type`, `conditions.ref`, `conditions.any[0].ref`, `when`. A combination stands before its
    /// parts.
    pub part: String,
    /// What the rule asks for.
    pub expected: String,
    /// What the event has; cut after 200 characters.
    pub found: String,
    /// Whether that is what is asked for.
    pub holds: bool,
    /// It stands below a `not`, so that holding is nothing good by itself.
    pub negated: bool,
}

/// Says part by part why a rule matches an event or not.
pub fn explain(rule: &CompiledRule, event: &Event) -> Explanation {
    let trigger = &rule.rule.trigger;
    let part = |part: &str, expected: String, found: &str, holds| ExplainedPart {
        part: part.to_owned(),
        expected,
        found: cut(found),
        holds,
        negated: false,
    };
    let types = match trigger.event_types.as_slice() {
        [] => "any".to_owned(),
        names => names.join(" or "),
    };
    let enabled = rule.rule.enabled.to_string();
    let mut parts = vec![
        part("enabled", "true".to_owned(), &enabled, rule.rule.enabled),
        part(
            "source",
            trigger.source.clone(),
            &event.facts.source,
            rule.takes_source(event),
        ),
        part("type", types, &event.facts.event_type, rule.takes_type(event)),
    ];
    if let Condition::All(conditions) = &rule.condition {
        for condition in conditions {
            explain_condition(condition, "conditions", event, &mut parts);
        }
    }
    if let (Some(when), Some(text)) = (&rule.when, &trigger.when) {
        let (found, holds) = match rule.ask(when, &mut LazyScope::new(event)) {
            Ok(holds) => (holds.to_string(), holds),
            Err(fault) => (fault.reason, false),
        };
        parts.push(part("when", cut(text), &found, holds));
    }
    Explanation {
        rule: rule.rule.id.clone(),
        matches: rule.matches(event) == Ok(true),
        parts,
    }
}

fn explain_condition(condition: &Condition, prefix: &str, event: &Event, parts: &mut Vec<ExplainedPart>) {
    let (name, expected, nested) = match condition {
        Condition::At(test) => return parts.push(explain_test(test, prefix, event)),
        Condition::All(nested) => ("all", "every one holds", nested.as_slice()),
        Condition::Any(nested) => ("any", "one holds", nested.as_slice()),
        Condition::Not(nested) => ("not", "does not hold", std::slice::from_ref(nested.as_ref())),
    };
    let verdict = condition.verdict(event);
    // What is found is said of what stands below.
    let found = verdict.map(|holds| holds != (name == "not"));
    let part = format!("{prefix}.{name}");
    parts.push(ExplainedPart {
        part: part.clone(),
        expected: expected.to_owned(),
        found: found
            .map_or("not known, because a value is missing", |holds| {
                if holds { "holds" } else { "does not hold" }
            })
            .to_owned(),
        holds: verdict == Some(true),
        negated: false,
    });
    let below = parts.len();
    for (index, nested) in nested.iter().enumerate() {
        let prefix = match name {
            "not" => part.clone(),
            _ => format!("{part}[{index}]"),
        };
        // A list item is a mapping whose entries must all hold: no line of its own.
        match nested {
            Condition::All(entries) => entries
                .iter()
                .for_each(|entry| explain_condition(entry, &prefix, event, parts)),
            other => explain_condition(other, &prefix, event, parts),
        }
    }
    if name == "not" {
        parts.iter_mut().skip(below).for_each(|part| part.negated = true);
    }
}

fn explain_test(test: &Test, prefix: &str, event: &Event) -> ExplainedPart {
    let mut values = Vec::new();
    let mut more = 0_usize;
    test.path.each(event, &mut |value| {
        if values.len() < MAX_VALUES {
            values.push(shown(&value.to_value()));
        } else {
            more += 1;
        }
        std::ops::ControlFlow::Continue(())
    });
    let found = match (values.is_empty(), more) {
        (true, _) => "nothing: the event has no such path".to_owned(),
        (false, 0) => values.join(", "),
        (false, more) => format!("{}, and {more} more", values.join(", ")),
    };
    ExplainedPart {
        part: format!("{prefix}.{}", test.path),
        expected: shown(&test.written),
        found: cut(&found),
        holds: test.verdict(event) == Some(true),
        negated: false,
    }
}

fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_SHOWN {
        return text.to_owned();
    }
    text.chars().take(MAX_SHOWN - 3).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rule::{
        RuleSet,
        testing::{event, rule},
    };

    fn lines(trigger: &Value) -> String {
        let set = RuleSet::compile(vec![rule("deploy", trigger)]).unwrap();
        let event = event(
            "github",
            "push",
            json!({"ref": "refs/heads/main", "commits": [{"id": "a"}, {"id": "b"}], "long": "x".repeat(500)}),
        );
        let explanation = explain(&set.rules()[0], &event);
        assert_eq!(explanation.matches, !set.matches(&event).matched.is_empty());
        let line = |part: &ExplainedPart| {
            let verdict = if part.holds { "yes" } else { "no " };
            let sign = if part.negated { '-' } else { '+' };
            format!(
                "{sign} {verdict} {}: {} <- {}",
                part.part, part.expected, part.found
            )
        };
        explanation.parts.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_part_says_what_was_expected_and_found() {
        insta::assert_snapshot!(
            lines(&json!({
                "source": "github",
                "eventTypes": ["push", "release.*"],
                "conditions": {
                    "ref": {"glob": "refs/heads/release/*"},
                    "commits[*].id": "b",
                    "any": [{"none": 1}, {"not": {"ref": "x"}}],
                    "not": {"missing": true},
                },
                "when": "data.none == 1",
            })),
            @r#"
            + yes enabled: true <- true
            + yes source: github <- github
            + yes type: push or release.* <- push
            + yes conditions.any: one holds <- holds
            + no  conditions.any[0].none: 1 <- nothing: the event has no such path
            + yes conditions.any[1].not: does not hold <- does not hold
            - no  conditions.any[1].not.ref: "x" <- "refs/heads/main"
            + yes conditions.commits[*].id: "b" <- "a", "b"
            + no  conditions.not: does not hold <- not known, because a value is missing
            - no  conditions.not.missing: true <- nothing: the event has no such path
            + no  conditions.ref: {"glob":"refs/heads/release/*"} <- "refs/heads/main"
            + no  when: data.none == 1 <- the expression failed: there is no key `none`
            "#
        );
    }

    #[test]
    fn long_values_are_cut() {
        let text = lines(&json!({"source": "*", "conditions": {"long": {"exists": true}}}));
        assert!(text.lines().all(|line| line.chars().count() < 300), "{text}");
    }
}
