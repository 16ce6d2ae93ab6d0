//! From a path to what answers it.

use super::{
    call::Call,
    reply::{Refusal, Reply},
    resource::Resource,
};

/// What answers a request.
pub(crate) type Handler = fn(&mut Call<'_>) -> Result<Reply, Refusal>;

/// How a route is answered.
#[derive(Clone, Copy)]
pub(crate) enum Answering {
    /// In its own way.
    Own(Handler),
    /// In its own way, and never with a refusal.
    Plain(fn(&mut Call<'_>) -> Reply),
    /// As resources are listed.
    List(&'static Resource),
    /// As one of a resource is shown.
    Show(&'static Resource),
    /// As one of a resource is made.
    Create(&'static Resource),
    /// As one of a resource is changed.
    Change(&'static Resource),
    /// As one of a resource is deleted.
    Delete(&'static Resource),
}

/// A method and a path, `{}` for whatever stands in a segment; and the scope that a token needs, empty for none.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) answering: Answering,
}

/// A route with its own handler.
pub(crate) const fn own(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        scope,
        answering: Answering::Own(handler),
    }
}

/// A route with its own handler that refuses nothing.
pub(crate) const fn plain(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    handler: fn(&mut Call<'_>) -> Reply,
) -> Route {
    Route {
        method,
        path,
        scope,
        answering: Answering::Plain(handler),
    }
}

/// A route that a resource answers.
pub(crate) const fn of(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    answering: Answering,
) -> Route {
    Route {
        method,
        path,
        scope,
        answering,
    }
}

impl Route {
    /// What stands in place of each `{}`, if method and path fit.
    pub(crate) fn matches(&self, method: &str, segments: &[String]) -> Option<Vec<String>> {
        if self.method != method {
            return None;
        }
        let mut parameters = Vec::new();
        let mut given = segments.iter();
        for expected in self.path.split('/').skip(1) {
            let segment = given.next()?;
            if expected == "{}" {
                parameters.push(segment.clone());
            } else if expected != segment {
                return None;
            }
        }
        given.next().is_none().then_some(parameters)
    }
}
