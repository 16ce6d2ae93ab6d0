//! The bell of one process.

use async_trait::async_trait;
use pilotage_core::ports::{Bell, Listener, News};
use tokio::sync::watch;

/// Wakes the loops of this process. Rings from other processes on the same file are not heard, which is why every
/// listener also polls.
#[derive(Debug, Default)]
pub struct LocalBell {
    events: watch::Sender<()>,
    executions: watch::Sender<()>,
    audit: watch::Sender<()>,
    operations: watch::Sender<()>,
}

impl LocalBell {
    /// A bell that has never rung.
    pub fn new() -> Self {
        Self::default()
    }

    fn of(&self, news: News) -> &watch::Sender<()> {
        match news {
            News::Events => &self.events,
            News::Executions => &self.executions,
            News::Audit => &self.audit,
            News::Operations => &self.operations,
        }
    }
}

impl Bell for LocalBell {
    fn listen(&self, news: News) -> Box<dyn Listener> {
        Box::new(LocalListener(self.of(news).subscribe()))
    }

    fn ring(&self, news: News) {
        self.of(news).send_replace(());
    }
}

struct LocalListener(watch::Receiver<()>);

#[async_trait]
impl Listener for LocalListener {
    async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            // The bell is gone and will not ring again; returning would make a loop spin.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use super::*;

    async fn is_ready(listener: &mut dyn Listener) -> bool {
        let mut wait = pin!(listener.wait());
        std::future::poll_fn(|context| Poll::Ready(wait.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test]
    async fn a_ring_between_registration_and_wait_is_noticed_once() {
        let bell = LocalBell::new();
        bell.ring(News::Events);
        let mut listener = bell.listen(News::Events);
        assert!(
            !is_ready(&mut *listener).await,
            "rings before the registration do not count"
        );
        bell.ring(News::Events);
        bell.ring(News::Events);
        assert!(is_ready(&mut *listener).await);
        assert!(!is_ready(&mut *listener).await);
        bell.ring(News::Audit);
        assert!(
            !is_ready(&mut *listener).await,
            "other news does not wake this listener"
        );
    }

    #[tokio::test]
    async fn a_listener_outlives_its_bell_without_spinning() {
        let bell = LocalBell::new();
        let mut listener = bell.listen(News::Executions);
        drop(bell);
        assert!(!is_ready(&mut *listener).await);
    }
}
