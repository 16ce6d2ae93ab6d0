//! When changes are allowed: weekly windows in a time zone, without the freezes. Pure, with the time as an argument.

use jiff::{
    SignedDuration, Timestamp, ToSpan as _, Zoned,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use serde::Deserialize;

/// How far ahead the next slot is looked for, in days.
const DAYS_AHEAD: i32 = 400;

/// A weekly window.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowFile {
    /// On which days it opens: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    #[schemars(length(min = 1, max = 7))]
    pub days: Vec<Day>,
    /// When it opens, such as `09:00`.
    pub from: String,
    /// When it closes, such as `17:00` or `24:00`; at or before `from` it closes on the next day.
    pub to: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

/// A time without changes.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeFile {
    /// When it begins: a day such as `2026-12-20`, or with a time `2026-12-20T18:00`, in the time zone of the calendar.
    pub from: String,
    /// When it ends: a day, which belongs to it, or a time.
    pub to: String,
    /// Why.
    pub reason: String,
}

struct Window {
    days: Vec<Weekday>,
    from: Time,
    /// `None` for midnight at the end of the day.
    to: Option<Time>,
}

struct Freeze {
    from: Timestamp,
    to: Timestamp,
    reason: String,
}

/// When changes are allowed.
pub struct Calendar {
    zone: TimeZone,
    windows: Vec<Window>,
    freezes: Vec<Freeze>,
}

/// How things stand at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Changes are allowed.
    Open,
    /// They are not.
    Closed {
        /// Why.
        reason: String,
        /// When they are allowed again; `None` if not within 400 days.
        opens: Option<Timestamp>,
    },
}

impl Calendar {
    /// A calendar from what people wrote; without a window every time is one.
    ///
    /// # Errors
    /// Pairs of a JSON pointer and what is wrong there.
    pub fn new(
        zone: &str,
        windows: &[WindowFile],
        freezes: &[FreezeFile],
    ) -> Result<Self, Vec<(String, String)>> {
        let mut problems = Vec::new();
        let zone = TimeZone::get(zone).unwrap_or_else(|_| {
            let message = "the name of a time zone, such as Europe/Berlin or UTC".to_owned();
            problems.push(("/timeZone".to_owned(), message));
            TimeZone::UTC
        });
        let mut calendar = Self {
            zone,
            windows: Vec::new(),
            freezes: Vec::new(),
        };
        for (place, window) in windows.iter().enumerate() {
            match read_window(window) {
                Ok(window) => calendar.windows.push(window),
                Err((key, message)) => problems.push((format!("/windows/{place}/{key}"), message)),
            }
        }
        for (place, freeze) in freezes.iter().enumerate() {
            match calendar.read_freeze(freeze) {
                Ok(freeze) => calendar.freezes.push(freeze),
                Err((key, message)) => problems.push((format!("/freezes/{place}/{key}"), message)),
            }
        }
        if problems.is_empty() {
            Ok(calendar)
        } else {
            Err(problems)
        }
    }

    /// How many windows and freezes it has.
    pub fn rules(&self) -> u64 {
        (self.windows.len() + self.freezes.len()) as u64
    }

    /// A moment as people in the zone read it.
    pub fn show(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.zone.clone());
        let name = self.zone.iana_name().unwrap_or("UTC");
        format!("{} ({name})", zoned.strftime("%a %Y-%m-%d %H:%M"))
    }

    /// How things stand at `now`.
    pub fn at(&self, now: Timestamp) -> Standing {
        let reason = match self.freeze_at(now) {
            Some(freeze) => format!("frozen until {}: {}", self.show(freeze.to), freeze.reason),
            None if self.is_in_window(now) => return Standing::Open,
            None => "outside of every window".to_owned(),
        };
        Standing::Closed {
            reason,
            opens: self.next_open(now),
        }
    }

    fn freeze_at(&self, at: Timestamp) -> Option<&Freeze> {
        let holds = self
            .freezes
            .iter()
            .filter(|freeze| freeze.from <= at && at < freeze.to);
        holds.max_by_key(|freeze| freeze.to)
    }

    fn is_in_window(&self, at: Timestamp) -> bool {
        if self.windows.is_empty() {
            return true;
        }
        let today = at.to_zoned(self.zone.clone()).date();
        // A window that opened yesterday may go beyond midnight.
        let days = [today.yesterday().ok(), Some(today)];
        let spans = days.into_iter().flatten().flat_map(|day| self.spans(day));
        spans.into_iter().any(|(from, to)| from <= at && at < to)
    }

    /// The windows that open on a day. A time that a change of the clock leaves out is the one an hour later.
    fn spans(&self, day: Date) -> Vec<(Timestamp, Timestamp)> {
        let at = |date: Date, time: Time| {
            Some(
                date.to_datetime(time)
                    .to_zoned(self.zone.clone())
                    .ok()?
                    .timestamp(),
            )
        };
        let span = |window: &Window| {
            let next = day.tomorrow().ok()?;
            let to = match window.to {
                None => at(next, Time::midnight()),
                Some(to) if to <= window.from => at(next, to),
                Some(to) => at(day, to),
            };
            Some((at(day, window.from)?, to?))
        };
        let today = self
            .windows
            .iter()
            .filter(|window| window.days.contains(&day.weekday()));
        today.filter_map(span).collect()
    }

    fn next_open(&self, now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        // Each step ends one freeze or reaches one window, so this is far more than there can be.
        for _ in 0..10_000 {
            if let Some(freeze) = self.freeze_at(at) {
                at = freeze.to;
            } else if self.is_in_window(at) {
                return Some(at);
            } else {
                at = self.next_window(at, now)?;
            }
        }
        None
    }

    fn next_window(&self, after: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let today = after.to_zoned(self.zone.clone()).date();
        let last = now
            .checked_add(SignedDuration::from_hours(24) * DAYS_AHEAD)
            .ok()?;
        if after > last {
            return None;
        }
        let days = (0..=8).filter_map(|days| today.checked_add(days.days()).ok());
        let starts = days.flat_map(|day| self.spans(day)).map(|(from, _)| from);
        starts.filter(|from| *from > after).min()
    }

    fn read_freeze(&self, freeze: &FreezeFile) -> Result<Freeze, (&'static str, String)> {
        let moment = |text: &str, is_end: bool| -> Option<Zoned> {
            let at = match text.parse::<Date>() {
                Ok(day) if !text.contains('T') => {
                    let day = if is_end { day.tomorrow().ok()? } else { day };
                    day.to_datetime(Time::midnight())
                }
                _ => text.parse::<DateTime>().ok()?,
            };
            at.to_zoned(self.zone.clone()).ok()
        };
        let wrong = || "a day such as 2026-12-20, or a time such as 2026-12-20T18:00".to_owned();
        let from = moment(&freeze.from, false).ok_or_else(|| ("from", wrong()))?;
        let to = moment(&freeze.to, true).ok_or_else(|| ("to", wrong()))?;
        if to <= from {
            return Err(("to", "it ends before it begins".to_owned()));
        }
        if freeze.reason.trim().is_empty() {
            return Err(("reason", "say why".to_owned()));
        }
        Ok(Freeze {
            from: from.timestamp(),
            to: to.timestamp(),
            reason: freeze.reason.clone(),
        })
    }
}

fn read_window(window: &WindowFile) -> Result<Window, (&'static str, String)> {
    let wrong = || "a time of the day, such as 09:00".to_owned();
    let time = |text: &str| text.parse::<Time>().ok().filter(|_| text.len() >= 5);
    if window.days.is_empty() {
        return Err(("days", "at least one day".to_owned()));
    }
    let to = match window.to.as_str() {
        "24:00" => None,
        text => Some(time(text).ok_or_else(|| ("to", wrong()))?),
    };
    Ok(Window {
        days: window.days.iter().map(|day| day.weekday()).collect(),
        from: time(&window.from).ok_or_else(|| ("from", wrong()))?,
        to,
    })
}

#[cfg(test)]
mod tests;
