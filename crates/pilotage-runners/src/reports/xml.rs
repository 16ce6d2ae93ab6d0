//! XML of strangers: a stream of tags with bounded depth and size, without entities of its own.

use std::io::Read;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use crate::reading::Bounded;

/// Deepest nesting of tags.
const MAX_DEPTH: usize = 64;
/// Longest text that is kept, in bytes.
const MAX_TEXT_BYTES: usize = 4_096;

/// One step through a document.
pub(super) enum Step {
    /// A tag opened.
    Open(Tag),
    /// The innermost tag closed.
    Close(String),
}

/// A tag with its attributes.
pub(super) struct Tag {
    /// Without a prefix of a name space.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A document, tag by tag.
pub(super) struct Xml<'a, R: Read> {
    reader: Reader<&'a mut Bounded<R>>,
    buffer: Vec<u8>,
    open: Vec<String>,
    /// An empty tag was handed out, and its end comes next.
    closing: bool,
    seen: bool,
    text: String,
}

impl<'a, R: Read> Xml<'a, R> {
    pub(super) fn new(input: &'a mut Bounded<R>) -> Self {
        let mut reader = Reader::from_reader(input);
        reader.config_mut().check_end_names = true;
        Self {
            reader,
            buffer: Vec::new(),
            open: Vec::new(),
            closing: false,
            seen: false,
            text: String::new(),
        }
    }

    /// The next step; `None` at the end of a whole document.
    pub(super) fn step(&mut self) -> Result<Option<Step>, String> {
        loop {
            if std::mem::take(&mut self.closing) {
                return Ok(self.open.pop().map(Step::Close));
            }
            self.buffer.clear();
            self.reader.get_mut().next_piece();
            let event = self.reader.read_event_into(&mut self.buffer);
            let event = event.map_err(|error| format!("it is not well-formed XML: {error}"))?;
            let tag = match event {
                Event::Start(start) => read_tag(&start)?,
                Event::Empty(start) => {
                    self.closing = true;
                    read_tag(&start)?
                }
                Event::End(_) => return Ok(self.open.pop().map(Step::Close)),
                Event::Eof => return self.end(),
                Event::Text(text) if self.text.len() + text.len() <= MAX_TEXT_BYTES => {
                    self.text.push_str(&text);
                    continue;
                }
                other => {
                    refuse(&other)?;
                    continue;
                }
            };
            self.enter(&tag.name)?;
            self.text.clear();
            return Ok(Some(Step::Open(tag)));
        }
    }

    /// The text since the last tag opened; longer ones are cut.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    fn enter(&mut self, name: &str) -> Result<(), String> {
        if self.open.is_empty() && std::mem::replace(&mut self.seen, true) {
            return Err("it has more than one root".to_owned());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("its tags are nested more than {MAX_DEPTH} deep"));
        }
        self.open.push(name.to_owned());
        Ok(())
    }

    fn end(&self) -> Result<Option<Step>, String> {
        match self.open.last() {
            Some(name) => Err(format!("it ends within <{name}>: it is cut off")),
            None if self.seen => Ok(None),
            None => Err("it is empty".to_owned()),
        }
    }
}

/// What would make a document mean more than it holds.
fn refuse(event: &Event<'_>) -> Result<(), String> {
    match event {
        // Istanbul names a DTD, which nobody fetches; definitions within the document are another matter.
        Event::DocType(text) if text.contains('[') => Err("it defines entities of its own".to_owned()),
        Event::Decl(declaration) => match declaration.encoding() {
            Some(Ok(name)) if !is_utf8(&name) => Err(format!("its encoding is {name}; only UTF-8 is read")),
            Some(Err(error)) => Err(format!("it is not well-formed XML: {error}")),
            _ => Ok(()),
        },
        Event::GeneralRef(name) => {
            let known = name.is_char_ref() || matches!(&**name, "lt" | "gt" | "amp" | "quot" | "apos");
            known
                .then_some(())
                .ok_or_else(|| "it uses an entity of its own".to_owned())
        }
        _ => Ok(()),
    }
}

fn is_utf8(name: &str) -> bool {
    ["utf-8", "utf8", "us-ascii", "ascii"].contains(&name.to_ascii_lowercase().as_str())
}

fn read_tag(start: &BytesStart<'_>) -> Result<Tag, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("it is not well-formed XML: {error}"))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_err(|error| format!("an attribute cannot be read: {error}"))?;
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    Ok(Tag {
        name: start.local_name().as_ref().to_owned(),
        attributes,
    })
}
