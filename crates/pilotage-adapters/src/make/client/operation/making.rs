//! How the catalogue writes operations down.

use super::{Answer, Bucket, Effect, Field, Kind, Method, Operation, Paging, Parameter, Place};

const ALL_COLUMNS: &[(&str, &str)] = &[("cols[]", "*")];

impl Operation {
    pub(crate) const fn new(
        method: Method,
        effect: Effect,
        id: &'static str,
        path: &'static str,
        scope: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            id,
            method,
            path,
            scope,
            description,
            effect,
            parameters: &[],
            query: &[],
            confirms: false,
            answer: Answer::Empty,
            paging: Paging::None,
            bucket: Bucket::Organization,
        }
    }

    pub(crate) const fn with(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    /// Asks for every column, as Make's own tools do.
    pub(crate) const fn whole(mut self) -> Self {
        self.query = ALL_COLUMNS;
        self
    }

    pub(crate) const fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    /// It is asked for with POST.
    pub(crate) const fn posts(mut self) -> Self {
        self.method = Method::Post;
        self
    }

    /// It changes nothing, whatever its verb.
    pub(crate) const fn reads(mut self) -> Self {
        self.effect = Effect::Read;
        self
    }

    pub(crate) const fn confirms(mut self) -> Self {
        self.confirms = true;
        self
    }

    pub(crate) const fn one(mut self, key: &'static str, fields: &'static [Field]) -> Self {
        self.answer = Answer::One(key, fields);
        self
    }

    /// A list that is there at once.
    pub(crate) const fn all(mut self, key: &'static str, fields: &'static [Field]) -> Self {
        self.answer = Answer::List(key, fields);
        self
    }

    /// A list by `pg[offset]`.
    pub(crate) const fn pages(mut self, key: &'static str, fields: &'static [Field]) -> Self {
        self.answer = Answer::List(key, fields);
        self.paging = Paging::Offset;
        self
    }

    /// A list by `pg[last]`.
    pub(crate) const fn log(mut self, key: &'static str, fields: &'static [Field]) -> Self {
        self.answer = Answer::List(key, fields);
        self.paging = Paging::Keyset;
        self
    }

    pub(crate) const fn only(mut self, key: &'static str) -> Self {
        self.answer = Answer::Only(key);
        self
    }

    pub(crate) const fn object(mut self, fields: &'static [Field]) -> Self {
        self.answer = Answer::Object(fields);
        self
    }

    pub(crate) const fn text(mut self) -> Self {
        self.answer = Answer::Text;
        self
    }

    pub(crate) const fn bytes(mut self) -> Self {
        self.answer = Answer::Bytes;
        self
    }

    pub(crate) const fn of_account(mut self) -> Self {
        self.bucket = Bucket::Account;
        self
    }

    pub(crate) const fn exempt(mut self) -> Self {
        self.bucket = Bucket::Exempt;
        self
    }
}

/// Reads.
pub(crate) const fn get(
    id: &'static str,
    path: &'static str,
    scope: &'static str,
    description: &'static str,
) -> Operation {
    Operation::new(Method::Get, Effect::Read, id, path, scope, description)
}

/// Adds, or does something.
pub(crate) const fn post(
    id: &'static str,
    path: &'static str,
    scope: &'static str,
    description: &'static str,
) -> Operation {
    Operation::new(Method::Post, Effect::Add, id, path, scope, description)
}

/// Switches something to what was asked for.
pub(crate) const fn switch(
    id: &'static str,
    path: &'static str,
    scope: &'static str,
    description: &'static str,
) -> Operation {
    Operation::new(Method::Post, Effect::Set, id, path, scope, description)
}

/// Changes what is given.
pub(crate) const fn patch(
    id: &'static str,
    path: &'static str,
    scope: &'static str,
    description: &'static str,
) -> Operation {
    Operation::new(Method::Patch, Effect::Set, id, path, scope, description)
}

/// Puts something in the place of what was there.
pub(crate) const fn put(
    id: &'static str,
    path: &'static str,
    scope: &'static str,
    description: &'static str,
) -> Operation {
    Operation::new(Method::Put, Effect::Set, id, path, scope, description)
}

/// Takes away.
pub(crate) const fn delete(
    id: &'static str,
    path: &'static str,
    scope: &'static str,
    description: &'static str,
) -> Operation {
    Operation::new(Method::Delete, Effect::Destroy, id, path, scope, description)
}

/// An id or a name in the path; it has to be there.
pub(crate) const fn in_path(
    name: &'static str,
    kind: Kind,
    description: &'static str,
    example: &'static str,
) -> Parameter {
    Parameter::new(name, Place::Path, kind, description)
        .required()
        .like(example)
}

/// A parameter of the query.
pub(crate) const fn in_query(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
    Parameter::new(name, Place::Query, kind, description)
}

/// A field of the body.
pub(crate) const fn in_body(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
    Parameter::new(name, Place::Body, kind, description)
}

/// The team whose things are listed.
pub(crate) const TEAM: Parameter = in_query("teamId", Kind::Integer, "The team, as `list-teams` shows it.")
    .required()
    .like("5");

/// The team that something is made in.
pub(crate) const IN_TEAM: Parameter = in_body("teamId", Kind::Integer, "The team that it is to belong to.")
    .required()
    .like("5");

/// The organization whose things are listed.
pub(crate) const ORGANIZATION: Parameter = in_query(
    "organizationId",
    Kind::Integer,
    "The organization, as `list-organizations` shows it.",
)
.required()
.like("5");

/// A new name.
pub(crate) const NAME: Parameter =
    in_body("name", Kind::Text, "What it is to be called.").like("\"Example\"");
