//! Scenarios, their versions, runs and logs.

use serde_json::{Value, json};

use super::{Bench, DAY_SECS, TOKEN, deliveries, read};

fn versions(bench: &mut Bench) -> Vec<u64> {
    let listed = bench.get("/scenarios/925/blueprints");
    let listed = listed["scenariosBlueprints"].as_array().unwrap().iter();
    listed
        .map(|version| version["version"].as_u64().unwrap())
        .collect()
}

#[test]
fn every_blueprint_is_a_version_for_sixty_days() {
    let mut bench = Bench::new();
    let written = |name: &str| json!({"blueprint": json!({"name": name, "flow": []}).to_string()});
    bench.ok("PATCH /scenarios/925", &written("two"));
    bench.pass_secs(30 * DAY_SECS);
    bench.ok("PATCH /scenarios/925", &written("three"));
    bench.ok("PATCH /scenarios/925", &json!({"name": "Only the name"}));
    assert_eq!(versions(&mut bench), [3, 2, 1]);
    bench.pass_secs(30 * DAY_SECS + 1);
    // What the seed holds has no age; what was written does.
    assert_eq!(versions(&mut bench), [3, 1]);
    let old = bench.get("/scenarios/925/blueprint?blueprintId=2");
    assert_eq!(old["response"]["blueprint"]["name"], "two");
    let now = bench.get("/scenarios/925/blueprint");
    assert_eq!(now["response"]["blueprint"]["name"], "three");
    bench.assert_refused(&[(
        "GET /scenarios/925/blueprint?blueprintId=9",
        Value::Null,
        404,
        "SC404",
        "",
    )]);
}

#[test]
fn changes_are_refused_where_make_refuses_them() {
    let mut bench = Bench::new();
    let required = json!({"interface": {"input": [{"name": "x", "required": true}]}});
    let scheduling = |text: &str| json!({"scheduling": text});
    bench.assert_refused(&[
        (
            "POST /scenarios/925/start",
            Value::Null,
            400,
            "IM005",
            "Scenario is already running",
        ),
        (
            "POST /scenarios/927/stop",
            Value::Null,
            400,
            "IM005",
            "Scenario is not running",
        ),
        (
            "POST /scenarios/927/run",
            json!({}),
            400,
            "IM005",
            "Scenario is not activated",
        ),
        ("POST /scenarios/925/run", json!({}), 400, "SC400", "'name'"),
        (
            "PATCH /scenarios/927/interface",
            required,
            422,
            "IM016",
            "on demand",
        ),
        (
            "PATCH /scenarios/925",
            scheduling(r#"{"type":"immediately"}"#),
            422,
            "IM016",
            "",
        ),
    ]);
}

#[test]
fn schedulings_and_fields_that_cannot_be_are_refused() {
    let mut bench = Bench::new();
    let scheduling = |text: &str| json!({"scheduling": text});
    bench.assert_refused(&[
        (
            "PATCH /scenarios/927",
            scheduling(r#"{"type":"sometimes"}"#),
            400,
            "IM005",
            "immediately",
        ),
        (
            "PATCH /scenarios/927",
            scheduling(r#"{"type":"indefinitely","interval":59}"#),
            400,
            "IM005",
            "Invalid interval",
        ),
        (
            "PATCH /scenarios/927",
            scheduling(r#"{"type":"once","date":"2026-01-31"}"#),
            400,
            "IM005",
            "date",
        ),
        (
            "PATCH /scenarios/927",
            json!({"scheduling": {"type": "on-demand"}}),
            400,
            "SC400",
            "'scheduling'",
        ),
        (
            "PATCH /scenarios/927",
            json!({"blueprint": "[]"}),
            400,
            "SC400",
            "'blueprint'",
        ),
        (
            "PATCH /scenarios/927",
            json!({"name": "x".repeat(121)}),
            400,
            "SC400",
            "120",
        ),
        ("PATCH /scenarios/927", json!({"folderId": 1}), 404, "SC404", ""),
    ]);
    // A scenario of a webhook cannot run at intervals.
    bench.ok("POST /scenarios/926/stop", &Value::Null);
    bench.ok(
        "PATCH /scenarios/926",
        &scheduling(r#"{"type":"indefinitely","interval":900}"#),
    );
    bench.assert_refused(&[(
        "POST /scenarios/926/start",
        Value::Null,
        400,
        "IM005",
        "Invalid interval.",
    )]);
}

#[test]
fn an_empty_metadata_empties_the_interface_unless_told_otherwise() {
    for (keep, inputs) in [(false, 0), (true, 1)] {
        let mut bench = Bench::new();
        bench.ok("POST /__mock/settings", &json!({"keepInterface": keep}));
        bench.ok(
            "PATCH /scenarios/925",
            &json!({"name": "x", "metadata": {"input_spec": [], "output_spec": []}}),
        );
        let interface = bench.get("/scenarios/925/interface");
        assert_eq!(
            interface["interface"]["input"].as_array().unwrap().len(),
            inputs,
            "{keep}"
        );
    }
}

#[test]
fn apps_are_installed_when_confirmed() {
    let mut bench = Bench::new();
    bench
        .model
        .state
        .find_mut("organizations", "5")
        .unwrap()
        .insert("installedApps".to_owned(), json!(["http"]));
    let flow =
        json!([{"id": 1, "module": "slack:Post", "routes": [{"flow": [{"id": 2, "module": "http:Get"}]}]}]);
    let body = json!({"teamId": 5, "scheduling": r#"{"type":"on-demand"}"#, "blueprint": json!({"name": "n", "flow": flow}).to_string()});
    bench.assert_refused(&[(
        "POST /scenarios",
        body.clone(),
        406,
        "IM004",
        "The app slack is not installed.",
    )]);
    let made = bench.ok("POST /scenarios?confirmed=true", &body);
    assert_eq!(made["scenario"]["usedPackages"], json!(["http", "slack"]));
    bench.ok("POST /scenarios", &body);
}

#[test]
fn the_log_tells_who_changed_what() {
    let mut bench = Bench::new();
    bench.pass_secs(1);
    bench.ok("POST /scenarios/925/stop", &Value::Null);
    bench.pass_secs(1);
    bench.ok(
        "POST /__mock/edits",
        &json!({"scenarioId": 925, "author": {"id": 2, "name": "Grace Builder"}, "name": "Mine"}),
    );
    bench.pass_secs(1);
    bench.ok("POST /scenarios/925/start", &Value::Null);
    let logs = bench.get("/scenarios/925/logs?pg[limit]=3");
    let told: Vec<String> = logs["scenarioLogs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| {
            format!(
                "{} {}",
                log["type"].as_str().unwrap(),
                log["authorName"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        ["start Ada Maker", "modify Grace Builder", "stop Ada Maker"]
    );
    let last = logs["scenarioLogs"][1]["imtId"].as_str().unwrap();
    let rest = bench.get(&format!("/scenarios/925/logs?pg[last]={last}&pg[limit]=1"));
    assert_eq!(rest["scenarioLogs"][0]["type"], "stop");
    let scenario = bench.get("/scenarios/925");
    assert_eq!(scenario["scenario"]["updatedByUser"]["name"], "Grace Builder");
}

#[test]
fn a_run_is_under_way_and_then_over() {
    let mut bench = Bench::new();
    bench.ok(
        "POST /__mock/runs",
        &json!({"scenarioId": 925, "status": "warning", "runningMs": 5_000, "operations": 7}),
    );
    bench.ok(
        "POST /__mock/subscriptions",
        &json!({"url": "http://127.0.0.1:1/make"}),
    );
    let body = json!({"data": {"name": "Ada"}, "callbackUrl": "http://127.0.0.1:1/back"});
    let answer = bench.send(TOKEN, "POST /scenarios/925/run", &body);
    let sent = deliveries(&answer);
    assert_eq!(
        (sent[0]["body"]["eventType"].as_str(), sent[0]["delayMs"].as_u64()),
        (Some("scenario.executed"), Some(5_000))
    );
    assert_eq!(sent[0]["body"]["data"]["status"], "warning");
    assert_eq!(sent[1]["url"], "http://127.0.0.1:1/back");
    let execution = read(answer).1["executionId"].as_str().unwrap().to_owned();
    let path = format!("/scenarios/925/executions/{execution}");
    bench.assert_refused(&[(
        "POST /scenarios/925/run",
        body,
        400,
        "IM005",
        "Scenario is already being executed",
    )]);
    assert_eq!(bench.get(&path), json!({"status": "RUNNING"}));
    let before = bench.get("/scenarios/925/logs")["scenarioLogs"]
        .as_array()
        .unwrap()
        .len();
    bench.pass_secs(5);
    assert_eq!(bench.get(&path)["status"], "WARNING");
    let logs = bench.get("/scenarios/925/logs?status=2");
    assert_eq!(
        (logs["scenarioLogs"][0]["operations"].as_u64(), before),
        (Some(7), 2)
    );
    let too_large = format!("GET {path}?maxBytes=3");
    bench.assert_refused(&[(&too_large, Value::Null, 413, "SC413", "maxBytes")]);
    let usage = bench.get("/scenarios/925/usage");
    assert_eq!(usage["data"].as_array().unwrap().len(), 30);
    assert_eq!(usage["data"][29]["date"], "05-01-2026");
}

#[test]
fn a_run_that_takes_too_long_is_not_waited_for() {
    let mut bench = Bench::new();
    for (running_ms, status, delay_ms) in [(40_000, 200, 40_000), (40_001, 408, 40_000)] {
        bench.ok("POST /__mock/runs", &json!({"runningMs": running_ms}));
        let answer = bench.send(
            TOKEN,
            "POST /scenarios/925/run",
            &json!({"data": {"name": "x"}, "responsive": true}),
        );
        assert_eq!(
            (answer.reply.status, answer.reply.delay.as_millis()),
            (status, delay_ms)
        );
        bench.pass_secs(60);
    }
}

#[test]
fn what_fails_is_kept_and_tried_again_as_it_was() {
    let mut bench = Bench::new();
    bench.ok(
        "POST /__mock/runs",
        &json!({"status": "error", "incomplete": true, "error": {"name": "E", "message": "full"}}),
    );
    bench.ok("POST /scenarios/925/run", &json!({"data": {"name": "Ada"}}));
    let list = bench.get("/dlqs?scenarioId=925");
    let id = list["dlqs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (
            list["dlqs"][0]["reason"].as_str(),
            bench.get("/scenarios/925")["scenario"]["dlqCount"].as_u64()
        ),
        (Some("full"), Some(1))
    );
    // The scenario is repaired, but the incomplete execution keeps the blueprint of the failure.
    bench.ok(
        "PATCH /scenarios/925",
        &json!({"blueprint": r#"{"name":"repaired","flow":[]}"#}),
    );
    let frozen = bench.get(&format!("/dlqs/{id}/blueprint"));
    assert_eq!(frozen["response"]["blueprint"]["name"], "Greet somebody");
    bench.ok("POST /__mock/runs", &json!({"status": "error"}));
    let retry = format!("POST /dlqs/{id}/retry");
    bench.ok(&retry, &Value::Null);
    assert_eq!(bench.get(&format!("/dlqs/{id}"))["dlq"]["resolved"], false);
    bench.ok(&retry, &Value::Null);
    let dlq = bench.get(&format!("/dlqs/{id}"));
    assert_eq!(
        (dlq["dlq"]["resolved"].as_bool(), dlq["dlq"]["attempts"].as_u64()),
        (Some(true), Some(2))
    );
    bench.assert_refused(&[(&retry, Value::Null, 400, "IM005", "resolved already")]);
    assert_eq!(
        bench.get(&format!("/dlqs/{id}/logs"))["dlqLogs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_clone_has_what_it_is_mapped_to() {
    let mut bench = Bench::new();
    let body = json!({"teamId": 6, "name": "Copy", "hook": {"11": 12}, "datastore": {"137": 138}});
    let copy = bench.ok("POST /scenarios/926/clone?organizationId=5", &body);
    let copy = &copy["scenario"];
    assert_eq!(
        (
            copy["teamId"].as_u64(),
            copy["isActive"].as_bool(),
            copy["hookId"].as_u64()
        ),
        (Some(6), Some(false), Some(12))
    );
    let blueprint = bench.get(&format!("/scenarios/{}/blueprint", copy["id"]));
    assert_eq!(
        blueprint["response"]["blueprint"]["flow"][1]["parameters"]["datastore"],
        138
    );
    bench.assert_refused(&[("POST /scenarios/926/clone", body, 400, "SC400", "organizationId")]);
}
