//! Make.com over `/mcp`, from an agent's message to the mock of Make and back.

use std::time::{Duration, Instant};

use futures::future::join_all;
use pilotage_mock::{MockMake, Options};
use serde_json::{Value, json};

use crate::{
    client::modern,
    server::{DEADLINE, Place, Server, assert_audit_holds},
    sockets::{ask, connect, send},
};

/// A mock of Make, and a server that asks it.
async fn stage() -> (MockMake, Place, Server) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mock = MockMake::start(Options::new().unwrap()).await.unwrap();
    // Nobody can be asked here; that destroying asks is seen elsewhere.
    let place = Place::new(&format!(
        "version: 1\nmake:\n  endpoint: {}\n  token: {}\n  team: 5\nmcp:\n  allowUnconfirmed: true\n",
        mock.url(),
        mock.token()
    ));
    let server = Server::start(&place);
    (mock, place, server)
}

/// The result of a call of a tool.
async fn call(server: &Server, tool: &str, arguments: Value) -> Value {
    let message = modern(1, "tools/call", json!({ "name": tool, "arguments": arguments }));
    let (status, answer) = server.tell(&message).await;
    assert_eq!(status, 200, "{tool}: {answer}");
    answer["result"].clone()
}

/// The structured content of a call that went well.
async fn done(server: &Server, tool: &str, arguments: Value) -> Value {
    let result = call(server, tool, arguments).await;
    assert_ne!(result["isError"], true, "{tool}: {result}");
    result["structuredContent"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_agents_list_scenarios_at_once() {
    let (_mock, _place, server) = stage().await;
    let answers = join_all((0..50).map(|_| done(&server, "list-scenarios", json!({})))).await;
    for answer in answers {
        assert_eq!(answer["scenarios"].as_array().unwrap().len(), 3, "{answer}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_limit_of_make_makes_agents_wait_and_breaks_nothing() {
    let (mock, _place, server) = stage().await;
    let limit = server.http.post(format!("{}/__mock/rate-limit", mock.url()));
    let limit = limit.json(&json!({ "requests": 5, "perMs": 1000 })).send().await;
    assert_eq!(limit.unwrap().status(), 200);
    let answers = join_all((0..20).map(|_| call(&server, "list-scenarios", json!({ "teamId": 5 })))).await;
    for answer in answers {
        assert_ne!(answer["isError"], true, "{answer}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn four_tools_run_side_by_side() {
    let (_mock, _place, server) = stage().await;
    let (scenarios, connections, team, usage) = tokio::join!(
        done(&server, "list-scenarios", json!({})),
        done(&server, "list-connections", json!({})),
        done(&server, "get-team-info", json!({ "team_id": 6 })),
        done(
            &server,
            "get-usage-stats",
            json!({ "team_id": 5, "period": "month" })
        ),
    );
    assert_eq!(scenarios["scenarios"].as_array().unwrap().len(), 3);
    assert_eq!(connections["connections"][0]["name"], "Shop");
    assert_eq!(team["team"]["name"], "Staging");
    assert_eq!(usage["days"].as_array().unwrap().len(), 30);
    server.stop();
}

#[tokio::test]
async fn a_scenario_lives_and_dies_on_the_trail() {
    let (_mock, place, server) = stage().await;
    let result = call(
        &server,
        "create-scenario",
        json!({ "name": "Orders", "team_id": 5 }),
    )
    .await;
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("Successfully created scenario"), "{text}");
    let id = result["structuredContent"]["scenario_id"].clone();
    done(
        &server,
        "update-scenario",
        json!({ "scenarioId": id, "name": "Renamed" }),
    )
    .await;
    let shown = done(&server, "get-scenario", json!({ "scenario_id": id })).await;
    assert_eq!(shown["scenario"]["name"], "Renamed");
    done(&server, "delete-scenario", json!({ "scenarioId": id })).await;
    let gone = call(&server, "get-scenario", json!({ "scenarioId": id })).await;
    assert_eq!(gone["isError"], true, "{gone}");
    let unnamed = call(&server, "create-scenario", json!({ "team_id": 5 })).await;
    assert!(unnamed.to_string().contains("name is required"), "{unnamed}");
    server.stop();
    assert_audit_holds(&place);
}

#[tokio::test]
async fn a_mock_of_make_is_at_hand_without_an_account() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let place = Place::new("version: 1\n");
    let server = Server::start_with(&place, "127.0.0.1:0", &["--mock-make"]);
    let listed = done(&server, "list-scenarios", json!({})).await;
    assert_eq!(
        (&listed["mock"], listed["scenarios"].as_array().unwrap().len()),
        (&json!(true), 3)
    );
    server.stop();
    let server = Server::start(&place);
    let result = call(&server, "list-scenarios", json!({})).await;
    assert!(result.to_string().contains("MAKE_API_TOKEN"), "{result}");
    server.stop();
}

#[tokio::test]
async fn what_is_at_make_is_read_completed_and_prompted_for() {
    let (_mock, _place, server) = stage().await;
    let read = async |uri: &str| {
        let (status, answer) = server
            .tell(&modern(1, "resources/read", json!({ "uri": uri })))
            .await;
        assert_eq!(status, 200, "{uri}: {answer}");
        answer["result"]["contents"][0]["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{uri}: {answer}"))
            .to_owned()
    };
    for (uri, word) in [
        ("make://scenarios", "scenarios"),
        ("make://connections", "Shop"),
        ("make://users", "users"),
        ("make://scenarios/926", "blueprint"),
    ] {
        let text = read(uri).await;
        assert!(text.contains(word), "{uri}: {text}");
    }
    let (_, listed) = server.tell(&modern(1, "resources/list", json!({}))).await;
    assert!(listed.to_string().contains("make://scenarios"), "{listed}");
    let (_place, without) = crate::plain();
    let (_, listed) = without.tell(&modern(1, "resources/list", json!({}))).await;
    assert!(
        !listed.to_string().contains("make://"),
        "nothing is there without Make: {listed}"
    );
    let complete = json!({
        "ref": { "type": "ref/prompt", "name": "troubleshoot-scenario" },
        "argument": { "name": "scenario", "value": "92" },
    });
    let (_, answer) = server.tell(&modern(2, "completion/complete", complete)).await;
    let ids = answer["result"]["completion"]["values"].as_array().unwrap();
    assert!(ids.contains(&json!("926")), "{answer}");
    for (name, arguments) in [
        (
            "create-scenario",
            json!({ "goal": "tell the shop about new orders" }),
        ),
        ("optimise-scenario", json!({ "scenario": "926" })),
        ("troubleshoot-scenario", json!({ "scenario": "926" })),
    ] {
        let get = json!({ "name": name, "arguments": arguments });
        let (_, answer) = server.tell(&modern(3, "prompts/get", get)).await;
        let text = answer["result"]["messages"][0]["content"]["text"]
            .as_str()
            .unwrap();
        assert!(text.contains("dry_run"), "{answer}");
        let given = arguments.as_object().unwrap().values().next().unwrap();
        assert!(text.contains(given.as_str().unwrap()), "{name}: {text}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_make_is_given_up_when_its_caller_does() {
    let (mock, _place, server) = stage().await;
    // The first call learns the limit, and uses it up.
    let limit = server.http.post(format!("{}/__mock/rate-limit", mock.url()));
    let limit = limit
        .json(&json!({ "requests": 1, "perMs": 20_000 }))
        .send()
        .await;
    assert_eq!(limit.unwrap().status(), 200);
    let (mut socket, _) = connect(&server, &[]).await.unwrap();
    let list = |id| {
        modern(
            id,
            "tools/call",
            json!({ "name": "list-scenarios", "arguments": { "teamId": 5 } }),
        )
    };
    ask(&mut socket, &list(1)).await;
    send(&mut socket, &list(2)).await;
    let give_up =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } });
    send(&mut socket, &give_up).await;
    let deadline = Instant::now() + DEADLINE;
    loop {
        let trail = json!({ "kind": "tool.called", "subject": "list-scenarios" });
        let found = done(&server, "query-audit", trail).await;
        if found["items"][0]["facts"]["outcome"] == "cancelled" {
            break;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let calls = server.http.get(format!("{}/__mock/calls", mock.url()));
    let calls = calls.send().await.unwrap().text().await.unwrap();
    assert_eq!(calls.matches("/scenarios").count(), 1, "{calls}");
    server.stop();
}
