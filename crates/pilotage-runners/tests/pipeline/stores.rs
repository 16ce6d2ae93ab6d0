//! The cache that machines share, over HTTP and as S3 speaks it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use pilotage_runners::pipeline::State;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::Checkout;

const ONE: &str = r#"
on: {push: {}}
jobs:
  build:
    inputs: {files: [src]}
    outputs: [out]
    steps: [{run: "mkdir -p out; cat src/* > out/all; echo built"}]
"#;

/// Keeps what is put, by path.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Respond for Kept {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path().to_owned();
        let mut kept = self.0.lock().unwrap();
        match request.method.as_str() {
            "PUT" => {
                kept.insert(path, request.body.clone());
                ResponseTemplate::new(200).insert_header("etag", "\"1\"")
            }
            "GET" => match kept.get(&path) {
                Some(bytes) => ResponseTemplate::new(200)
                    .insert_header("etag", "\"1\"")
                    .insert_header("last-modified", "Mon, 02 Nov 2026 10:00:00 GMT")
                    .set_body_bytes(bytes.clone()),
                None => ResponseTemplate::new(404),
            },
            _ => ResponseTemplate::new(405),
        }
    }
}

fn checkout(shared: &str, server: &str) -> Checkout {
    // A second installation is refused, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut checkout = Checkout::new();
    checkout.write("src/a", "a\n");
    checkout.shared = Some(shared.to_owned());
    let aws = [
        ("AWS_ENDPOINT", server),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test-test"),
    ];
    for (name, value) in aws {
        checkout.set(name, value);
    }
    checkout
}

#[tokio::test]
async fn servers_and_buckets_are_shared() {
    let server = MockServer::start().await;
    let kept = Kept::default();
    Mock::given(any()).respond_with(kept.clone()).mount(&server).await;
    for shared in [format!("{}/cache", server.uri()), "s3://bucket/ci".to_owned()] {
        let came = checkout(&shared, &server.uri()).run(ONE).await;
        assert!(came.notes.is_empty(), "{shared}: {:?}", came.notes);
        let mut there = checkout(&shared, &server.uri());
        there.run(ONE).await.expect(&[("build", State::Succeeded, true)]);
        assert_eq!(there.read("out/all"), "a\n", "{shared}");
    }
    let paths: Vec<String> = kept.0.lock().unwrap().keys().cloned().collect();
    assert!(
        paths[0].starts_with("/bucket/ci/") && paths[1].starts_with("/cache/"),
        "{paths:?}"
    );
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_a_warning_and_a_miss() {
    let broken = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(500))
        .mount(&broken)
        .await;
    // Nothing listens on the discard port of loopback.
    for shared in ["http://127.0.0.1:9/cache", &broken.uri(), "s3://bucket/ci"] {
        let mut checkout = checkout(shared, "http://127.0.0.1:9");
        let came = checkout.run(ONE).await;
        came.expect(&[("build", State::Succeeded, false)]);
        let warnings = came
            .notes
            .iter()
            .filter(|note| note.contains("The shared cache is left out"));
        assert_eq!(warnings.count(), 1, "{shared}: {:?}", came.notes);
        // What is kept here is used all the same.
        checkout
            .run(ONE)
            .await
            .expect(&[("build", State::Succeeded, true)]);
    }
}
