//! The part of a job's log that one step wrote. GitHub keeps one log for a job and writes a time before every line; what
//! lies between a step's times is the step's.

use pilotage_core::{Timestamp, pipeline_run::LogPart};
use std::time::Duration;

/// Most of a job's log that is looked through for a step's lines.
pub(super) const MOST_BYTES: usize = 8 << 20;
/// GitHub tells a step's times in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// Names the part: `JOB@BEGIN..END`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) job: u64,
    begin: Timestamp,
    end: Timestamp,
}

/// The name of the part that a step wrote.
pub(super) fn name(job: u64, begin: Timestamp, end: Timestamp) -> String {
    format!("{job}@{begin}..{end}")
}

impl Slice {
    pub(super) fn parse(log: &str) -> Option<Self> {
        let (job, times) = log.split_once('@')?;
        let (begin, end) = times.split_once("..")?;
        Some(Self {
            job: job.parse().ok()?,
            begin: begin.parse().ok()?,
            end: end.parse().ok()?,
        })
    }

    /// The step's lines, without the times, from the byte `from` of them on.
    pub(super) fn cut(&self, log: &str, from: u64) -> LogPart {
        let mut is_within = false;
        let mut text = String::new();
        for line in log.lines() {
            let line = line.trim_start_matches('\u{feff}');
            let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
            // A line without a time goes on from the one before.
            let rest = match time.parse::<Timestamp>() {
                Ok(time) => {
                    is_within = self.begin <= time && time < self.end + SECOND;
                    rest
                }
                Err(_) => line,
            };
            if is_within {
                text.push_str(rest);
                text.push('\n');
            }
        }
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(text.len());
        let from = text.floor_char_boundary(from);
        LogPart {
            next: text.len() as u64,
            text: text.split_off(from),
            is_complete: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_lines_of_its_time() {
        let log = "\u{feff}2026-11-22T10:00:00.1000000Z set up\n2026-11-22T10:00:05.2000000Z run tests\n\tgoes on\n\
                   2026-11-22T10:00:06.9000000Z ##[error]1 failed\n2026-11-22T10:00:08.0000000Z clean up\n";
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let written = name(7, time("2026-11-22T10:00:05Z"), time("2026-11-22T10:00:06Z"));
        let slice = Slice::parse(&written).unwrap();
        let part = slice.cut(log, 0);
        assert_eq!(part.text, "run tests\n\tgoes on\n##[error]1 failed\n");
        assert_eq!(slice.cut(log, 10).text, "\tgoes on\n##[error]1 failed\n");
        assert_eq!(slice.cut(log, 10_000).text, "");
        for odd in ["7", "x@..", "7@a..b", ""] {
            assert_eq!(Slice::parse(odd), None, "{odd}");
        }
    }
}
