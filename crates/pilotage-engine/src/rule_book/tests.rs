use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use pilotage_core::ports::Token;
use tokio::sync::Notify;

use super::*;

/// A registry that keeps rules in memory and waits, once a change is made, until it may answer.
struct Slow {
    rules: StdMutex<BTreeMap<String, StoredRule>>,
    audit: StdMutex<Vec<NewAuditRecord>>,
    changed: Notify,
    may_answer: Notify,
}

impl Slow {
    fn new(rules: &[&Rule]) -> Arc<Self> {
        let stored = |rule: &&Rule| {
            let rule = StoredRule {
                id: rule.id.clone(),
                json: serde_json::to_string(rule).unwrap(),
                changed_at: now(),
            };
            (rule.id.clone(), rule)
        };
        Arc::new(Self {
            rules: StdMutex::new(rules.iter().map(stored).collect()),
            audit: StdMutex::default(),
            changed: Notify::new(),
            may_answer: Notify::new(),
        })
    }

    async fn answer(&self, audit: NewAuditRecord) {
        self.audit.lock().unwrap().push(audit);
        self.changed.notify_one();
        self.may_answer.notified().await;
    }
}

#[async_trait]
impl Registry for Slow {
    async fn rules(&self) -> Result<Vec<StoredRule>, StoreError> {
        Ok(self.rules.lock().unwrap().values().cloned().collect())
    }

    async fn put_rule(&self, rule: StoredRule, audit: NewAuditRecord) -> Result<(), StoreError> {
        self.rules.lock().unwrap().insert(rule.id.clone(), rule);
        self.answer(audit).await;
        Ok(())
    }

    async fn delete_rule(&self, id: &str, audit: NewAuditRecord) -> Result<bool, StoreError> {
        let was_there = self.rules.lock().unwrap().remove(id).is_some();
        self.answer(audit).await;
        Ok(was_there)
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        Ok(Vec::new())
    }

    async fn add_token(&self, _: Token, _: NewAuditRecord) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn revoke_token(&self, _: &str, _: NewAuditRecord) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn note(&self, _: NewAuditRecord) -> Result<(), StoreError> {
        Ok(())
    }

    async fn prune_bodies(&self, _: Timestamp, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Does nothing: the rules here only have to name a kind that exists.
struct Nothing;

#[async_trait]
impl crate::actions::ActionKind for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn check(&self, _: &pilotage_core::rule::Action) -> Vec<Problem> {
        Vec::new()
    }

    fn throttle_key(&self, _: &str) -> String {
        String::new()
    }

    async fn run(&self, _: crate::actions::Attempting<'_>) -> crate::actions::Report {
        unreachable!("no test here runs it")
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn rule(id: &str) -> Rule {
    let json =
        json!({ "id": id, "trigger": { "source": "*" }, "actions": [{ "type": "nothing", "target": "x" }] });
    serde_json::from_value(json).unwrap()
}

fn foundation() -> Foundation {
    Foundation {
        rules: Vec::new(),
        sources: BTreeSet::new(),
        catalog: Arc::new(Catalog::new([Arc::new(Nothing) as _])),
    }
}

async fn book(registry: &Arc<Slow>) -> Arc<RuleBook> {
    let book = RuleBook::open(registry.clone(), foundation()).await;
    Arc::new(book.unwrap())
}

/// Drops whoever asked for `change` when the store has made it, and lets the store answer.
async fn hang_up_during(registry: &Slow, change: impl Future<Output = ()> + Send + 'static) {
    let client = tokio::spawn(change);
    registry.changed.notified().await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    registry.may_answer.notify_one();
}

/// Changes follow one another, so the ones before have ended when this has.
async fn let_changes_end(book: &RuleBook) {
    book.replace_foundation(foundation()).await.unwrap();
}

#[tokio::test]
async fn a_deleted_rule_does_not_act_when_the_client_has_hung_up() {
    let registry = Slow::new(&[&rule("mine")]);
    let book = book(&registry).await;
    assert!(book.current().rule("mine").is_some());
    let deleting = book.clone();
    hang_up_during(&registry, async move {
        let _ = deleting.delete(now(), "ann", "mine").await;
    })
    .await;
    let_changes_end(&book).await;
    assert!(book.current().rule("mine").is_none());
}

#[tokio::test]
async fn a_rule_that_was_stored_acts_when_the_client_has_hung_up() {
    let registry = Slow::new(&[]);
    let book = book(&registry).await;
    let putting = book.clone();
    hang_up_during(&registry, async move {
        let _ = putting.put(now(), "ann", rule("mine")).await;
    })
    .await;
    let_changes_end(&book).await;
    assert!(book.current().rule("mine").is_some());
}

#[tokio::test]
async fn a_rule_that_the_store_no_longer_has_does_not_act() {
    let registry = Slow::new(&[&rule("mine")]);
    let book = book(&registry).await;
    registry.rules.lock().unwrap().clear();
    registry.may_answer.notify_one();
    let answer = book.delete(now(), "ann", "mine").await;
    assert!(matches!(answer, Err(RuleBookError::NotFound(_))));
    assert!(book.current().rule("mine").is_none());
}

#[tokio::test]
async fn the_record_of_a_change_names_the_version() {
    let registry = Slow::new(&[]);
    let book = book(&registry).await;
    registry.may_answer.notify_one();
    book.put(now(), "ann", rule("mine")).await.unwrap();
    let record = registry.audit.lock().unwrap().pop().unwrap();
    let facts: serde_json::Value = serde_json::from_str(&record.facts).unwrap();
    let digest = book.current().rule("mine").unwrap().0.digest;
    assert_eq!(facts, json!({ "change": "created", "digest": digest }));
}
