//! What goes wrong says what to do, and is repeated only where that is safe.

use super::*;

#[tokio::test]
async fn each_refusal_is_a_variant_of_its_own() {
    let stage = Stage::new().await;
    let few = client(stage.mock.url(), "7f3e1b52-64a8-4c0d-9e27-b15d8f6a3c49");
    let stranger = client(stage.mock.url(), "11111111-1111-4111-8111-111111111111");
    let ask = async |client: &MakeClient, id: &str, arguments: Value| {
        let operation = find(id).expect(id);
        client
            .call(operation, &object(arguments), &CallOptions::default())
            .await
            .unwrap_err()
    };
    let error = ask(&stranger, "get-team", json!({"teamId": 5})).await;
    assert!(matches!(error, MakeError::NotAuthorised(_)), "{error}");
    let error = ask(&few, "list-keys", json!({"teamId": 5})).await;
    assert!(
        matches!(
            error,
            MakeError::NotAllowed {
                scope: Some("keys:read"),
                ..
            }
        ),
        "{error}"
    );
    let error = ask(&stage.client, "get-scenario", json!({"scenarioId": 1})).await;
    assert!(matches!(error, MakeError::NotFound(_)), "{error}");
    let error = ask(&stage.client, "delete-hook", json!({"hookId": 11})).await;
    assert!(matches!(error, MakeError::ConfirmationRequired(_)), "{error}");
    let needs_demand = json!({"scenarioId": 927, "interface": {"input": [{"name": "a", "type": "text", "required": true}], "output": []}});
    let error = ask(&stage.client, "set-scenario-interface", needs_demand).await;
    assert!(matches!(error, MakeError::Dependency(_)), "{error}");
    let error = ask(&stage.client, "run-scenario", json!({"scenarioId": 925})).await;
    assert!(
        matches!(&error, MakeError::Invalid(said) if !said.reasons.is_empty()),
        "{error}"
    );
    let error = ask(&stage.client, "create-folder", json!({"teamId": 5})).await;
    assert_eq!(error.to_string(), "name is required");
}

#[tokio::test]
async fn only_what_reads_is_repeated() {
    let table = [
        (
            "get-scenario",
            json!({"scenarioId": 925}),
            "/api/v2/scenarios/925",
            true,
        ),
        (
            "start-scenario",
            json!({"scenarioId": 927}),
            "/api/v2/scenarios/927/start",
            false,
        ),
        (
            "update-scenario",
            json!({"scenarioId": 927, "name": "x"}),
            "/api/v2/scenarios/927",
            false,
        ),
        (
            "delete-scenario",
            json!({"scenarioId": 927}),
            "/api/v2/scenarios/927",
            false,
        ),
    ];
    for (id, arguments, path, is_repeated) in table {
        for fault in [
            json!({"status": 503}),
            json!({"reset": true}),
            json!({"truncate": true}),
        ] {
            let stage = Stage::new().await;
            let mut fault = fault;
            fault["path"] = path.into();
            fault["times"] = 1.into();
            stage.control("faults", fault.clone()).await;
            let answer = stage.call(id, arguments.clone()).await;
            let calls = stage.calls().await.len();
            assert_eq!(
                (answer.is_ok(), calls),
                (is_repeated, 1 + usize::from(is_repeated)),
                "{id} {fault}: {answer:?}"
            );
            if let Err(MakeError::ConnectionLost { may_be_done, .. }) = answer {
                assert!(may_be_done, "{id} {fault}");
            }
        }
    }
}

#[tokio::test]
async fn trouble_that_stays_is_given_up() {
    let stage = Stage::new().await;
    stage
        .control("faults", json!({"path": "/api/v2/scenarios/925", "status": 502}))
        .await;
    let error = stage
        .call("get-scenario", json!({"scenarioId": 925}))
        .await
        .unwrap_err();
    assert!(matches!(error, MakeError::ServerTrouble(_)), "{error}");
    assert_eq!(stage.calls().await.len(), 4);
}

#[tokio::test]
async fn nobody_there_is_said_without_the_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let token = "0c5a7d10-9b1e-4f6a-8d3c-2f4e6a8b0c1d";
    let client = client(&format!("http://{free}"), token);
    let arguments = object(json!({"scenarioId": 1}));
    let error = client
        .call(
            find("start-scenario").unwrap(),
            &arguments,
            &CallOptions::default(),
        )
        .await;
    let error = error.unwrap_err();
    assert!(
        matches!(
            error,
            MakeError::ConnectionLost {
                may_be_done: false,
                ..
            }
        ),
        "{error:?}"
    );
    for shown in [format!("{error:?}"), error.to_string(), format!("{client:?}")] {
        assert!(!shown.contains(token), "{shown}");
    }
}

#[tokio::test]
async fn what_is_not_make_is_said() {
    let stage = Stage::new().await;
    for (status, body) in [
        (200, json!("<html>")),
        (302, json!({})),
        (200, json!({"scenario": "x".repeat(100)})),
    ] {
        stage.control("reset", json!({})).await;
        let canned =
            json!({"method": "GET", "path": "/api/v2/scenarios/925", "status": status, "body": body});
        stage.control("responses", canned).await;
        let options = CallOptions {
            max_answer_bytes: 60,
            ..CallOptions::default()
        };
        let answer = stage
            .call_with("get-scenario", json!({"scenarioId": 925}), &options)
            .await;
        match answer {
            Err(MakeError::NotMake(_)) => assert!(status == 302 || body.is_string()),
            answer => assert_eq!(answer, Err(MakeError::TooLarge { limit_bytes: 60 })),
        }
    }
}
