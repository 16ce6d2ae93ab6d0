//! One request to a platform.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Below the address of the API, with its query, encoded.
    pub(crate) path: String,
    pub(crate) body: Option<(&'static str, Bytes)>,
    pub(crate) headers: HeaderMap,
    /// What it is about, for people.
    pub(crate) what: String,
    /// What the token needs for it, where the platform's refusal does not say.
    pub(crate) needs: Option<&'static str>,
}

impl Ask {
    pub(crate) fn new(method: Method, path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            headers: HeaderMap::new(),
            what: what.into(),
            needs: None,
        }
    }

    pub(crate) fn get(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Method::GET, path, what)
    }

    pub(crate) fn post(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Method::POST, path, what)
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", body.to_string().into()));
        self
    }

    pub(crate) fn form<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.body = Some(("application/x-www-form-urlencoded", form.into()));
        self
    }

    pub(crate) const fn needs(mut self, scope: &'static str) -> Self {
        self.needs = Some(scope);
        self
    }

    pub(super) fn only_reads(&self) -> bool {
        self.method == Method::GET
    }
}
