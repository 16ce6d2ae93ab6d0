use proptest::prelude::*;

use super::*;
use crate::make::client::catalogue;

fn prepared(id: &str, arguments: Value) -> Result<Prepared, MakeError> {
    let Value::Object(arguments) = arguments else {
        panic!("no object")
    };
    Prepared::new(catalogue::find(id).expect(id), &arguments, true)
}

fn sent(id: &str, arguments: Value) -> (String, String) {
    let prepared = prepared(id, arguments).unwrap();
    let body = prepared.body.map(|body| String::from_utf8(body.bytes).unwrap());
    (prepared.target, body.unwrap_or_default())
}

#[test]
fn requests_are_made_as_make_wants_them() {
    let table = [
        (
            "list-scenarios",
            json!({"teamId": "5", "id": [1, 2], "limit": 3}),
            "/scenarios?teamId=5&id%5B%5D=1&id%5B%5D=2&pg%5Blimit%5D=3&cols%5B%5D=*",
            "",
        ),
        (
            "update-scenario",
            json!({"scenarioId": 9, "name": "n"}),
            "/scenarios/9?cols%5B%5D=*&confirmed=true",
            r#"{"name":"n"}"#,
        ),
        (
            "update-scenario",
            json!({"scenarioId": 9, "folderId": null}),
            "/scenarios/9?cols%5B%5D=*&confirmed=true",
            r#"{"folderId":null}"#,
        ),
        (
            "update-scenario",
            json!({"scenarioId": 9, "blueprint": {"flow": []}}),
            "/scenarios/9?cols%5B%5D=*&confirmed=true",
            r#"{"blueprint":"{\"flow\":[]}"}"#,
        ),
        (
            "update-scenario",
            json!({"scenarioId": 9, "scheduling": "{\"type\":\"on-demand\"}"}),
            "/scenarios/9?cols%5B%5D=*&confirmed=true",
            r#"{"scheduling":"{\"type\":\"on-demand\"}"}"#,
        ),
        (
            "start-scenario",
            json!({"scenarioId": 9}),
            "/scenarios/9/start",
            "",
        ),
        (
            "create-connection",
            json!({"teamId": 5, "name": "a", "accountName": "b", "data": {"u": 1, "accountName": "x"}}),
            "/connections?teamId=5",
            r#"{"accountName":"a","accountType":"b","u":1}"#,
        ),
        (
            "set-hook-data",
            json!({"hookId": 1, "data": {"a": 1}}),
            "/hooks/1/set-data",
            r#"{"a":1}"#,
        ),
        (
            "get-scenario-execution",
            json!({"scenarioId": 1, "executionId": "a/../b?c#d%"}),
            "/scenarios/1/logs/a%2F..%2Fb%3Fc%23d%25",
            "",
        ),
    ];
    for (id, arguments, target, body) in table {
        assert_eq!(sent(id, arguments), (target.to_owned(), body.to_owned()), "{id}");
    }
}

#[test]
fn every_wrong_argument_is_named() {
    let table = [
        (
            "create-scenario",
            json!({"teamId": "x", "nmae": 1}),
            vec![
                "teamId must be a whole number",
                "blueprint is required",
                "scheduling is required",
                "there is no argument `nmae`",
            ],
        ),
        (
            "create-folder",
            json!({"teamId": 5, "names": "x"}),
            vec![
                "name is required",
                "there is no argument `names`; the nearest is `name`",
            ],
        ),
        (
            "create-folder",
            json!({"teamId": 5, "name": "  "}),
            vec!["name must be a text that is not empty"],
        ),
        (
            "list-roles",
            json!({"category": "x"}),
            vec!["category must be one of organization, team"],
        ),
        (
            "get-scenario-execution",
            json!({"scenarioId": 1, "executionId": ".."}),
            vec!["executionId cannot be part of an address"],
        ),
        (
            "update-scenario",
            json!({"scenarioId": 1, "blueprint": "{"}),
            vec!["blueprint must be an object"],
        ),
        (
            "delete-incomplete-executions",
            json!({"scenarioId": 1, "ids": [1]}),
            vec!["ids must be a list of texts"],
        ),
    ];
    for (id, arguments, expected) in table {
        let Err(MakeError::Arguments(reasons)) = prepared(id, arguments.clone()) else {
            panic!("{id} {arguments} is accepted");
        };
        assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
        for (reason, expected) in reasons.iter().zip(expected) {
            assert!(reason.starts_with(expected), "{reason}");
        }
    }
}

#[test]
fn a_dry_run_shows_everything_but_credentials() {
    let data = json!({"password": "s3cret", "nested": {"list": ["s3cret"]}});
    let spread = prepared(
        "create-connection",
        json!({"teamId": 5, "name": "a", "accountName": "b", "data": data}),
    );
    let whole = prepared("set-connection-data", json!({"connectionId": 5, "data": data}));
    for prepared in [spread.unwrap(), whole.unwrap()] {
        let shown = prepared.shown();
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
        assert_eq!(shown["body"]["password"], "***");
        assert_eq!(shown["body"]["nested"]["list"][0], "***");
    }
}

proptest! {
    #[test]
    fn no_value_leaves_its_place_in_the_path(id in "\\PC{1,40}") {
        if let Ok(prepared) = prepared("get-incomplete-execution", json!({"incompleteExecutionId": id})) {
            let url = url::Url::parse(&format!("https://eu1.make.com/api/v2{}", prepared.target)).unwrap();
            prop_assert_eq!(url.path_segments().unwrap().count(), 4);
            prop_assert!(url.path().starts_with("/api/v2/dlqs/"));
            prop_assert_eq!(url.query(), None);
            prop_assert_eq!(url.fragment(), None);
        }
    }
}
