//! The memory of a listener: bounded, in order.

use std::{collections::VecDeque, sync::Arc};

use super::Arrival;

/// Bodies and headers of all arrivals that are remembered take no more than this, in bytes.
const MOST_BYTES: usize = 64 << 20;

/// What arrived.
pub(super) struct Log {
    arrivals: VecDeque<Arc<Arrival>>,
    most: usize,
    bytes: usize,
    latest: u64,
}

impl Log {
    pub(super) fn new(most: usize) -> Self {
        Self {
            arrivals: VecDeque::new(),
            most: most.max(1),
            bytes: 0,
            latest: 0,
        }
    }

    /// Remembers an arrival under the next number, and answers that. The oldest are forgotten for it; the latest never.
    pub(super) fn add(&mut self, mut arrival: Arrival) -> u64 {
        self.latest += 1;
        arrival.number = self.latest;
        self.bytes += size(&arrival);
        self.arrivals.push_back(Arc::new(arrival));
        while self.arrivals.len() > self.most || (self.bytes > MOST_BYTES && self.arrivals.len() > 1) {
            let forgotten = self.arrivals.pop_front();
            self.bytes -= forgotten.map_or(0, |arrival| size(&arrival));
        }
        self.latest
    }

    pub(super) fn after(&self, number: u64) -> Vec<Arc<Arrival>> {
        let later = self.arrivals.partition_point(|arrival| arrival.number <= number);
        self.arrivals.range(later..).cloned().collect()
    }
}

fn size(arrival: &Arrival) -> usize {
    let headers = arrival.headers.iter();
    let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
    arrival.body.len() + arrival.target.len() + headers
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use pilotage_core::{Digest, Timestamp};

    use super::*;
    use crate::Verdict;

    fn arrival(bytes: usize) -> Arrival {
        Arrival {
            number: 0,
            at: Timestamp::from_secs(0),
            endpoint: None,
            method: "POST".to_owned(),
            target: String::new(),
            headers: Vec::new(),
            body: Bytes::from(vec![0; bytes]),
            digest: Digest::ZERO,
            verdict: Verdict::Unchecked,
            status: 200,
        }
    }

    fn numbers(log: &Log, after: u64) -> Vec<u64> {
        log.after(after).iter().map(|arrival| arrival.number).collect()
    }

    #[test]
    fn the_oldest_are_forgotten_by_count_and_by_bytes() {
        let mut log = Log::new(3);
        for _ in 0..5 {
            log.add(arrival(1));
        }
        assert_eq!(numbers(&log, 0), [3, 4, 5]);
        assert_eq!(numbers(&log, 4), [5]);
        assert_eq!(numbers(&log, 5), [0; 0]);
        log.add(arrival(MOST_BYTES));
        assert_eq!(numbers(&log, 0), [6]);
        log.add(arrival(MOST_BYTES + 1));
        assert_eq!(numbers(&log, 0), [7], "the latest is there, however long it is");
        log.add(arrival(1));
        assert_eq!((numbers(&log, 0), log.bytes), (vec![8], 1));
    }
}
