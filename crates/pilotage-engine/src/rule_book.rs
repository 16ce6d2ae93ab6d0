//! The rules in force: those of the configuration file and those that came through the API, swapped as one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arc_swap::ArcSwap;
use pilotage_core::{
    Digest, Timestamp,
    audit::{NewAuditRecord, kind},
    config::{Problem, nearest},
    ports::{Registry, StoreError, StoredRule},
    rule::{CompiledRule, Rule, RuleSet},
};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::actions::Catalog;

#[cfg(test)]
mod tests;

/// What the configuration file contributes.
#[derive(Clone)]
pub struct Foundation {
    /// The rules written in it, in order.
    pub rules: Vec<Rule>,
    /// Names of the webhook sources that exist.
    pub sources: BTreeSet<String>,
    /// The action kinds with what they are configured to reach.
    pub catalog: Arc<Catalog>,
}

/// Where a rule comes from, and so where it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The configuration file.
    File,
    /// The API.
    Api,
}

/// Everything that decides about an event, as of one moment.
pub struct Loaded {
    /// The compiled rules, indexed.
    pub set: RuleSet,
    /// Where each came from.
    pub origins: BTreeMap<String, Origin>,
    /// What the actions can reach.
    pub catalog: Arc<Catalog>,
    /// API rules that the configuration file of today cannot carry; set aside until either is mended.
    pub set_aside: BTreeMap<String, Vec<Problem>>,
    foundation: Foundation,
    stored: BTreeMap<String, Rule>,
}

impl Loaded {
    /// A rule with where it comes from.
    pub fn rule(&self, id: &str) -> Option<(&Arc<CompiledRule>, Origin)> {
        let rule = self.set.get(id)?;
        Some((rule, self.origins.get(id).copied().unwrap_or(Origin::File)))
    }
}

/// Why a change of the rules was refused. The rules in force are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RuleBookError {
    /// The rules do not hold; pointers begin at `/rules/INDEX` for the file and at the rule itself for the API.
    #[error("the rules have {} problem(s)", .0.len())]
    Invalid(Vec<Problem>),
    /// Rules that came through the API would no longer fit: id and what is wrong, with pointers into the rule itself.
    #[error("{}", misfits(.0))]
    Misfits(BTreeMap<String, Vec<Problem>>),
    /// It belongs to the configuration file.
    #[error("rule `{0}` is written in the configuration file: change it there")]
    InFile(String),
    /// There is no such rule.
    #[error("there is no rule `{0}`")]
    NotFound(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One line for each rule, and what to do. No line of the file is to blame.
fn misfits(rules: &BTreeMap<String, Vec<Problem>>) -> String {
    let mut text = String::from("rules that were made through the API do not fit this configuration");
    for (id, problems) in rules {
        for problem in problems {
            text.push_str("\n  rule `");
            text.push_str(id);
            text.push_str("`, ");
            text.push_str(&problem.to_string());
        }
    }
    text + "\n  = help: keep what they need, or change them first with `pilotage rule apply` or `pilotage rule delete`"
}

/// What `put` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// There was no rule with this id.
    Created,
    /// There was one.
    Replaced,
}

/// Holds the rules in force and changes them. A change that was begun is finished even when nobody waits for it any
/// more (a client that hung up): between the store's word and the swap nothing can come.
pub struct RuleBook {
    loaded: ArcSwap<Loaded>,
    registry: Arc<dyn Registry>,
    changing: Mutex<()>,
}

impl RuleBook {
    /// Loads the rules of the file and of the store. API rules that do not fit the file are set aside, so that a server
    /// can always be started to mend them.
    ///
    /// # Errors
    /// The file's rules do not hold, or the store cannot be read.
    pub async fn open(registry: Arc<dyn Registry>, foundation: Foundation) -> Result<Self, RuleBookError> {
        let stored = read_stored(registry.as_ref()).await?;
        let loaded = load(foundation, stored, None)?;
        for (id, problems) in &loaded.set_aside {
            let problem = problems.first().map(ToString::to_string).unwrap_or_default();
            tracing::error!(rule = %id, %problem, "a rule made through the API does not fit the configuration and is set aside");
        }
        Ok(Self {
            loaded: ArcSwap::from_pointee(loaded),
            registry,
            changing: Mutex::new(()),
        })
    }

    /// The rules in force.
    pub fn current(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    /// Takes a new configuration file's part, or leaves everything as it was.
    ///
    /// # Errors
    /// The new rules do not hold, or a rule that came through the API would no longer fit.
    pub async fn replace_foundation(&self, foundation: Foundation) -> Result<(), RuleBookError> {
        let _changing = self.changing.lock().await;
        let current = self.loaded.load_full();
        let stored = current.stored.clone();
        let loaded = load(foundation, stored, None)?;
        // What is set aside already is no reason to refuse a change that does not concern it.
        let is_new = |id: &str| !current.set_aside.contains_key(id);
        let misfits: BTreeMap<_, _> = loaded
            .set_aside
            .iter()
            .filter(|(id, _)| is_new(id))
            .map(|(id, problems)| (id.clone(), problems.clone()))
            .collect();
        if !misfits.is_empty() {
            return Err(RuleBookError::Misfits(misfits));
        }
        self.loaded.store(Arc::new(loaded));
        Ok(())
    }

    /// Creates or replaces an API rule, durably and with its audit record, and puts it in force.
    ///
    /// # Errors
    /// The rule does not hold, or its id is taken by the file.
    pub async fn put(
        self: &Arc<Self>,
        now: Timestamp,
        actor: &str,
        rule: Rule,
    ) -> Result<Put, RuleBookError> {
        let (book, actor) = (self.clone(), actor.to_owned());
        to_the_end(async move { book.put_whole(now, &actor, rule).await }).await
    }

    async fn put_whole(&self, now: Timestamp, actor: &str, rule: Rule) -> Result<Put, RuleBookError> {
        let _changing = self.changing.lock().await;
        let current = self.loaded.load_full();
        let id = rule.id.clone();
        if current.origins.get(&id) == Some(&Origin::File) {
            return Err(RuleBookError::InFile(id));
        }
        let mut stored = current.stored.clone();
        let outcome = if stored.insert(id.clone(), rule).is_some() {
            Put::Replaced
        } else {
            Put::Created
        };
        let loaded = load(current.foundation.clone(), stored, Some(&id))?;
        let (json, digest) = loaded
            .set
            .get(&id)
            .map(|rule| (rule.json.clone(), rule.digest))
            .unzip();
        let change = match outcome {
            Put::Created => "created",
            Put::Replaced => "replaced",
        };
        let audit = rule_change(now, actor, &id, change, digest);
        self.registry
            .put_rule(
                StoredRule {
                    id,
                    json: json.unwrap_or_default(),
                    changed_at: now,
                },
                audit,
            )
            .await?;
        self.loaded.store(Arc::new(loaded));
        Ok(outcome)
    }

    /// Deletes an API rule. Its executions and statistics stay in the history.
    ///
    /// # Errors
    /// There is no such rule, or it belongs to the file.
    pub async fn delete(
        self: &Arc<Self>,
        now: Timestamp,
        actor: &str,
        id: &str,
    ) -> Result<(), RuleBookError> {
        let (book, actor, id) = (self.clone(), actor.to_owned(), id.to_owned());
        to_the_end(async move { book.delete_whole(now, &actor, &id).await }).await
    }

    async fn delete_whole(&self, now: Timestamp, actor: &str, id: &str) -> Result<(), RuleBookError> {
        let _changing = self.changing.lock().await;
        let current = self.loaded.load_full();
        if current.origins.get(id) == Some(&Origin::File) {
            return Err(RuleBookError::InFile(id.to_owned()));
        }
        let mut stored = current.stored.clone();
        stored.remove(id);
        let loaded = load(current.foundation.clone(), stored, None)?;
        let audit = rule_change(now, actor, id, "deleted", None);
        let was_there = self.registry.delete_rule(id, audit).await?;
        // A rule that the store does not have must not act, whoever took it away.
        self.loaded.store(Arc::new(loaded));
        was_there
            .then_some(())
            .ok_or_else(|| RuleBookError::NotFound(id.to_owned()))
    }
}

/// Runs a change in a task of its own, which goes on when the caller is dropped.
async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, RuleBookError>> + Send + 'static,
) -> Result<T, RuleBookError> {
    let broken_off = |error| StoreError::Unavailable(format!("the change was broken off: {error}"));
    tokio::spawn(change).await.map_err(broken_off)?
}

/// `digest` is that of the version that is in force from now on.
fn rule_change(
    now: Timestamp,
    actor: &str,
    id: &str,
    change: &str,
    digest: Option<Digest>,
) -> NewAuditRecord {
    let facts = match digest {
        Some(digest) => json!({ "change": change, "digest": digest }),
        None => json!({ "change": change }),
    };
    NewAuditRecord {
        at: now,
        tenant: "default".into(),
        actor: actor.into(),
        kind: kind::RULE_CHANGED.into(),
        subject: id.into(),
        facts: facts.to_string(),
    }
}

async fn read_stored(registry: &dyn Registry) -> Result<BTreeMap<String, Rule>, StoreError> {
    let rules = registry.rules().await?;
    let parse = |stored: StoredRule| {
        let rule = serde_json::from_str(&stored.json)
            .map_err(|error| StoreError::Corrupt(format!("rule `{}`: {error}", stored.id)))?;
        Ok((stored.id, rule))
    };
    rules.into_iter().map(parse).collect()
}

/// An API rule that does not fit is set aside, unless it is `must_fit`.
fn load(
    foundation: Foundation,
    stored: BTreeMap<String, Rule>,
    must_fit: Option<&str>,
) -> Result<Loaded, RuleBookError> {
    let mut problems = check_file(&foundation);
    let mut origins: BTreeMap<String, Origin> = foundation
        .rules
        .iter()
        .map(|rule| (rule.id.clone(), Origin::File))
        .collect();
    let mut rules = foundation.rules.clone();
    let mut set_aside = BTreeMap::new();
    for (id, rule) in &stored {
        let found = check_stored(rule, &foundation, &origins);
        if found.is_empty() {
            origins.insert(id.clone(), Origin::Api);
            rules.push(rule.clone());
        } else if must_fit == Some(id) {
            problems.extend(found);
        } else {
            set_aside.insert(id.clone(), found);
        }
    }
    if !problems.is_empty() {
        return Err(RuleBookError::Invalid(problems));
    }
    let set = RuleSet::compile(rules).map_err(RuleBookError::Invalid)?;
    let catalog = foundation.catalog.clone();
    Ok(Loaded {
        set,
        origins,
        catalog,
        set_aside,
        foundation,
        stored,
    })
}

/// Everything that is wrong with the rules of a configuration file; pointers begin at `/rules/INDEX`.
pub fn check_file(foundation: &Foundation) -> Vec<Problem> {
    let mut problems = match RuleSet::compile(foundation.rules.clone()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|problem| problem.under("/rules"))
            .collect(),
    };
    for (index, rule) in foundation.rules.iter().enumerate() {
        let found = check_references(rule, foundation);
        problems.extend(
            found
                .into_iter()
                .map(|problem| problem.under(&format!("/rules/{index}"))),
        );
    }
    problems
}

fn check_stored(rule: &Rule, foundation: &Foundation, origins: &BTreeMap<String, Origin>) -> Vec<Problem> {
    let mut problems = check_references(rule, foundation);
    if origins.contains_key(&rule.id) {
        problems.push(Problem::at(
            "/id",
            format!("the configuration file has a rule `{}` as well", rule.id),
        ));
    }
    if let Err(found) = RuleSet::compile(vec![rule.clone()]) {
        problems.extend(found.into_iter().map(|mut problem| {
            problem.pointer = problem
                .pointer
                .strip_prefix("/0")
                .unwrap_or(&problem.pointer)
                .to_owned();
            problem
        }));
    }
    problems
}

/// What a rule names must exist: its source, its action kinds, their targets.
fn check_references(rule: &Rule, foundation: &Foundation) -> Vec<Problem> {
    let mut problems = Vec::new();
    let source = &rule.trigger.source;
    if source != "*" && !foundation.sources.contains(source) {
        let problem = Problem::at(
            "/trigger/source",
            format!("there is no webhook source `{source}`"),
        );
        problems.push(
            match nearest(source, foundation.sources.iter().map(String::as_str)) {
                Some(name) => problem.help(format!("did you mean `{name}`?")),
                None => problem.help("declare it under `sources:`"),
            },
        );
    }
    for (index, action) in rule.actions.iter().enumerate() {
        let found = foundation.catalog.check(action);
        problems.extend(
            found
                .into_iter()
                .map(|problem| problem.under(&format!("/actions/{index}"))),
        );
    }
    problems
}
