//! What was looked at and let through: by path or by fingerprint, with a reason, until a day.

use pilotage_core::Timestamp;
use serde::Deserialize;

use super::scanner::Finding;

/// Something that is no secret, or one that is known and accepted for a while.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permit {
    /// Paths; `*`, `?` and `**` stand for parts of names and for folders.
    #[serde(default)]
    pub path: Option<String>,
    /// The fingerprint of a finding, as `pilotage gate secrets` shows it.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// Why it does no harm.
    pub reason: String,
    /// The last day on which it holds, such as `2026-12-31`, in UTC.
    pub expires: String,
}

/// Permits that are ready for use.
#[derive(Clone, Debug, Default)]
pub struct Permitted(Vec<Ready>);

#[derive(Clone, Debug)]
struct Ready {
    path: Option<glob::Pattern>,
    fingerprint: Option<String>,
    ends_at: Timestamp,
}

impl Permitted {
    /// # Errors
    /// The place and the text of what is wrong with the first permit that does not hold.
    pub fn new(permits: &[Permit]) -> Result<Self, (String, String)> {
        let ready = permits.iter().enumerate().map(|(place, permit)| {
            Ready::new(permit).map_err(|(key, message)| (format!("/{place}{key}"), message))
        });
        ready.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a finding is let through at this moment.
    pub fn lets(&self, finding: &Finding, now: Timestamp) -> bool {
        self.0.iter().any(|permit| permit.lets(finding, now))
    }

    /// Permits whose time is over.
    pub fn expired(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|permit| permit.ends_at <= now).count()
    }
}

/// The end of a day in UTC.
fn end_of(day: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = day.parse().ok()?;
    let end = day.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_micros(end.timestamp().as_microsecond()))
}

impl Ready {
    fn new(permit: &Permit) -> Result<Self, (&'static str, String)> {
        if permit.path.is_none() && permit.fingerprint.is_none() {
            return Err(("", "a `path` or a `fingerprint` is needed".to_owned()));
        }
        if permit.reason.trim().len() < 3 {
            return Err(("/reason", "say why".to_owned()));
        }
        let path = permit.path.as_deref().map(glob::Pattern::new).transpose();
        let path = path.map_err(|error| ("/path", format!("not a pattern: {error}")))?;
        let ends_at =
            end_of(&permit.expires).ok_or_else(|| ("/expires", "a day, such as 2026-12-31".to_owned()))?;
        Ok(Self {
            path,
            fingerprint: permit.fingerprint.clone(),
            ends_at,
        })
    }

    fn lets(&self, finding: &Finding, now: Timestamp) -> bool {
        let options = glob::MatchOptions {
            require_literal_separator: true,
            ..glob::MatchOptions::new()
        };
        let path = self
            .path
            .as_ref()
            .is_none_or(|path| path.matches_with(&finding.place.path, options));
        let print = self
            .fingerprint
            .as_ref()
            .is_none_or(|print| *print == finding.fingerprint);
        path && print && now < self.ends_at
    }
}
