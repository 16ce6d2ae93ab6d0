//! What names promise: which words in a name make it the name of a secret, and which words around them take that back.

use super::value::Class;

/// A word that may make a name the name of a secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyword {
    /// In small letters; names are looked at without regard to case.
    pub(super) word: &'static str,
    class: Class,
    /// What may follow it in the name, without separators and digits.
    tails: &'static [&'static str],
    /// Words one of which must stand before it; none means anything may.
    heads: &'static [&'static str],
}

const PASSWORD_TAILS: &[&str] = &[
    "confirmation",
    "value",
    "string",
    "str",
    "text",
    "plain",
    "again",
    "confirm",
    "raw",
    "old",
    "new",
    "base",
];
const SECRET_TAILS: &[&str] = &[
    "key",
    "accesskey",
    "token",
    "value",
    "string",
    "keybase",
    "base",
    "text",
    "data",
    "hex",
];
const KEY_HEADS: &[&str] = &[
    "api",
    "access",
    "secret",
    "private",
    "encryption",
    "encrypt",
    "crypto",
    "cipher",
    "signing",
    "sign",
    "signature",
    "master",
    "account",
    "storage",
    "auth",
    "session",
    "app",
    "application",
    "consumer",
    "client",
    "integration",
    "service",
    "shared",
    "hash",
    "aes",
    "hmac",
    "des",
    "jwt",
    "oauth",
    "subscription",
    "write",
    "admin",
    "sdk",
    "license",
    "n",
    "ssh",
    "owner",
    "merchant",
    "partner",
    "dev",
    "user",
    "server",
    "security",
    "pre",
    "psk",
    "wpa",
    "webhook",
];

const fn any(word: &'static str, class: Class, tails: &'static [&'static str]) -> Keyword {
    Keyword {
        word,
        class,
        tails,
        heads: &[],
    }
}

/// Longer words before those that they begin with.
pub(super) const KEYWORDS: &[Keyword] = &[
    any("password", Class::Password, PASSWORD_TAILS),
    any("passphrase", Class::Password, PASSWORD_TAILS),
    any("passwd", Class::Password, PASSWORD_TAILS),
    any("passwort", Class::Password, &[]),
    any("passcode", Class::Password, &[]),
    any("pass", Class::Password, &["text"]),
    any("pswd", Class::Password, &[]),
    any("pwd", Class::Password, &["value", "confirm"]),
    any("secret", Class::Secret, SECRET_TAILS),
    any(
        "token",
        Class::Secret,
        &["value", "secret", "string", "key", "id"],
    ),
    any("apikey", Class::Secret, &["value", "secret"]),
    Keyword {
        word: "key",
        class: Class::Secret,
        tails: &["value", "secret", "base", "string", "data", "hex"],
        heads: KEY_HEADS,
    },
    any("credentials", Class::Secret, &[]),
    any("credential", Class::Secret, &[]),
    any("salt", Class::Secret, &[]),
    any("authorization", Class::Secret, &[]),
    any("auth", Class::Secret, &["code", "string", "data"]),
    any("cookie", Class::Key, &["secret"]),
    any("nonce", Class::Key, &[]),
];

impl Keyword {
    /// The class of a name that has the word at `from`; `None` if it is the name of something else.
    pub(super) fn class(&self, name: &[u8], from: usize) -> Option<Class> {
        let head = name.get(..from)?;
        let tail = name.get(from + self.word.len()..)?;
        let first = name.get(from).copied()?;
        let is_begun = head.last().is_none_or(|last| {
            !last.is_ascii_alphabetic() || (first.is_ascii_uppercase() && last.is_ascii_lowercase())
        });
        // `compass` is no password, `dbpassword` is one.
        if !is_begun
            && self.word.len() < 5
            && !ends_with_any(
                head,
                &[
                    "db", "user", "root", "admin", "mysql", "mail", "ftp", "api", "n", "my",
                ],
            )
        {
            return None;
        }
        if self.word == "key" && ends_with_any(head, &["public", "foreign", "primary", "websocket"]) {
            return None;
        }
        if !self.heads.is_empty() && !ends_with_any(head, self.heads) {
            return tail.is_empty().then_some(Class::Key);
        }
        let tail: Vec<u8> = tail
            .iter()
            .filter(|byte| byte.is_ascii_alphabetic())
            .map(u8::to_ascii_lowercase)
            .collect();
        let is_known = tail.is_empty() || self.tails.iter().any(|known| known.as_bytes() == tail);
        is_known.then_some(self.class)
    }
}

fn ends_with_any(head: &[u8], words: &[&str]) -> bool {
    let end = head
        .iter()
        .rposition(u8::is_ascii_alphanumeric)
        .map_or(0, |last| last + 1);
    let head = head.get(..end).unwrap_or_default();
    words.iter().any(|word| {
        let from = head.len().checked_sub(word.len());
        from.and_then(|from| head.get(from..))
            .is_some_and(|end| end.eq_ignore_ascii_case(word.as_bytes()))
    })
}
