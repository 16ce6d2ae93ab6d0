use std::{collections::HashMap, sync::Arc};

use pilotage_core::{
    EventFacts,
    audit::{AuditRecord, kind},
};
use pilotage_engine::rule_book::RuleBook;
use serde_json::Value;

use crate::output::{Output, Style, clean};

/// Executions whose rule is remembered for the story; above it, the story names the id instead.
const MOST_REMEMBERED: usize = 10_000;

/// Tells what happens as it is recorded: one line for each step of the path.
pub(super) struct Story {
    output: Output,
    book: Arc<RuleBook>,
    /// The rule's id by execution.
    rules: HashMap<String, String>,
}

impl Story {
    pub(super) fn new(output: Output, book: Arc<RuleBook>) -> Self {
        Self {
            output,
            book,
            rules: HashMap::new(),
        }
    }

    pub(super) fn tell(&mut self, record: &AuditRecord) {
        // A reader that went away must not stop the server: what is told is on record anyway.
        if self.output.is_json() {
            let _ = serde_json::to_string(record).map(|json| self.output.line(json));
            return;
        }
        let facts: Value = serde_json::from_str(&record.facts).unwrap_or_default();
        if let Some((mark, what, words)) = self.words(record, &facts) {
            let _ = self.output.line(format_args!("{mark} {what:<9} {words}"));
        }
    }

    fn words(&mut self, record: &AuditRecord, facts: &Value) -> Option<(String, &'static str, String)> {
        let text = |name: &str| clean(facts.get(name).and_then(Value::as_str).unwrap_or_default());
        let output = self.output;
        Some(match record.kind.as_str() {
            kind::DELIVERY_ACCEPTED
                if facts.get("type").and_then(Value::as_str) == Some(EventFacts::PING) =>
            {
                let words = received(record, facts, output);
                (output.paint(Style::Strong, "●"), "ping", words)
            }
            kind::DELIVERY_ACCEPTED => (
                output.paint(Style::Strong, "●"),
                "received",
                received(record, facts, output),
            ),
            kind::EVENT_DECIDED | kind::EVENT_REPLAYED => {
                (output.paint(Style::Strong, "◆"), "decided", self.decided(facts))
            }
            kind::EXECUTION_CLAIMED => {
                self.remember(&record.subject, &text("rule"));
                return None;
            }
            kind::ATTEMPT_ENDED => self.attempt(record, facts),
            kind::EXECUTION_FINISHED => self.finished(record, facts),
            kind::CONFIG_LOADED => (
                output.paint(Style::Strong, "○"),
                "config",
                format!("loaded {}", text("file")),
            ),
            kind::CONFIG_REFUSED => (
                output.paint(Style::Bad, "✗"),
                "config",
                "REFUSED, the earlier one stays in force".into(),
            ),
            kind::BODIES_PRUNED => (
                output.paint(Style::Strong, "○"),
                "retention",
                format!("pruned {} bodies", facts["count"]),
            ),
            kind::GATE_DOCUMENTS_PRUNED => (
                output.paint(Style::Strong, "○"),
                "retention",
                format!("pruned {} reports and evidence of gates", facts["count"]),
            ),
            _ => return None,
        })
    }

    fn remember(&mut self, execution: &str, rule: &str) {
        if self.rules.len() >= MOST_REMEMBERED {
            self.rules.clear();
        }
        self.rules.insert(execution.to_owned(), rule.to_owned());
    }

    fn decided(&self, facts: &Value) -> String {
        let is_ping = facts.get("ping").and_then(Value::as_bool) == Some(true);
        let empty = Vec::new();
        let rules = facts.get("rules").and_then(Value::as_array).unwrap_or(&empty);
        let faults = facts.get("faults").and_then(Value::as_u64).unwrap_or_default();
        let names: Vec<String> = rules.iter().filter_map(Value::as_str).map(clean).collect();
        let mut words = match names.as_slice() {
            [] if is_ping => self.output.paint(
                Style::Faint,
                "a ping: the sender reaches us, and its secret is right",
            ),
            [] => self.output.paint(Style::Faint, &nothing_matched(facts)),
            names => format!("{} matched", self.output.paint(Style::Strong, &names.join(", "))),
        };
        if faults > 0 {
            words.push_str(
                &self
                    .output
                    .paint(Style::Bad, &format!("  {faults} rule(s) could not be asked")),
            );
        }
        words
    }

    fn attempt(&self, record: &AuditRecord, facts: &Value) -> (String, &'static str, String) {
        let request = clean(facts.get("request").and_then(Value::as_str).unwrap_or_default());
        let answer = match facts.get("status").and_then(Value::as_u64) {
            Some(status) => status.to_string(),
            None => clean(facts.get("error").and_then(Value::as_str).unwrap_or("no answer")),
        };
        let took = facts
            .get("durationUs")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let number = facts.get("number").and_then(Value::as_u64).unwrap_or_default();
        let mark = match facts.get("result").and_then(Value::as_str) {
            Some("success") => self.output.paint(Style::Good, "✓"),
            Some("retryable") => self.output.paint(Style::Warning, "↻"),
            _ => self.output.paint(Style::Bad, "✗"),
        };
        let rule = self.rule(record);
        let action = self.action(record, facts);
        (
            mark,
            "attempt",
            format!(
                "{rule}  {request} -> {answer}  ({action}attempt {number}, {})",
                milliseconds(took)
            ),
        )
    }

    fn finished(&mut self, record: &AuditRecord, facts: &Value) -> (String, &'static str, String) {
        let rule = self.rule(record);
        self.rules.remove(&record.subject);
        let reason = clean(facts.get("reason").and_then(Value::as_str).unwrap_or_default());
        match facts.get("status").and_then(Value::as_str) {
            Some("succeeded") => (self.output.paint(Style::Good, "✓"), "succeeded", rule),
            Some("failed") => (
                self.output.paint(Style::Bad, "✗"),
                "failed",
                format!("{rule}  into the dead letters: {reason}"),
            ),
            _ => (
                self.output.paint(Style::Warning, "■"),
                "cancelled",
                format!("{rule}  {reason}"),
            ),
        }
    }

    /// Which action, counted from 1, where the rule has more than one.
    fn action(&self, record: &AuditRecord, facts: &Value) -> String {
        let loaded = self.book.current();
        let rule = self.rules.get(&record.subject).and_then(|id| loaded.rule(id));
        let several = rule.is_none_or(|(rule, _)| rule.rule.actions.len() > 1);
        match facts.get("action").and_then(Value::as_u64) {
            Some(index) if several => format!("action {}, ", index.saturating_add(1)),
            _ => String::new(),
        }
    }

    fn rule(&self, record: &AuditRecord) -> String {
        let rule = self
            .rules
            .get(&record.subject)
            .map_or(record.subject.as_str(), String::as_str);
        self.output.paint(Style::Strong, &clean(rule))
    }
}

fn received(record: &AuditRecord, facts: &Value, output: Output) -> String {
    let source = record.actor.strip_prefix("source:").unwrap_or(&record.actor);
    let kind = facts.get("type").and_then(Value::as_str).unwrap_or_default();
    let verified = if facts.get("verified").and_then(Value::as_bool) == Some(true) {
        "verified"
    } else {
        "not verified"
    };
    let size = facts.get("size").and_then(Value::as_u64).unwrap_or_default();
    let delivery = facts
        .get("deliveryId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    format!(
        "{} {}  {verified}, {size} bytes  {}",
        clean(source),
        output.paint(Style::Strong, &clean(kind)),
        output.paint(Style::Faint, &format!("delivery {}", clean(delivery))),
    )
}

fn milliseconds(micros: i64) -> String {
    if micros < 10_000 {
        format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100)
    } else {
        format!("{} ms", micros / 1_000)
    }
}

/// Neighbours that concern no rule are told of at once.
fn nothing_matched(facts: &Value) -> String {
    let place = |name: &str| facts.get(name).and_then(Value::as_i64);
    match (place("position"), place("through")) {
        (Some(first), Some(last)) => format!(
            "no rule matched any of {} deliveries: kept, and counted as unhandled",
            last - first + 1
        ),
        _ => "no rule matched: kept, and counted as unhandled".to_owned(),
    }
}
