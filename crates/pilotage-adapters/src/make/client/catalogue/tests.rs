use std::collections::BTreeSet;

use super::*;
use crate::make::client::{Answer, Kind, Paging, Place};

#[test]
fn every_operation_is_whole() {
    let mut ids = BTreeSet::new();
    for operation in operations() {
        let id = operation.id;
        assert!(ids.insert(id), "{id} is there twice");
        let is_kebab = id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(is_kebab && id.len() <= 64, "{id}");
        assert!(
            operation.description.ends_with('.'),
            "{id}: {}",
            operation.description
        );
        let in_path: BTreeSet<&str> = operation.path.split(['{', '}']).skip(1).step_by(2).collect();
        let named = operation.parameters.iter().filter(|own| own.place == Place::Path);
        assert_eq!(in_path, named.map(|own| own.name).collect(), "{id}");
        let arguments: BTreeSet<&str> = operation.arguments().map(|own| own.name).collect();
        assert_eq!(
            arguments.len(),
            operation.arguments().count(),
            "{id} has an argument twice"
        );
        let has_list = matches!(operation.answer, Answer::List(..));
        assert!(
            has_list || operation.paging == Paging::None,
            "{id} has pages of no list"
        );
    }
    assert!(ids.len() > 230, "{}", ids.len());
}

#[test]
fn every_argument_is_described_and_required_ones_have_an_example() {
    for operation in operations() {
        for own in operation.arguments() {
            let what = format!("{}.{}", operation.id, own.name);
            assert!(own.description.ends_with('.'), "{what}: {}", own.description);
            assert!(!own.required || !own.example.is_empty(), "{what} has no example");
            if !own.example.is_empty() {
                serde_json::from_str::<serde_json::Value>(own.example).expect(&what);
            }
            // What Make would take for "empty the interface" cannot be sent at all.
            assert!(own.wire != "metadata", "{what}");
            assert!(own.kind != Kind::Embedded || own.place == Place::Body, "{what}");
        }
    }
}

#[test]
fn what_takes_credentials_is_marked() {
    let secret: Vec<String> = operations()
        .flat_map(|operation| operation.parameters.iter().map(move |own| (operation, own)))
        .filter(|(_, own)| own.secret)
        .map(|(operation, own)| format!("{}.{}", operation.id, own.name))
        .collect();
    for expected in [
        "create-connection.data",
        "set-connection-data.data",
        "create-key.parameters",
        "update-key.parameters",
    ] {
        assert!(secret.iter().any(|own| own == expected), "{expected} is shown");
    }
}
