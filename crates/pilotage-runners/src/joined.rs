//! Several sources of one metric, as in a repository of several languages: what they counted is added up.
//!
//! Only metrics that can be added are joined. A share or a percentile of two sources says nothing about both together.

use std::collections::BTreeMap;

use async_trait::async_trait;
use pilotage_core::{
    Digest,
    gate::{Evidence, Measured, Moment, Tool, Value},
};

use crate::{Collector, Input, Measures, Site, Source};

/// Metrics that several sources may measure: counts are added, `build_success` needs all of them, and times are added.
const JOINED: &[&str] = &[
    "build_success",
    "compile_errors",
    "lint_errors",
    "lint_warnings",
    "build_time",
    "high_severity_vulnerabilities",
    "medium_severity_vulnerabilities",
    "low_severity_vulnerabilities",
    "high_severity_findings",
    "medium_severity_findings",
    "low_severity_findings",
    "outdated_dependencies",
    "secrets_exposed",
    "policy_violations",
    "sbom_components",
];

/// Whether what several sources say of a metric can be put together.
pub fn can_join(metric: &str) -> bool {
    JOINED.contains(&metric)
}

/// Puts sources together that measure the same metric, so that each metric has one source.
pub fn join(sources: Vec<Source>) -> Vec<Source> {
    let mut groups: Vec<Vec<Source>> = Vec::new();
    for source in sources {
        let shares = |other: &Source| {
            let measures = source.measures();
            let known = other.measures();
            measures
                .iter()
                .any(|(metric, _)| known.iter().any(|(name, _)| name == metric))
        };
        let (with, mut without): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(shares));
        let mut joined: Vec<Source> = with.into_iter().flatten().collect();
        joined.push(source);
        without.push(joined);
        groups = without;
    }
    groups.into_iter().filter_map(one).collect()
}

fn one(mut group: Vec<Source>) -> Option<Source> {
    if group.len() < 2 {
        return group.pop();
    }
    let name: Vec<_> = group.iter().map(|source| source.name.as_str()).collect();
    let name = name.join(" + ");
    let found = group.iter().all(|source| source.found);
    Some(Source::new(&name, "joined", found, Box::new(Joined(group))))
}

struct Joined(Vec<Source>);

#[async_trait]
impl Collector for Joined {
    fn measures(&self) -> Measures {
        let all = self.0.iter().flat_map(Source::measures);
        all.collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    fn needs(&self) -> Vec<String> {
        self.0.iter().flat_map(Source::needs).collect()
    }

    fn inputs(&self, site: &Site) -> Option<Vec<Input>> {
        let inputs = self.0.iter().map(|source| source.inputs(site));
        let parts: Option<Vec<Vec<Input>>> = inputs.collect();
        Some(parts?.into_iter().flatten().collect())
    }

    async fn collect(&self, site: &Site) -> Measured {
        self.conclude(site, &Measured::new()).await
    }

    async fn conclude(&self, site: &Site, known: &Measured) -> Measured {
        let mut answers = BTreeMap::<String, Vec<Result<Evidence, String>>>::new();
        for source in &self.0 {
            for (metric, answer) in source.look(site, known).await {
                let named = answer.and_then(enough).map_err(|reason| named(source, &reason));
                answers.entry(metric).or_default().push(named);
            }
        }
        answers
            .into_iter()
            .map(|(metric, parts)| (metric, put_together(parts)))
            .collect()
    }
}

fn named(source: &Source, reason: &str) -> String {
    format!("`{}`: {reason}", source.name)
}

/// One that looked at nothing must not hide behind one that looked at much.
fn enough(evidence: Evidence) -> Result<Evidence, String> {
    let examined = &evidence.examined;
    if examined.count >= examined.at_least.max(1) {
        return Ok(evidence);
    }
    Err(format!(
        "looked at {} {}, and at least {} are needed",
        examined.count,
        examined.what,
        examined.at_least.max(1)
    ))
}

fn put_together(parts: Vec<Result<Evidence, String>>) -> Result<Evidence, String> {
    let parts: Vec<Evidence> = parts.into_iter().collect::<Result<_, _>>()?;
    let mut parts = parts.into_iter();
    let first = parts.next().ok_or("nothing was measured")?;
    parts.try_fold(first, add)
}

fn add(one: Evidence, other: Evidence) -> Result<Evidence, String> {
    let value = match (&one.value, &other.value) {
        (Value::Number(left), Value::Number(right)) => Value::Number(left + right),
        (Value::Bool(left), Value::Bool(right)) => Value::Bool(*left && *right),
        _ => return Err("the sources measure different things".to_owned()),
    };
    let text = |left: &str, right: &str| {
        if left == right {
            left.to_owned()
        } else {
            format!("{left}, {right}")
        }
    };
    let digests = format!("{}\n{}\n", one.digest, other.digest);
    let expires_at = [one.expires_at, other.expires_at].into_iter().flatten().min();
    let measured_at = older(one.measured_at, other.measured_at);
    let mut examined = one.examined;
    examined.what = text(&examined.what, &other.examined.what);
    examined.count += other.examined.count;
    examined.at_least += other.examined.at_least;
    let tool = |tool: &Tool| [tool.name.clone(), tool.version.clone().unwrap_or_default()].join(" ");
    let (left, right) = (tool(&one.tool), tool(&other.tool));
    Ok(Evidence {
        value,
        unit: one.unit,
        source: text(&one.source, &other.source),
        collector: text(&one.collector, &other.collector),
        tool: Tool {
            name: text(left.trim(), right.trim()),
            version: None,
        },
        files: [one.files, other.files].concat(),
        file_count: one.file_count + other.file_count,
        digest: Digest::of(digests.as_bytes()),
        measured_at,
        expires_at,
        examined,
        notes: [one.notes, other.notes].concat(),
    })
}

/// The one that may be too old: a report before what was measured just now, the older of two reports.
fn older(one: Moment, other: Moment) -> Moment {
    match (one, other) {
        (Moment::Report(left), Moment::Report(right)) => Moment::Report(left.min(right)),
        (_, Moment::Report(_)) => other,
        _ => one,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use pilotage_core::gate::Unit;

    use super::*;
    use crate::reading::{Proof, count};

    struct Counts(&'static [(&'static str, Result<u64, &'static str>)]);

    #[async_trait]
    impl Collector for Counts {
        fn measures(&self) -> Measures {
            let metrics = self.0.iter();
            metrics
                .map(|(name, _)| ((*name).to_owned(), Unit::Count))
                .collect()
        }

        async fn collect(&self, _: &Site) -> Measured {
            let answer = |answer: &Result<u64, &str>| {
                let number = answer.map_err(ToOwned::to_owned)?;
                let proof = Proof::of_run(Tool::default(), b"x", 1);
                Ok(proof.evidence(count(number), Unit::Count, (number + 1, "things"), &[]))
            };
            let metrics = self.0.iter();
            metrics
                .map(|(name, found)| ((*name).to_owned(), answer(found)))
                .collect()
        }
    }

    fn sources(all: &[&'static [(&'static str, Result<u64, &'static str>)]]) -> Vec<Source> {
        let sources = all.iter().enumerate();
        let sources = sources
            .map(|(place, counts)| Source::new(&format!("s{place}"), "test", true, Box::new(Counts(counts))));
        join(sources.collect())
    }

    #[tokio::test]
    async fn counts_are_added_and_one_that_saw_nothing_spoils_the_sum() {
        let site = Site {
            root: PathBuf::from("."),
        };
        let joined = sources(&[
            &[("lint_errors", Ok(2))],
            &[("secrets_exposed", Ok(1))],
            &[("lint_errors", Ok(3)), ("lint_warnings", Ok(1))],
        ]);
        let names: Vec<_> = joined.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["s1", "s0 + s2"]);
        let found = joined[1].look(&site, &Measured::new()).await;
        let errors = found["lint_errors"].as_ref().unwrap();
        assert_eq!((&errors.value, errors.examined.count), (&count(5), 7));
        assert_eq!(found["lint_warnings"].as_ref().unwrap().value, count(1));

        let joined = sources(&[
            &[("lint_errors", Ok(2))],
            &[("lint_errors", Err("it is not installed"))],
        ]);
        let found = joined[0].look(&site, &Measured::new()).await;
        assert_eq!(found["lint_errors"], Err("`s1`: it is not installed".to_owned()));
    }
}
