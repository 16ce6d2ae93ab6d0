//! Memory and processor time of the process under load, with its children, from `/proc` (Linux; see proc(5)).

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use super::plan::count;

/// `USER_HZ` is 100 on every architecture that Rust supports on Linux.
const TICKS_PER_SECOND: f64 = 100.0;
/// Between two looks.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// Looks that are kept: the rest of a longer run is left out of the slope alone.
const MOST_LOOKS: usize = 100_000;

/// What was seen of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Watched {
    /// Resident at the beginning, in bytes.
    pub memory_start: u64,
    /// The most that was seen resident at once.
    pub memory_peak: u64,
    /// Resident at the end.
    pub memory_end: u64,
    /// Bytes per second by which it grew over the last half.
    pub growth: f64,
    /// Processors that were busy with it, on average.
    pub cores: f64,
}

/// Looks at a process again and again.
#[derive(Debug)]
pub struct Watcher {
    pid: u32,
    began: Instant,
    ticks: u64,
    looks: Vec<(f64, u64)>,
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// There is no such process, or no `/proc` to see it in.
    pub fn new(pid: u32) -> Result<Self, String> {
        let (memory, ticks) = tree(pid).ok_or_else(|| {
            format!("the process {pid} cannot be watched: it is not there, or this system has no /proc")
        })?;
        Ok(Self {
            pid,
            began: Instant::now(),
            ticks,
            looks: vec![(0.0, memory)],
        })
    }

    /// Looks once.
    pub fn look(&mut self) {
        if let Some((memory, _)) = tree(self.pid)
            && self.looks.len() < MOST_LOOKS
        {
            self.looks.push((self.began.elapsed().as_secs_f64(), memory));
        }
    }

    /// Looks until it is dropped.
    pub async fn keep_looking(&mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.look();
        }
    }

    /// What was seen; nothing where the process has gone.
    pub fn seen(&self) -> Option<Watched> {
        let (_, ticks) = tree(self.pid)?;
        let memory = |look: Option<&(f64, u64)>| look.map_or(0, |(_, memory)| *memory);
        let half = &self.looks[self.looks.len() / 2..];
        Some(Watched {
            memory_start: memory(self.looks.first()),
            memory_peak: self.looks.iter().map(|(_, memory)| *memory).max().unwrap_or(0),
            memory_end: memory(self.looks.last()),
            growth: slope(half),
            cores: count(ticks.saturating_sub(self.ticks))
                / TICKS_PER_SECOND
                / self.began.elapsed().as_secs_f64().max(f64::MIN_POSITIVE),
        })
    }
}

/// By least squares.
fn slope(looks: &[(f64, u64)]) -> f64 {
    let many = count(u64::try_from(looks.len()).unwrap_or(0));
    if many < 2.0 {
        return 0.0;
    }
    let mean_time = looks.iter().map(|(time, _)| time).sum::<f64>() / many;
    let mean_memory = looks.iter().map(|(_, memory)| count(*memory)).sum::<f64>() / many;
    let (mut above, mut below) = (0.0, 0.0);
    for (time, memory) in looks {
        above += (time - mean_time) * (count(*memory) - mean_memory);
        below += (time - mean_time).powi(2);
    }
    if below == 0.0 { 0.0 } else { above / below }
}

/// Resident bytes and processor ticks of a process and all its descendants.
fn tree(root: u32) -> Option<(u64, u64)> {
    let all = processes();
    let (_, mut ticks) = *all.get(&root)?;
    let mut memory = resident(root)?;
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        for (pid, (of, used)) in &all {
            if *of == parent && !found.contains(pid) {
                found.push(*pid);
                ticks += used;
                memory += resident(*pid).unwrap_or(0);
            }
        }
    }
    Some((memory, ticks))
}

/// Resident bytes of a process alone.
fn resident(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

/// Every process with its parent and ticks.
fn processes() -> BTreeMap<u32, (u32, u64)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stat = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may hold anything; the state is the first field after it.
        let (_, fields) = text.rsplit_once(") ")?;
        let field = |index: usize| fields.split(' ').nth(index)?.trim().parse::<u64>().ok();
        let (parent, user, system) = (field(1)?, field(11)?, field(12)?);
        Some((u32::try_from(parent).ok()?, user + system))
    };
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, stat(pid)?))
        })
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_with_its_memory() {
        let mut watcher = Watcher::new(std::process::id()).unwrap();
        watcher.look();
        let seen = watcher.seen().unwrap();
        assert!(seen.memory_peak > 100_000 && seen.memory_peak >= seen.memory_end);
        assert!(Watcher::new(u32::MAX).is_err());
    }

    #[test]
    fn growth_is_told_from_noise() {
        let steady: Vec<_> = (0..100_u32)
            .map(|at| (f64::from(at), 1_000 + u64::from(at % 2)))
            .collect();
        assert!(slope(&steady).abs() < 0.1);
        let growing: Vec<_> = (0..100_u32)
            .map(|at| (f64::from(at), 1_000 + 50 * u64::from(at)))
            .collect();
        assert!((slope(&growing) - 50.0).abs() < 1e-6);
    }
}
