//! Writes YAML as a person would: plain words unquoted, scripts as blocks, comments where a reader would wonder.
//!
//! What is written reads the same under YAML 1.1 and 1.2, since the platforms differ in that.

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Yaml {
    /// A number, `true`, `false` or an empty collection, as it stands.
    Raw(String),
    /// A text.
    Text(String),
    /// Short texts on one line.
    Flow(Vec<String>),
    /// One value below the other.
    List(Vec<Self>),
    /// Keys and values.
    Map(Map),
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Yaml {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Yaml {
    fn from(number: u32) -> Self {
        Self::Raw(number.to_string())
    }
}

impl From<bool> for Yaml {
    fn from(flag: bool) -> Self {
        Self::Raw(flag.to_string())
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Self>> for Yaml {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items)
    }
}

impl Yaml {
    /// Texts on one line.
    pub(crate) fn flow<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::Flow(items.into_iter().map(Into::into).collect())
    }

    /// Texts, one on each line.
    pub(crate) fn lines<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(|item| Self::Text(item.into())).collect())
    }
}

/// Keys and values in the order in which they were put in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    entries: Vec<Entry>,
    comment: Option<String>,
    gap: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    value: Yaml,
    comment: Option<String>,
    remark: Option<String>,
    gap: bool,
}

impl Map {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Puts a value in.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: impl Into<Yaml>) -> &mut Self {
        self.entries.push(Entry {
            key: key.into(),
            value: value.into(),
            comment: self.comment.take(),
            remark: None,
            gap: std::mem::take(&mut self.gap),
        });
        self
    }

    /// Puts a value in, if there is one.
    pub(crate) fn set_some(&mut self, key: &str, value: Option<impl Into<Yaml>>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Puts a map in unless it is empty.
    pub(crate) fn set_full(&mut self, key: &str, value: Self) -> &mut Self {
        if !value.is_empty() {
            self.set(key, value);
        }
        self
    }

    /// A comment above what is put in next.
    pub(crate) fn comment(&mut self, text: impl Into<String>) -> &mut Self {
        let text = text.into();
        self.comment = Some(match self.comment.take() {
            Some(before) => format!("{before}\n{text}"),
            None => text,
        });
        self
    }

    /// A comment behind what was put in last.
    pub(crate) fn remark(&mut self, text: impl Into<String>) -> &mut Self {
        if let Some(entry) = self.entries.last_mut() {
            entry.remark = Some(text.into());
        }
        self
    }

    /// An empty line above what is put in next.
    pub(crate) fn gap(&mut self) -> &mut Self {
        self.gap = true;
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The whole document.
    pub(crate) fn document(&self) -> String {
        let mut out = String::new();
        write_map(self, 0, true, &mut out);
        out
    }
}

/// `first_indented` is false when the first line continues one that has begun, as after `- `.
fn write_map(map: &Map, indent: usize, first_indented: bool, out: &mut String) {
    let pad = " ".repeat(indent);
    for (place, entry) in map.entries.iter().enumerate() {
        let continues = place == 0 && !first_indented;
        if entry.gap && place > 0 {
            out.push('\n');
        }
        for line in entry.comment.iter().flat_map(|comment| comment.lines()) {
            if !continues {
                out.push_str(&pad);
            }
            out.push_str("# ");
            out.push_str(line);
            out.push('\n');
            // What continues a list item has lost its place on the line to the comment.
            if continues {
                out.push_str(&pad);
            }
        }
        if !continues {
            out.push_str(&pad);
        }
        out.push_str(&key(&entry.key));
        out.push(':');
        write_value(&entry.value, indent, entry.remark.as_deref(), out);
    }
}

fn write_value(value: &Yaml, indent: usize, remark: Option<&str>, out: &mut String) {
    let end = |out: &mut String| {
        if let Some(remark) = remark {
            out.push_str(" # ");
            out.push_str(remark);
        }
        out.push('\n');
    };
    match value {
        Yaml::Map(map) if !map.is_empty() => {
            end(out);
            write_map(map, indent + 2, true, out);
        }
        Yaml::List(items) if !items.is_empty() => {
            end(out);
            write_list(items, indent + 2, out);
        }
        Yaml::Text(text) if is_block(text) => {
            out.push_str(" |");
            end(out);
            write_block(text, indent + 2, out);
        }
        other => {
            out.push(' ');
            out.push_str(&inline(other));
            end(out);
        }
    }
}

fn write_list(items: &[Yaml], indent: usize, out: &mut String) {
    for item in items {
        out.push_str(&" ".repeat(indent));
        out.push('-');
        match item {
            Yaml::Map(map) if !map.is_empty() => {
                out.push(' ');
                write_map(map, indent + 2, false, out);
            }
            Yaml::Text(text) if is_block(text) => {
                out.push_str(" |\n");
                write_block(text, indent + 2, out);
            }
            other => {
                out.push(' ');
                out.push_str(&inline(other));
                out.push('\n');
            }
        }
    }
}

/// A text of several lines can stand as it is unless its first line is indented, which YAML would take for its margin.
fn is_block(text: &str) -> bool {
    let control = |letter: char| letter.is_control() && !"\n\t".contains(letter);
    text.trim_end().contains('\n') && !text.starts_with([' ', '\n', '\t']) && !text.chars().any(control)
}

fn write_block(text: &str, indent: usize, out: &mut String) {
    for line in text.trim_end().lines() {
        if !line.trim().is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn inline(value: &Yaml) -> String {
    match value {
        Yaml::Raw(text) => text.clone(),
        Yaml::Text(text) => scalar(text),
        Yaml::Flow(items) => {
            let items: Vec<String> = items.iter().map(|item| flow_scalar(item)).collect();
            format!("[{}]", items.join(", "))
        }
        Yaml::List(_) => "[]".to_owned(),
        Yaml::Map(_) => "{}".to_owned(),
    }
}

fn key(text: &str) -> String {
    // `on` is a key that every reader of GitHub's files knows to be one.
    if text == "on" {
        text.to_owned()
    } else {
        flow_scalar(text)
    }
}

fn flow_scalar(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./*".contains(letter);
    if text.chars().all(plain) {
        scalar(text)
    } else {
        quoted(text)
    }
}

/// A text without quotes where that is safe.
fn scalar(text: &str) -> String {
    let starts = text.starts_with(|letter: char| letter.is_ascii_alphanumeric() || "/._$(".contains(letter));
    let plain = |letter: char| {
        letter == ' ' || letter.is_ascii_graphic() || (letter > '\u{a0}' && letter.is_alphanumeric())
    };
    let safe = starts
        && text.chars().all(plain)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && !reads_as_other(text);
    if safe { text.to_owned() } else { quoted(text) }
}

/// Whether a reader would take it for a number, a date, a truth value or nothing.
fn reads_as_other(text: &str) -> bool {
    const WORDS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~"];
    let lower = text.to_ascii_lowercase();
    let number = lower.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.')
        && lower
            .chars()
            .all(|letter| letter.is_ascii_hexdigit() || "._:-+xo".contains(letter));
    WORDS.contains(&lower.as_str()) || number
}

fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        // A JSON string is a double-quoted scalar of YAML.
        return serde_json::Value::String(text.to_owned()).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use pilotage_core::config::Document;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_quoted_where_a_reader_would_take_it_for_something_else() {
        let table = [
            ("plain words", "plain words"),
            ("yes", "'yes'"),
            ("20", "'20'"),
            ("1.20", "'1.20'"),
            ("2024-01-01", "'2024-01-01'"),
            ("12:30", "'12:30'"),
            ("node:20", "node:20"),
            ("a: b", "'a: b'"),
            ("a # b", "'a # b'"),
            ("* all", "'* all'"),
            ("it's", "it's"),
            ("'quoted'", "'''quoted'''"),
            ("${{ github.sha }}", "${{ github.sha }}"),
            ("", "''"),
            ("!reference", "'!reference'"),
        ];
        for (text, expected) in table {
            assert_eq!(scalar(text), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(texts in prop::collection::vec("[ -~\\n\\té]{0,40}", 1..6)) {
            let mut map = Map::new();
            for (place, text) in texts.iter().enumerate() {
                map.comment("why").set(format!("k{place}"), text.as_str());
            }
            map.set("list", Yaml::lines(texts.clone()));
            map.set("flow", Yaml::flow(texts.clone()));
            let document = Document::parse(map.document()).unwrap();
            let value = document.value();
            // Only the end of a block may differ, in white space that no shell sees.
            let same = |read: &serde_json::Value, text: &str| {
                let read = read.as_str().unwrap();
                read == text || (is_block(text) && read.lines().map(|line| if line.trim().is_empty() { "" } else { line }).eq(
                    text.trim_end().lines().map(|line| if line.trim().is_empty() { "" } else { line })))
            };
            for (place, text) in texts.iter().enumerate() {
                prop_assert!(same(&value[format!("k{place}")], text), "{}", map.document());
                prop_assert!(same(&value["list"][place], text), "{}", map.document());
                prop_assert_eq!(&value["flow"][place], text);
            }
        }
    }
}
