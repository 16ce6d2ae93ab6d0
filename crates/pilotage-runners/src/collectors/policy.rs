//! `policy`: rules over the whole evidence, typed ones and one-liners in CEL. What cannot be judged does not hold.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pilotage_core::{
    config::{Problem, pointer_segment},
    gate::{Measured, Metrics, Operator, Test, Tool, Unit, Value},
    rule::{Expression, ExpressionScope},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site,
    known::Known,
    reading::{Proof, brief, count},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "policy",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

pub(super) const METRIC: &str = "policy_violations";
/// What an expression may name.
const VARIABLES: [&str; 4] = ["metrics", "evidence", "commit", "now"];

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// Rules by a name of your own. Every one must hold.
    #[schemars(length(min = 1, max = 256))]
    rules: BTreeMap<String, RuleFile>,
}

/// What must hold: everything that the rule says, of one metric, or an expression.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleFile {
    /// For people: what it is for.
    #[serde(default)]
    description: Option<String>,
    /// What is asked about; evidence of it must be there.
    #[serde(default)]
    metric: Option<String>,
    /// How its value is compared.
    #[serde(default)]
    operator: Option<Operator>,
    /// With what.
    #[serde(default)]
    threshold: Option<Json>,
    /// How old the evidence may be, such as `2h`.
    #[serde(default)]
    max_age: Option<Json>,
    /// The tool that must have made the evidence.
    #[serde(default)]
    tool: Option<String>,
    /// How many things at least must have been looked at.
    #[serde(default)]
    examined: Option<u64>,
    /// An expression in CEL that gives true, over `metrics`, `evidence`, `commit` and `now`.
    #[serde(default)]
    cel: Option<String>,
}

struct Rule {
    name: String,
    description: String,
    asks: Asks,
}

enum Asks {
    Metric(Box<Typed>),
    Cel(Box<Expression>, Vec<String>),
}

struct Typed {
    metric: String,
    comparison: Option<(Unit, Test)>,
    max_age_secs: Option<f64>,
    tool: Option<String>,
    examined: Option<u64>,
}

struct Policy {
    rules: Vec<Rule>,
    written: String,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = Vec::new();
    if !(1..=256).contains(&section.rules.len()) {
        problems.push(Problem::at("/rules", "between 1 and 256 rules"));
    }
    let mut rules = Vec::new();
    for (name, rule) in &section.rules {
        let pointer = format!("/rules/{}", pointer_segment(name));
        match read(name, rule) {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.push(problem.under(&pointer)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Box::new(Policy {
        rules,
        written: value.to_string(),
    }))
}

fn read(name: &str, rule: &RuleFile) -> Result<Rule, Box<Problem>> {
    let asks = match (&rule.cel, &rule.metric) {
        (Some(text), None) if rule.is_only_cel() => {
            let expression = Expression::compile_over(text, &VARIABLES)
                .map_err(|message| Box::new(Problem::at("/cel", message)))?;
            Asks::Cel(Box::new(expression), named_in(text))
        }
        (None, Some(metric)) => Asks::Metric(Box::new(rule.typed(metric)?)),
        _ => {
            let message = "either `cel` alone, or `metric` with what is asked of it";
            return Err(Box::new(Problem::at("", message)));
        }
    };
    Ok(Rule {
        name: name.to_owned(),
        description: rule.description.clone().unwrap_or_default(),
        asks,
    })
}

impl RuleFile {
    fn is_only_cel(&self) -> bool {
        let others = [
            self.operator.is_some(),
            self.threshold.is_some(),
            self.max_age.is_some(),
            self.tool.is_some(),
            self.examined.is_some(),
        ];
        !others.contains(&true)
    }

    fn typed(&self, metric: &str) -> Result<Typed, Box<Problem>> {
        let comparison = match (self.operator, &self.threshold) {
            (Some(operator), Some(threshold)) => Some(compare(metric, operator, threshold)?),
            (None, None) => None,
            _ => {
                let message = "`operator` and `threshold` go together";
                return Err(Box::new(Problem::at("", message)));
            }
        };
        let age = self.max_age.as_ref().map(|written| Unit::Seconds.read(written));
        let max_age_secs = match age.transpose() {
            Ok(Some(Value::Number(secs))) => Some(secs),
            Ok(_) => None,
            Err(message) => return Err(Box::new(Problem::at("/maxAge", message))),
        };
        Ok(Typed {
            metric: Metrics::canonical(metric).to_owned(),
            comparison,
            max_age_secs,
            tool: self.tool.clone(),
            examined: self.examined,
        })
    }
}

/// Metrics that a configuration defines have no unit here: a number is compared with a number, a text with a text.
fn compare(metric: &str, operator: Operator, threshold: &Json) -> Result<(Unit, Test), Box<Problem>> {
    let unit = Metrics::default().unit(metric).unwrap_or(match threshold {
        Json::Bool(_) => Unit::Bool,
        Json::String(_) => Unit::Text,
        _ => Unit::Count,
    });
    Test::read(operator, unit, threshold)
        .map(|test| (unit, test))
        .map_err(|message| Box::new(Problem::at("/threshold", message)))
}

/// The metrics that a text names as `metrics.NAME`, `metrics["NAME"]` and the same of `evidence`.
pub(super) fn named_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in ["metrics", "evidence"] {
        for (at, _) in text.match_indices(word) {
            let rest = text.get(at + word.len()..).unwrap_or_default();
            let rest = rest
                .strip_prefix('.')
                .or_else(|| rest.strip_prefix("[\""))
                .or_else(|| rest.strip_prefix("['"));
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let name: String = rest
                .unwrap_or_default()
                .chars()
                .take_while(|letter| is_part(*letter))
                .collect();
            if !name.is_empty() && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

#[async_trait]
impl Collector for Policy {
    fn measures(&self) -> Measures {
        vec![(METRIC.to_owned(), Unit::Count)]
    }

    fn needs(&self) -> Vec<String> {
        let metrics = |rule: &Rule| match &rule.asks {
            Asks::Metric(typed) => vec![typed.metric.clone()],
            Asks::Cel(_, metrics) => metrics.clone(),
        };
        self.rules.iter().flat_map(metrics).collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        self.conclude(site, &Measured::new()).await
    }

    async fn conclude(&self, site: &Site, known: &Measured) -> Measured {
        let known = Known::new(site, known).await;
        let wrong = self.rules.iter().filter_map(|rule| {
            let reason = rule.judge(&known).err()?;
            let name = [rule.name.as_str(), rule.description.as_str()];
            let name = name
                .iter()
                .filter(|text| !text.is_empty())
                .copied()
                .collect::<Vec<_>>();
            Some(brief(&format!("{}: {reason}", name.join(", "))))
        });
        let notes: Vec<String> = wrong.collect();
        let tool = Tool {
            name: "policy".to_owned(),
            version: None,
        };
        let proof = Proof::of_run(tool, self.written.as_bytes(), 1);
        let examined = (self.rules.len() as u64, "rules");
        let number = count(notes.len() as u64);
        let shown = notes.get(..20).unwrap_or(&notes);
        let evidence = proof.evidence(number, Unit::Count, examined, shown);
        Measured::from([(METRIC.to_owned(), Ok(evidence))])
    }
}

impl Rule {
    /// # Errors
    /// Why it does not hold.
    fn judge(&self, known: &Known<'_>) -> Result<(), String> {
        match &self.asks {
            Asks::Metric(typed) => typed.judge(known),
            Asks::Cel(expression, metrics) => {
                for metric in metrics {
                    known.evidence(metric)?;
                }
                let (values, details) = known.documents(metrics);
                let (commit, now) = (known.commit(), json!(known.now.to_string()));
                let scope = ExpressionScope::of(&[
                    ("metrics", &values),
                    ("evidence", &details),
                    ("commit", &commit),
                    ("now", &now),
                ]);
                match expression.holds(&scope) {
                    Ok(true) => Ok(()),
                    Ok(false) => Err("does not hold".to_owned()),
                    Err(reason) => Err(format!("cannot be judged, {reason}")),
                }
            }
        }
    }
}

impl Typed {
    fn judge(&self, known: &Known<'_>) -> Result<(), String> {
        let evidence = known.evidence(&self.metric)?;
        if let Some((unit, test)) = &self.comparison
            && !test.holds(&evidence.value)
        {
            let value = unit.show(&evidence.value);
            return Err(format!(
                "{} is {value}, and {} is asked",
                self.metric,
                test.show(*unit)
            ));
        }
        if let Some(limit) = self.max_age_secs
            && std::time::Duration::from_secs(known.age(evidence)).as_secs_f64() > limit
        {
            return Err(format!("the evidence of {} is older than {limit} s", self.metric));
        }
        if let Some(tool) = &self.tool
            && evidence.tool.name != *tool
        {
            return Err(format!(
                "the evidence of {} is by {}, not {tool}",
                self.metric, evidence.tool.name
            ));
        }
        match self.examined {
            Some(least) if evidence.examined.count < least => Err(format!(
                "{} {} were looked at for {}, and {least} are asked",
                evidence.examined.count, evidence.examined.what, self.metric
            )),
            _ => Ok(()),
        }
    }
}
