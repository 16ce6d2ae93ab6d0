//! The unmodified `socket.io-client` of npm, over both transports.

use serde_json::{Value, json};

use crate::{
    config, free_address,
    node::{Client, modules},
    receiver,
    server::{Place, Server},
};

const TRANSPORTS: [&str; 3] = ["websocket", "polling", "polling,websocket"];

/// The statuses of an update for each delivery in `data`, in order.
fn statuses<'a>(data: &'a Value, delivery: &str) -> Vec<&'a str> {
    let updates = data["updates"].as_array().unwrap().iter();
    let of_delivery = updates.filter(|update| update["metadata"]["deliveryId"] == delivery);
    of_delivery
        .map(|update| update["status"].as_str().unwrap())
        .collect()
}

fn has(data: &Value, delivery: &str, status: &str) -> bool {
    statuses(data, delivery).contains(&status)
}

fn filter(field: &str, operator: &str, value: &str) -> Value {
    json!({ "filters": [{ "field": field, "operator": operator, "value": value }] })
}

/// Filters that do not hold are answered by an error.
fn refuses_bad_filters(client: &mut Client) {
    for (bad, part) in [
        (filter("status", "like", "x"), "`like` is no operator"),
        (filter("status", "regex", "(a+)+$"), "repeats a repetition"),
        (filter("status", "regex", "("), "unclosed group"),
        (json!({ "filters": "all" }), "filters are a list"),
        (json!([]), "`update:filters` takes"),
    ] {
        client.emit("update:filters", &bad);
        let error = client.until("status:error", |_| true);
        assert!(
            error["message"].as_str().unwrap().contains(part),
            "{bad}: {error}"
        );
        assert_eq!(error["event"], "update:filters");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_subscribes_changes_its_filters_and_leaves() {
    let Some(modules) = modules() else { return };
    let receiver = receiver().await;
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    for (number, transports) in TRANSPORTS.into_iter().enumerate() {
        let delivery = |what: &str| format!("{number}-{what}");
        let mut client = Client::start(&modules, &server.url, transports);
        client.until("connect", |_| true);

        client.emit("subscribe:status", &json!({ "filters": [] }));
        let batch = client.until("status:batch", |_| true);
        let subscription = batch["subscriptionId"].as_str().unwrap().to_owned();
        assert!(
            batch["timestamp"].is_string() && batch["updates"].is_array(),
            "{batch}"
        );
        let ack = client.until("ack", |_| true);
        assert_eq!(ack, json!({ "ok": true, "subscriptionId": subscription }));
        if transports.starts_with("polling,") {
            // The upgrade happens beside all this.
            while client.transport() != "websocket" {}
        } else {
            assert_eq!(client.transport(), transports);
        }

        server.push(&delivery("first"), "{}").await.unwrap();
        let updates = client.until("status:updates", |data| has(data, &delivery("first"), "success"));
        assert_eq!(updates["subscriptionId"], subscription);
        for key in [
            "id",
            "type",
            "status",
            "progress",
            "message",
            "timestamp",
            "metadata",
        ] {
            assert!(updates["updates"][0].get(key).is_some(), "{key}: {updates}");
        }

        client.emit(
            "update:filters",
            &filter("deliveryId", "contains", &delivery("second")),
        );
        let batch = client.until("status:batch", |_| true);
        assert_eq!(
            (&batch["subscriptionId"], &batch["updates"]),
            (&json!(subscription), &json!([]))
        );

        refuses_bad_filters(&mut client);
        // What was refused has changed nothing: the filters are still those before.
        server.push(&delivery("hidden"), "{}").await.unwrap();
        server.settled().await;
        server.push(&delivery("second"), "{}").await.unwrap();
        client.until("status:updates", |data| {
            assert_eq!(statuses(data, &delivery("hidden")), [""; 0]);
            has(data, &delivery("second"), "success")
        });

        client.disconnect();
        client.until("disconnect", |_| true);
        server.push(&delivery("second-after"), "{}").await.unwrap();
        server.settled().await;
        assert_eq!(client.rest(), [Value::Null; 0], "nothing after the disconnect");
    }
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reconnects_has_the_last_state() {
    let Some(modules) = modules() else { return };
    let receiver = receiver().await;
    let place = Place::new(&config(&receiver));
    let address = free_address();
    let mut server = Server::start_at(&place, &address);
    for (number, transports) in TRANSPORTS.into_iter().enumerate() {
        let (before, after) = (format!("{number}-before"), format!("{number}-after"));
        let mut client = Client::start(&modules, &server.url, transports);
        client.until("connect", |_| true);
        client.emit("subscribe:status", &json!({}));
        client.until("status:batch", |_| true);
        server.push(&before, "{}").await.unwrap();
        server.settled().await;
        server.signal("KILL");
        client.until("disconnect", |_| true);
        drop(server);
        server = Server::start_at(&place, &address);
        client.until("connect", |_| true);
        let batch = client.until("status:batch", |_| true);
        assert_eq!(statuses(&batch, &before), ["success"], "{batch}");
        server.push(&after, "{}").await.unwrap();
        client.until("status:updates", |data| has(data, &after, "success"));
    }
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_clients() {
    let Some(modules) = modules() else { return };
    let receiver = receiver().await;
    let place = Place::new(&config(&receiver));
    let server = Server::start(&place);
    let mut clients: Vec<Client> = TRANSPORTS
        .into_iter()
        .map(|transports| Client::start(&modules, &server.url, transports))
        .collect();
    for client in &mut clients {
        client.until("connect", |_| true);
        client.emit("subscribe:status", &json!({}));
        client.until("status:batch", |_| true);
    }
    assert!(server.stop().success());
    for client in &mut clients {
        client.until("disconnect", |_| true);
    }
}
