//! What became of deliveries that were sent.

use std::time::Duration;

use pilotage_core::time::micros;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    client::Problem,
    output::{Output, Style, duration},
};

/// What became of one delivery.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivered {
    status: u16,
    delivery_id: String,
    duration_us: i64,
    /// What intake said, if it is JSON.
    answer: Option<Box<RawValue>>,
    #[serde(skip)]
    text: String,
}

/// The words of intake.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Accepted {
    event_id: String,
    duplicate: bool,
}

impl Delivered {
    pub(super) fn new(status: u16, delivery_id: String, took: Duration, text: &str) -> Self {
        let answer = serde_json::from_str(text).ok();
        Self {
            status,
            delivery_id,
            duration_us: micros(took),
            answer,
            text: text.to_owned(),
        }
    }

    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    pub(super) const fn is_accepted(&self) -> bool {
        matches!(self.status, 200 | 202)
    }

    fn accepted(&self) -> Accepted {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn refusal(&self) -> String {
        Problem::from_text(self.status, &self.text).summary()
    }

    pub(super) fn print(&self, output: &Output) -> anyhow::Result<()> {
        if output.is_json() {
            return output.json(self);
        }
        let Accepted { event_id, duplicate } = self.accepted();
        let took = duration(self.duration_us);
        let (style, text) = match (self.is_accepted(), duplicate) {
            (true, false) => (
                Style::Good,
                format!("✓ {} accepted as event {event_id} in {took}", self.status),
            ),
            (true, true) => (
                Style::Warning,
                format!("✓ {} duplicate of event {event_id} in {took}", self.status),
            ),
            (false, _) => (
                Style::Bad,
                format!("✗ {} refused: {}", self.status, self.refusal()),
            ),
        };
        Ok(output.line(output.paint(style, &text))?)
    }
}

/// What became of many.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tally {
    sent: u64,
    accepted: u64,
    duplicates: u64,
    pub(super) refused: u64,
    pub(super) duration_us: i64,
    first_refused: Option<Delivered>,
}

impl Tally {
    pub(super) fn count(&mut self, delivered: Delivered) {
        self.sent += 1;
        if !delivered.is_accepted() {
            self.refused += 1;
            self.first_refused.get_or_insert(delivered);
        } else if delivered.accepted().duplicate {
            self.duplicates += 1;
        } else {
            self.accepted += 1;
        }
    }

    pub(super) fn print(&self, output: &Output) -> anyhow::Result<()> {
        if output.is_json() {
            return output.json(self);
        }
        let Self {
            sent,
            accepted,
            duplicates,
            refused,
            ..
        } = self;
        let style = if *refused == 0 { Style::Good } else { Style::Bad };
        let took = duration(self.duration_us);
        let text =
            format!("{sent} sent in {took}: {accepted} accepted, {duplicates} duplicates, {refused} refused");
        output.line(output.paint(style, &text))?;
        if let Some(first) = &self.first_refused {
            first.print(output)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_are_counted_by_their_answer() {
        let mut tally = Tally::default();
        let answers = [
            (202, r#"{"received":true,"eventId":"e"}"#),
            (200, r#"{"eventId":"e","duplicate":true}"#),
            (401, "no"),
        ];
        for (status, text) in answers {
            tally.count(Delivered::new(status, "d".into(), Duration::ZERO, text));
        }
        assert_eq!(
            (tally.sent, tally.accepted, tally.duplicates, tally.refused),
            (3, 1, 1, 1)
        );
        assert_eq!(tally.first_refused.unwrap().status, 401);
    }
}
