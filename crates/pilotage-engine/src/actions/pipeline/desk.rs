//! What is known of runs that this process has started, whatever configuration is in force.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pilotage_core::ports::{Bell, News};

/// Most runs that are remembered; the oldest go first.
const MOST_RUNS: usize = 10_000;
/// Events that come more often than this wake nobody up.
const SHORTEST_PAUSE: Duration = Duration::from_secs(3);

/// Runs by the keys of their starts, and the bell that rings when a webhook came.
#[derive(Default)]
pub struct PipelineDesk {
    started: Mutex<VecDeque<Started>>,
    bell: Option<Arc<dyn Bell>>,
}

struct Started {
    platform: String,
    key: String,
    run: String,
}

impl fmt::Debug for PipelineDesk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PipelineDesk").finish_non_exhaustive()
    }
}

impl PipelineDesk {
    /// A desk that hears of events by this bell.
    pub fn new(bell: Arc<dyn Bell>) -> Self {
        Self {
            bell: Some(bell),
            ..Self::default()
        }
    }

    pub(super) fn run_of(&self, platform: &str, key: &str) -> Option<String> {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let known = started
            .iter()
            .rev()
            .find(|one| one.platform == platform && one.key == key);
        known.map(|one| one.run.clone())
    }

    pub(super) fn remember(&self, platform: &str, key: &str, run: &str) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain(|one| one.platform != platform || one.key != key);
        if started.len() >= MOST_RUNS {
            started.pop_front();
        }
        started.push_back(Started {
            platform: platform.to_owned(),
            key: key.to_owned(),
            run: run.to_owned(),
        });
    }

    /// The run goes by another id now.
    pub(super) fn renew(&self, key: &str, run: &str) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        for one in started.iter_mut().filter(|one| one.key == key) {
            run.clone_into(&mut one.run);
        }
    }

    /// Waits so long, or less if an event came in meanwhile.
    pub(super) async fn wait(&self, pause: Duration) {
        let Some(bell) = self.bell.as_ref().filter(|_| pause > SHORTEST_PAUSE) else {
            return tokio::time::sleep(pause).await;
        };
        let mut news = bell.listen(News::Events);
        tokio::time::sleep(SHORTEST_PAUSE).await;
        // What it misses, the pause makes up for.
        let _ = tokio::time::timeout(pause.saturating_sub(SHORTEST_PAUSE), news.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_known_by_platform_and_key() {
        let desk = PipelineDesk::default();
        desk.remember("github", "a", "1");
        desk.remember("github", "b", "2");
        desk.remember("github", "a", "3");
        assert_eq!(desk.run_of("github", "a").as_deref(), Some("3"));
        assert_eq!(desk.run_of("gitlab", "a"), None);
        desk.renew("b", "4");
        assert_eq!(desk.run_of("github", "b").as_deref(), Some("4"));
        assert_eq!(desk.started.lock().unwrap().len(), 2);
    }
}
