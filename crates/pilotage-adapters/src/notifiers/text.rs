//! Text that fits its medium: escaped, and cut with a visible ellipsis.

const ELLIPSIS: &str = "…";

/// How a medium wants its text.
pub(crate) struct Medium {
    /// The most that it takes, counted by `cost`.
    pub(crate) limit: usize,
    /// What stands for a character that means something to the medium.
    pub(crate) escape: fn(char) -> Option<&'static str>,
    /// How the medium counts.
    pub(crate) cost: fn(&str) -> usize,
}

impl Medium {
    /// The text escaped, and where it is too long cut between two characters, with an ellipsis in the last place.
    pub(crate) fn fit(&self, text: &str) -> String {
        let mut fitted = String::new();
        let (mut used, mut cut) = (0, 0);
        for character in text.chars() {
            let mut buffer = [0; 4];
            let piece = (self.escape)(character).unwrap_or_else(|| character.encode_utf8(&mut buffer));
            used += (self.cost)(piece);
            if used > self.limit {
                fitted.truncate(cut);
                fitted.push_str(ELLIPSIS);
                return fitted;
            }
            fitted.push_str(piece);
            if used + (self.cost)(ELLIPSIS) <= self.limit {
                cut = fitted.len();
            }
        }
        fitted
    }
}

/// Counts as JavaScript and most chat services do; never less than the number of characters.
pub(crate) fn utf16_units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Counts the bytes of a text inside JSON.
pub(crate) fn json_bytes(text: &str) -> usize {
    let cost = |character: char| match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        control if control.is_ascii_control() => 6,
        other => other.len_utf8(),
    };
    text.chars().map(cost).sum()
}

/// A text as a title: control characters and line breaks become spaces.
pub(crate) fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c);
    text.split(is_break)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Cost = fn(&str) -> usize;

    fn amp(character: char) -> Option<&'static str> {
        (character == '&').then_some("&amp;")
    }

    #[test]
    fn text_is_cut_visibly_and_never_inside_an_escape() {
        let medium = |limit, cost| Medium {
            limit,
            escape: amp,
            cost,
        };
        let table: [(usize, Cost, &str, &str); 8] = [
            (5, utf16_units, "hello", "hello"),
            (5, utf16_units, "hello!", "hell…"),
            (5, utf16_units, "&", "&amp;"),
            (5, utf16_units, "&a", "…"),
            (6, utf16_units, "&ab", "&amp;…"),
            (4, utf16_units, "😀😀😀", "😀…"),
            (5, json_bytes, "\n\n\n", "\n…"),
            (7, json_bytes, "éééé", "éé…"),
        ];
        for (limit, cost, text, expected) in table {
            assert_eq!(medium(limit, cost).fit(text), expected, "{text} in {limit}");
        }
        assert_eq!(one_line("a\r\nb\u{2028}c\0 "), "a b c");
    }

    proptest! {
        #[test]
        fn whatever_is_fitted_fits(text in "\\PC*[&\n\"\\\\😀]*", limit in 3_usize..60) {
            for cost in [utf16_units, json_bytes] {
                let fitted = Medium { limit, escape: amp, cost }.fit(&text);
                prop_assert!(cost(&fitted) <= limit);
                prop_assert_eq!(fitted.ends_with('…') && !text.ends_with('…'), cost(&text.replace('&', "&amp;")) > limit);
            }
        }

        #[test]
        fn json_bytes_counts_what_serde_writes(text in any::<String>()) {
            prop_assert_eq!(json_bytes(&text) + 2, serde_json::to_string(&text).unwrap().len());
        }
    }
}
