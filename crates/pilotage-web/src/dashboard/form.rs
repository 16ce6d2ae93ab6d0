//! A form that a person sent.

use axum::extract::{FromRequest, Request};

use super::FORM_TYPE;
use crate::{
    api::read_body,
    auth::has_media_type,
    problem::{Kind, Problem},
};

/// The fields of a form.
pub(super) struct Form(Vec<(String, String)>);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body).await?;
        if !bytes.is_empty() && !has_media_type(&parts.headers, FORM_TYPE) {
            return Err(Problem::new(Kind::UnsupportedType, format!("send `{FORM_TYPE}`")));
        }
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
    }
}

impl Form {
    /// What stands in a field; nothing where it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    }
}
