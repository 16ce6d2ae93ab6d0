//! Reading what a request asks for, with problems that name what is wrong.

use std::{fmt, str::FromStr, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use bytes::Bytes;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use pilotage_core::{config, json};
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::problem::{Kind, Problem};

/// Bytes of a body to the API.
const MOST_BODY_BYTES: usize = 1 << 20;
/// For a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Items on a page, at most.
const MOST_ITEMS: u16 = 500;

/// The query of a request. A type refuses what it does not know with `deny_unknown_fields`.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(value) = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            let text = rejection.body_text();
            let detail = text
                .strip_prefix("Failed to deserialize query string: ")
                .unwrap_or(&text);
            Problem::new(Kind::BadRequest, format!("query parameters: {detail}"))
        })?;
        Ok(Self(value))
    }
}

/// The identity in a path. One that is none cannot be found, whatever is wrong with it.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Name(text) = Name::from_request_parts(parts, state).await?;
        let id = text
            .parse()
            .map_err(|_| Problem::new(Kind::NotFound, "the identity in the path is no UUID"))?;
        Ok(Self(id))
    }
}

/// The name in a path, decoded.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|rejection| Problem::new(Kind::BadRequest, rejection.body_text()))?;
        Ok(Self(text))
    }
}

/// A body of JSON.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read_body(request.into_body()).await?;
        read_json(&bytes).map(Self)
    }
}

/// A body of JSON, or none.
pub(super) struct OptionalJsonBody<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read_body(request.into_body()).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        read_json(&bytes).map(Self)
    }
}

/// A whole body, bounded in size and time.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Problem> {
    read_body_of(body, MOST_BODY_BYTES).await
}

/// A large body as a type that bounds what is made of it: no general JSON is built on the way.
pub(super) async fn read_large<T: DeserializeOwned>(body: Body, most_bytes: usize) -> Result<T, Problem> {
    let bytes = read_body_of(body, most_bytes).await?;
    let refuse = |error: String| Problem::new(Kind::BadRequest, format!("the body is not JSON: {error}"));
    json::check(&bytes).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(Kind::Invalid, format!("the body does not hold: {error}")))
}

async fn read_body_of(body: Body, most_bytes: usize) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, most_bytes).collect()).await;
    let collected = collected.map_err(|_| Problem::new(Kind::TooSlow, "the body did not come to its end"))?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Problem::new(
            Kind::TooLarge,
            format!("bodies have at most {most_bytes} bytes here"),
        )),
        Err(_) => Err(Problem::new(Kind::BadRequest, "the body broke off")),
    }
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let refuse = |error: String| Problem::new(Kind::BadRequest, format!("the body is not JSON: {error}"));
    // Before anything is built: what `check` lets through cannot exhaust the stack.
    json::check(bytes).map_err(|error| refuse(error.to_string()))?;
    let value = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
    convert(&value)
}

/// JSON that was read already, as a `T`.
pub(super) fn convert<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, Problem> {
    config::read(value)
        .map_err(|finding| Problem::new(Kind::Invalid, "the body does not hold").with_errors(vec![finding]))
}

/// How many items a page has: 1 to 500, and 50 where nothing is said.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
pub(super) struct PageSize(u16);

impl PageSize {
    pub(super) fn items(self) -> usize {
        self.0.into()
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u16> for PageSize {
    type Error = String;

    fn try_from(items: u16) -> Result<Self, String> {
        let fits = (1..=MOST_ITEMS).contains(&items);
        if fits {
            Ok(Self(items))
        } else {
            Err(format!("`limit` is 1 to {MOST_ITEMS}"))
        }
    }
}

/// A value that is written as text in a query.
#[derive(Clone, Copy)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its reading is looked at")]
        numbers: Vec<u8>,
    }

    #[test]
    fn what_is_no_json_and_what_is_other_json_are_told_apart() {
        let status = |text: &str| {
            read_json::<Sample>(text.as_bytes())
                .err()
                .map(|problem| problem.status().as_u16())
        };
        for (text, expected) in [
            (r#"{"numbers":[1]}"#, None),
            (r#"{"numbers":[1]} x"#, Some(400)),
            (r#"{"numbers":[1"#, Some(400)),
            ("", Some(400)),
            (r#"{"$serde_json::private::RawValue":"1"}"#, Some(400)),
            (r#"{"numbers":[300]}"#, Some(422)),
            (r#"{"number":[]}"#, Some(422)),
            ("[]", Some(422)),
        ] {
            assert_eq!(status(text), expected, "{text}");
        }
    }
}
