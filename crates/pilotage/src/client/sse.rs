//! Server-sent events, as far as the stream of Pilotage uses them (WHATWG HTML, section 9.2 "Server-sent events").
//!
//! The readers that there are bound neither a line nor an event; this one refuses what is longer than any answer.

use std::time::Duration;

/// Longest event with everything in it, in bytes.
const MAX_EVENT_BYTES: usize = 128 << 20;
/// Longest wait that a server may ask for.
const MAX_RETRY: Duration = Duration::from_mins(1);

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; `message` where the server names none.
    pub(super) name: String,
    /// The lines of its data, joined by line feeds.
    pub(super) data: String,
}

/// An event is longer than any that Pilotage sends, or no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotEvents {
    /// Above the bound.
    #[error("an event is longer than 128 MiB")]
    TooLong,
    /// Not UTF-8.
    #[error("an event is not UTF-8")]
    NotText,
}

/// Makes events out of bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// The line feed after a carriage return belongs to the line before.
    after_return: bool,
    name: String,
    data: String,
    has_data: bool,
    id: Option<String>,
    /// Id of the last event, or what the server moved it on to since; what to go on after.
    pub(super) last_id: Option<String>,
    /// How long the server asks to wait before coming back.
    pub(super) retry: Option<Duration>,
}

impl Parser {
    /// Takes the next bytes of the stream; answers the events that are complete with them.
    ///
    /// # Errors
    /// This is no stream of events of ours; nothing more can be read from it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, NotEvents> {
        let mut events = Vec::new();
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match part.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                _ => (part, None),
            };
            let is_rest = end == Some(b'\n') && text.is_empty() && self.after_return;
            self.after_return = end == Some(b'\r');
            if is_rest {
                continue;
            }
            if self.line.len() + self.data.len() + text.len() > MAX_EVENT_BYTES {
                return Err(NotEvents::TooLong);
            }
            self.line.extend_from_slice(text);
            if end.is_some() {
                let line = String::from_utf8(std::mem::take(&mut self.line));
                events.extend(self.take(&line.map_err(|_| NotEvents::NotText)?));
            }
        }
        Ok(events)
    }

    /// Forgets what was not complete when the connection broke.
    pub(super) fn reconnect(&mut self) {
        *self = Self {
            last_id: self.last_id.take(),
            retry: self.retry,
            ..Self::default()
        };
    }

    fn take(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" => {
                let millis = value.parse().ok().map(Duration::from_millis);
                self.retry = millis.map(|retry| retry.min(MAX_RETRY)).or(self.retry);
            }
            // Comments have an empty name; what is not known is to be left alone.
            _ => {}
        }
        None
    }

    /// The id counts also where there is no data.
    fn dispatch(&mut self) -> Option<Event> {
        if let Some(id) = self.id.take() {
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        let name = if name.is_empty() {
            "message".to_owned()
        } else {
            name
        };
        std::mem::take(&mut self.has_data).then_some(Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "retry: 1500\n\n: hello\n\nevent: snapshot\nid: 7\ndata: {\"a\":\ndata:1}\n\n: still here\nid: 9\n\n\
                          data\n\nevent: half\ndata: lost";

    fn expected() -> Vec<(String, String)> {
        vec![
            ("snapshot".to_owned(), "{\"a\":\n1}".to_owned()),
            ("message".to_owned(), String::new()),
        ]
    }

    fn fed(parser: &mut Parser, parts: impl Iterator<Item = Vec<u8>>) -> Vec<(String, String)> {
        let events = parts.flat_map(|part| parser.feed(&part).unwrap());
        events.map(|event| (event.name, event.data)).collect()
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        for end in ["\n", "\r", "\r\n"] {
            let bytes = STREAM.replace('\n', end).into_bytes();
            for size in 1..=bytes.len() {
                let mut parser = Parser::default();
                let parts = bytes.chunks(size).map(<[u8]>::to_vec);
                assert_eq!(fed(&mut parser, parts), expected(), "{size} bytes, {end:?}");
                assert_eq!(parser.last_id.as_deref(), Some("9"));
                assert_eq!(parser.retry, Some(Duration::from_millis(1_500)));
            }
        }
    }

    #[test]
    fn what_was_not_complete_is_forgotten_and_the_id_is_not() {
        let mut parser = Parser::default();
        parser
            .feed(b"id: 3\ndata: x\n\nid: 4\nevent: half\ndata: y\n")
            .unwrap();
        parser.reconnect();
        assert_eq!(parser.last_id.as_deref(), Some("3"));
        let events = parser.feed(b"data: z\n\n").unwrap();
        assert_eq!(
            events,
            [Event {
                name: "message".to_owned(),
                data: "z".to_owned()
            }]
        );
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(matches!(
            Parser::default().feed(b"data: \xff\n"),
            Err(NotEvents::NotText)
        ));
    }
}
