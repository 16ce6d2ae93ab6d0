//! A push delivery as GitHub sends it, ready for the wire.

use std::{net::SocketAddr, ops::Range};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// The secret that servers under measurement are given.
pub const SECRET: &str = "a secret for measuring, and for nothing else";

/// A real push payload of 7,678 bytes, compact as on the wire; `fixtures/README.md` tells its origin and licence.
pub const PUSH: &str = include_str!("../../fixtures/github/push.json").trim_ascii_end();

/// The raw bytes of a signed push request. Only the delivery id changes from one to the next, so the signature, which
/// covers the body alone, is made once. Source: GitHub, "Validating webhook deliveries".
#[derive(Clone)]
pub struct Delivery {
    bytes: Vec<u8>,
    id: Range<usize>,
}

/// Hexadecimal digits of the counter, at the end of the id.
const COUNTER_DIGITS: usize = 12;

impl Delivery {
    /// A delivery to `/webhooks/github` at `address`, with an id of its own.
    ///
    /// # Errors
    /// The secret cannot be a key: never, for HMAC.
    pub fn push(address: SocketAddr) -> anyhow::Result<Self> {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
        mac.update(PUSH.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let start = format!("POST /webhooks/github HTTP/1.1\r\nHost: {address}\r\nX-GitHub-Delivery: ");
        let id = Uuid::new_v4().to_string();
        let rest = format!(
            "\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nAccept: */*\r\nContent-Type: application/json\r\n\
             X-GitHub-Event: push\r\nX-GitHub-Hook-ID: 292430182\r\n\
             X-GitHub-Hook-Installation-Target-ID: 79929171\r\n\
             X-GitHub-Hook-Installation-Target-Type: repository\r\n\
             X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {}\r\n\r\n",
            PUSH.len()
        );
        Ok(Self {
            id: start.len()..start.len() + id.len(),
            bytes: [&start, &id, &rest, PUSH].concat().into_bytes(),
        })
    }

    /// The request with the counter in its id. Two that differ in the counter are two deliveries.
    pub fn numbered(&mut self, counter: u64) -> &[u8] {
        let mut rest = counter;
        let digits = self.id.end.saturating_sub(COUNTER_DIGITS)..self.id.end;
        for digit in self.bytes.get_mut(digits).into_iter().flatten().rev() {
            *digit = HEX.get((rest % 16) as usize).copied().unwrap_or(b'0');
            rest /= 16;
        }
        &self.bytes
    }

    /// The id of the request as it now is.
    pub fn id(&self) -> String {
        String::from_utf8_lossy(self.bytes.get(self.id.clone()).unwrap_or_default()).into_owned()
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_makes_the_id_and_nothing_else() {
        let mut delivery = Delivery::push("127.0.0.1:80".parse().unwrap()).unwrap();
        let first = delivery.numbered(0).to_vec();
        let id = delivery.id();
        assert!(id.ends_with("-000000000000"), "{id}");
        let second = delivery.numbered(0xabc_def0_1234).to_vec();
        assert!(delivery.id().ends_with("-0abcdef01234"));
        assert_eq!(first.len(), second.len());
        let differing = first.iter().zip(&second).filter(|(a, b)| a != b).count();
        assert!((1..=COUNTER_DIGITS).contains(&differing));
        assert!(delivery.id().parse::<Uuid>().is_ok());
    }
}
