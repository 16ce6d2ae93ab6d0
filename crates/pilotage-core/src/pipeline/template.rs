use std::fmt;

/// A text with places that are filled in for each run: `registry/app:${git.sha}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(pub Vec<Part>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Literal(String),
    /// Filled in.
    Value(Reference),
}

/// What can be filled in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// The value of an axis: `matrix.node`.
    Matrix(String),
    /// What a person answered: `input.level`. Written by whoever starts the run.
    Input {
        /// The name of the input.
        name: String,
        /// The answer when nobody was asked.
        default: String,
    },
    /// The branch that is built: `git.branch`. Named by whoever pushes.
    Branch,
    /// The tag that is built: `git.tag`. Named by whoever pushes.
    Tag,
    /// The commit: `git.sha`.
    Sha,
    /// The title of the commit: `git.title`. Written by whoever commits.
    Title,
    /// The number of the run: `run.number`.
    RunNumber,
    /// Where the run is seen: `run.url`.
    RunUrl,
    /// Where a service of the job is reached: `service.postgres.host`.
    ServiceHost(String),
}

impl Reference {
    /// The words between the braces.
    ///
    /// # Errors
    /// There is no such thing; the text says what there is.
    pub fn parse(words: &str) -> Result<Self, String> {
        let reference = match words {
            "git.branch" => Self::Branch,
            "git.tag" => Self::Tag,
            "git.sha" => Self::Sha,
            "git.title" => Self::Title,
            "run.number" => Self::RunNumber,
            "run.url" => Self::RunUrl,
            _ => Self::named(words).ok_or_else(|| {
                format!(
                    "there is no `${{{words}}}`; there are matrix.AXIS, input.NAME, service.NAME.host, git.branch, \
                     git.tag, git.sha, git.title, run.number and run.url"
                )
            })?,
        };
        Ok(reference)
    }

    fn named(words: &str) -> Option<Self> {
        let mut parts = words.split('.');
        let (kind, name, rest) = (parts.next()?, parts.next()?, parts.next());
        let plain = |name: &str| !name.is_empty() && name.chars().all(is_word);
        match (kind, rest) {
            ("matrix", None) if plain(name) => Some(Self::Matrix(name.to_owned())),
            ("input", None) if plain(name) => Some(Self::Input {
                name: name.to_owned(),
                default: String::new(),
            }),
            ("service", Some("host")) if parts.next().is_none() => Some(Self::ServiceHost(name.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matrix(axis) => write!(f, "matrix.{axis}"),
            Self::Input { name, .. } => write!(f, "input.{name}"),
            Self::Branch => f.write_str("git.branch"),
            Self::Tag => f.write_str("git.tag"),
            Self::Sha => f.write_str("git.sha"),
            Self::Title => f.write_str("git.title"),
            Self::RunNumber => f.write_str("run.number"),
            Self::RunUrl => f.write_str("run.url"),
            Self::ServiceHost(name) => write!(f, "service.{name}.host"),
        }
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-".contains(letter)
}

impl Template {
    /// Reads a text; `$${` stands for `${`.
    ///
    /// # Errors
    /// Something in `${...}` is not known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                rest = from.get(2..).unwrap_or_default();
                continue;
            }
            literal.push_str(before);
            let inner = from.get(2..).unwrap_or_default();
            let (words, after) = inner
                .split_once('}')
                .ok_or_else(|| "`${` without a `}`".to_owned())?;
            let reference = Reference::parse(words)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Value(reference));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// A text without places.
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Part::Literal(text.into())])
    }

    /// What it asks for.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Value(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    /// The text, with each place as `fill` says; literal text goes through `escape`.
    pub fn write(&self, escape: impl Fn(&str) -> String, fill: impl Fn(&Reference) -> String) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => escape(text),
                Part::Value(reference) => fill(reference),
            })
            .collect()
    }

    /// The text if nothing is to be filled in.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_in_parts() {
        let read = |text: &str| {
            Template::parse(text).map(|template| template.write(str::to_owned, |value| format!("<{value}>")))
        };
        let table = [
            ("", Ok("")),
            ("plain $HOME", Ok("plain $HOME")),
            ("app:${git.sha}-${matrix.node}", Ok("app:<git.sha>-<matrix.node>")),
            ("$${git.sha}", Ok("${git.sha}")),
            ("${service.db.host}", Ok("<service.db.host>")),
            ("${git.sha", Err(())),
            ("${git.shame}", Err(())),
            ("${service.db}", Err(())),
            ("${matrix.}", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).map_err(drop), expected.map(str::to_owned), "{text}");
        }
    }
}
