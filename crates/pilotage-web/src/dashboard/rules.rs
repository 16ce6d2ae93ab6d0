use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use pilotage_core::{ports::RuleStatistics, rule::Rule};
use pilotage_engine::rule_book::{Loaded, Origin};

use super::{
    query::{Query, path},
    shell::{Shell, Visitor, page},
    words::{Moment, count, cut, duration, percent},
};
use crate::{door::Door, problem::Problem};

/// Rules on a page.
const LINES: usize = 50;

/// What a rule has done, as people read it.
pub(super) struct Done {
    pub(super) matched: String,
    pub(super) succeeded: String,
    pub(super) failed: String,
    pub(super) cancelled: String,
    pub(super) rate: Option<String>,
    pub(super) p50: Option<String>,
    pub(super) p95: Option<String>,
    pub(super) last: Option<Moment>,
}

impl Done {
    pub(super) fn new(visitor: &Visitor, statistics: &RuleStatistics) -> Self {
        let ended = statistics.succeeded.saturating_add(statistics.failed);
        Self {
            matched: count(statistics.matched),
            succeeded: count(statistics.succeeded),
            failed: count(statistics.failed),
            cancelled: count(statistics.cancelled),
            rate: percent(statistics.succeeded, ended),
            p50: statistics.p50_us.map(duration),
            p95: statistics.p95_us.map(duration),
            last: statistics.last_matched_at.map(|at| visitor.moment(at)),
        }
    }
}

/// A rule in a list.
struct RuleRow {
    id: String,
    name: String,
    href: String,
    words: String,
    enabled: bool,
    in_file: bool,
    done: Option<Done>,
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RuleList {
    shell: Shell,
    search: String,
    rules: Vec<RuleRow>,
    /// Rules from the API that do not fit the configuration file.
    aside: Vec<String>,
    total: usize,
    more: Option<String>,
    first: Option<String>,
}

pub(super) async fn show(State(door): State<Arc<Door>>, visitor: Visitor) -> Result<Response, Problem> {
    let loaded = door.rules.current();
    let statistics = statistics(&door).await?;
    let query = &visitor.query;
    let (rules, next) = matching(&loaded, query);
    let row = |rule: &Arc<Rule>| RuleRow {
        href: path("/rules/", &rule.id),
        name: cut(rule.name.as_deref().unwrap_or(&rule.id), 120),
        words: summary(rule),
        enabled: rule.enabled,
        in_file: loaded.origins.get(&rule.id) != Some(&Origin::Api),
        done: statistics.get(&rule.id).map(|one| Done::new(&visitor, one)),
        id: rule.id.clone(),
    };
    page(&RuleList {
        search: query.field("q"),
        rules: rules.iter().map(row).collect(),
        aside: loaded.set_aside.keys().take(LINES).cloned().collect(),
        total: loaded.set.rules().len(),
        more: next.map(|next| query.with("after", Some(&next))),
        first: query.text("after").map(|_| query.with("after", None)),
        shell: visitor.shell("Rules", "/rules"),
    })
}

pub(super) async fn statistics(door: &Door) -> Result<BTreeMap<String, RuleStatistics>, Problem> {
    let statistics = door.ports.history.rule_statistics().await?;
    Ok(statistics
        .into_iter()
        .map(|one| (one.rule.clone(), one))
        .collect())
}

/// A page of the rules whose id or name holds what is searched for, by id, and the last id where there are more.
fn matching(loaded: &Loaded, query: &Query) -> (Vec<Arc<Rule>>, Option<String>) {
    let search = query.field("q").to_lowercase();
    let after = query.field("after");
    let mut rules: Vec<Arc<Rule>> = loaded.set.rules().iter().map(|rule| rule.rule.clone()).collect();
    rules.retain(|rule| rule.id > after && holds(rule, &search));
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    let more = rules.len() > LINES;
    rules.truncate(LINES);
    let next = rules.last().filter(|_| more).map(|rule| rule.id.clone());
    (rules, next)
}

/// Whether id or name holds `search`, which is in lower case.
pub(super) fn holds(rule: &Rule, search: &str) -> bool {
    let name = rule.name.as_deref().unwrap_or_default();
    rule.id.to_lowercase().contains(search) || name.to_lowercase().contains(search)
}

/// What a rule does, on one line.
pub(super) fn summary(rule: &Rule) -> String {
    let trigger = &rule.trigger;
    let source = if trigger.source == "*" {
        "any source"
    } else {
        &trigger.source
    };
    let types = match trigger.event_types.as_slice() {
        [] => "any event".to_owned(),
        types => types.join(" or "),
    };
    let conditions = trigger.conditions.len() + usize::from(trigger.when.is_some());
    let conditions = match conditions {
        0 => String::new(),
        1 => " under 1 condition".to_owned(),
        many => format!(" under {many} conditions"),
    };
    let actions = rule
        .actions
        .iter()
        .map(|action| format!("{} {}", action.kind, action.target));
    let actions: Vec<String> = actions.collect();
    cut(
        &format!("{types} from {source}{conditions} → {}", actions.join(", then ")),
        240,
    )
}
