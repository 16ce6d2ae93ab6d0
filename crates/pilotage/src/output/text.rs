//! Text that is safe to show, and JSON that is pleasant to read.

use std::fmt::Write as _;

/// The text on one line: control characters and those that turn the direction of writing around are escaped.
pub(crate) fn clean(text: &str) -> String {
    escape(text, |_| false)
}

/// The same with line breaks and tabs kept.
pub(crate) fn clean_lines(text: &str) -> String {
    escape(text, |character| matches!(character, '\n' | '\t'))
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if keep(character) || !is_treacherous(character) {
            clean.push(character);
        } else {
            clean.extend(character.escape_default());
        }
    }
    clean
}

/// Characters that act on a terminal or on the text around them instead of being seen.
fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// JSON text with line breaks and two spaces for each level. Strings, numbers and the order of keys stay as they were
/// written; only treacherous characters in strings become `\u` escapes, which mean the same.
pub(crate) fn indent_json(json: &str) -> String {
    let mut indenter = Indenter {
        out: String::with_capacity(json.len() * 2),
        ..Indenter::default()
    };
    json.chars().for_each(|character| indenter.next(character));
    indenter.out
}

/// JSON text as it was written, with treacherous characters as `\u` escapes. They are valid only within strings, so
/// the meaning is the same.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\n' | '\r' | '\t' => escaped.push(character),
            _ => push_json(&mut escaped, character),
        }
    }
    escaped
}

fn push_json(out: &mut String, character: char) {
    if !is_treacherous(character) {
        return out.push(character);
    }
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[derive(Default)]
struct Indenter {
    out: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// An opening bracket whose first member was not met yet.
    opened: bool,
}

impl Indenter {
    fn next(&mut self, character: char) {
        if self.in_string {
            return self.in_string(character);
        }
        match character {
            ' ' | '\n' | '\r' | '\t' => {}
            '}' | ']' => self.close(character),
            ',' => {
                self.out.push(',');
                self.break_line();
            }
            ':' => self.out.push_str(": "),
            _ => self.begin(character),
        }
    }

    fn begin(&mut self, character: char) {
        if std::mem::take(&mut self.opened) {
            self.break_line();
        }
        self.out.push(character);
        match character {
            '{' | '[' => {
                self.depth += 1;
                self.opened = true;
            }
            '"' => self.in_string = true,
            _ => {}
        }
    }

    fn close(&mut self, character: char) {
        self.depth = self.depth.saturating_sub(1);
        if !std::mem::take(&mut self.opened) {
            self.break_line();
        }
        self.out.push(character);
    }

    fn in_string(&mut self, character: char) {
        match character {
            _ if self.escaped => self.escaped = false,
            '\\' => self.escaped = true,
            '"' => self.in_string = false,
            _ => {}
        }
        push_json(&mut self.out, character);
    }

    fn break_line(&mut self) {
        self.out.push('\n');
        // Depth is bounded by the parser of whoever wrote the document; the screen is bounded here.
        self.out.extend(std::iter::repeat_n("  ", self.depth.min(128)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        let cases = [
            ("plain é 東京", "plain é 東京"),
            ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("a\u{202e}txt.exe", "a\\u{202e}txt.exe"),
            ("nul\0", "nul\\u{0}"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text), expected);
        }
        assert_eq!(clean_lines("a\n\tb\u{7}"), "a\n\tb\\u{7}");
    }

    #[test]
    fn json_is_indented_and_means_the_same() {
        let json = r#"{"b":[1.0,1e400,{}],"a":{"x":"}{\",\\"},"e":[],"n":12345678901234567890123}"#;
        insta::assert_snapshot!(indent_json(json), @r#"
        {
          "b": [
            1.0,
            1e400,
            {}
          ],
          "a": {
            "x": "}{\",\\"
          },
          "e": [],
          "n": 12345678901234567890123
        }
        "#);
        assert_eq!(indent_json("\"\u{9b}x\u{202e}\""), "\"\\u009bx\\u202e\"");
        assert_eq!(escape_json("[\"\u{9b}\",\n1]"), "[\"\\u009b\",\n1]");
        let nested: Value =
            serde_json::from_str(r#"[{"a":[[],[{}]],"b":"\u0007 \"q\""},null,true]"#).unwrap();
        let printed = indent_json(&nested.to_string());
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), nested);
    }
}
