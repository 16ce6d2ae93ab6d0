//! The least that a server can do for subscribers: one write of a ready piece to each, ten times a second.
//!
//! `writes ADDRESS`: whoever asks for anything but `/ready` is a subscriber. There are no filters, nothing is encoded for one
//! subscriber alone, and nobody is looked after: what is left is what the kernel takes for sending.

use std::{
    env,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use pilotage_core::Timestamp;

/// Between two pieces, as the door of Pilotage has it.
const PAUSE: Duration = Duration::from_millis(100);
/// What is answered before the first piece; the load generator waits for the snapshot.
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: snapshot\ndata: {}\n\n";

type Subscribers = Arc<Mutex<Vec<TcpStream>>>;

fn main() -> anyhow::Result<()> {
    let address: SocketAddr = env::args().nth(1).context("usage: writes ADDRESS")?.parse()?;
    let listener = TcpListener::bind(address)?;
    let subscribers = Subscribers::default();
    let served = Arc::clone(&subscribers);
    thread::spawn(move || serve(&served));
    for stream in listener.incoming() {
        // One that breaks before it is heard is nobody's subscriber.
        let _ = stream.and_then(|stream| admit(stream, &subscribers));
    }
    Ok(())
}

fn admit(mut stream: TcpStream, subscribers: &Subscribers) -> std::io::Result<()> {
    let mut head = [0; 1_024];
    let length = stream.read(&mut head)?;
    if head.get(..length).unwrap_or_default().starts_with(b"GET /ready ") {
        return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready");
    }
    stream.write_all(HEAD.as_bytes())?;
    stream.set_nonblocking(true)?;
    let mut subscribers = subscribers.lock().unwrap_or_else(PoisonError::into_inner);
    subscribers.push(stream);
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, which has nothing else to do"
)]
fn serve(subscribers: &Subscribers) {
    loop {
        let began = Instant::now();
        let piece = piece(Timestamp::now());
        for stream in subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter_mut()
        {
            // A full buffer or a reader that has gone costs a call as well.
            let _ = stream.write(piece.as_bytes());
        }
        thread::sleep(PAUSE.saturating_sub(began.elapsed()));
    }
}

/// An update as long as those of Pilotage.
fn piece(now: Timestamp) -> String {
    let update = format!(
        r#"{{"id":"00000000-0000-0000-0000-000000000007","type":"execution","status":"running","progress":{{"current":1,"total":3,"percentage":33}},"message":"action 2 of 3: webhook, attempt 1","timestamp":"{now}","metadata":{{"createdAt":"{now}","deliveryId":"00000000-0000-0000-0000-000000000007","eventId":"55555555-5555-5555-5555-555555555555","eventType":"push","finishedAt":null,"name":"rule-7","rule":"rule-7","source":"github","tenant":"default"}}}}"#
    );
    format!("event: updates\nid: 7\ndata: {{\"updates\":[{update}],\"timestamp\":\"{now}\"}}\n\n")
}
