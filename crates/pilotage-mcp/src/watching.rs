//! Tells clients what has changed, from the feed of operations that everybody watches.

use std::{sync::Arc, time::Duration};

use pilotage_core::{
    Operation,
    operation::Change as Place,
    ports::{Bell, News, OperationFeed, StoreError},
};
use tokio_util::sync::CancellationToken;

use crate::changes::{Change, Changes};

/// Changes read at once.
const PAGE: usize = 500;
/// Least time between two looks, so that what changes at once is told once.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(100);
/// How often to look when no bell rang.
const POLL: Duration = Duration::from_secs(1);

/// Follows the feed from now on until `stop`. While nobody listens to `changes` it reads nothing but the feed's end.
pub async fn follow(
    feed: Arc<dyn OperationFeed>,
    bell: Arc<dyn Bell>,
    changes: Changes,
    stop: CancellationToken,
) {
    let mut news = bell.listen(News::Operations);
    let mut last = None;
    loop {
        match look(feed.as_ref(), &changes, last).await {
            Ok(place) => last = Some(place),
            Err(error) => tracing::warn!(%error, "the changes of operations could not be read"),
        }
        let pause = async {
            tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
            let _ = tokio::time::timeout(POLL, news.wait()).await;
        };
        tokio::select! {
            () = pause => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn look(feed: &dyn OperationFeed, changes: &Changes, last: Option<Place>) -> Result<Place, StoreError> {
    let Some(mut last) = last.filter(|_| changes.is_heard()) else {
        return feed.last_change().await;
    };
    loop {
        let operations = feed.changed_after(last, PAGE).await?;
        for operation in &operations {
            tell(operation, changes);
            last = operation.change;
        }
        if operations.len() < PAGE {
            return Ok(last);
        }
    }
}

fn tell(operation: &Operation, changes: &Changes) {
    let id = operation.id;
    changes.tell(Change::Resource(format!("pilotage://operations/{id}")));
    let event = operation.metadata.get("eventId").and_then(|id| id.as_str());
    if let Some(event) = event {
        // What acts on an event is an execution, and its operation has its id.
        changes.tell(Change::Resource(format!("pilotage://executions/{id}")));
        changes.tell(Change::Resource(format!("pilotage://events/{event}")));
    }
}
