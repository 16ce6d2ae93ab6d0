//! `prometheus`: what a running service measures, by instant queries (Prometheus' HTTP API, `GET /api/v1/query`).
//!
//! A query must give one number. None, several, or what is no number (`NaN` of a division by nothing) is no evidence.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use pilotage_core::{
    config::{Problem, pointer_segment},
    gate::{Evidence, Measured, Metrics, Tool, Unit, Value},
};
use reqwest::{Client, Url, redirect::Policy};
use serde::Deserialize;
use serde_json::Value as Json;

use super::section;
use crate::{
    Collector, CollectorKind, Measures, Site,
    reading::{Proof, brief},
};

pub(super) const KIND: CollectorKind = CollectorKind {
    name: "prometheus",
    build,
    detect: |_| None,
    schema: <Section as schemars::JsonSchema>::json_schema,
};

/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Longest time for one query.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    /// The server, such as `http://127.0.0.1:9090`.
    url: String,
    /// What is asked, by metric.
    #[schemars(length(min = 1, max = 64))]
    queries: BTreeMap<String, QuerySection>,
    /// The environment variable that holds a bearer token.
    #[serde(default)]
    token_env: Option<String>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QuerySection {
    /// An expression in `PromQL` that gives one number, in the base of the metric's unit: seconds, percent, bytes.
    query: String,
    /// How many samples it must be computed from: an expression in `PromQL` that counts them.
    #[serde(default)]
    samples: Option<String>,
    /// Fewer samples than this are no evidence; needs `samples`.
    #[serde(default)]
    at_least: Option<u64>,
    /// What a metric of your own is measured in.
    #[serde(default)]
    unit: Option<Unit>,
}

struct Query {
    metric: String,
    unit: Unit,
    asks: QuerySection,
}

struct Prometheus {
    url: Url,
    token_env: Option<String>,
    queries: Vec<Query>,
}

fn build(value: &Json) -> Result<Box<dyn Collector>, Vec<Problem>> {
    let section: Section = section(value)?;
    let mut problems = Vec::new();
    let url = address(&section.url);
    if url.is_none() {
        problems.push(Problem::at(
            "/url",
            "an address such as `http://127.0.0.1:9090`, without a password",
        ));
    }
    if !(1..=64).contains(&section.queries.len()) {
        problems.push(Problem::at("/queries", "between 1 and 64 queries"));
    }
    let mut queries = Vec::new();
    for (metric, asks) in section.queries {
        match unit(&metric, asks.unit) {
            Ok(unit) => queries.push(Query {
                metric: Metrics::canonical(&metric).to_owned(),
                unit,
                asks,
            }),
            Err(message) => {
                let pointer = format!("/queries/{}/unit", pointer_segment(&metric));
                problems.push(Problem::at(pointer, message));
            }
        }
    }
    match url {
        Some(url) if problems.is_empty() => Ok(Box::new(Prometheus {
            url,
            token_env: section.token_env,
            queries,
        })),
        _ => Err(problems),
    }
}

/// The place of queries on a server, whose own address may have a path.
fn address(text: &str) -> Option<Url> {
    let base = Url::parse(text).ok()?;
    let is_plain = matches!(base.scheme(), "http" | "https")
        && base.has_host()
        && base.username().is_empty()
        && base.password().is_none();
    let place = format!("{}/api/v1/query", base.as_str().trim_end_matches('/'));
    is_plain.then(|| Url::parse(&place).ok()).flatten()
}

fn unit(metric: &str, own: Option<Unit>) -> Result<Unit, String> {
    match (Metrics::default().unit(metric), own) {
        (Some(known), Some(own)) if known != own => {
            Err(format!("`{metric}` is measured in {known}, not in {own}"))
        }
        (Some(unit), _) | (None, Some(unit)) if unit.is_number() => Ok(unit),
        (Some(unit), _) | (None, Some(unit)) => Err(format!("a query gives a number, not {unit}")),
        (None, None) => Err(format!("`{metric}` is a metric of your own and lacks its `unit`")),
    }
}

#[async_trait]
impl Collector for Prometheus {
    fn measures(&self) -> Measures {
        let queries = self.queries.iter();
        queries.map(|query| (query.metric.clone(), query.unit)).collect()
    }

    async fn collect(&self, _: &Site) -> Measured {
        let mut measured = Measured::new();
        let client = self.client();
        for query in &self.queries {
            let answer = match &client {
                Ok(client) => self.ask(client, query).await,
                Err(reason) => Err(reason.clone()),
            };
            measured.insert(query.metric.clone(), answer);
        }
        measured
    }
}

impl Prometheus {
    /// A redirect could lead anywhere, with the token.
    fn client(&self) -> Result<Client, String> {
        let mut headers = reqwest::header::HeaderMap::new();
        if let Some(name) = &self.token_env {
            let token =
                std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))?;
            let mut value = reqwest::header::HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| format!("the environment variable {name} holds no token"))?;
            value.set_sensitive(true);
            headers.insert(reqwest::header::AUTHORIZATION, value);
        }
        Client::builder()
            .redirect(Policy::none())
            .timeout(LIMIT)
            .default_headers(headers)
            .build()
            .map_err(|error| told(&error))
    }

    async fn ask(&self, client: &Client, query: &Query) -> Result<Evidence, String> {
        let (value, text) = self.number(client, &query.asks.query).await?;
        let samples = match &query.asks.samples {
            None => 1,
            Some(count) => {
                let (number, _) = self.number(client, count).await?;
                crate::reports::load::whole(number)
            }
        };
        let tool = Tool {
            name: "Prometheus".to_owned(),
            version: None,
        };
        let proof = Proof::of_run(tool, text.as_bytes(), query.asks.at_least.unwrap_or(1));
        let note = brief(&query.asks.query);
        let what = if query.asks.samples.is_some() {
            "samples"
        } else {
            "series"
        };
        Ok(proof.evidence(Value::Number(value), query.unit, (samples, what), &[note]))
    }

    async fn number(&self, client: &Client, query: &str) -> Result<(f64, String), String> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("query", query);
        let mut answer = client.get(url).send().await.map_err(|error| told(&error))?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| told(&error))? {
            body.extend_from_slice(&part);
            if body.len() > MAX_ANSWER_BYTES {
                return Err(format!(
                    "Prometheus answers with more than {} MiB",
                    MAX_ANSWER_BYTES >> 20
                ));
            }
        }
        let text = String::from_utf8(body).map_err(|_| "Prometheus answers with no UTF-8")?;
        let number = single(&text).map_err(|reason| match answer.status().as_u16() {
            200 => reason,
            status => format!("Prometheus answers with {status}: {reason}"),
        })?;
        Ok((number, text))
    }
}

/// Without the address, which may be long, and with the cause, which says more than "error sending request".
fn told(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    brief(&format!("Prometheus cannot be asked: {cause}"))
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Json,
}

/// The one number of an answer: a vector with one series, or a scalar.
fn single(text: &str) -> Result<f64, String> {
    let answer: Answer =
        serde_json::from_str(text).map_err(|_| "that is no answer of Prometheus".to_owned())?;
    let ("success", Some(data)) = (answer.status.as_str(), answer.data) else {
        let reason = answer.error.unwrap_or_else(|| "it says no reason".to_owned());
        return Err(brief(&reason));
    };
    let sample = match data.result_type.as_str() {
        "scalar" => &data.result,
        "vector" => match data.result.as_array().map(Vec::as_slice) {
            Some([one]) => one.get("value").unwrap_or(&Json::Null),
            Some([]) => return Err("the query gives nothing".to_owned()),
            Some(several) => return Err(format!("the query gives {} numbers, not one", several.len())),
            None => return Err("that is no answer of Prometheus".to_owned()),
        },
        other => return Err(format!("the query gives a {}, not one number", brief(other))),
    };
    let number = sample
        .get(1)
        .and_then(Json::as_str)
        .and_then(|text| text.parse::<f64>().ok());
    match number {
        Some(number) if number.is_finite() && number >= 0.0 => Ok(number),
        Some(number) => Err(format!("the query gives {number}, which measures nothing")),
        None => Err("the query gives no number".to_owned()),
    }
}
