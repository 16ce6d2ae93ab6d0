//! What a value is worth: whether a text looks as if somebody drew it by lot, or as a word, a name, a path or a stand-in.

use super::{clues::Clues, letters::Rarity};

/// The longest value in which words mean something.
const MAX_SPOKEN_BYTES: usize = 64;

/// What the name of a value promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// People choose it and may choose it short.
    Password,
    /// A program made it, or somebody who wants it long.
    Secret,
    /// As much a secret as the name of anything.
    Key,
}

/// Counts of the kinds of bytes of a value.
#[derive(Clone, Copy, Debug, Default)]
struct Makeup {
    letters: usize,
    digits: usize,
    blanks: usize,
    others: usize,
    /// How often a letter stands beside a digit, or a small letter before a large one that no small letter follows.
    changes: usize,
    different: usize,
    is_hex: bool,
}

impl Makeup {
    fn of(value: &[u8]) -> Self {
        let mut makeup = Self {
            is_hex: true,
            ..Self::default()
        };
        let mut seen = [false; 256];
        let mut last = 0_u8;
        for byte in value {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' => makeup.letters += 1,
                b'0'..=b'9' => makeup.digits += 1,
                b' ' | b'\t' => makeup.blanks += 1,
                _ => makeup.others += 1,
            }
            makeup.is_hex &= byte.is_ascii_hexdigit();
            let changed = (last.is_ascii_digit() && byte.is_ascii_alphabetic())
                || (last.is_ascii_alphabetic() && byte.is_ascii_digit());
            makeup.changes += usize::from(changed);
            if let Some(seen) = seen.get_mut(usize::from(*byte)) {
                makeup.different += usize::from(!*seen);
                *seen = true;
            }
            last = *byte;
        }
        makeup
    }
}

/// Judges values.
#[derive(Debug)]
pub(super) struct Judge {
    clues: Clues,
}

impl Judge {
    pub(super) fn new(clues: Clues) -> Self {
        Self { clues }
    }

    /// Whether what follows the prefix of a known format is a stand-in all the same.
    pub(super) fn is_stand_in(value: &[u8]) -> bool {
        let is_example = value.windows(7).any(|part| part.eq_ignore_ascii_case(b"example"));
        is_example || Makeup::of(value).different < 6 || has_sequence(value, 6)
    }

    /// Whether words in it say that it stands for something else. In long values such words come about by lot.
    fn says_so(&self, value: &[u8]) -> bool {
        value.len() <= MAX_SPOKEN_BYTES && self.clues.has_stand_in(value)
    }

    /// Whether a value under a name of this class is a secret.
    pub(super) fn is_secret(&self, class: Class, name: &[u8], value: &[u8]) -> bool {
        let makeup = Makeup::of(value);
        if !is_plausible(class, value, makeup) || self.says_so(value) || repeats(name, value) {
            return false;
        }
        match class {
            Class::Password => is_drawn(value, makeup),
            Class::Secret => value.len() >= 8 && is_drawn(value, makeup),
            Class::Key => {
                value.len() >= 16 && makeup.digits > 1 && makeup.blanks == 0 && is_drawn(value, makeup)
            }
        }
    }
}

/// What cannot be a secret by its shape alone.
fn is_plausible(class: Class, value: &[u8], makeup: Makeup) -> bool {
    let first = value.first().copied().unwrap_or_default();
    let is_bad_start = matches!(
        first,
        b'$' | b'/' | b'.' | b'<' | b'[' | b'{' | b'%' | b'&' | b'*' | b'-' | b','
    );
    let is_text = makeup.blanks > usize::from(class == Class::Password)
        || value.iter().any(|byte| !(32..127).contains(byte));
    value.len() >= 4
        && !is_bad_start
        && !is_text
        && makeup.letters > 0
        && makeup.different >= value.len().min(12) / 2
        && !has_sequence(value, 5)
        && !is_code(value)
        && !is_file(value)
}

/// Whether the value says its own name again, as stand-ins do.
fn repeats(name: &[u8], value: &[u8]) -> bool {
    let small = |text: &[u8]| -> Vec<u8> {
        text.iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(u8::to_ascii_lowercase)
            .collect()
    };
    let (name, value) = (small(name), small(value));
    !value.is_empty() && name.windows(value.len()).any(|part| part == value)
}

/// Whether letters or digits follow each other as in an alphabet, that many at once.
fn has_sequence(value: &[u8], length: usize) -> bool {
    let steps = value.iter().zip(value.iter().skip(1));
    let mut up = 1;
    let mut down = 1;
    let mut same = 1;
    for (first, second) in steps {
        up = if second.wrapping_sub(*first) == 1 {
            up + 1
        } else {
            1
        };
        down = if first.wrapping_sub(*second) == 1 {
            down + 1
        } else {
            1
        };
        same = if first == second { same + 1 } else { 1 };
        if up >= length || down >= length || same >= length {
            return true;
        }
    }
    false
}

/// Whether it reads like an expression: a call, a member of something, a type.
fn is_code(value: &[u8]) -> bool {
    let has = |wanted: u8| value.contains(&wanted);
    let is_call = has(b'(') && (has(b')') || value.ends_with(b"(")) || value.ends_with(b"[");
    let is_member = has(b'.')
        && value.split(|byte| *byte == b'.').all(|part| {
            part.first().is_some_and(u8::is_ascii_alphabetic)
                && part.iter().all(|byte| super::reader::is_word(*byte))
                && !Rarity::of(part).is_strange()
        });
    is_call || is_member
}

/// Whether it ends like the name of a file or a host.
fn is_file(value: &[u8]) -> bool {
    const ENDS: &[&[u8]] = &[
        b".pem",
        b".key",
        b".crt",
        b".cer",
        b".json",
        b".yml",
        b".yaml",
        b".txt",
        b".properties",
        b".xml",
        b".p12",
        b".jks",
        b".pfx",
        b".enc",
        b".com",
        b".org",
        b".net",
        b".io",
        b".html",
        b".js",
        b".py",
        b".go",
        b".java",
        b".sh",
        b".conf",
        b".png",
        b".svg",
        b".csv",
        b".parquet",
    ];
    ENDS.iter().any(|end| value.ends_with(end)) || value.windows(3).any(|part| part == b"://")
}

/// Whether it looks as if it had been drawn by lot.
fn is_drawn(value: &[u8], makeup: Makeup) -> bool {
    let rarity = Rarity::of(value);
    if makeup.is_hex && value.len() >= 16 {
        return makeup.digits >= 3 && makeup.different >= 8;
    }
    if makeup.changes >= 4 || (makeup.changes >= 3 && rarity.pairs < 4) {
        return true;
    }
    if makeup.digits > 0 && makeup.others > 0 && makeup.changes + makeup.others >= 4 && rarity.pairs < 4 {
        return true;
    }
    rarity.is_strange()
}
