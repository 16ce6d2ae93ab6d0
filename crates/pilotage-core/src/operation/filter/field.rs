use serde_json::{Value, json};

use super::StatusUpdate;

/// Where a filter looks: a field of the update, else a path into its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Kind,
    Status,
    Progress,
    Current,
    Total,
    Percentage,
    Message,
    Timestamp,
    /// Names and indexes, from the metadata on; the metadata themselves when it is empty.
    Metadata(Vec<String>),
}

impl Field {
    /// `status`, `progress.percentage`, `metadata.rule`, or `rule` for the same.
    pub(super) fn parse(path: &str) -> Self {
        match path {
            "id" => Self::Id,
            "type" => Self::Kind,
            "status" => Self::Status,
            "progress" => Self::Progress,
            "progress.current" => Self::Current,
            "progress.total" => Self::Total,
            "progress.percentage" => Self::Percentage,
            "message" => Self::Message,
            "timestamp" => Self::Timestamp,
            "metadata" => Self::Metadata(Vec::new()),
            _ => {
                let below = path.strip_prefix("metadata.").unwrap_or(path);
                Self::Metadata(below.split('.').map(str::to_owned).collect())
            }
        }
    }

    /// Hands the value to `ask`; `null` where there is none.
    pub(super) fn read<T>(&self, update: &StatusUpdate, ask: impl FnOnce(&Value) -> T) -> T {
        let progress = &update.progress;
        match self {
            Self::Id => ask(&update.id.to_string().into()),
            Self::Kind => ask(&update.kind.as_str().into()),
            Self::Status => ask(&update.status.as_str().into()),
            Self::Progress => ask(&json!(progress)),
            Self::Current => ask(&progress.current.into()),
            Self::Total => ask(&progress.total.into()),
            Self::Percentage => ask(&progress.percentage.into()),
            Self::Message => ask(&update.message.as_str().into()),
            Self::Timestamp => ask(&update.timestamp.to_string().into()),
            Self::Metadata(steps) => match steps.split_first() {
                None => ask(&Value::Object(update.metadata.clone())),
                Some((first, rest)) => {
                    let first = update.metadata.get(first);
                    let found = first.and_then(|first| rest.iter().try_fold(first, below));
                    ask(found.unwrap_or(&Value::Null))
                }
            },
        }
    }
}

fn below<'a>(value: &'a Value, step: &String) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}
