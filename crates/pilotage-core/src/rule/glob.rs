use globset::{GlobBuilder, GlobMatcher};

/// Longest pattern, in bytes.
const MAX_LENGTH: usize = 1 << 10;

/// A pattern for names: `*` stands for any text without `/`, `?` for one character other than `/`, `[a-z]` for one of a
/// class, `{a,b}` for an alternative, `**` as a whole part between slashes for any number of parts; `\` escapes.
#[derive(Debug)]
pub(super) struct Glob {
    pattern: String,
    /// For patterns with more than `*` and `?`. A compiled matcher takes some 12 KiB, so the many plain ones do without.
    compiled: Option<GlobMatcher>,
}

impl Glob {
    /// Understands a pattern.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_LENGTH {
            return Err(format!("a pattern has at most {MAX_LENGTH} bytes"));
        }
        let is_plain = !pattern.contains(['[', ']', '{', '}', '\\']) && !pattern.contains("**");
        Ok(Self {
            pattern: pattern.to_owned(),
            compiled: if is_plain { None } else { Some(compile(pattern)?) },
        })
    }

    /// The pattern as it was written.
    pub(super) fn as_str(&self) -> &str {
        &self.pattern
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        match &self.compiled {
            Some(compiled) => compiled.is_match(text),
            None => plain_match(self.pattern.as_bytes(), text.as_bytes()),
        }
    }
}

fn compile(pattern: &str) -> Result<GlobMatcher, String> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| format!("`{pattern}` is no glob: {}", error.kind()))
}

/// Matches `*` and `?`. Only the last `*` is ever tried again: it takes over whatever an earlier one could take, and none
/// of them may pass a `/`. At most pattern length times text length steps.
fn plain_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star = None;
    while let Some(&byte) = text.get(position) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(b'?') if byte != b'/' => {
                at += 1;
                position += 1;
                // A character of several bytes is one character.
                while text
                    .get(position)
                    .is_some_and(|next| next & 0b1100_0000 == 0b1000_0000)
                {
                    position += 1;
                }
            }
            Some(&literal) if literal != b'?' && literal == byte => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((star_at, taken)) if text.get(taken).is_some_and(|next| *next != b'/') => {
                    star = Some((star_at, taken + 1));
                    (at, position) = (star_at + 1, taken + 1);
                }
                _ => return false,
            },
        }
    }
    pattern
        .get(at..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let cases = [
            ("push", "push", true),
            ("push", "pushed", false),
            ("deployment.*", "deployment.failed", true),
            ("deployment.*", "deployment.", true),
            ("refs/heads/*", "refs/heads/a/b", false),
            ("refs/heads/**", "refs/heads/a/b", true),
            ("refs/*/main", "refs/heads/main", true),
            ("v?.?", "v1.2", true),
            ("v?.?", "v1.22", false),
            ("?", "é", true),
            ("??", "é", false),
            ("*é", "aé", true),
            ("", "", true),
            ("*", "", true),
            ("?", "/", false),
            ("{main,release-*}", "release-7", true),
            ("v[0-9]", "v7", true),
            ("\\*", "*", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                Glob::parse(pattern).unwrap().is_match(text),
                expected,
                "{pattern} on {text}"
            );
        }
        assert!(Glob::parse("[a").is_err());
        assert!(Glob::parse(&"a".repeat(MAX_LENGTH + 1)).is_err());
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let glob = Glob::parse(&"*a".repeat(512)).unwrap();
        assert!(!glob.is_match(&format!("{}b", "a".repeat(20_000))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn plain_patterns_match_what_the_full_ones_match(pattern in "[ab/?*]{0,8}", text in "[ab/]{0,10}") {
            prop_assume!(!pattern.contains("**"));
            let glob = Glob::parse(&pattern).unwrap();
            prop_assert!(glob.compiled.is_none());
            prop_assert_eq!(glob.is_match(&text), compile(&pattern).unwrap().is_match(&text));
        }

        #[test]
        fn hostile_patterns_never_panic(pattern in r"[a/?*\[\]{},!\\é-]{0,12}", text in ".{0,12}") {
            if let Ok(glob) = Glob::parse(&pattern) {
                glob.is_match(&text);
            }
        }
    }
}
