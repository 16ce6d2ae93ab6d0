//! Writes Groovy, and its strings.

use pilotage_core::ports::RenderError;

/// Groovy as it grows.
#[derive(Default)]
pub(super) struct Groovy {
    out: String,
    depth: usize,
}

impl Groovy {
    /// One line, or several that keep their own margins, such as those of a string.
    pub(super) fn line(&mut self, text: &str) {
        self.out.push_str(&"  ".repeat(self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// An empty line, unless a block has just begun.
    pub(super) fn gap(&mut self) {
        if !self.out.ends_with("{\n") && !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    pub(super) fn comment(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("// {line}"));
        }
    }

    /// `head { ... }`.
    pub(super) fn block(
        &mut self,
        head: &str,
        body: impl FnOnce(&mut Self) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        self.open(head);
        body(self)?;
        self.close();
        Ok(())
    }

    /// `head { ... }` that cannot fail.
    pub(super) fn section(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.open(head);
        body(self);
        self.close();
    }

    pub(super) fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
    }

    pub(super) fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.line("}");
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// A string in single quotes, in which nothing is filled in.
pub(super) fn single(text: &str) -> String {
    format!("'{}'", escape(text, '\''))
}

/// What stands between double quotes; `$` stays a `$`.
pub(super) fn escape_double(text: &str) -> String {
    escape(text, '"').replace('$', "\\$")
}

fn escape(text: &str, quote: char) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            letter if letter == quote => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A string of several lines in which nothing is filled in.
pub(super) fn multi(text: &str) -> String {
    format!("'''{}'''", text.replace('\\', "\\\\").replace("'''", "\\'\\'\\'"))
}
