//! `rego`: policies of an organisation, in Rego (<https://www.openpolicyagent.org/docs/policy-language>), by regorus.
//!
//! In Rego what is not there is not denied, so every metric that a policy names must be among `needs` and have evidence before
//! the policy is asked; `violations` that is undefined, not a collection of texts, or an error is a violation itself. Time is
//! `input.now`: there is no clock and no network in this engine, so that a decision can be made again.

use std::{collections::BTreeMap, fs::File, num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Evidence, Measured, Tool, Unit},
};
use regorus::{Engine, utils::limits::ExecutionTimerConfig};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    policy::{METRIC, named_in},
    section,
};
use crate::{
    Collector, CollectorKind, Measures, Site,
    known::Known,
    reading::{Bounded, Files, Proof, brief, count},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "rego",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

const DEFAULT_RULE: &str = "data.pilotage.violations";
/// Longest time for one decision.
const LIMIT: Duration = Duration::from_secs(10);
const CHECK_EACH: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
/// Most violations that are named.
const MAX_NAMES: usize = 20;

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// The policies, from the folder of the repository.
    #[schemars(length(min = 1, max = 64))]
    files: Vec<String>,
    /// The rule that gives a set or list of texts, one for each violation; `data.pilotage.violations` where it is not given.
    #[serde(default)]
    rule: Option<String>,
    /// The metrics that the policies name as `input.metrics.NAME`; each must have evidence, with its unit.
    #[schemars(length(min = 1, max = 256))]
    needs: BTreeMap<String, Unit>,
}

struct Rego(Section);

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = section.reports().problems();
    let rule = section.rule.as_deref().unwrap_or(DEFAULT_RULE);
    let is_path = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !rule
        .strip_prefix("data.")
        .is_some_and(|rest| rest.split('.').all(is_path))
    {
        problems.push(Problem::at("/rule", "a path such as `data.pilotage.violations`"));
    }
    if !(1..=256).contains(&section.needs.len()) {
        problems.push(Problem::at("/needs", "between 1 and 256 metrics"));
    }
    if problems.is_empty() {
        Ok(Box::new(Rego(section)))
    } else {
        Err(problems)
    }
}

impl Section {
    /// A policy is as good as its text, however old the file.
    fn reports(&self) -> Files {
        Files {
            files: self.files.clone(),
            max_age: Some(json!("365d")),
            at_least: None,
        }
    }
}

/// A module with a name, for messages.
type Modules = Vec<String>;

fn read(modules: &mut Modules, input: &mut Bounded<File>) -> Result<(), String> {
    let text = input.whole(1).map_err(|error| error.to_string())?;
    modules.push(String::from_utf8(text).map_err(|_| "it is not UTF-8")?);
    Ok(())
}

#[async_trait]
impl Collector for Rego {
    fn measures(&self) -> Measures {
        vec![(METRIC.to_owned(), Unit::Count)]
    }

    fn needs(&self) -> Vec<String> {
        self.0.needs.keys().cloned().collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        self.conclude(site, &Measured::new()).await
    }

    async fn conclude(&self, site: &Site, known: &Measured) -> Measured {
        let answer = self.look(site, known).await;
        Measured::from([(METRIC.to_owned(), answer)])
    }
}

impl Rego {
    async fn look(&self, site: &Site, measured: &Measured) -> Result<Evidence, String> {
        let (modules, proof) = self.0.reports().read(&site.root, Modules::new(), read).await?;
        let known = Known::new(site, measured).await;
        let texts: String = modules.concat();
        let mut notes = self.missing(&texts, &known);
        if notes.is_empty() {
            notes = match self.decide(modules, &known).await {
                Ok(violations) => violations,
                Err(reason) => vec![format!("the policy cannot be asked, {reason}")],
            };
        }
        let tool = Tool {
            name: "regorus".to_owned(),
            version: None,
        };
        let proof = Proof::of_run(tool, texts.as_bytes(), 1).beside(&proof);
        let number = count(notes.len() as u64);
        let notes: Vec<_> = notes.iter().take(MAX_NAMES).map(|note| brief(note)).collect();
        let rules = self.0.needs.len() as u64;
        Ok(proof.evidence(number, Unit::Count, (rules, "metrics"), &notes))
    }

    /// What would let a policy pass because it was not there.
    fn missing(&self, texts: &str, known: &Known<'_>) -> Vec<String> {
        let needs = &self.0.needs;
        let mut notes: Vec<String> = named_in(texts)
            .into_iter()
            .filter(|metric| !needs.contains_key(metric))
            .map(|metric| format!("the policy names `{metric}`, which is not among its `needs`"))
            .collect();
        notes.extend(named_as_a_whole(texts).map(|line| {
            format!("the policy uses `input` otherwise than by naming a metric, so what it needs is not known: {line}")
        }));
        for (metric, unit) in needs {
            match known.evidence(metric) {
                Err(reason) => notes.push(reason),
                Ok(evidence) if evidence.unit != *unit => notes.push(format!(
                    "`{metric}` is measured in {}, and the policy needs {unit}",
                    evidence.unit
                )),
                Ok(_) => {}
            }
        }
        notes
    }

    async fn decide(&self, modules: Modules, known: &Known<'_>) -> Result<Vec<String>, String> {
        let (metrics, evidence) = known.documents(&self.needs());
        let input = json!({
            "now": known.now.to_string(),
            "commit": known.commit(),
            "metrics": metrics,
            "evidence": evidence,
        });
        let rule = self.0.rule.clone().unwrap_or_else(|| DEFAULT_RULE.to_owned());
        // The engine is not ours: what makes it panic is a policy that does not hold, and no reason to go down.
        tokio::task::spawn_blocking(move || ask(modules, &input, rule))
            .await
            .map_err(|_| "the engine failed".to_owned())?
    }
}

/// The first line that uses the input in another way than `input.metrics.NAME`, `input.evidence.NAME`, `input.now` or
/// `input.commit`: through another name a metric could be asked for that nobody knows to be missing.
fn named_as_a_whole(texts: &str) -> Option<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_named = |rest: &str| {
        let scalar = [".now", ".commit"].iter().any(|word| {
            rest.strip_prefix(word)
                .is_some_and(|rest| !rest.starts_with(is_part))
        });
        scalar
            || [".metrics", ".evidence"].iter().any(|word| {
                let name = rest.strip_prefix(word);
                let name = name.and_then(|rest| rest.strip_prefix('.').or_else(|| rest.strip_prefix("[\"")));
                name.is_some_and(|name| name.starts_with(is_part))
            })
    };
    let is_loose = |line: &&str| {
        line.match_indices("input").any(|(at, word)| {
            let before = line.get(..at).unwrap_or_default();
            let rest = line.get(at + word.len()..).unwrap_or_default();
            let is_word = !before.ends_with(is_part) && !rest.starts_with(is_part);
            is_word && !is_named(rest)
        })
    };
    let mut lines = texts.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.find(is_loose).map(str::trim)
}

fn ask(modules: Modules, input: &Json, rule: String) -> Result<Vec<String>, String> {
    let mut engine = Engine::new();
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: LIMIT,
        check_interval: CHECK_EACH,
    });
    engine.set_strict_builtin_errors(true);
    let told = |error: &dyn std::fmt::Display| brief(&error.to_string());
    for (place, module) in modules.into_iter().enumerate() {
        let name = format!("policy-{}.rego", place + 1);
        engine.add_policy(name, module).map_err(|error| told(&error))?;
    }
    let input = input.to_string();
    engine.set_input_json(&input).map_err(|error| told(&error))?;
    let answer = engine.eval_rule(rule).map_err(|error| told(&error))?;
    let answer = match answer {
        regorus::Value::Undefined => return Err("its rule is undefined".to_owned()),
        answer => answer.to_json_str().map_err(|error| told(&error))?,
    };
    let answer: Json = serde_json::from_str(&answer).map_err(|error| told(&error))?;
    let texts = answer
        .as_array()
        .ok_or("its rule gives neither a set nor a list")?;
    let texts = texts.iter().map(|text| text.as_str().map(ToOwned::to_owned));
    texts
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| "its rule gives something else than texts".to_owned())
}
