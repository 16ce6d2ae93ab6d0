//! Takes secrets out of what commands write, wherever their output is cut into pieces.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// What stands in place of a secret.
const MASK: &[u8] = b"***";
/// Shorter texts occur by chance: masking them would garble everything and hide nothing.
const SHORTEST: usize = 4;
/// A line longer than this is shown in pieces.
const LONGEST_LINE: usize = 16 << 10;

/// Masks a stream of bytes, line by line.
pub(crate) struct Masker {
    secrets: Option<AhoCorasick>,
    /// The longest secret less one byte: so much may be the beginning of one.
    held_back: usize,
    line: Vec<u8>,
}

impl Masker {
    /// Masks these values, each of their lines by itself, and how base64 and addresses on the web write them.
    ///
    /// # Errors
    /// One is too short to be masked, or there are too many; the text is for people.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut forms: Vec<Vec<u8>> = Vec::new();
        for (name, value) in secrets {
            if value.trim().len() < SHORTEST {
                return Err(format!(
                    "the secret `{name}` has fewer than {SHORTEST} characters, which cannot be masked"
                ));
            }
            let escaped = url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
            forms.push(BASE64_STANDARD.encode(value).into_bytes());
            forms.push(escaped.into_bytes());
            let lines = value.split(['\n', '\r']).map(str::trim);
            forms.extend(
                lines
                    .filter(|line| line.len() >= SHORTEST)
                    .map(|line| line.as_bytes().to_vec()),
            );
        }
        let held_back = forms.iter().map(Vec::len).max().unwrap_or(1).saturating_sub(1);
        let built = AhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms);
        let secrets = match (forms.is_empty(), built) {
            (true, _) => None,
            (false, Ok(found)) => Some(found),
            (false, Err(_)) => return Err("there are too many secrets to mask".to_owned()),
        };
        Ok(Self {
            secrets,
            held_back,
            line: Vec::new(),
        })
    }

    /// Takes a piece and gives the lines that are whole now, without their ends.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.last() == Some(&b'\n') {
                lines.push(self.take(self.line.len()));
            }
            while self.line.len() > LONGEST_LINE + self.held_back {
                let at = self.cut();
                lines.push(self.take(at));
            }
        }
        lines
    }

    /// The last line, if it had no end.
    pub(crate) fn finish(&mut self) -> Option<String> {
        (!self.line.is_empty()).then(|| self.take(self.line.len()))
    }

    /// The text with secrets masked.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.masked(text.as_bytes())
    }

    /// Where a line that is too long can be cut: behind every secret that begins before.
    fn cut(&self) -> usize {
        let within = |at: usize| {
            let mut found = self
                .secrets
                .iter()
                .flat_map(|secrets| secrets.find_iter(&self.line));
            found.find(|found| found.start() < at && at < found.end())
        };
        let at = self.line.len().saturating_sub(self.held_back).min(LONGEST_LINE);
        within(at).map_or(at, |found| found.end())
    }

    fn take(&mut self, length: usize) -> String {
        let rest = self.line.split_off(length);
        let line = std::mem::replace(&mut self.line, rest);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        self.masked(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn masked(&self, bytes: &[u8]) -> String {
        let Some(secrets) = &self.secrets else {
            return String::from_utf8_lossy(bytes).into_owned();
        };
        let (mut shown, mut at) = (Vec::with_capacity(bytes.len()), 0);
        for found in secrets.find_iter(bytes) {
            shown.extend_from_slice(bytes.get(at..found.start()).unwrap_or_default());
            shown.extend_from_slice(MASK);
            at = found.end();
        }
        shown.extend_from_slice(bytes.get(at..).unwrap_or_default());
        String::from_utf8_lossy(&shown).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "-----BEGIN KEY-----\nabcdefgh12345678\nijklmnop87654321\n-----END KEY-----";

    fn all(masker: &mut Masker, pieces: &[&[u8]]) -> String {
        let mut lines: Vec<String> = pieces.iter().flat_map(|piece| masker.push(piece)).collect();
        lines.extend(masker.finish());
        lines.join("\n")
    }

    #[test]
    fn every_way_of_writing_a_secret_is_masked() {
        let mut masker = Masker::new([("A", "s3cr3t p&ss"), ("KEY", KEY)]).unwrap();
        let said = format!(
            "a s3cr3t p&ss b\n{}\ns3cr3t+p%26ss\n{KEY}\nrest",
            BASE64_STANDARD.encode("s3cr3t p&ss")
        );
        assert_eq!(
            all(&mut masker, &[said.as_bytes()]),
            "a *** b\n***\n***\n***\n***\n***\n***\nrest"
        );
    }

    #[test]
    fn what_cannot_be_masked_is_refused() {
        assert!(Masker::new([("PIN", "123")]).is_err());
        assert!(Masker::new([("EMPTY", "")]).is_err());
    }

    #[test]
    fn a_line_without_end_is_shown_in_pieces_that_hide_the_secret() {
        let mut masker = Masker::new([("A", "topsecret")]).unwrap();
        for before in [LONGEST_LINE - 4, LONGEST_LINE, 3 * LONGEST_LINE - 20] {
            let mut line = vec![b'x'; before];
            line.extend_from_slice(b"topsecret");
            line.extend(std::iter::repeat_n(b'y', LONGEST_LINE));
            let shown = all(&mut masker, &[&line]);
            assert!(!shown.contains("topsecret") && shown.contains("***"), "{before}");
            assert!(shown.lines().all(|line| line.len() <= LONGEST_LINE + 20));
        }
    }

    proptest! {
        #[test]
        fn no_border_of_pieces_lets_a_secret_through(
            words in proptest::collection::vec("(topsecret|second-one|[a-z ]{0,6}|\n|tops|ecret)", 1..40),
            cuts in proptest::collection::vec(1..9_usize, 1..40),
        ) {
            let text = words.concat();
            let mut whole = Masker::new([("A", "topsecret"), ("B", "second-one")]).unwrap();
            let expected = all(&mut whole, &[text.as_bytes()]);
            let (mut pieces, mut rest) = (Vec::new(), text.as_bytes());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            let mut masker = Masker::new([("A", "topsecret"), ("B", "second-one")]).unwrap();
            let shown = all(&mut masker, &pieces);
            prop_assert!(!shown.contains("topsecret") && !shown.contains("second-one"));
            prop_assert_eq!(shown, expected);
        }
    }
}
