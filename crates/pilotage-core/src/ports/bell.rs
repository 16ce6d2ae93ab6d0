use async_trait::async_trait;

/// What there is news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// Events were appended.
    Events,
    /// Executions became pending or were asked to cancel.
    Executions,
    /// Audit records were written.
    Audit,
    /// Operations changed.
    Operations,
}

/// A wake-up hint that may be lost; polling is what is right. Register before looking:
/// `let rung = bell.listen(..); look().await; rung.wait().await`.
pub trait Bell: Send + Sync {
    /// Registers now; the returned listener notices every ring from this moment on.
    fn listen(&self, news: News) -> Box<dyn Listener>;

    /// Wakes every listener of `news`.
    fn ring(&self, news: News);
}

/// Somebody who waits for a bell.
#[async_trait]
pub trait Listener: Send {
    /// Returns once the bell has rung since the registration or since the last wait.
    async fn wait(&mut self);
}
