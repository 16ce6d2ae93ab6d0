//! What an operation of Make's API is: data, from which requests, schemas and tools are made.

mod making;

pub(super) use making::*;

/// The verb of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or does.
    Post,
    /// Puts one thing in the place of another.
    Put,
    /// Changes what is given.
    Patch,
    /// Takes away.
    Delete,
}

impl Method {
    /// In capitals, as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What an operation does to Make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it can be repeated at will.
    Read,
    /// It adds or does something, and once more when it is repeated.
    Add,
    /// It changes something into what was asked for; repeated, it changes nothing more.
    Set,
    /// It takes away what cannot be had back.
    Destroy,
}

/// Where in the request an argument goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path, percent-encoded.
    Path,
    /// In the query.
    Query,
    /// A field of the JSON body.
    Body,
    /// An object whose fields stand in the JSON body beside the others.
    Spread,
    /// It is the JSON body.
    Whole,
    /// It is the body, as a text of this content type.
    Text(&'static str),
    /// It is the body: bytes of this content type, given in base64.
    Bytes(&'static str),
}

/// What an argument, or a field of an answer, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number that is not negative; digits in a text are one as well.
    Integer,
    /// [`Kind::Integer`] or null.
    MaybeInteger,
    /// A number.
    Number,
    /// A text.
    Text,
    /// True or false.
    Flag,
    /// A list of texts.
    Texts,
    /// A list of whole numbers.
    Integers,
    /// A list of objects.
    Objects,
    /// An object.
    Object,
    /// An object that Make wants as a JSON text within the JSON body (blueprints, scheduling).
    Embedded,
    /// Anything.
    Any,
}

/// An argument of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// As callers name it, in camel case.
    pub name: &'static str,
    /// As Make names it.
    pub wire: &'static str,
    /// Where it goes.
    pub place: Place,
    /// What it has to be.
    pub kind: Kind,
    /// Whether it has to be there.
    pub required: bool,
    /// What it means, in a sentence.
    pub description: &'static str,
    /// The values that there are; empty where any value is taken.
    pub choices: &'static [&'static str],
    /// A value, as JSON.
    pub example: &'static str,
    /// Whether it holds credentials, which no log, answer or dry run shows.
    pub secret: bool,
}

impl Parameter {
    /// One that may be left out.
    pub(crate) const fn new(name: &'static str, place: Place, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            wire: name,
            place,
            kind,
            required: false,
            description,
            choices: &[],
            example: "",
            secret: false,
        }
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn wire(mut self, name: &'static str) -> Self {
        self.wire = name;
        self
    }

    pub(crate) const fn one_of(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    pub(crate) const fn like(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// A field of what an operation answers with. Any field may be absent or null: Make leaves out what it was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// As Make names it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it means, where the name does not say it; else empty.
    pub description: &'static str,
}

/// A field whose name says what it is.
pub(crate) const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        description: "",
    }
}

/// A field that needs a word.
pub(crate) const fn explained(name: &'static str, kind: Kind, description: &'static str) -> Field {
    Field {
        name,
        kind,
        description,
    }
}

/// What an operation answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `{key: {fields}}`.
    One(&'static str, &'static [Field]),
    /// `{key: [{fields}]}`.
    List(&'static str, &'static [Field]),
    /// `{key: anything}`, such as the id of what was deleted.
    Only(&'static str),
    /// `{fields}`, under no key.
    Object(&'static [Field]),
    /// A text.
    Text,
    /// Bytes, given back in base64.
    Bytes,
    /// Nothing.
    Empty,
}

impl Answer {
    /// The key under which the answer stands.
    pub const fn key(&self) -> Option<&'static str> {
        match self {
            Self::One(key, _) | Self::List(key, _) | Self::Only(key) => Some(key),
            Self::Object(_) | Self::Text | Self::Bytes | Self::Empty => None,
        }
    }
}

/// How a list goes on. Make never says how many there are: there may be more when a page is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// It is there at once.
    None,
    /// By `pg[offset]` and `pg[limit]`.
    Offset,
    /// By `pg[last]`, the key of the last entry seen, which is its `imtId`.
    Keyset,
}

/// Whose requests a call counts among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// The organization's that it is about.
    Organization,
    /// The account's: it is about no organization, and has a limit of its own (`x-ratelimit-limit: 10000`, as recorded).
    Account,
    /// Nobody's: runs are exempt (developers.make.com, "Rate limiting").
    Exempt,
}

/// One operation of Make's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// In kebab case, unique; a verb and a noun.
    pub id: &'static str,
    /// The verb of its request.
    pub method: Method,
    /// Below `/api/v2`, with `{name}` for arguments whose place is the path.
    pub path: &'static str,
    /// The scope that a token needs; empty for none.
    pub scope: &'static str,
    /// What it does, in a sentence or two, for people and agents who choose among operations.
    pub description: &'static str,
    /// What it does to Make.
    pub effect: Effect,
    /// Its arguments.
    pub parameters: &'static [Parameter],
    /// What is always in the query.
    pub query: &'static [(&'static str, &'static str)],
    /// Whether Make may ask for `confirmed=true`.
    pub confirms: bool,
    /// What it answers with.
    pub answer: Answer,
    /// How its list goes on.
    pub paging: Paging,
    /// Whose requests it counts among.
    pub bucket: Bucket,
}
