//! `GET /api/v1/stream`: live status as server-sent events (WHATWG HTML, section 9.2).
//!
//! The id of an event is the number of the last change that it takes the reader to, so a reader that comes back with it
//! is sent what changed since, from the durable feed: nothing missed and nothing twice, also across a restart.

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use pilotage_core::{
    Caller,
    operation::Change,
    ports::{Listener, News},
};
use tokio::time::{Instant, Sleep};

use super::{
    batch::{Batch, Purpose},
    hub::{Full, Hub, PAGE, Slot},
    query::StreamQuery,
    subscription::{Step, Subscription, Transport},
    window::Entry,
};
use crate::{
    auth,
    door::Door,
    problem::{Kind, Problem, ProblemDocument},
};

/// A comment so often, so that both sides notice a connection that is gone; and then it is asked whether the reader may still
/// read, however much he is sent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Between two hints that something was recorded, at least.
const HINTS: Duration = Duration::from_millis(250);
/// Such a hint. It has no id: nothing is missed with it.
const HINT: &str = "event: activity\ndata: {}\n\n";
/// How long a reader waits before it connects again, in milliseconds: not all at the same moment.
const RETRY_MS: std::ops::Range<u64> = 1_000..3_000;
/// How long whoever finds no place should wait, in seconds.
const RETRY_FULL_SECS: &str = "5";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx and its kin to pass on what comes as it comes.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Operations as they change, as server-sent events: first `snapshot` with the active ones, then `updates`, at most every
/// 100 ms; `data` is `{updates, timestamp}`. With `Last-Event-ID`, what changed since then instead of a snapshot; `reset`
/// and a snapshot where that is not known any more.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "operations",
    params(
        ("filter" = Option<Vec<String>>, Query, description = "`{\"field\", \"operator\": equals|contains|in|regex, \"value\"}`, any number of times; all must hold"),
        ("type" = Option<String>, Query, description = "Only of this type"),
        ("status" = Option<String>, Query, description = "Only in this state"),
        ("rule" = Option<String>, Query, description = "Only of this rule"),
        ("lastEventId" = Option<String>, Query, description = "As the header `Last-Event-ID`, for readers that cannot set it"),
        ("activity" = Option<bool>, Query, description = "With `true`, also an event `activity`, without data worth reading, when anything was recorded: a delivery that no rule wants changes no operation"),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event that was seen"),
    ),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A filter does not hold", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Too many subscribers", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn watch(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = StreamQuery::read(&uri)?;
    let hub = door.live.clone();
    let slot = hub.slot()?;
    hub.begin().await?;
    let seen = headers.get(LAST_EVENT_ID).map(HeaderValue::as_bytes);
    let seen = seen
        .or(query.last_event_id.as_deref().map(str::as_bytes))
        .filter(|id| !id.is_empty());
    let begin = match seen {
        Some(id) => Begin::after(&hub, id).await?,
        None => Begin::Fresh,
    };
    let watching = Watching::new(door, caller, query, begin, slot);
    let frames = futures::stream::unfold(watching, async |mut watching| {
        let frame = watching.next().await?;
        Some((Ok::<_, Infallible>(frame), watching))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (UNBUFFERED, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        Self::new(Kind::Unavailable, full.to_string())
            .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_FULL_SECS))
    }
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Fresh,
    After(Change),
    Reset(Reset),
}

/// Why a reader begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    /// The id is none of ours.
    Unknown,
    /// Too much has changed since.
    TooOld,
}

impl Reset {
    const fn frame(self) -> &'static str {
        match self {
            Self::Unknown => {
                "event: reset\ndata: {\"reason\":\"unknown-id\",\"message\":\"the last event id is not one of this server; a snapshot follows\"}\n\n"
            }
            Self::TooOld => {
                "event: reset\ndata: {\"reason\":\"too-old\",\"message\":\"too much has changed since the last event id; a snapshot follows\"}\n\n"
            }
        }
    }
}

impl Begin {
    async fn after(hub: &Hub, id: &[u8]) -> Result<Self, Problem> {
        let id = std::str::from_utf8(id)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(id) = id.and_then(|text| text.parse().ok()).map(Change) else {
            return Ok(Self::Reset(Reset::Unknown));
        };
        if id > hub.feed.last_change().await? {
            return Ok(Self::Reset(Reset::Unknown));
        }
        Ok(Self::After(id))
    }
}

/// What a stream sends next.
enum Phase {
    Greet(Begin),
    Reset(Reset),
    Snapshot,
    /// Reads on in the feed; so many operations were sent that way.
    CatchUp(usize),
    Live,
    Over,
}

/// One reader of the stream.
struct Watching {
    door: Arc<Door>,
    caller: Caller,
    subscription: Subscription,
    phase: Phase,
    /// The last id that the reader was told.
    told: Change,
    /// Set once and again, not made anew for every frame.
    heartbeat: Pin<Box<Sleep>>,
    records: Option<Records>,
    _slot: Slot,
}

/// Hears of records on the audit trail, which everything that happens makes.
struct Records {
    rung: Box<dyn Listener>,
    /// Whether there is one that the reader was not told of.
    heard: bool,
    quiet_until: Instant,
}

impl Records {
    /// Returns when the reader is to be told. Nothing is lost when it is not waited for to the end.
    async fn come(records: &mut Option<Self>) {
        let Some(records) = records else {
            return std::future::pending().await;
        };
        if !records.heard {
            records.rung.wait().await;
            records.heard = true;
        }
        tokio::time::sleep_until(records.quiet_until).await;
        records.heard = false;
        records.quiet_until = Instant::now() + HINTS;
    }
}

impl Watching {
    fn new(door: Arc<Door>, caller: Caller, query: StreamQuery, begin: Begin, slot: Slot) -> Self {
        let after = if let Begin::After(id) = begin {
            id
        } else {
            Change(0)
        };
        Self {
            records: query.activity.then(|| Records {
                rung: door.ports.bell.listen(News::Audit),
                heard: false,
                quiet_until: Instant::now(),
            }),
            subscription: door.live.resume(query.filters, after, Transport::Sse),
            door,
            caller,
            phase: Phase::Greet(begin),
            told: after,
            heartbeat: Box::pin(tokio::time::sleep(HEARTBEAT)),
            _slot: slot,
        }
    }

    /// The next bytes; nothing at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let frame = match std::mem::replace(&mut self.phase, Phase::Live) {
                Phase::Greet(begin) => Some(self.greet(begin)),
                Phase::Reset(reset) => {
                    self.door.live.meters.reset();
                    self.phase = Phase::Snapshot;
                    Some(Bytes::from_static(reset.frame().as_bytes()))
                }
                Phase::Snapshot => Some(self.snapshot().await),
                Phase::CatchUp(sent) => self.catch_up(sent).await,
                Phase::Live => self.live().await,
                Phase::Over => return None,
            };
            if let Some(frame) = frame {
                return Some(frame);
            }
        }
    }

    fn greet(&mut self, begin: Begin) -> Bytes {
        self.phase = match begin {
            Begin::Fresh => Phase::Snapshot,
            Begin::After(_) => Phase::CatchUp(0),
            Begin::Reset(reset) => Phase::Reset(reset),
        };
        // Any number that differs between readers does.
        let spread = u64::try_from(uuid::Uuid::new_v4().as_u128() % 1_000_000).unwrap_or(0);
        let retry = RETRY_MS.start + spread % (RETRY_MS.end - RETRY_MS.start);
        format!("retry: {retry}\n\n").into()
    }

    async fn snapshot(&mut self) -> Bytes {
        let hub = self.door.live.clone();
        let batch = tokio::select! {
            biased;
            () = hub.stopped().cancelled() => return self.over(": the server stops\n\n"),
            batch = hub.paced_snapshot(self.subscription.group()) => batch,
        };
        self.subscription.move_to(batch.through);
        self.told = batch.through;
        batch.frame.clone()
    }

    /// A page of what changed, from the feed, until the hub has the rest.
    async fn catch_up(&mut self, sent: usize) -> Option<Bytes> {
        let hub = self.door.live.clone();
        let cursor = self.subscription.cursor();
        // Before reading: what moves it on meanwhile is not in the page.
        let floor = hub.floor();
        if cursor >= floor {
            return None;
        }
        let page = {
            let _turn = hub.catching_up.acquire().await;
            hub.feed.changed_after(cursor, PAGE).await
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "a subscriber could not read on; it may come again");
                return Some(self.over(": the store does not answer\n\n"));
            }
        };
        let sent = sent.saturating_add(page.len());
        if sent > hub.sizes.catch_up {
            self.phase = Phase::Reset(Reset::TooOld);
            return None;
        }
        let through = page.last().map_or(floor, |last| last.change);
        let entries: Vec<_> = page
            .into_iter()
            .map(|operation| Arc::new(Entry::of(operation)))
            .collect();
        let batch = Batch::of(
            Purpose::Updates,
            &entries,
            &self.subscription.group().filters,
            through,
        );
        self.subscription.move_to(through);
        self.phase = Phase::CatchUp(sent);
        if batch.count == 0 {
            return None;
        }
        self.told = through;
        // Nobody else is sent the same, so every reader that comes back costs memory of its own until it has read.
        hub.pace.spend(batch.frame.len()).await;
        Some(batch.frame)
    }

    async fn live(&mut self) -> Option<Bytes> {
        let step = tokio::select! {
            step = self.subscription.next() => step,
            () = Records::come(&mut self.records) => return Some(Bytes::from_static(HINT.as_bytes())),
            () = self.heartbeat.as_mut() => return Some(self.heartbeat().await),
        };
        match step {
            Step::Send(batch) => {
                self.subscription.sent(&batch);
                self.told = batch.through;
                Some(batch.frame.clone())
            }
            Step::Behind => {
                self.phase = Phase::CatchUp(0);
                None
            }
            Step::Stopped => Some(self.over(": the server stops\n\n")),
        }
    }

    /// Moves the reader's id on where only what does not pass its filters has changed: an id without data is no event, yet
    /// is remembered.
    async fn heartbeat(&mut self) -> Bytes {
        self.heartbeat.as_mut().reset(Instant::now() + HEARTBEAT);
        if !auth::is_still_admitted(&self.door, &self.caller).await {
            self.door.live.meters.unauthorized();
            return self.over(": the token was revoked, or the session ended\n\n");
        }
        let cursor = self.subscription.cursor();
        if cursor <= self.told {
            return Bytes::from_static(b": still here\n\n");
        }
        self.told = cursor;
        format!(": still here\nid: {cursor}\n\n").into()
    }

    fn over(&mut self, comment: &'static str) -> Bytes {
        self.phase = Phase::Over;
        Bytes::from_static(comment.as_bytes())
    }
}
