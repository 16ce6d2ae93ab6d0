//! What the kernel says about a process: processor time and memory, from `/proc` (Linux; see proc(5)).

use std::{fs, time::Duration};

use anyhow::{Context as _, bail};

/// Length of one tick of `utime` and `stime`: `USER_HZ` is 100 on every architecture that Rust supports on Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time that a process, its threads and the children that it waited for have used; steps of 10 ms.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The name, in brackets, may hold anything; the state is the first field after it.
    let (_, fields) = text
        .rsplit_once(") ")
        .with_context(|| format!("{path} has no name"))?;
    let times: Vec<u32> = fields
        .split(' ')
        .skip(11)
        .take(4)
        .map_while(|field| field.parse().ok())
        .collect();
    if times.len() != 4 {
        bail!("{path} has no times: {fields}");
    }
    Ok(TICK * times.iter().sum())
}

/// Memory of a process in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now.
    pub resident_kib: u64,
    /// The most that was ever resident.
    pub peak_kib: u64,
}

/// Memory of a process.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let field = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse().ok());
        number.with_context(|| format!("{path} has no {name}"))
    };
    Ok(Memory {
        resident_kib: field("VmRSS")?,
        peak_kib: field("VmHWM")?,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_this_process() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.resident_kib > 0 && memory.peak_kib >= memory.resident_kib);
        assert!(cpu(std::process::id()).is_ok());
        assert!(cpu(u32::MAX).is_err());
    }
}
