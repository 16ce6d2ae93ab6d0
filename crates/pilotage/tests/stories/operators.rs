//! What operators look at is there: every metric that a dashboard or an alert names is one that the server shows.

use std::{collections::BTreeSet, fs, path::Path};

use pilotage_core::config::Document;
use serde_json::Value;

use crate::server::{Place, Server};

fn deployed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every text under one of these keys, wherever it stands.
fn texts_under(value: &Value, keys: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if let (true, Some(text)) = (keys.contains(&key.as_str()), member.as_str()) {
                    found.push(text.to_owned());
                }
                texts_under(member, keys, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts_under(item, keys, found)),
        _ => {}
    }
}

/// The metrics of ours in a `PromQL` expression.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with("pilotage_") || word.starts_with("process_"))
}

/// The names under which a scraper keeps what the text declares (`OpenMetrics` 1.0, "Metric Types").
fn shown(text: &str) -> BTreeSet<String> {
    let declared = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    declared
        .filter_map(|line| line.split_once(' '))
        .flat_map(|(name, kind)| {
            let suffixes: &[&str] = match kind {
                "counter" => &["_total"],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_dashboard_and_alerts_name_is_shown() {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/pilotage.json")).unwrap();
    let alerts = Document::parse(deployed("prometheus/alerts.yaml")).unwrap();
    let mut expressions = Vec::new();
    texts_under(&dashboard, &["expr", "query"], &mut expressions);
    texts_under(alerts.value(), &["expr"], &mut expressions);
    let named: BTreeSet<&str> = expressions.iter().flat_map(|text| metrics(text)).collect();
    assert!(named.len() > 10, "only {named:?}");

    let server = Server::start(&Place::new("version: 1\n"));
    let answer = server.http.get(format!("{}/metrics", server.health));
    let text = answer.send().await.unwrap().text().await.unwrap();
    let shown = shown(&text);
    let missing: Vec<_> = named.iter().filter(|name| !shown.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {shown:#?}");
    assert!(server.stop().success());
}
