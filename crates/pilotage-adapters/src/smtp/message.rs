use lettre::{
    Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use pilotage_core::{config::Problem, ports::Notification};
use sha2::{Digest as _, Sha256};

use crate::notifiers::{Medium, one_line};

const SUBJECT: Medium = Medium {
    limit: 200,
    escape: |_| None,
    cost: |text| text.chars().count(),
};
/// More than anybody reads, and far below what servers take.
const TEXT: Medium = Medium {
    limit: 100_000,
    escape: |_| None,
    cost: str::len,
};

/// From whom, and to whom.
pub(super) struct Envelope {
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Envelope {
    /// Reads the addresses of a configuration.
    pub(super) fn read(from: &str, to: &[String]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut mailbox = |pointer: String, text: &str| {
            let read = text.parse::<Mailbox>();
            let wrong = |error| Problem::at(pointer, format!("this is no e-mail address: {error}"));
            read.map_err(|error| problems.push(wrong(error))).ok()
        };
        let from = mailbox("/from".to_owned(), from);
        let to: Vec<Mailbox> = to
            .iter()
            .enumerate()
            .filter_map(|(index, text)| mailbox(format!("/to/{index}"), text))
            .collect();
        if to.is_empty() && problems.is_empty() {
            problems.push(Problem::at("/to", "an e-mail needs somebody to go to"));
        }
        match from {
            Some(from) if problems.is_empty() => Ok(Self { from, to }),
            _ => Err(problems),
        }
    }

    pub(super) fn recipients(&self) -> usize {
        self.to.len()
    }

    /// The same notification gives the same message, but for its date. The title is the subject; without one the first
    /// line of the text is.
    pub(super) fn message(&self, notification: &Notification) -> Result<Message, lettre::error::Error> {
        let first_line = || notification.text.lines().find(|line| !line.trim().is_empty());
        let subject = notification
            .title
            .as_deref()
            .or_else(first_line)
            .unwrap_or("Pilotage");
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(SUBJECT.fit(&one_line(subject)))
            .message_id(Some(self.message_id(&notification.idempotency_key)))
            // RFC 3834: keeps out-of-office replies from answering a machine.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        message.body(TEXT.fit(&notification.text.replace('\0', "")))
    }

    /// A digest, because the key's characters need not be allowed in a message id.
    fn message_id(&self, idempotency_key: &str) -> String {
        let digest = hex::encode(Sha256::digest(idempotency_key));
        format!(
            "<{}@{}>",
            digest.get(..32).unwrap_or(&digest),
            self.from.email.domain()
        )
    }
}
