//! Reads a script for bash far enough to see what is quoted and whether all that was opened is closed.

/// What one pass over a script shows.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// What is wrong, if something is.
    pub(super) problem: Option<String>,
    /// Variables that stand outside of quotes, where their value is split and expanded.
    pub(super) bare: Vec<String>,
}

/// Scans a script. Words of the language are only counted where a command begins.
pub(super) fn scan(script: &str) -> Scan {
    let mut reader = Reader {
        letters: script.chars().collect(),
        ..Reader::default()
    };
    reader.read();
    let mut scan = Scan {
        problem: reader.problem.take(),
        bare: reader.bare,
    };
    if scan.problem.is_none() {
        scan.problem = reader
            .open
            .last()
            .map(|open| format!("`{}` is never closed", open.word()));
    }
    scan
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Double,
    Substitution,
    Brace,
    Paren,
    Arithmetic,
    If,
    Do,
    Case,
    Group,
}

impl Open {
    const fn word(self) -> &'static str {
        match self {
            Self::Double => "\"",
            Self::Substitution => "$(",
            Self::Brace => "${",
            Self::Paren => "(",
            Self::Arithmetic => "$((",
            Self::If => "if",
            Self::Do => "do",
            Self::Case => "case",
            Self::Group => "{",
        }
    }
}

#[derive(Default)]
struct Reader {
    letters: Vec<char>,
    at: usize,
    open: Vec<Open>,
    bare: Vec<String>,
    problem: Option<String>,
    starts_command: bool,
    here: Option<String>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn read(&mut self) {
        self.starts_command = true;
        while let Some(letter) = self.peek(0) {
            if self.problem.is_some() {
                return;
            }
            match (self.open.last(), letter) {
                (_, '\\') => self.at += 2,
                (Some(Open::Double), '"') | (Some(Open::Brace), '}') => self.pop(),
                (_, '$') => self.dollar(),
                (Some(Open::Double), _) => self.at += 1,
                (_, '"') => self.push(Open::Double, 1),
                (_, '\'') => self.single(),
                (Some(Open::Brace), _) => self.at += 1,
                (_, '#') if self.begins_word() => self.skip_line(),
                (_, '<') if self.peek(1) == Some('<') => self.here_document(),
                _ => self.plain(letter),
            }
        }
    }

    fn push(&mut self, open: Open, letters: usize) {
        self.open.push(open);
        self.at += letters;
        self.starts_command = matches!(open, Open::Substitution | Open::Paren);
    }

    fn pop(&mut self) {
        self.open.pop();
        self.at += 1;
        self.starts_command = false;
    }

    fn begins_word(&self) -> bool {
        self.at == 0
            || self
                .letters
                .get(self.at - 1)
                .is_some_and(|before| before.is_whitespace() || ";(&|".contains(*before))
    }

    fn single(&mut self) {
        let end = self
            .letters
            .iter()
            .skip(self.at + 1)
            .position(|letter| *letter == '\'');
        self.starts_command = false;
        match end {
            Some(length) => self.at += length + 2,
            None => self.problem = Some("`'` is never closed".to_owned()),
        }
    }

    fn dollar(&mut self) {
        let in_double = self.open.contains(&Open::Double) && self.open.last() == Some(&Open::Double);
        match self.peek(1) {
            Some('(') if self.peek(2) == Some('(') => self.push(Open::Arithmetic, 3),
            Some('(') => self.push(Open::Substitution, 2),
            Some('{') => {
                let name = self.name(2);
                if !in_double && self.splits() {
                    self.bare.push(name);
                }
                self.push(Open::Brace, 2);
            }
            Some('\'') if !in_double => {
                self.at += 1;
                self.single();
            }
            _ => {
                let name = self.name(1);
                self.at += 1 + name.len();
                self.starts_command = false;
                if !name.is_empty() && !in_double && self.splits() {
                    self.bare.push(name);
                }
            }
        }
    }

    /// Whether the value of a variable would be split here: not in arithmetic, not in an assignment.
    fn splits(&self) -> bool {
        let inert = [Open::Arithmetic, Open::Brace];
        if self.open.last().is_some_and(|open| inert.contains(open)) {
            return false;
        }
        let before: String = self
            .letters
            .get(..self.at)
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(|letter| !letter.is_whitespace() && !"();&|".contains(**letter))
            .collect();
        !before.contains('=')
    }

    fn name(&self, from: usize) -> String {
        self.letters
            .iter()
            .skip(self.at + from)
            .take_while(|letter| letter.is_ascii_alphanumeric() || **letter == '_')
            .collect()
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|letter| letter != '\n') {
            self.at += 1;
        }
    }

    /// `<<WORD`: the lines up to WORD are no commands. `<<<` is a text.
    fn here_document(&mut self) {
        if self.peek(2) == Some('<') {
            self.at += 3;
            return;
        }
        let rest: String = self.letters.iter().skip(self.at + 2).collect();
        let word: String = rest
            .trim_start_matches(['-', ' '])
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || "_'\"".contains(*letter))
            .filter(|letter| !"'\"".contains(*letter))
            .collect();
        self.at += 2;
        if word.is_empty() {
            return;
        }
        self.here = Some(word);
        self.skip_line();
        self.end_of_line();
    }

    fn end_of_line(&mut self) {
        let Some(word) = self.here.take() else { return };
        while self.at < self.letters.len() {
            self.at += 1;
            let start = self.at;
            self.skip_line();
            let line: String = self
                .letters
                .get(start..self.at)
                .unwrap_or_default()
                .iter()
                .collect();
            if line.trim() == word {
                return;
            }
        }
        self.problem = Some(format!("the lines after `<<{word}` never end with `{word}`"));
    }

    fn plain(&mut self, letter: char) {
        match letter {
            '(' => self.push(Open::Paren, 1),
            ')' => self.close_paren(),
            '\n' | ';' | '&' | '|' => {
                self.at += 1;
                self.starts_command = true;
            }
            letter if letter.is_whitespace() => self.at += 1,
            _ => self.word(),
        }
    }

    fn close_paren(&mut self) {
        match self.open.last() {
            Some(Open::Paren | Open::Substitution) => self.pop(),
            Some(Open::Arithmetic) => {
                self.pop();
                if self.peek(0) == Some(')') {
                    self.at += 1;
                }
            }
            // The end of a pattern of `case`.
            Some(Open::Case | Open::If | Open::Do | Open::Group) if self.open.contains(&Open::Case) => {
                self.at += 1;
                self.starts_command = true;
            }
            _ => self.problem = Some("`)` closes nothing".to_owned()),
        }
    }

    fn word(&mut self) {
        let word: String = self
            .letters
            .iter()
            .skip(self.at)
            .take_while(|letter| !letter.is_whitespace() && !"()<>;&|\"'$\\".contains(**letter))
            .collect();
        let starts = std::mem::take(&mut self.starts_command);
        self.at += word.chars().count().max(1);
        if !starts {
            return;
        }
        let (opens, closes) = match word.as_str() {
            "if" => (Some(Open::If), None),
            "do" => (Some(Open::Do), None),
            "case" => (Some(Open::Case), None),
            "{" => (Some(Open::Group), None),
            "fi" => (None, Some(Open::If)),
            "done" => (None, Some(Open::Do)),
            "esac" => (None, Some(Open::Case)),
            "}" => (None, Some(Open::Group)),
            _ => (None, None),
        };
        let goes_on = [
            "then", "else", "elif", "while", "until", "do", "if", "!", "{", "time",
        ];
        self.starts_command = goes_on.contains(&word.as_str());
        if let Some(open) = opens {
            self.open.push(open);
        }
        if let Some(close) = closes {
            if self.open.last() == Some(&close) {
                self.open.pop();
            } else {
                self.problem = Some(format!("`{word}` closes nothing"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_found() {
        let good = [
            "npm ci",
            "if [ \"$A\" = b ]; then echo 'it''s'; fi",
            "for f in *.txt; do echo \"$f\"; done",
            "case \"$1\" in a) echo a;; *) echo b;; esac",
            "cat <<EOF\nit's \"open\nEOF\necho done",
            "x=$(grep -o 'a' \"$f\" | head -n 1)",
            "awk 'BEGIN { exit (1) }'",
            "echo $((1 + 2)) # it's a comment",
            "{\n  a\n} | tee b",
            "while read -r line; do [[ $line =~ (a|b) ]]; done < f",
        ];
        for script in good {
            assert_eq!(scan(script).problem, None, "{script}");
        }
        let bad = [
            "echo 'open",
            "echo \"open",
            "if true; then echo",
            "for f in a; do echo",
            "fi",
            "echo $(ls",
            "(cd a",
            "cat <<EOF\nno end",
            "echo )",
            "case a in b) c;;",
        ];
        for script in bad {
            assert!(scan(script).problem.is_some(), "{script}");
        }
    }

    #[test]
    fn a_bare_variable_is_one_that_would_be_split() {
        let bare = |script: &str| scan(script).bare;
        assert_eq!(bare("rm $A \"$B\" '$C' D=$E ${F}"), ["A", "F"]);
        assert_eq!(bare("echo \"$(basename $G)\""), ["G"]);
    }
}
