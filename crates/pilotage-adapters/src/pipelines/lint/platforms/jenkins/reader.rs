//! Reads the blocks of a declarative `Jenkinsfile`: a name, what is handed to it, and what stands in its braces. What stands
//! between is Groovy and is let pass, but for its strings and brackets.

use pilotage_core::config::Location;

/// A statement: its words up to the end of the line or an opening brace, and the block behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    pub(super) name: String,
    pub(super) at: Location,
    /// What follows the name, as written.
    pub(super) rest: String,
    /// The strings among it.
    pub(super) strings: Vec<Quoted>,
    /// What stands in the braces behind, if there are any.
    pub(super) body: Option<Vec<Self>>,
}

/// A string.
#[derive(Clone, Debug, Default)]
pub(super) struct Quoted {
    pub(super) text: String,
    /// Whether Groovy fills values in.
    pub(super) is_filled_in: bool,
    pub(super) at: Location,
}

/// Why a file cannot be read, and where.
pub(super) type Unread = (String, Location);

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 60;

pub(super) fn read(text: &str) -> Result<Vec<Statement>, Unread> {
    let mut reader = Reader {
        letters: text.chars().collect(),
        at: 0,
        here: Location { line: 1, column: 1 },
    };
    let statements = reader.block(0)?;
    match reader.peek(0) {
        Some(_) => Err(("`}` closes nothing".to_owned(), reader.here)),
        None => Ok(statements),
    }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    here: Location,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek(0)?;
        self.at += 1;
        if letter == '\n' {
            self.here.line += 1;
            self.here.column = 1;
        } else {
            self.here.column += 1;
        }
        Some(letter)
    }

    fn begins(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(place, letter)| self.peek(place) == Some(letter))
    }

    fn skip(&mut self, letters: usize) {
        for _ in 0..letters {
            self.next();
        }
    }

    fn comment(&mut self) -> bool {
        if self.begins("//") || (self.at == 0 && self.begins("#!")) {
            while self.peek(0).is_some_and(|letter| letter != '\n') {
                self.next();
            }
            return true;
        }
        if self.begins("/*") {
            while self.peek(0).is_some() && !self.begins("*/") {
                self.next();
            }
            self.next();
            self.next();
            return true;
        }
        false
    }

    fn block(&mut self, depth: usize) -> Result<Vec<Statement>, Unread> {
        if depth > MAX_DEPTH {
            return Err((format!("blocks are nested deeper than {MAX_DEPTH}"), self.here));
        }
        let mut statements = Vec::new();
        loop {
            while self.comment()
                || self
                    .peek(0)
                    .is_some_and(|letter| letter.is_whitespace() || letter == ';')
            {
                if self
                    .peek(0)
                    .is_some_and(|letter| letter.is_whitespace() || letter == ';')
                {
                    self.next();
                }
            }
            if matches!(self.peek(0), None | Some('}')) {
                return Ok(statements);
            }
            statements.push(self.statement(depth)?);
        }
    }

    fn statement(&mut self, depth: usize) -> Result<Statement, Unread> {
        let mut statement = Statement {
            at: self.here,
            ..Statement::default()
        };
        while let Some(letter) = self
            .peek(0)
            .filter(|letter| letter.is_alphanumeric() || *letter == '_')
        {
            statement.name.push(letter);
            self.next();
        }
        let mut open: Vec<(char, Location)> = Vec::new();
        while let Some(letter) = self.peek(0) {
            if self.comment() {
                continue;
            }
            match letter {
                '\'' | '"' => {
                    let quoted = self.string()?;
                    statement.rest.push_str("''");
                    statement.strings.push(quoted);
                    continue;
                }
                '(' | '[' => open.push((letter, self.here)),
                ')' | ']' => {
                    let expected = if letter == ')' { '(' } else { '[' };
                    if open.pop().is_none_or(|(opened, _)| opened != expected) {
                        return Err((format!("`{letter}` closes nothing"), self.here));
                    }
                }
                '{' => {
                    let opened = self.here;
                    self.next();
                    let body = self.block(depth + 1)?;
                    if self.next() != Some('}') {
                        return Err(("`{` is never closed".to_owned(), opened));
                    }
                    statement.body.get_or_insert_default().extend(body);
                    if open.is_empty() && !self.goes_on() {
                        return Ok(statement);
                    }
                    continue;
                }
                '}' if open.is_empty() => return Ok(statement),
                '\n' | ';' if open.is_empty() && !ends_open(&statement.rest) => return Ok(statement),
                _ => {}
            }
            statement.rest.push(letter);
            self.next();
        }
        match open.pop() {
            Some((opened, at)) => Err((format!("`{opened}` is never closed"), at)),
            None => Ok(statement),
        }
    }

    /// Whether the statement goes on behind a block: `} else {`, `}.call()`.
    fn goes_on(&self) -> bool {
        let rest: String = self.letters.iter().skip(self.at).take(40).collect();
        let rest = rest.trim_start();
        ["else", "catch", "finally", ".", ",", ")"]
            .iter()
            .any(|word| rest.starts_with(word))
    }

    fn string(&mut self) -> Result<Quoted, Unread> {
        let at = self.here;
        let quote = self.peek(0).unwrap_or('\'');
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let is_triple = self.begins(&triple);
        let end = if is_triple { triple } else { quote.to_string() };
        self.skip(end.len());
        let mut text = String::new();
        while !self.begins(&end) {
            match self.next() {
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    // What is escaped is meant for the shell, not for Groovy.
                    Some('$') => text.push_str(if quote == '"' { "\u{0}" } else { "$" }),
                    Some(letter) => text.push(letter),
                    None => break,
                },
                Some('\n') if !is_triple => return Err((format!("`{quote}` is never closed"), at)),
                Some(letter) => text.push(letter),
                None => return Err((format!("`{end}` is never closed"), at)),
            }
        }
        self.skip(end.len());
        let is_filled_in = quote == '"' && text.contains('$');
        Ok(Quoted {
            text: text.replace('\u{0}', "$"),
            is_filled_in,
            at,
        })
    }
}

/// A line that ends so goes on in the next.
fn ends_open(text: &str) -> bool {
    let text = text.trim_end();
    [",", "=", "+", "&&", "||", "?", ":", "("]
        .iter()
        .any(|end| text.ends_with(end))
}
