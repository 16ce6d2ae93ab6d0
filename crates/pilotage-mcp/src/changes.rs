//! What has changed, for clients that asked to be told.

use tokio::sync::broadcast;

/// Changes that a client may be behind; one that is further behind is told that everything may have changed.
const MOST_PENDING: usize = 1024;

/// Where changes are told and heard.
#[derive(Clone, Debug)]
pub struct Changes(broadcast::Sender<Change>);

/// Something that a client may have asked to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What is at this address is not what it was.
    Resource(String),
    /// There are other resources.
    Resources,
    /// There are other tools.
    Tools,
    /// There are other prompts.
    Prompts,
}

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::Sender::new(MOST_PENDING))
    }
}

impl Changes {
    /// Tells everybody who listens; nobody may.
    pub fn tell(&self, change: Change) {
        let _ = self.0.send(change);
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Hears everything from now on.
    pub fn listen(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
