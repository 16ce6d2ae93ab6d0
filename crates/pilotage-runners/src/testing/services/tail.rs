//! The last that a service wrote, for whom it fails; and whether it has written what shows that it is ready.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::watch,
    time::timeout,
};

/// What is kept of what a service writes, in bytes.
const MOST_BYTES: usize = 64 << 10;
/// Lines that are shown.
const SHOWN: usize = 20;

/// How long the last words of a service that ended may take to arrive; somebody else may hold its pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a service wrote last.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    kept: Arc<Mutex<Kept>>,
    /// How many pipes are open.
    pipes: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    sought: Option<String>,
    is_found: bool,
}

impl Tail {
    /// Looks out for a text.
    pub(super) fn seeking(text: Option<String>) -> Self {
        Self {
            kept: Arc::new(Mutex::new(Kept {
                sought: text,
                ..Kept::default()
            })),
            pipes: watch::Sender::new(0),
        }
    }

    /// Follows a pipe until it is closed, in a task of its own.
    pub(super) fn follow(&self, from: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let Some(mut from) = from else { return };
        let own = self.clone();
        own.pipes.send_modify(|open| *open += 1);
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 << 10];
            while let Ok(length @ 1..) = from.read(&mut buffer).await {
                own.add(buffer.get(..length).unwrap_or_default());
            }
            own.pipes.send_modify(|open| *open -= 1);
        });
    }

    /// Waits until everything that was written has arrived.
    pub(super) async fn arrived(&self) {
        let mut pipes = self.pipes.subscribe();
        // What has not arrived by then is missing in what people are shown, and nowhere else.
        let _ = timeout(LAST_WORDS, pipes.wait_for(|open| *open == 0)).await;
    }

    /// Takes what was written.
    pub(super) fn add(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes.extend_from_slice(bytes);
        let found = kept
            .sought
            .as_ref()
            .is_some_and(|text| String::from_utf8_lossy(&kept.bytes).contains(text.as_str()));
        kept.is_found |= found;
        if kept.is_found {
            kept.sought = None;
        }
        let over = kept.bytes.len().saturating_sub(MOST_BYTES);
        kept.bytes.drain(..over);
    }

    /// Whether the text was there.
    pub(super) fn is_found(&self) -> bool {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).is_found
    }

    /// The last lines, for people.
    pub(super) fn shown(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let end = crate::testing::end_of(&kept.bytes, SHOWN);
        if end.is_empty() {
            "it wrote nothing".to_owned()
        } else {
            format!("the last that it wrote:\n{end}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_a_text_is_found_across_pieces() {
        let tail = Tail::seeking(Some("ready to go".to_owned()));
        tail.add(b"begins\nready ");
        assert!(!tail.is_found());
        tail.add(b"to go\n");
        assert!(tail.is_found());
        tail.add(&vec![b'x'; MOST_BYTES]);
        tail.add(b"\nlast words\n");
        assert!(tail.is_found());
        assert!(tail.shown().ends_with("last words"));
        assert!(tail.kept.lock().unwrap().bytes.len() <= MOST_BYTES);
    }
}
