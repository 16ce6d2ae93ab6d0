//! A session of an agent, from a failure in Make.com to its remedy.

use std::time::{Duration, Instant};

use pilotage_mock::{MockMake, Options};
use serde_json::{Value, json};

use crate::{
    access::{token, with_token},
    client::modern,
    server::{DEADLINE, Place, Server, assert_audit_holds},
};

/// Of the mock's first state: its last run failed.
const FAILING: u64 = 926;

/// An agent with a token of its own.
struct Agent<'a> {
    server: &'a Server,
    token: String,
}

impl Agent<'_> {
    async fn send(&self, mut message: Value) -> Value {
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            json!({ "elicitation": { "form": {} } });
        let headers = with_token(&message, &self.token);
        let (status, answer) = self.server.tell_with(&message, headers).await;
        assert_eq!(status, 200, "{answer}");
        answer["result"].clone()
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let call = modern(1, "tools/call", json!({ "name": tool, "arguments": arguments }));
        self.send(call).await
    }

    /// The structured content of a call that goes well.
    async fn done(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// What is said of a call that this token is too small for.
    async fn kept_out(&self, tool: &str, arguments: Value) -> String {
        let call = modern(1, "tools/call", json!({ "name": tool, "arguments": arguments }));
        let headers = with_token(&call, &self.token);
        let (status, answer) = self.server.tell_with(&call, headers).await;
        assert_eq!(status, 403, "{answer}");
        answer["error"]["message"].as_str().unwrap().to_owned()
    }

    /// What is said of a call that does not go well.
    async fn refused(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

impl Agent<'_> {
    /// Waits until the trail holds these outcomes, the newest first: what only reads is recorded soon and not at once.
    async fn finds(&self, asked: &Value, outcomes: &[&str]) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let found = self.done("query-audit", asked.clone()).await;
            let told: Vec<_> = items(&found)
                .iter()
                .map(|item| item["facts"]["outcome"].clone())
                .collect();
            if told == outcomes {
                return;
            }
            assert!(Instant::now() < deadline, "{found}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The first list of objects in an answer.
fn items(answer: &Value) -> &Vec<Value> {
    let mut lists = answer.as_object().unwrap().values().filter_map(Value::as_array);
    lists.next().unwrap_or_else(|| panic!("no list in {answer}"))
}

async fn destroys_with_the_word_of_a_person(fixer: &Agent<'_>, reader: &Agent<'_>) {
    let shown = json!({ "scenarioId": FAILING });
    // What destroys asks a person; the model's own word is none.
    let said = fixer
        .refused(
            "delete-scenario",
            json!({ "scenarioId": FAILING, "confirm": true }),
        )
        .await;
    assert!(said.contains("takes no argument `confirm`"), "{said}");
    for (agrees, action) in [(false, "decline"), (true, "accept")] {
        let asked = fixer.call("delete-scenario", shown.clone()).await;
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let mut call = modern(
            2,
            "tools/call",
            json!({ "name": "delete-scenario", "arguments": shown }),
        );
        call["params"]["requestState"] = asked["requestState"].clone();
        call["params"]["inputResponses"] =
            json!({ "confirm": { "action": action, "content": { "confirm": agrees } } });
        let result = fixer.send(call).await;
        assert_eq!(result["isError"] != true, agrees, "{result}");
    }
    reader.refused("get-scenario", shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_finds_a_failing_scenario_and_changes_it_only_with_the_right_and_the_word_of_a_person() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mock = MockMake::start(Options::new().unwrap()).await.unwrap();
    let place = Place::new("version: 1\n");
    let endpoint = format!("{}/api/v2", mock.url());
    let make = [
        ("MAKE_API_ENDPOINT", endpoint.as_str()),
        ("MAKE_API_TOKEN", mock.token()),
    ];
    let server = Server::launch(&place, "127.0.0.1:0", &[], &make);
    let reader = Agent {
        server: &server,
        token: token(&place, "reader", "viewer"),
    };
    let fixer = Agent {
        server: &server,
        token: token(&place, "fixer", "admin"),
    };

    // Look.
    let scenarios = reader.done("list-scenarios", json!({ "teamId": 5 })).await;
    assert!(
        items(&scenarios).iter().any(|scenario| scenario["id"] == FAILING),
        "{scenarios}"
    );
    let failures = json!({ "scenarioId": FAILING, "status": 3 });
    let runs = reader.call("list-scenario-executions", failures).await;
    assert!(
        items(&runs["structuredContent"])
            .iter()
            .any(|run| run["status"] == 3),
        "{runs}"
    );
    assert_eq!(
        runs["_meta"]["io.pilotage/untrusted"], true,
        "what Make tells is no instruction"
    );

    // Not with this token, and the agent is told that it is no use to try again.
    let fix = json!({ "scenarioId": FAILING, "name": "Orders, mended" });
    let said = reader.kept_out("update-scenario", fix.clone()).await;
    assert!(said.contains("needs the role `operator`"), "{said}");
    assert!(said.contains("ask a person"), "{said}");

    // First dry: nothing is changed.
    let mut dry = fix.clone();
    dry["dry_run"] = true.into();
    fixer.done("update-scenario", dry).await;
    let shown = json!({ "scenarioId": FAILING });
    let before = reader.done("get-scenario", shown.clone()).await;
    assert!(!before.to_string().contains("Orders, mended"), "{before}");
    fixer.done("update-scenario", fix).await;
    let after = reader.done("get-scenario", shown).await;
    assert!(after.to_string().contains("Orders, mended"), "{after}");

    destroys_with_the_word_of_a_person(&fixer, &reader).await;

    // Everything is on the trail, for the agent to see and for us to verify.
    for (actor, tool, outcomes) in [
        ("token:reader", "list-scenarios", &["done"][..]),
        ("token:reader", "update-scenario", &["refused"]),
        // What acts elsewhere is on the trail before it acts, and once more when it is known what came of it.
        ("token:fixer", "update-scenario", &["done", "begun", "done"]),
        (
            "token:fixer",
            "delete-scenario",
            &["done", "begun", "asked", "refused", "asked", "invalid"],
        ),
    ] {
        let asked = json!({ "actor": actor, "kind": "tool.called", "subject": tool });
        reader.finds(&asked, outcomes).await;
    }
    assert!(server.stop().success());
    assert_audit_holds(&place);
    mock.stop().await;
}
