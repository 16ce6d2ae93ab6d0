//! What marks a value as a stand-in: people write these so that nobody takes it for a secret.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};

/// Parts of stand-ins, in small letters.
const STAND_INS: &[&str] = &[
    "example",
    "sample",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "replace",
    "your",
    "dummy",
    "fake",
    "redact",
    "hidden",
    "masked",
    "undefined",
    "null",
    "default",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "username",
    "invalid",
    "wrong",
    "incorrect",
    "xxx",
    "***",
    "...",
    "###",
    "${",
    "{{",
    "$(",
    "<%",
    "%(",
    "#{",
    "@{",
    "%s",
    "%v",
    "%d",
    "test",
    "mock",
    "foobar",
    "lorem",
    "insert",
    "hunter2",
    "todo",
    "value",
    "string",
    "[]",
    "()",
    "->",
    "::",
    "=>",
    "process.env",
    "getenv",
    "environ",
    "credential",
    "secure",
    "random",
    "demo",
    "localhost",
    "12345",
    "abcd",
    "qwert",
    "asdf",
    "deadbeef",
];

/// Finds stand-ins.
#[derive(Debug)]
pub(super) struct Clues(AhoCorasick);

impl Clues {
    /// # Errors
    /// The automaton would be too large, which a fixed list never is.
    pub(super) fn new() -> Result<Self, aho_corasick::BuildError> {
        AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .build(STAND_INS)
            .map(Self)
    }

    /// Whether a part of it says that it stands for something else.
    pub(super) fn has_stand_in(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }
}
