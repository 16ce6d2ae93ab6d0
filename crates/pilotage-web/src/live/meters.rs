//! What operators see of live status.

use std::sync::atomic::AtomicU64;

use pilotage_core::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::{batch::Batch, subscription::Transport};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabel {
    transport: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    ByItself,
    Slow,
    Stopped,
}

/// Counts what happens to subscribers. Cloning shares the counts.
#[derive(Clone)]
pub(crate) struct Meters {
    sse: Gauge,
    socket_io: Gauge,
    sent: Counter,
    coalesced: Counter,
    resets: Counter,
    slow: Counter,
    full: Counter,
    unauthorized: Counter,
    seconds: Histogram,
}

impl Meters {
    /// Adds them to `registry`, which adds `_total` to the names of counters.
    pub(crate) fn registered(registry: &mut Registry) -> Self {
        let subscribers = Family::<TransportLabel, Gauge>::default();
        let dropped = Family::<ReasonLabel, Counter<u64, AtomicU64>>::default();
        let at = |transport| subscribers.get_or_create_owned(&TransportLabel { transport });
        let why = |reason| dropped.get_or_create_owned(&ReasonLabel { reason });
        let meters = Self {
            sse: at("sse"),
            socket_io: at("socketio"),
            sent: Counter::default(),
            coalesced: Counter::default(),
            resets: Counter::default(),
            slow: why("slow"),
            full: why("full"),
            unauthorized: why("unauthorized"),
            // 1 ms to 16 s, doubling.
            seconds: Histogram::new((0..15_u32).map(|power| 0.001 * f64::from(1 << power))),
        };
        registry.register(
            "pilotage_live_subscribers",
            "Subscribers to live status by transport",
            subscribers,
        );
        let sent = meters.sent.clone();
        registry.register(
            "pilotage_live_updates_sent",
            "Status updates handed to connections",
            sent,
        );
        let coalesced = meters.coalesced.clone();
        registry.register(
            "pilotage_live_updates_coalesced",
            "Changes that a later one of the same operation, or a filter, took the place of before they were sent",
            coalesced,
        );
        registry.register(
            "pilotage_live_subscribers_dropped",
            "Subscribers that were dropped or turned away, by reason",
            dropped,
        );
        let resets = meters.resets.clone();
        registry.register(
            "pilotage_live_resets",
            "Subscribers that were too far behind and began anew",
            resets,
        );
        let seconds = meters.seconds.clone();
        registry.register(
            "pilotage_live_fanout_seconds",
            "From the commit of the oldest state in a batch to its hand-over to the connection",
            seconds,
        );
        meters
    }

    const fn gauge(&self, transport: Transport) -> &Gauge {
        match transport {
            Transport::Sse => &self.sse,
            Transport::SocketIo => &self.socket_io,
        }
    }

    pub(super) fn came(&self, transport: Transport) {
        self.gauge(transport).inc();
    }

    pub(super) fn left(&self, transport: Transport, why: Left) {
        self.gauge(transport).dec();
        if why == Left::Slow {
            self.slow.inc();
        }
    }

    pub(super) fn refused(&self) {
        self.full.inc();
    }

    pub(super) fn unauthorized(&self) {
        self.unauthorized.inc();
    }

    pub(super) fn reset(&self) {
        self.resets.inc();
    }

    /// A batch was handed over, in which `changes` changes have come to their end.
    pub(super) fn sent(&self, batch: &Batch, changes: i64, now: Timestamp) {
        let (count, changes) = (
            u64::try_from(batch.count).unwrap_or(u64::MAX),
            u64::try_from(changes).unwrap_or(0),
        );
        self.sent.inc_by(count);
        self.coalesced.inc_by(changes.saturating_sub(count));
        if let Some(oldest) = batch.oldest {
            self.seconds.observe(now.since(oldest).as_secs_f64());
        }
    }
}
