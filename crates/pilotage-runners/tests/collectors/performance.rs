//! Load results and queries of a running service.

use serde_json::{Value as Json, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

use crate::{Project, problems};

const P95: &str = "response_time_p95";
const RATE: &str = "throughput_rps";
const ERRORS: &str = "error_rate";

/// As k6 0.5x writes it with `--summary-export`.
pub(crate) const K6: &str = r#"{"metrics":{"http_req_duration":{"avg":12.1,"min":1.2,"med":10,"max":300,"p(90)":80.5,"p(95)":120.25},"http_req_failed":{"passes":3,"fails":2997,"thresholds":{},"value":0.001},"http_reqs":{"count":3000,"rate":1500.5}},"root_group":{}}"#;
/// The same from `handleSummary`.
pub(crate) const K6_SUMMARY: &str = r#"{"metrics":{"http_req_duration":{"type":"trend","contains":"time","values":{"p(95)":1000}},"http_req_failed":{"type":"rate","values":{"rate":0,"passes":0,"fails":10}},"http_reqs":{"type":"counter","values":{"count":10,"rate":5}}}}"#;
/// As `pilotage load run` writes it.
pub(crate) const OWN: &str = r#"{"pilotageLoad":1,"scenario":"s","model":"open","startedAt":"2026-11-22T10:00:00Z","seconds":10.0,"askedRate":100.0,"requests":995,"failed":5,"dropped":0,"errorPercent":0.5,"throughputRps":99.5,"latency":{"p50":0.01,"p90":0.2,"p95":0.25,"p99":0.4,"p999":0.5,"max":0.6,"mean":0.02},"statuses":{"200":990,"503":5},"failures":{"status":5},"steps":[],"perSecond":[],"latenessP99":0.001,"target":null,"thresholds":[],"inconclusive":[],"verdict":"passed"}"#;
pub(crate) const OHA: &str = r#"{"summary":{"successRate":0.99,"total":2.0,"requestsPerSec":1200.5},"latencyPercentiles":{"p50":0.01,"p95":0.25,"p99":0.4},"statusCodeDistribution":{"200":990,"503":5},"errorDistribution":{"connection refused":5,"aborted due to deadline":7}}"#;
pub(crate) const WRK: &str = "Running 10s test @ http://127.0.0.1:8080/\n  2 threads and 10 connections\n  Latency Distribution\n     50%  635.91us\n     75%    1.10ms\n     90%    2.20ms\n     99%   12.50ms\n  22464657 requests in 30.00s, 17.76GB read\n  Socket errors: connect 0, read 1, write 0, timeout 2\n  Non-2xx or 3xx responses: 10\nRequests/sec: 748868.53\nTransfer/sec:    606.33MB\n";

#[tokio::test]
async fn results_of_load_tools_are_read_in_their_units() {
    let cases = [
        (K6, [Ok(0.120_25), Ok(1_500.5), Ok(0.1)]),
        (K6_SUMMARY, [Ok(1.0), Ok(5.0), Ok(0.0)]),
        (OHA, [Ok(0.25), Ok(1_200.5), Ok(1.0)]),
        (WRK, [Ok(0.0125), Ok(748_868.53), Ok(13.0 * 100.0 / 22_464_660.0)]),
        (r#"{"metrics":{}}"#, [Err("no request was sent"); 3]),
        (
            r#"{"metrics":{"http_reqs":{"count":0,"rate":0}}}"#,
            [Err("no request was sent"); 3],
        ),
        (
            r#"{"metrics":{"http_reqs":{"count":5}}}"#,
            [
                Err("no 95th percentile"),
                Err("no rate"),
                Err("how many requests failed"),
            ],
        ),
        (&OHA[..100], [Err("it is no JSON"); 3]),
        (OWN, [Ok(0.25), Ok(99.5), Ok(0.5)]),
        (r#"{"pilotageLoad":1}"#, [Err("no report of a load run"); 3]),
        ("{}", [Err("neither of Pilotage, k6 nor oha"); 3]),
        ("hello", [Err("no result of k6, oha or wrk: hello"); 3]),
    ];
    for (text, expected) in cases {
        let project = Project::new();
        project.write("load.out", text);
        for (metric, expected) in [P95, RATE, ERRORS].into_iter().zip(expected) {
            let found = project
                .number(json!({ "kind": "load", "files": ["load.out"] }), metric)
                .await;
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert!((found - expected).abs() < 1e-9, "{metric}: {found}"),
                (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{metric}: {reason}"),
                (found, expected) => panic!("{metric}: {found:?}, not {expected:?}\n{text}"),
            }
        }
    }
}

#[tokio::test]
async fn two_results_are_not_one() {
    let project = Project::new();
    project.write("a.json", K6).write("b.json", K6);
    let reason = project
        .number(json!({ "kind": "load", "files": ["*.json"] }), P95)
        .await
        .unwrap_err();
    assert_eq!(
        reason,
        "b.json: there is more than one result; name the one that counts"
    );
}

pub(crate) fn vector(values: &[&str]) -> Json {
    let result: Vec<_> = values
        .iter()
        .map(|value| json!({ "metric": {}, "value": [1_700_000_000.5, value] }))
        .collect();
    json!({ "status": "success", "data": { "resultType": "vector", "result": result } })
}

/// The program installs it; a second installation is refused, which is as good.
pub(crate) fn speak_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn answer(server: &MockServer, query: &str, status: u16, body: &Json) {
    Mock::given(method("GET"))
        .and(path("/api/v1/query"))
        .and(query_param("query", query))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_query_gives_one_number_or_no_evidence() {
    speak_tls();
    let server = MockServer::start().await;
    let error = json!({ "status": "error", "errorType": "bad_data", "error": "parse error: unexpected end" });
    let cases = [
        ("one", 200, vector(&["0.25"]), Ok(0.25)),
        (
            "scalar",
            200,
            json!({ "status": "success", "data": { "resultType": "scalar", "result": [1.5, "2"] } }),
            Ok(2.0),
        ),
        ("none", 200, vector(&[]), Err("the query gives nothing")),
        ("two", 200, vector(&["1", "2"]), Err("the query gives 2 numbers")),
        ("nan", 200, vector(&["NaN"]), Err("the query gives NaN")),
        ("inf", 200, vector(&["+Inf"]), Err("the query gives inf")),
        ("below", 200, vector(&["-1"]), Err("the query gives -1")),
        ("text", 200, vector(&["soon"]), Err("no number")),
        (
            "matrix",
            200,
            json!({ "status": "success", "data": { "resultType": "matrix", "result": [] } }),
            Err("a matrix"),
        ),
        (
            "broken",
            400,
            error,
            Err("Prometheus answers with 400: parse error"),
        ),
        (
            "page",
            502,
            json!("<html>"),
            Err("answers with 502: that is no answer"),
        ),
    ];
    for (query, status, body, expected) in cases {
        answer(&server, query, status, &body).await;
        let section =
            json!({ "kind": "prometheus", "url": server.uri(), "queries": { P95: { "query": query } } });
        match (Project::new().number(section, P95).await, expected) {
            (Ok(found), Ok(expected)) => assert!((found - expected).abs() < 1e-9, "{query}: {found}"),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{query}: {reason}"),
            (found, expected) => panic!("{query}: {found:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn too_few_samples_show_in_what_was_examined() {
    speak_tls();
    let server = MockServer::start().await;
    answer(&server, "p95", 200, &vector(&["0.25"])).await;
    answer(&server, "count", 200, &vector(&["7"])).await;
    let queries = json!({ P95: { "query": "p95", "samples": "count", "atLeast": 100 } });
    let section = json!({ "kind": "prometheus", "url": server.uri(), "queries": queries });
    let found = Project::new().measure(section, P95).await.unwrap();
    assert_eq!((found.examined.count, found.examined.at_least), (7, 100));
}

#[tokio::test]
async fn a_server_that_is_not_there_or_leads_elsewhere_is_no_evidence() {
    let section =
        |url: &str| json!({ "kind": "prometheus", "url": url, "queries": { ERRORS: { "query": "q" } } });
    let reason = Project::new()
        .number(section("http://127.0.0.1:9"), ERRORS)
        .await
        .unwrap_err();
    assert!(reason.starts_with("Prometheus cannot be asked"), "{reason}");
    speak_tls();
    let server = MockServer::start().await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:9/");
    Mock::given(header("accept", "*/*"))
        .respond_with(elsewhere)
        .mount(&server)
        .await;
    let reason = Project::new()
        .number(section(&server.uri()), ERRORS)
        .await
        .unwrap_err();
    assert!(reason.contains("answers with 302"), "{reason}");
}

#[test]
fn addresses_and_units_are_checked() {
    let of = |url: &str, metric: &str| json!({ "kind": "prometheus", "url": url, "queries": { metric: { "query": "q" } } });
    let cases = [
        (of("ftp://x", P95), "/evidence/it/url"),
        (of("http://user:word@x", P95), "/evidence/it/url"),
        (of("http://x", "own"), "lacks its `unit`"),
        (of("http://x", "build_success"), "a query gives a number"),
    ];
    for (section, expected) in cases {
        let found = problems(section.clone());
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{section}: {found:?}"
        );
    }
}
