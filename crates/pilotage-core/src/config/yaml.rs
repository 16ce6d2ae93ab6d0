//! From YAML text to a JSON value, with a place for every key and value.
//!
//! Built on the parser's events instead of a ready-made tree, because aliases have to be counted before they are
//! copied: nine lines of YAML can otherwise ask for gigabytes.

mod scalar;

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

use self::scalar::scalar;
use super::{
    Problem, SecretRef, pointer_segment,
    snippet::{Location, Span},
};

/// Longest text, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// Most values in a document, with every alias counted as what it stands for.
const MAX_NODES: usize = 1_000_000;
/// Most bytes of strings in a document, with every alias counted as what it stands for.
const MAX_STRING_BYTES: usize = 4 * MAX_BYTES;
/// Deepest nesting; what `serde_json` reads back.
const MAX_DEPTH: usize = 127;

/// Where a value stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its key, if it is in a mapping.
    pub(super) key: Option<Span>,
    /// The value itself; for a mapping or a sequence only where it begins.
    pub(super) value: Span,
    /// It is neither a mapping nor a sequence.
    pub(super) is_scalar: bool,
}

/// What a text says, and where.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) value: Value,
    /// By JSON pointer. Values inside of an alias have no place of their own.
    pub(super) places: HashMap<String, Place>,
    /// Places of literal secrets, which no message may show.
    pub(super) secrets: Vec<Span>,
}

/// Why a text is no document, and where; with the secrets met so far.
#[derive(Debug)]
pub(super) struct Invalid {
    pub(super) problem: Problem,
    pub(super) span: Span,
    pub(super) secrets: Vec<Span>,
    /// The value that was next belongs to a key that names a secret.
    pub(super) in_secret: bool,
}

/// Reads the one document of `text`.
pub(super) fn parse(text: &str) -> Result<Parsed, Box<Invalid>> {
    let mut builder = Builder::default();
    builder.read(text).map_err(|(problem, span)| {
        Box::new(Invalid {
            problem,
            span,
            in_secret: builder.next_is_secret(),
            secrets: std::mem::take(&mut builder.parsed.secrets),
        })
    })?;
    Ok(builder.parsed)
}

type Refused = (Problem, Span);

/// How much a value is, aliases included.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    /// Levels of containers, 0 for a scalar.
    height: usize,
}

#[derive(Debug)]
struct Anchored {
    value: Value,
    size: Size,
    span: Span,
}

#[derive(Debug)]
enum Container {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, Option<(String, Span)>),
}

/// A mapping or sequence whose end was not met yet.
#[derive(Debug)]
struct Open {
    container: Container,
    anchor: usize,
    start: Span,
    key: Option<Span>,
    /// Length of its own pointer.
    pointer_len: usize,
    /// It is the value of a key that names a secret, or inside of one.
    secret: bool,
    size: Size,
}

#[derive(Debug, Default)]
struct Builder {
    stack: Vec<Open>,
    pointer: String,
    anchors: HashMap<usize, Anchored>,
    total: Size,
    documents: usize,
    parsed: Parsed,
}

impl Builder {
    fn read(&mut self, text: &str) -> Result<(), Refused> {
        if text.len() > MAX_BYTES {
            let message = format!("the document is longer than {} MiB", MAX_BYTES >> 20);
            return Err((Problem::at("", message), Span::default()));
        }
        let mut parser = Parser::new_from_str(text);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| {
                let message = format!("not valid YAML: {}", error.info());
                (Problem::at("", message), Span::at(location(*error.marker())))
            })?;
            self.take(
                event,
                Span {
                    start: location(span.start),
                    end: location(span.end),
                },
            )?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Refused> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err((Problem::at("", "only one document is expected"), span));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.take_scalar(&text, style, anchor, tag.as_deref(), span)
            }
            Event::Alias(anchor) => self.take_alias(anchor, span),
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", span)?;
                self.open(Container::Sequence(Vec::new()), anchor, span)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", span)?;
                self.open(Container::Mapping(Map::new(), None), anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// Whether the next scalar is a key.
    fn expects_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Open {
                container: Container::Mapping(_, None),
                ..
            })
        )
    }

    /// Whether the next value is a secret, going by its own key and those around it.
    fn next_is_secret(&self) -> bool {
        self.stack.last().is_some_and(|open| {
            let by_key = match &open.container {
                Container::Mapping(_, Some((key, _))) => names_secret(key),
                _ => false,
            };
            open.secret || by_key
        })
    }

    /// Moves the pointer to the next value of the innermost container and tells its key's place.
    fn enter(&mut self) -> Option<Span> {
        let open = self.stack.last()?;
        self.pointer.truncate(open.pointer_len);
        match &open.container {
            Container::Sequence(items) => {
                self.pointer.push('/');
                self.pointer.push_str(&items.len().to_string());
                None
            }
            Container::Mapping(_, key) => key.as_ref().map(|(key, span)| {
                self.pointer.push('/');
                self.pointer.push_str(&pointer_segment(key));
                *span
            }),
        }
    }

    fn take_scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Refused> {
        let typed = scalar(text, style, tag);
        if self.expects_key() {
            return self.take_key(text, typed.as_ref().is_ok_and(Value::is_string), span);
        }
        let secret = self.next_is_secret();
        let key = self.enter();
        let value = typed.map_err(|message| (Problem::at(&self.pointer, message), span))?;
        if secret && !value.is_null() && !is_reference(text) {
            self.parsed.secrets.push(span);
        }
        let size = Size {
            nodes: 1,
            bytes: text.len(),
            height: 0,
        };
        self.charge(size, span)?;
        self.place(key, span, true);
        self.finish(value, anchor, size, span)
    }

    fn take_key(&mut self, key: &str, is_string: bool, span: Span) -> Result<(), Refused> {
        let Some(Open {
            container: Container::Mapping(entries, pending),
            pointer_len,
            ..
        }) = self.stack.last_mut()
        else {
            return Ok(());
        };
        self.pointer.truncate(*pointer_len);
        if !is_string {
            let message = format!("the key `{key}` is not a string");
            return Err((Problem::at(&self.pointer, message).help("put it in quotes"), span));
        }
        if entries.contains_key(key) {
            let pointer = format!("{}/{}", self.pointer, pointer_segment(key));
            let problem = Problem::at(&pointer, format!("the key `{key}` is here twice"));
            let first = self.parsed.places.get(&pointer).and_then(|place| place.key);
            return Err((
                match first {
                    Some(first) => problem.help(format!("it is first on line {}", first.start.line)),
                    None => problem,
                },
                span,
            ));
        }
        *pending = Some((key.to_owned(), span));
        Ok(())
    }

    fn take_alias(&mut self, anchor: usize, span: Span) -> Result<(), Refused> {
        if self.expects_key() {
            return Err((Problem::at(&self.pointer, "an alias cannot be a key"), span));
        }
        let secret = self.next_is_secret();
        let key = self.enter();
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err((Problem::at(&self.pointer, "the alias stands for itself"), span));
        };
        if secret {
            self.parsed.secrets.push(anchored.span);
        }
        let size = anchored.size;
        charge(&mut self.total, size, self.stack.len())
            .map_err(|message| (Problem::at(&self.pointer, message), span))?;
        let value = anchored.value.clone();
        self.place(key, span, true);
        self.finish(value, 0, size, span)
    }

    fn check_tag(&self, tag: Option<&Tag>, expected: &str, span: Span) -> Result<(), Refused> {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => Err((
                Problem::at(&self.pointer, format!("the tag `{tag}` is not known")),
                span,
            )),
            _ => Ok(()),
        }
    }

    fn open(&mut self, container: Container, anchor: usize, span: Span) -> Result<(), Refused> {
        if self.expects_key() {
            let message = "a key must be a string, not a mapping or a sequence";
            return Err((Problem::at(&self.pointer, message), span));
        }
        let secret = self.next_is_secret();
        let key = self.enter();
        let size = Size {
            nodes: 1,
            bytes: 0,
            height: 1,
        };
        self.charge(size, span)?;
        self.place(key, Span::at(span.start), false);
        self.stack.push(Open {
            container,
            anchor,
            start: span,
            key,
            pointer_len: self.pointer.len(),
            secret,
            size,
        });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Refused> {
        let Some(open) = self.stack.pop() else {
            return Ok(());
        };
        self.pointer.truncate(open.pointer_len);
        let value = match open.container {
            Container::Sequence(items) => Value::Array(items),
            Container::Mapping(entries, _) => Value::Object(entries),
        };
        let span = Span {
            start: open.key.unwrap_or(open.start).start,
            end: end.end,
        };
        self.finish(value, open.anchor, open.size, span)
    }

    /// Puts a finished value where it belongs, and keeps it for its aliases.
    fn finish(&mut self, value: Value, anchor: usize, size: Size, span: Span) -> Result<(), Refused> {
        if anchor != 0 {
            // Anchors inside of anchors would otherwise keep copies of copies for free.
            self.charge(size, span)?;
            let value = value.clone();
            self.anchors.insert(anchor, Anchored { value, size, span });
        }
        let Some(open) = self.stack.last_mut() else {
            self.parsed.value = value;
            return Ok(());
        };
        open.size.nodes += size.nodes;
        open.size.bytes += size.bytes;
        open.size.height = open.size.height.max(size.height + 1);
        match &mut open.container {
            Container::Sequence(items) => items.push(value),
            Container::Mapping(entries, key) => {
                if let Some((key, _)) = key.take() {
                    entries.insert(key, value);
                }
            }
        }
        Ok(())
    }

    fn charge(&mut self, size: Size, span: Span) -> Result<(), Refused> {
        charge(&mut self.total, size, self.stack.len())
            .map_err(|message| (Problem::at(&self.pointer, message), span))
    }

    fn place(&mut self, key: Option<Span>, value: Span, is_scalar: bool) {
        let place = Place {
            key,
            value,
            is_scalar,
        };
        self.parsed.places.insert(self.pointer.clone(), place);
    }
}

/// Adds a value at `depth` to what the document holds already.
fn charge(total: &mut Size, size: Size, depth: usize) -> Result<(), String> {
    total.nodes = total.nodes.saturating_add(size.nodes);
    total.bytes = total.bytes.saturating_add(size.bytes);
    if depth.saturating_add(size.height) > MAX_DEPTH {
        return Err(format!("the document is nested deeper than {MAX_DEPTH} levels"));
    }
    if total.nodes > MAX_NODES {
        return Err(format!(
            "the document has more than {MAX_NODES} values, aliases included"
        ));
    }
    if total.bytes > MAX_STRING_BYTES {
        let limit = MAX_STRING_BYTES >> 20;
        return Err(format!(
            "the document has more than {limit} MiB of strings, aliases included"
        ));
    }
    Ok(())
}

fn location(marker: Marker) -> Location {
    Location {
        line: marker.line().max(1),
        column: marker.col().saturating_add(1),
    }
}

/// Whether the value of a key with this name is taken for a secret when lines of the document are shown.
pub(super) fn names_secret(key: &str) -> bool {
    const WORDS: [&str; 10] = [
        "secret",
        "token",
        "password",
        "passwd",
        "passphrase",
        "apikey",
        "privatekey",
        "credential",
        "authorization",
        "cookie",
    ];
    let letters: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    WORDS.iter().any(|word| letters.contains(word))
}

/// Whether a text says where a secret is instead of being one.
pub(super) fn is_reference(text: &str) -> bool {
    SecretRef::parse(text).is_ok_and(|secret| !secret.is_literal())
}

#[cfg(test)]
mod tests;
