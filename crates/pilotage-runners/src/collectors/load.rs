//! `load`: how a service stood up to load, from what `pilotage load run`, k6, oha or wrk left; which one it is shows in the file.

use std::fs::File;

use async_trait::async_trait;
use pilotage_core::{
    config::Problem,
    gate::{Measured, Tool, Unit, Value},
};
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site,
    reading::{Bounded, Files},
    reports::load::{self, Load},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "load",
    build,
    detect: |_| None,
    schema: <Files as schemars::JsonSchema>::json_schema,
};

const METRICS: &[(&str, Unit)] = &[
    ("response_time_p95", Unit::Seconds),
    ("throughput_rps", Unit::Count),
    ("error_rate", Unit::Percent),
    ("memory_usage_peak", Unit::Bytes),
];

struct LoadResult(Files);

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let files: Files = section(value)?;
    let problems = files.problems();
    if problems.is_empty() {
        Ok(Box::new(LoadResult(files)))
    } else {
        Err(problems)
    }
}

/// A percentile of two runs cannot be had from their percentiles.
fn read(found: &mut Option<Load>, input: &mut Bounded<File>) -> Result<(), String> {
    if found.is_some() {
        return Err("there is more than one result; name the one that counts".to_owned());
    }
    *found = Some(load::read(input)?);
    Ok(())
}

#[async_trait]
impl Collector for LoadResult {
    fn measures(&self) -> Measures {
        METRICS
            .iter()
            .map(|(name, unit)| ((*name).to_owned(), *unit))
            .collect()
    }

    async fn collect(&self, site: &Site) -> Measured {
        let read = self.0.read(&site.root, None, read).await;
        let answer = |name: &str, unit| {
            let (load, proof) = read.as_ref().map_err(Clone::clone)?;
            let load = load.as_ref().ok_or("there is no result")?;
            let value = match name {
                "response_time_p95" => load.p95_secs.ok_or("the result has no 95th percentile"),
                "memory_usage_peak" => load
                    .memory_bytes
                    .map(load::as_number)
                    .ok_or("the result does not say how much memory the service took"),
                "throughput_rps" => load.per_second.ok_or("the result has no rate"),
                _ => load
                    .error_percent
                    .ok_or("the result does not say how many requests failed"),
            };
            let tool = Tool {
                name: load.tool.to_owned(),
                version: None,
            };
            let proof = proof.clone().by(tool);
            Ok(proof.evidence(Value::Number(value?), unit, (load.requests, "requests"), &[]))
        };
        METRICS
            .iter()
            .map(|(name, unit)| ((*name).to_owned(), answer(name, *unit)))
            .collect()
    }
}
