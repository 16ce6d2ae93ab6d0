//! Token buckets, each in one number: the generic cell rate algorithm (ITU-T I.371) keeps the moment at which the bucket
//! would be full again instead of a count and a time.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Addresses remembered at once, over all shards.
const MOST_ADDRESSES: usize = 16_384;
/// Locks among which the addresses are divided.
const SHARDS: usize = 16;

/// How many deliveries are taken. A zero counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// In the long run, per second.
    pub per_second: u32,
    /// At once after a pause.
    pub burst: u32,
}

/// Nanoseconds since the first question.
pub(crate) fn now() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Limit {
    /// Takes one from a bucket that would be full again at `full_at`: the bucket's new moment, or how long to wait.
    fn take(self, full_at: u64, now: u64) -> Result<u64, Duration> {
        let interval = 1_000_000_000 / u64::from(self.per_second.max(1));
        let tolerance = interval * u64::from(self.burst.max(1) - 1);
        let full_at = full_at.max(now);
        match (full_at - now).checked_sub(tolerance) {
            None | Some(0) => Ok(full_at.saturating_add(interval)),
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }
}

/// One bucket that many may take from at once.
#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    /// Takes one, or says how long to wait.
    pub(crate) fn take(&self, limit: Limit, now: u64) -> Result<(), Duration> {
        let mut full_at = self.0.load(Ordering::Relaxed);
        loop {
            let next = limit.take(full_at, now)?;
            match self
                .0
                .compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(seen) => full_at = seen,
            }
        }
    }
}

/// A bucket for every address that sent lately. A full bucket says nothing and may be forgotten; when there are more
/// addresses than room, the one nearest to full is.
pub(crate) struct AddressLimits {
    limit: Limit,
    hasher: RandomState,
    shards: [Mutex<HashMap<IpAddr, u64>>; SHARDS],
}

impl AddressLimits {
    pub(crate) fn new(limit: Limit) -> Self {
        Self {
            limit,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Takes one for `address`, or says how long to wait.
    pub(crate) fn take(&self, address: IpAddr, now: u64) -> Result<(), Duration> {
        let key = network(address);
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let Some(shard) = self.shards.get(index) else {
            return Ok(());
        };
        let mut buckets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = buckets.get_mut(&key) {
            *full_at = self.limit.take(*full_at, now)?;
            return Ok(());
        }
        make_room(&mut buckets, now);
        buckets.insert(key, self.limit.take(0, now)?);
        Ok(())
    }
}

fn make_room(buckets: &mut HashMap<IpAddr, u64>, now: u64) {
    if buckets.len() < MOST_ADDRESSES / SHARDS {
        return;
    }
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() >= MOST_ADDRESSES / SHARDS {
        let fullest = buckets
            .iter()
            .min_by_key(|(_, full_at)| **full_at)
            .map(|(key, _)| *key);
        fullest.map(|key| buckets.remove(&key));
    }
}

/// What one sender can easily be many of: an address of IPv4, a /64 of IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const LIMIT: Limit = Limit {
        per_second: 10,
        burst: 3,
    };

    fn taken(cell: &Cell, limit: Limit, now: u64, tries: usize) -> usize {
        (0..tries).filter(|_| cell.take(limit, now).is_ok()).count()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let cell = Cell::default();
        assert_eq!(taken(&cell, LIMIT, SECOND, 10), 3);
        assert_eq!(cell.take(LIMIT, SECOND), Err(Duration::from_millis(100)));
        assert_eq!(taken(&cell, LIMIT, SECOND + SECOND / 10, 10), 1);
        assert_eq!(
            taken(&cell, LIMIT, SECOND * 60, 10),
            3,
            "a pause gives no more than the burst"
        );
    }

    #[test]
    fn a_bucket_of_zero_is_a_bucket_of_one() {
        let limit = Limit {
            per_second: 0,
            burst: 0,
        };
        let cell = Cell::default();
        assert_eq!(taken(&cell, limit, 0, 5), 1);
        assert_eq!(taken(&cell, limit, SECOND, 5), 1);
    }

    #[test]
    fn clocks_at_their_ends_do_not_overflow() {
        let most = Limit {
            per_second: 1,
            burst: u32::MAX,
        };
        for now in [0, u64::MAX] {
            for full_at in [0, u64::MAX] {
                let _ = most.take(full_at, now);
                let _ = LIMIT.take(full_at, now);
            }
        }
    }

    #[test]
    fn an_address_is_told_apart_by_its_network() {
        let limits = AddressLimits::new(Limit {
            per_second: 1,
            burst: 1,
        });
        let take = |text: &str| limits.take(text.parse().unwrap(), SECOND).is_ok();
        assert!(take("192.0.2.1"));
        assert!(!take("192.0.2.1"));
        assert!(
            !take("::ffff:192.0.2.1"),
            "the same address as seen by a socket for both families"
        );
        assert!(take("192.0.2.2"));
        assert!(take("2001:db8:0:1::1"));
        assert!(!take("2001:db8:0:1:ffff::2"), "the same /64");
        assert!(take("2001:db8:0:2::1"));
    }

    #[test]
    fn the_number_of_addresses_is_bounded_and_the_emptiest_buckets_are_kept() {
        let limits = AddressLimits::new(LIMIT);
        let heavy: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!((0..9).filter(|_| limits.take(heavy, SECOND).is_ok()).count(), 3);
        for index in 0..40_000_u32 {
            let _ = limits.take(IpAddr::V4((0x0A00_0000 + index).into()), SECOND);
        }
        let held: usize = limits
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().len())
            .sum();
        assert!(held <= MOST_ADDRESSES, "{held}");
        assert!(
            limits.take(heavy, SECOND).is_err(),
            "a flood of others does not wash away who is limited"
        );
    }
}
