//! Kill -9 at random moments under full intake: nothing that was answered 202 is lost, nothing is left undone, and what is
//! repeated carries the same `webhook-id`.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pilotage_mock::WebhookListener;

use crate::{
    path::config,
    server::{DEADLINE, Place, Server, assert_audit_holds},
};

const CRASHES: u32 = 20;
const CONNECTIONS: usize = 6;

/// What the senders know: deliveries with the event id that they were told.
type Accepted = Arc<Mutex<HashMap<String, String>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_crashes_lose_nothing_and_leave_nothing_undone() {
    let receiver = WebhookListener::local().await.unwrap();
    let place = Place::new(&config(&receiver));
    let accepted: Accepted = Arc::default();
    let number = Arc::new(AtomicU64::new(0));
    for _ in 0..CRASHES {
        let server = Server::start(&place);
        resend_some(&server, &accepted).await;
        let (server, senders, stop) = start_senders(server, &accepted, &number);
        let before = accepted.lock().unwrap().len();
        wait_for_progress(&accepted, before).await;
        // Any moment of what happens: intake, deciding, acting, recording.
        let random = u64::try_from(uuid::Uuid::new_v4().as_u128() % 200_000).unwrap();
        tokio::time::sleep(Duration::from_micros(random)).await;
        stop.store(true, Ordering::Relaxed);
        server.signal("KILL");
        drop(server);
        for sender in senders {
            let _ = sender.await;
        }
    }
    judge(&receiver, &place, &accepted).await;
}

fn start_senders(
    server: Server,
    accepted: &Accepted,
    number: &Arc<AtomicU64>,
) -> (Arc<Server>, Vec<tokio::task::JoinHandle<()>>, Arc<AtomicBool>) {
    let (server, stop) = (Arc::new(server), Arc::new(AtomicBool::new(false)));
    let senders = (0..CONNECTIONS).map(|_| {
        let (server, stop, accepted, number) =
            (server.clone(), stop.clone(), accepted.clone(), number.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let delivery = format!("crash-{}", number.fetch_add(1, Ordering::Relaxed));
                let body = format!("{{\"after\":\"{delivery}\"}}");
                let Ok((status, answer)) = server.push(&delivery, &body).await else {
                    return;
                };
                assert_eq!(status, 202, "{answer}");
                accepted
                    .lock()
                    .unwrap()
                    .insert(delivery, answer["eventId"].as_str().unwrap().to_owned());
            }
        })
    });
    let senders = senders.collect();
    (server, senders, stop)
}

async fn wait_for_progress(accepted: &Accepted, before: usize) {
    let begun = Instant::now();
    while accepted.lock().unwrap().len() <= before {
        assert!(begun.elapsed() < DEADLINE, "no delivery is accepted");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What was accepted before the crash is known after it, under the same event id.
async fn resend_some(server: &Server, accepted: &Accepted) {
    let some: Vec<(String, String)> = accepted
        .lock()
        .unwrap()
        .iter()
        .take(5)
        .map(|(delivery, event)| (delivery.clone(), event.clone()))
        .collect();
    for (delivery, event) in some {
        let (status, answer) = server
            .push(&delivery, &format!("{{\"after\":\"{delivery}\"}}"))
            .await
            .unwrap();
        assert_eq!(
            (status, answer["eventId"].as_str()),
            (200, Some(event.as_str())),
            "{answer}"
        );
    }
}

async fn judge(receiver: &WebhookListener, place: &Place, accepted: &Accepted) {
    let server = Server::start(place);
    server.settled().await;
    let logged = all_events(&server).await;
    let accepted = accepted.lock().unwrap().clone();
    for (delivery, event) in &accepted {
        assert_eq!(logged.get(delivery), Some(event), "{delivery} was answered 202");
    }
    // A delivery that was stored while its answer was lost is in the log as well: it too must have been acted on.
    let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
    for arrived in receiver.arrivals() {
        ids.entry(arrived.json()["delivery"].as_str().unwrap().to_owned())
            .or_default()
            .insert(arrived.webhook_id().to_owned());
    }
    for delivery in logged.keys() {
        assert_eq!(
            ids.get(delivery).map(HashSet::len),
            Some(1),
            "{delivery}: one message, however often it was sent"
        );
    }
    assert_eq!(ids.len(), logged.len(), "no effect without an event");
    let stats = server.get("/api/v1/stats").await;
    assert_eq!(
        stats["totals"]["succeeded"].as_u64(),
        Some(logged.len() as u64),
        "{stats}"
    );
    assert!(server.stop().success());
    assert_audit_holds(place);
    let (sent, repeated) = (
        receiver.arrivals().len(),
        receiver.arrivals().len() - logged.len(),
    );
    #[expect(
        clippy::print_stdout,
        reason = "the figures are what a reader of the log wants to see"
    )]
    {
        println!(
            "{CRASHES} crashes: {} accepted, {} logged, {sent} effects, {repeated} repeated with equal webhook-id",
            accepted.len(),
            logged.len()
        );
    }
}

async fn all_events(server: &Server) -> HashMap<String, String> {
    let mut logged = HashMap::new();
    let mut after = String::new();
    loop {
        let page = server.get(&format!("/api/v1/events?limit=500{after}")).await;
        for item in page["items"].as_array().unwrap() {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            let earlier = logged.insert(text("deliveryId"), text("id"));
            assert_eq!(earlier, None, "{} is in the log twice", text("deliveryId"));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return logged,
        }
    }
}
