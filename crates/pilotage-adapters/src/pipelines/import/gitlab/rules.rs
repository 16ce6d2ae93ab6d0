//! When a job of GitLab runs: `rules`, `only` and `except`.

use serde_json::Value;

use super::{
    super::{
        Sheet,
        condition::{self, BY_HAND, When},
        values::list,
    },
    Written, atom,
};
use crate::pipelines::lint::view::items;

/// The condition of a job. What cannot be said leaves fewer occasions and never more: where nothing else remains, or where
/// something that kept the job from running is lost, it does not run by itself.
pub(super) fn read(job: &Written, sheet: &mut Sheet<'_>) -> When {
    let written = &job.value;
    let mut reading = Reading {
        job: &job.name,
        all: When::default(),
        always: false,
        was_conditional: false,
        lost_a_refusal: false,
    };
    let rules = items(&written["rules"], &format!("{}/rules", job.at));
    let last = rules.len().saturating_sub(1);
    for (place, (rule, at)) in rules.into_iter().enumerate() {
        reading.rule(rule, &at, place == last, sheet);
    }
    reading.only(&written["only"], &format!("{}/only", job.at), sheet);
    if !written["except"].is_null() {
        reading.lost_a_refusal = true;
        let what = format!("`except` of the job `{}`", job.name);
        sheet.leave(&format!("{}/except", job.at), what, BY_HAND);
    }
    let mut all = reading.ended(&job.at, sheet);
    match written["when"].as_str() {
        Some("on_failure") => all.status = Some("failure"),
        Some("always") => all.status = Some("always"),
        _ => {}
    }
    all
}

struct Reading<'a> {
    job: &'a str,
    all: When,
    /// One rule asks nothing.
    always: bool,
    /// Something was asked, said or not.
    was_conditional: bool,
    /// Something that kept it from running is not said.
    lost_a_refusal: bool,
}

impl Reading<'_> {
    fn rule(&mut self, rule: &Value, at: &str, is_last: bool, sheet: &mut Sheet<'_>) {
        let status = match rule["when"].as_str() {
            Some("on_failure") => Some("failure"),
            Some("always") => Some("always"),
            _ => None,
        };
        let text = rule["if"].as_str().unwrap_or("").trim();
        let asks_files = ["changes", "exists"].iter().any(|key| !rule[key].is_null());
        self.was_conditional = true;
        if rule["when"] == "never" {
            // Where no rule holds the job does not run anyway.
            if !(is_last && text.is_empty() && !asks_files) {
                self.lost_a_refusal = true;
                self.leave(text, at, BY_HAND, sheet);
            }
            return;
        }
        let read = if text.is_empty() {
            Some(When::default())
        } else {
            condition::read(text, atom)
        };
        let Some(read) = read.filter(|_| !asks_files) else {
            let why = "a definition asks for branches, tags and events; the rule has no effect now";
            return self.leave(text, at, why, sheet);
        };
        self.always |= text.is_empty() && status.is_none();
        self.all.branches.extend(read.branches);
        self.all.tags.extend(read.tags);
        self.all.events.extend(read.events);
        self.all.status = self.all.status.or(status);
    }

    fn leave(&self, rule: &str, at: &str, why: &str, sheet: &mut Sheet<'_>) {
        let what = match rule {
            "" => format!("a rule without `if` of the job `{}`", self.job),
            rule => format!("the rule `{rule}` of the job `{}`", self.job),
        };
        sheet.leave(at, what, why);
    }

    fn only(&mut self, only: &Value, at: &str, sheet: &mut Sheet<'_>) {
        if only.is_null() {
            return;
        }
        self.was_conditional = true;
        let words = if only.is_object() { &only["refs"] } else { only };
        for word in list(words) {
            match word.as_str() {
                "branches" => self.all.branches.push("*".to_owned()),
                "tags" => self.all.tags.push("*".to_owned()),
                "merge_requests" => self.all.events.push("pullRequest".to_owned()),
                "schedules" => self.all.events.push("schedule".to_owned()),
                "web" => self.all.events.push("manual".to_owned()),
                name if name.starts_with('/') => {
                    let what = format!("`{name}` of the job `{}`", self.job);
                    sheet.leave(at, what, "a pattern of `only` has no counterpart");
                }
                name => self.all.branches.push(name.to_owned()),
            }
        }
        // Further keys are asked beside the branches, so that without them the job would run more often.
        for key in ["changes", "variables", "kubernetes"] {
            if !only[key].is_null() {
                self.lost_a_refusal = true;
                let what = format!("`only: {key}` of the job `{}`", self.job);
                sheet.leave(at, what, BY_HAND);
            }
        }
    }

    fn ended(self, at: &str, sheet: &mut Sheet<'_>) -> When {
        if self.lost_a_refusal {
            return When::by_hand();
        }
        if self.always {
            return When {
                status: self.all.status,
                ..When::default()
            };
        }
        let asks = [&self.all.branches, &self.all.tags, &self.all.events]
            .iter()
            .any(|list| !list.is_empty());
        if self.was_conditional && !asks && self.all.status.is_none() {
            sheet.leave(at, format!("the condition of the job `{}`", self.job), BY_HAND);
            return When::by_hand();
        }
        self.all
    }
}
