//! The pass over one text: anchors, their readers, and findings that do not hold what was found.

use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

use super::{
    addresses, assignment,
    clues::Clues,
    file_kind::FileKind,
    formats::{FORMATS, Format},
    keys,
    names::{KEYWORDS, Keyword},
    token,
    value::{Class, Judge},
};

/// What says that a line holds no secret: this, and a reason behind it.
pub(super) const MARKER: &str = "pilotage:no-secret";
/// Bytes of a line in which the marker is looked for.
const MAX_MARKED_BYTES: usize = 4_096;
/// Most findings of one text; a text with more is data, and this many show it.
const MAX_FINDINGS: usize = 1_000;

/// Where a text is from.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Place {
    /// The path from the folder that was scanned, with `/`.
    pub path: String,
    /// The commit that added it; `None` for a file as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A secret, without the secret.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// From 1.
    pub line: u64,
    /// In bytes, from 1.
    pub column: u64,
    /// What kind of secret.
    pub rule: String,
    /// Its first characters and its length.
    pub shown: String,
    /// Of the secret, under the key of the scanner: the same secret has the same.
    pub fingerprint: String,
}

/// What the findings of one text are, and how many were marked as none.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// Those whose line has the marker.
    pub marked: u64,
}

#[derive(Clone, Copy, Debug)]
enum Anchor {
    Format(&'static Format),
    Name(&'static Keyword),
    PrivateKey,
    Address,
    JsonWebToken,
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hit {
    rule: &'static str,
    from: usize,
    to: usize,
}

/// Looks at texts. Made once, used by many threads.
#[derive(Debug)]
pub struct Scanner {
    automaton: AhoCorasick,
    anchors: Vec<Anchor>,
    judge: Judge,
    key: Vec<u8>,
}

impl Scanner {
    /// `key` makes fingerprints: who does not know it cannot try guesses on them.
    ///
    /// # Errors
    /// The automaton would be too large, which its fixed list never is.
    pub fn new(key: &str) -> Result<Self, String> {
        let (words, anchors): (Vec<&str>, Vec<Anchor>) = anchors().unzip();
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words)
            .map_err(|error| error.to_string())?;
        let clues = Clues::new().map_err(|error| error.to_string())?;
        Ok(Self {
            automaton,
            anchors,
            judge: Judge::new(clues),
            key: key.as_bytes().to_vec(),
        })
    }

    /// What a text holds. UTF-16 with its mark is read as such.
    pub fn scan(&self, place: &Place, text: &[u8]) -> Found {
        match utf8(text) {
            Some(read) => self.scan_utf8(place, read.as_bytes()),
            None => self.scan_utf8(place, text),
        }
    }

    fn scan_utf8(&self, place: &Place, text: &[u8]) -> Found {
        let mut found = Found::default();
        let mut lines = Lines::default();
        for hit in self.hits(text, FileKind::of(&place.path)) {
            let (line, begin) = lines.of(text, hit.from);
            if is_marked(text, begin) {
                found.marked += 1;
                continue;
            }
            let value = text.get(hit.from..hit.to).unwrap_or_default();
            found.findings.push(Finding {
                place: place.clone(),
                line,
                column: (hit.from - begin) as u64 + 1,
                rule: hit.rule.to_owned(),
                shown: shown(value),
                fingerprint: self.fingerprint(value),
            });
        }
        found
    }

    /// In the order of the text, none within another.
    fn hits(&self, text: &[u8], kind: FileKind) -> Vec<Hit> {
        let mut hits = Vec::new();
        for anchor in self.automaton.find_iter(text) {
            let Some(what) = self.anchors.get(anchor.pattern().as_usize()) else {
                continue;
            };
            hits.extend(self.look(*what, text, anchor.start(), anchor.end(), kind));
            if hits.len() >= 2 * MAX_FINDINGS {
                break;
            }
        }
        hits.sort_by_key(|hit| (hit.from, hit.rule == "password" || hit.rule == "secret", hit.to));
        let mut end = 0;
        hits.retain(|hit| {
            let is_new = hit.from >= end;
            end = end.max(hit.to);
            is_new
        });
        hits.truncate(MAX_FINDINGS);
        hits
    }

    fn look(&self, anchor: Anchor, text: &[u8], from: usize, to: usize, kind: FileKind) -> Option<Hit> {
        match anchor {
            Anchor::Format(format) => {
                let token = format.token(text, from)?;
                let drawn = text.get(from + format.prefix.len()..token.1)?;
                (!Judge::is_stand_in(drawn)).then(|| hit(format.rule, token))?
            }
            Anchor::Name(keyword) => self.named(text, from, keyword, kind),
            Anchor::PrivateKey => hit("private-key", keys::private_key(text, from)?),
            Anchor::Address => {
                let value = addresses::password(text, from)?;
                self.judged("address-password", Class::Password, b"", text, value)
            }
            Anchor::JsonWebToken => hit("json-web-token", token::json_web_token(text, from)?),
            Anchor::Basic => {
                let (value, decoded) = token::basic(text, to)?;
                let password = decoded.splitn(2, |byte| *byte == b':').nth(1)?;
                let is_secret = self.judge.is_secret(Class::Password, b"", password);
                is_secret.then(|| hit("basic-authorization", value))?
            }
            Anchor::Bearer => self.judged("bearer-token", Class::Secret, b"", text, token::bearer(text, to)?),
        }
    }

    fn named(&self, text: &[u8], from: usize, keyword: &Keyword, kind: FileKind) -> Option<Hit> {
        if kind == FileKind::Wording {
            return None;
        }
        let read = assignment::read(text, from, keyword, kind)?;
        let rule = if read.class == Class::Password {
            "password"
        } else {
            "secret"
        };
        let name = text.get(read.name.0..read.name.1)?;
        self.judged(rule, read.class, name, text, read.value)
    }

    fn judged(
        &self,
        rule: &'static str,
        class: Class,
        name: &[u8],
        text: &[u8],
        place: (usize, usize),
    ) -> Option<Hit> {
        let value = text.get(place.0..place.1)?;
        self.judge
            .is_secret(class, name, value)
            .then(|| hit(rule, place))?
    }

    fn fingerprint(&self, value: &[u8]) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return String::new();
        };
        mac.update(value);
        let digest = mac.finalize().into_bytes();
        digest.iter().take(8).fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every reader answers with an option, and this ends each of them"
)]
fn hit(rule: &'static str, (from, to): (usize, usize)) -> Option<Hit> {
    Some(Hit { rule, from, to })
}

fn anchors() -> impl Iterator<Item = (&'static str, Anchor)> {
    let fixed = [
        (keys::HEADER, Anchor::PrivateKey),
        ("://", Anchor::Address),
        ("eyJ", Anchor::JsonWebToken),
        ("basic ", Anchor::Basic),
        ("bearer ", Anchor::Bearer),
    ];
    let formats = FORMATS
        .iter()
        .map(|format| (format.prefix, Anchor::Format(format)));
    let names = KEYWORDS
        .iter()
        .map(|keyword| (keyword.word, Anchor::Name(keyword)));
    fixed.into_iter().chain(formats).chain(names)
}

/// Counts lines from one hit to the next.
#[derive(Debug)]
struct Lines {
    line: u64,
    begin: usize,
    seen: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            line: 1,
            begin: 0,
            seen: 0,
        }
    }
}

impl Lines {
    /// The number of the line at a place, and where it begins. Places come in order.
    fn of(&mut self, text: &[u8], place: usize) -> (u64, usize) {
        let between = text.get(self.seen..place).unwrap_or_default();
        for (offset, _) in between.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            self.line += 1;
            self.begin = self.seen + offset + 1;
        }
        self.seen = self.seen.max(place);
        (self.line, self.begin)
    }
}

/// Whether the line that begins there has the marker and a reason.
fn is_marked(text: &[u8], begin: usize) -> bool {
    let rest = text.get(begin..).unwrap_or_default();
    let rest = rest.get(..MAX_MARKED_BYTES.min(rest.len())).unwrap_or_default();
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let marked = line
        .windows(MARKER.len())
        .position(|part| part == MARKER.as_bytes());
    let reason = marked.and_then(|place| line.get(place + MARKER.len()..));
    reason.is_some_and(|reason| reason.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() >= 3)
}

/// The first characters: a quarter of it, at most four. Headers of keys are no secret.
fn shown(value: &[u8]) -> String {
    if value.starts_with(keys::HEADER.as_bytes()) {
        return String::from_utf8_lossy(value).into_owned();
    }
    let first = value.get(..(value.len() / 4).min(4)).unwrap_or_default();
    let first: String = first
        .iter()
        .map(|byte| {
            if byte.is_ascii_graphic() {
                char::from(*byte)
            } else {
                '?'
            }
        })
        .collect();
    format!("{first}… ({} bytes)", value.len())
}

/// UTF-16 as UTF-8; `None` if it has no such mark.
fn utf8(text: &[u8]) -> Option<String> {
    let (mark, rest) = text.split_first_chunk::<2>()?;
    let read: fn([u8; 2]) -> u16 = match mark {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| read(*pair)).collect();
    Some(String::from_utf16_lossy(&units))
}
