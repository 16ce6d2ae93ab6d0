//! A report of two gigabytes is read within a bounded memory. Its own program, since the memory of a process is measured.

use std::{
    io::{self, Read},
    sync::Arc,
};

use pilotage_runners::{reading::Bounded, reports::junit};

const TWO_GIGABYTES: u64 = 2_000_000_000;
const MOST_KIB: u64 = 256 * 1024;

/// A report of two gigabytes that is made as it is read: tests whose output is 4 MB each.
struct Report {
    sent: u64,
    part: Vec<u8>,
    left: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Read for Report {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.left.len() {
            if self.ended {
                return Ok(0);
            }
            self.ended = self.sent >= TWO_GIGABYTES;
            self.at = 0;
            self.left = if self.ended {
                b"</testsuite>".to_vec()
            } else {
                self.part.clone()
            };
        }
        let amount = out.len().min(self.left.len() - self.at);
        out[..amount].copy_from_slice(&self.left[self.at..self.at + amount]);
        self.at += amount;
        self.sent += amount as u64;
        Ok(amount)
    }
}

/// The most memory that this process ever had, in KiB (proc(5)); `None` where the system does not say.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn two_gigabytes_take_no_more_than_256_mebibytes() {
    let output = "x".repeat(4_000_000);
    let part = format!("<testcase name='a'><system-out>{output}</system-out></testcase>").into_bytes();
    let report = Report {
        sent: 0,
        part,
        left: b"<testsuite name='s'>".to_vec(),
        at: 0,
        ended: false,
    };
    let mut tests = junit::Tests::default();
    let mut input = Bounded::new(report, Arc::default());
    let read = junit::read(&mut tests, &mut input);
    assert_eq!(read, Ok(()));
    assert!(tests.cases >= 490, "{tests:?}");
    if let Some(peak) = peak_kib() {
        assert!(peak < MOST_KIB, "{peak} KiB");
    }
}
