//! Every operation of the catalogue, sent to the mock.

use pilotage_adapters::make::client::{Kind, Operation, Place, catalogue::operations};

use super::*;

/// What the mock says it does not serve (docs/guides/mock-make.md).
const NOT_SERVED: &[&str] = &[
    "list-organization-audit-log",
    "list-organization-audit-log-filters",
    "list-team-audit-log",
    "list-team-audit-log-filters",
    "get-audit-log-entry",
];

/// Every argument that has an example, so that each is sent once.
fn example(operation: &Operation) -> Arguments {
    let examples = operation.arguments().filter(|own| !own.example.is_empty());
    examples
        .map(|own| (own.name.to_owned(), serde_json::from_str(own.example).unwrap()))
        .collect()
}

/// The path as the mock was asked for it.
fn path(operation: &Operation, arguments: &Arguments) -> String {
    let mut path = format!("/api/v2{}", operation.path);
    for own in operation.parameters.iter().filter(|own| own.place == Place::Path) {
        let value = &arguments[own.name];
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        path = path.replace(&format!("{{{}}}", own.name), &text);
    }
    path
}

#[tokio::test]
async fn the_mock_knows_every_operation() {
    let stage = Stage::new().await;
    let options = CallOptions {
        confirmed: true,
        ..CallOptions::default()
    };
    let (mut unknown, mut wrong, mut answered) = (Vec::new(), Vec::new(), 0);
    for operation in operations() {
        stage.control("reset", json!({})).await;
        let arguments = example(operation);
        let answer = stage.client.call(operation, &arguments, &options).await;
        let calls = stage.calls().await;
        let Some((method, asked, status)) = calls.first() else {
            wrong.push(format!("{}: {answer:?}", operation.id));
            continue;
        };
        assert_eq!(
            (method.as_str(), asked),
            (operation.method.as_str(), &path(operation, &arguments))
        );
        match answer {
            Ok(answer) => {
                answered += 1;
                let lacks = operation.answer.key().filter(|key| answer.get(key).is_none());
                wrong.extend(lacks.map(|key| format!("{}: no {key} in {answer}", operation.id)));
            }
            Err(MakeError::NotFound(_)) if !is_route(&stage, operation, asked).await => {
                unknown.push(operation.id);
            }
            Err(MakeError::NotFound(_) | MakeError::Invalid(_)) => {}
            Err(error) => wrong.push(format!("{}: {status} {error}", operation.id)),
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(unknown, NOT_SERVED);
    assert!(answered > 130, "only {answered} were answered");
}

/// The mock tells what the caller is on every path that it knows.
async fn is_route(stage: &Stage, operation: &Operation, path: &str) -> bool {
    let url = format!("{}{path}", stage.mock.url());
    let method = operation.method.as_str().parse().unwrap();
    let request = stage.control.request(method, url);
    let request = request.header("authorization", format!("Token {}", stage.mock.token()));
    request.send().await.unwrap().headers().contains_key("authtype")
}

#[tokio::test]
async fn every_list_has_the_fields_that_the_catalogue_names() {
    let stage = Stage::new().await;
    let options = CallOptions {
        confirmed: true,
        ..CallOptions::default()
    };
    let mut unknown = Vec::new();
    for operation in operations() {
        use pilotage_adapters::make::client::Answer;
        let (Answer::One(_, fields) | Answer::List(_, fields)) = operation.answer else {
            continue;
        };
        stage.control("reset", json!({})).await;
        let Ok(answer) = stage.client.call(operation, &example(operation), &options).await else {
            continue;
        };
        let part = operation.part(&answer);
        let Some(one) = part.as_array().map_or(Some(part), |entries| entries.first()) else {
            continue;
        };
        let known = fields.iter().filter(|own| one.get(own.name).is_some()).count();
        if known == 0 {
            unknown.push(operation.id);
        }
        for own in fields.iter().filter(|own| !one[own.name].is_null()) {
            let value = &one[own.name];
            let fits = match own.kind {
                Kind::Integer | Kind::MaybeInteger | Kind::Number => value.is_number(),
                Kind::Text => value.is_string(),
                Kind::Flag => value.is_boolean(),
                Kind::Texts | Kind::Integers | Kind::Objects => value.is_array(),
                Kind::Object | Kind::Embedded => value.is_object(),
                Kind::Any => true,
            };
            assert!(fits, "{}: {} is {value}", operation.id, own.name);
        }
    }
    assert_eq!(unknown, Vec::<&str>::new());
}
