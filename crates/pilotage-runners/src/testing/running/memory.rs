//! Memory that runners take up, as far as their suites say how much.

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// What there is where nobody says and the system does not tell either, in MB.
const UNKNOWN_MB: u32 = 1 << 24;

/// Memory in MB, handed out and taken back.
#[derive(Debug)]
pub(super) struct Memory {
    whole: u32,
    left: Semaphore,
}

impl Memory {
    /// So much, or what is free now.
    pub(super) fn new(whole: Option<u32>) -> Self {
        let whole = whole.or_else(free).unwrap_or(UNKNOWN_MB).max(1);
        let left = Semaphore::new(usize::try_from(whole).unwrap_or(Semaphore::MAX_PERMITS));
        Self { whole, left }
    }

    /// Waits until so much is left. Who needs more than there is gets all of it, and runs alone among those that say what they need.
    pub(super) async fn take(&self, wanted: Option<u32>) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.left.acquire_many(wanted.unwrap_or(0).min(self.whole)).await
    }
}

/// What the system could give without swapping (proc(5), `meminfo`).
fn free() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    available(&text)
}

fn available(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    u32::try_from(kib >> 10).ok().map(|mb| mb.min(UNKNOWN_MB))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn no_more_is_handed_out_than_there_is() {
        let memory = Memory::new(Some(1000));
        let first = memory.take(Some(600)).await.unwrap();
        assert!(memory.take(Some(600)).now_or_never().is_none());
        let small = memory.take(Some(400)).await.unwrap();
        let _none = memory.take(None).await.unwrap();
        assert!(memory.take(Some(9000)).now_or_never().is_none());
        drop((first, small));
        assert!(
            memory.take(Some(9000)).now_or_never().is_some(),
            "alone it has all of it"
        );
    }

    #[test]
    fn what_is_free_is_read_as_linux_writes_it() {
        let text = "MemTotal:       24683588 kB\nMemAvailable:   16156000 kB\n";
        assert_eq!(available(text), Some(15_777));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
        assert_eq!(available("MemAvailable: much\n"), None);
    }
}
