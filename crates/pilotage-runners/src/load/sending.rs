//! Sends one request and judges its answer.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{Client, header::HeaderValue, redirect::Policy};
use serde_json::{Map, Value as Json};

use super::{figures::Failure, plan::Step};

/// Bytes of an answer that are kept to look into it; the rest is read and let go.
const MOST_KEPT: usize = 1 << 20;

/// What `${name}` stands for.
pub type Row = Map<String, Json>;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// Why it does not count as well.
    pub failure: Option<Failure>,
}

/// Sends requests.
#[async_trait]
pub trait Sender: Send + Sync {
    /// Sends one with the values of a row, and reads its answer to the end.
    async fn send(&self, step: &Step, row: Option<&Row>) -> Answer;
}

/// Sends over HTTP, with connections that are kept.
#[derive(Clone, Debug)]
pub struct HttpSender {
    client: Client,
}

impl HttpSender {
    /// With this longest time for an answer. A TLS provider has to be installed.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(timeout)
            .redirect(Policy::none())
            .pool_max_idle_per_host(usize::MAX)
            .tcp_nodelay(true)
            .no_proxy()
            .user_agent(concat!("pilotage-load/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client })
    }

    fn request(&self, step: &Step, row: Option<&Row>) -> Result<reqwest::Request, reqwest::Error> {
        let url = filled(&step.url, row, encoded);
        let mut request = self.client.request(step.method.clone(), url);
        for (name, value) in &step.headers {
            let value = filled(value, row, str::to_owned);
            // What no header can hold is sent as an empty one rather than split into two.
            let value = HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static(""));
            request = request.header(name, value);
        }
        match &step.body {
            None => {}
            Some(Json::String(text)) => request = request.body(filled(text, row, str::to_owned)),
            Some(body) => request = request.json(&filled_json(body, row)),
        }
        request.build()
    }

    async fn answer(&self, step: &Step, row: Option<&Row>) -> Result<Answer, Failure> {
        let request = self.request(step, row).map_err(|_| Failure::Broken)?;
        let mut response = self.client.execute(request).await.map_err(|error| why(&error))?;
        let status = response.status().as_u16();
        let mut kept = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| why(&error))? {
            if step.contains.is_some() && kept.len() < MOST_KEPT {
                kept.extend_from_slice(&part);
            }
        }
        let is_well = if step.expect.is_empty() {
            (200..400).contains(&status)
        } else {
            step.expect.contains(&status)
        };
        let holds = |text: &String| String::from_utf8_lossy(&kept).contains(text.as_str());
        let failure = if !is_well {
            Some(Failure::Status)
        } else if step.contains.as_ref().is_some_and(|text| !holds(text)) {
            Some(Failure::Content)
        } else {
            None
        };
        Ok(Answer {
            status: Some(status),
            failure,
        })
    }
}

fn why(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::Connect
    } else {
        Failure::Broken
    }
}

#[async_trait]
impl Sender for HttpSender {
    async fn send(&self, step: &Step, row: Option<&Row>) -> Answer {
        self.answer(step, row).await.unwrap_or_else(|failure| Answer {
            status: None,
            failure: Some(failure),
        })
    }
}

#[async_trait]
impl<S: Sender + ?Sized> Sender for Arc<S> {
    async fn send(&self, step: &Step, row: Option<&Row>) -> Answer {
        (**self).send(step, row).await
    }
}

/// The text with `${name}` replaced by the row's values, each written by `write`. What the row does not have stays.
fn filled(text: &str, row: Option<&Row>, write: fn(&str) -> String) -> String {
    let Some(row) = row.filter(|_| text.contains("${")) else {
        return text.to_owned();
    };
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, behind) = rest.split_at(at);
        filled.push_str(before);
        let found = behind
            .find('}')
            .and_then(|end| Some((end, row.get(behind.get(2..end)?)?)));
        if let Some((end, value)) = found {
            filled.push_str(&write(&plain(value)));
            rest = &behind[end + 1..];
        } else {
            filled.push_str("${");
            rest = &behind[2..];
        }
    }
    filled.push_str(rest);
    filled
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value within a URL: nothing in it ends a segment or begins a parameter.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// A text that is `${name}` and nothing else becomes the value itself.
fn filled_json(value: &Json, row: Option<&Row>) -> Json {
    match value {
        Json::String(text) => {
            let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            let found = whole.and_then(|name| row?.get(name));
            found
                .cloned()
                .unwrap_or_else(|| filled(text, row, str::to_owned).into())
        }
        Json::Array(items) => items.iter().map(|item| filled_json(item, row)).collect(),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, member)| (name.clone(), filled_json(member, row)));
            Json::Object(members.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_a_row_stay_where_they_are_put() {
        let row = json!({ "id": "a/b?c d", "n": 7 });
        let row = row.as_object();
        assert_eq!(
            filled("/x/${id}/${n}/${no}", row, encoded),
            "/x/a%2Fb%3Fc%20d/7/${no}"
        );
        assert_eq!(filled("${", row, encoded), "${");
        assert_eq!(filled("${id}", None, encoded), "${id}");
        let body = json!({ "id": "${id}", "count": "${n}", "text": "no ${n}" });
        assert_eq!(
            filled_json(&body, row),
            json!({ "id": "a/b?c d", "count": 7, "text": "no 7" })
        );
    }
}
