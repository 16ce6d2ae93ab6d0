//! The client of the API: JSON out, JSON or a problem document (RFC 9457) back.

mod download;
mod problem;
mod sse;
mod stream;

use std::{fmt, path::Path, time::Duration};

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use url::{Host, Url};

use crate::exit::usage;
pub(crate) use problem::{Fault, Problem};
pub(crate) use stream::{Stream, Told, Update};

/// For connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole call. Replays decide while one waits; nothing else takes long.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest answer that is read: the largest event with room around it.
const MAX_ANSWER_BYTES: usize = 128 << 20;
/// Longest token file that makes sense.
const MAX_TOKEN_BYTES: usize = 4_096;

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody listens there.
    #[error("No Pilotage answers at {server}. Start it with `pilotage up`, or name another with --server.")]
    NoServer {
        /// As it was named.
        server: Url,
        /// What the connection said.
        source: Cause,
    },
    /// The connection broke, or the answer did not come in time.
    #[error("Pilotage at {server} did not finish its answer")]
    Broken {
        /// As it was named.
        server: Url,
        /// What the connection said.
        source: Cause,
    },
    /// The answer is not what this version understands.
    #[error("the answer of {server} is not that of a Pilotage of this version: {reason}")]
    Strange {
        /// As it was named.
        server: Url,
        /// What is strange.
        reason: String,
    },
    /// Pilotage says no.
    #[error("{0}")]
    Refused(Box<Problem>),
}

/// The innermost reason of a failure: those around it say the same in more general words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Cause(String);

impl Cause {
    fn innermost(error: &dyn std::error::Error) -> Self {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(innermost.to_string())
    }
}

impl ClientError {
    /// The HTTP status, if the server answered with an error.
    pub(crate) fn status(&self) -> Option<u16> {
        self.problem().map(|problem| problem.status)
    }

    /// Why, without what stands before it in the whole text.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::NoServer { source, .. } | Self::Broken { source, .. } => source.to_string(),
            Self::Strange { reason, .. } => reason.clone(),
            Self::Refused(problem) => problem.summary(),
        }
    }

    /// What the server has against the request, if it answered with an error.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }
}

/// An answer with its JSON text as the server wrote it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// JSON text; empty where there is nothing to say.
    pub(crate) text: String,
    server: Url,
}

impl Answer {
    /// The part of the answer that a command shows.
    ///
    /// # Errors
    /// The answer has another shape.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(&self.text).map_err(|error| ClientError::Strange {
            server: self.server.clone(),
            reason: error.to_string(),
        })
    }
}

/// Calls one server.
pub(crate) struct Client {
    http: reqwest::Client,
    server: Url,
    token: Option<SecretString>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.server)
    }
}

impl Client {
    /// A client of `server`; the token goes with every call to `/api`.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub(crate) fn new(server: Url, token: Option<SecretString>) -> anyhow::Result<Self> {
        let builder = Self::builder(&server).timeout(CALL_TIMEOUT);
        Ok(Self {
            http: builder.build()?,
            server,
            token,
        })
    }

    /// What every connection to this server has in common.
    fn builder(server: &Url) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would carry the token to a place that nobody named.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("pilotage/", env!("CARGO_PKG_VERSION")));
        // A proxy has no business between two processes of one machine.
        if is_loopback(server) {
            builder.no_proxy()
        } else {
            builder
        }
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// No server, a problem, or an answer that is no JSON.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, ClientError> {
        let mut url = self.url("api/v1", path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.call(self.http.get(url)).await
    }

    /// Changes something, with a JSON body where there is one.
    ///
    /// # Errors
    /// No server, a problem, or an answer that is no JSON.
    pub(crate) async fn change<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&B>,
    ) -> Result<Answer, ClientError> {
        let request = self.http.request(method, self.url("api/v1", path));
        self.call(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// Sends a delivery to a source with the headers of its sender; any status is an answer here. The token stays at home.
    ///
    /// # Errors
    /// No server, or the connection broke.
    pub(crate) async fn deliver(
        &self,
        path: &[&str],
        headers: &header::HeaderMap,
        body: Bytes,
    ) -> Result<(u16, String), ClientError> {
        let request = self
            .http
            .post(self.url("webhooks", path))
            .headers(headers.clone())
            .body(body);
        let response = request.send().await.map_err(|error| self.broken(error))?;
        let status = response.status().as_u16();
        Ok((status, self.text(response).await?))
    }

    async fn call(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        let request = request.header(header::ACCEPT, "application/json");
        let response = self.authorized(request).send().await;
        let response = response.map_err(|error| self.broken(error))?;
        match response.status().as_u16() {
            200..300 => Ok(Answer {
                text: self.text(response).await?,
                server: self.server.clone(),
            }),
            status => Err(self.refused(status, response).await),
        }
    }

    async fn refused(&self, status: u16, response: Response) -> ClientError {
        match self.text(response).await {
            Ok(text) => ClientError::Refused(Box::new(Problem::from_text(status, &text))),
            Err(error) => error,
        }
    }

    async fn text(&self, mut response: Response) -> Result<String, ClientError> {
        let strange = |reason: &str| ClientError::Strange {
            server: self.server.clone(),
            reason: reason.to_owned(),
        };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(strange("it is longer than 128 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| strange("it is not UTF-8"))
    }

    fn broken(&self, error: reqwest::Error) -> ClientError {
        let server = self.server.clone();
        // The URL is in our own sentence already, without its query.
        let (is_connect, source) = (error.is_connect(), Cause::innermost(&error.without_url()));
        if is_connect {
            ClientError::NoServer { server, source }
        } else {
            ClientError::Broken { server, source }
        }
    }

    /// The address of a resource; every segment is encoded, so that an id with a slash stays an id.
    fn url(&self, below: &str, path: &[&str]) -> Url {
        let mut url = self.server.clone();
        // `parse_server` lets only addresses through that have segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(below.split('/')).extend(path);
        }
        url
    }
}

fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The address of a server as an option takes it.
///
/// # Errors
/// It is no `http` or `https` address, or it carries a user, a query or a fragment.
pub(crate) fn parse_server(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; write it like http://127.0.0.1:8080"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only http:// and https:// addresses have a Pilotage".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "a password has no place in it: pass a token with --token-file or PILOTAGE_TOKEN".to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address of a server has no query and no fragment".to_owned());
    }
    Ok(url)
}

/// Where Pilotage answers unless it is told otherwise.
pub(crate) fn usual_server() -> Url {
    // The address is right by construction; the fallback is never reached.
    Url::parse("http://127.0.0.1:8080").unwrap_or_else(|_| unreachable!("it is a URL"))
}

/// The token from the file, else from `PILOTAGE_TOKEN`. There is no option for its text: other users of the machine can
/// read command lines.
///
/// # Errors
/// The file cannot be read, or there is no token in it.
pub(crate) fn token(file: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
    let Some(path) = file else {
        let token = std::env::var("PILOTAGE_TOKEN").ok();
        return token
            .map(|token| checked_token(&token, "PILOTAGE_TOKEN"))
            .transpose();
    };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map(SecretString::from)
        .map_err(|error| usage(format!("cannot read the token file {name}: {error}")))?;
    checked_token(text.expose_secret(), &name).map(Some)
}

fn checked_token(text: &str, place: &str) -> anyhow::Result<SecretString> {
    let token = text.trim();
    let is_one = !token.is_empty()
        && token.len() <= MAX_TOKEN_BYTES
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_one {
        Ok(token.into())
    } else {
        Err(usage(format!("there is no token in {place}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_servers_are_taken() {
        for good in [
            "http://127.0.0.1:8080",
            "https://pilotage.example.com/base/",
            "http://[::1]:1",
        ] {
            assert!(parse_server(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "127.0.0.1:8080",
            "ftp://a",
            "http://u:p@a",
            "http://a/?q",
            "http://a/#f",
            "mailto:x@y",
        ];
        for bad in bad {
            assert!(parse_server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_segment_of_a_path_stays_one() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |server: &str| Client::new(parse_server(server).unwrap(), None).unwrap();
        let cases = [
            ("http://a", "http://a/api/v1/rules/a%2Fb%3Fc"),
            ("http://a/", "http://a/api/v1/rules/a%2Fb%3Fc"),
            ("http://a/base", "http://a/base/api/v1/rules/a%2Fb%3Fc"),
            ("http://a/base/", "http://a/base/api/v1/rules/a%2Fb%3Fc"),
        ];
        for (server, expected) in cases {
            assert_eq!(
                client(server).url("api/v1", &["rules", "a/b?c"]).as_str(),
                expected
            );
        }
    }

    #[test]
    fn a_token_is_visible_ascii_and_never_shown() {
        assert_eq!(
            checked_token(" plo_abc\n", "x").unwrap().expose_secret(),
            "plo_abc"
        );
        for bad in ["", "\n", "a b", "a\nb", "é", &"x".repeat(5_000)] {
            assert!(checked_token(bad, "x").is_err());
        }
        assert!(!format!("{:?}", checked_token("plo_abc", "x")).contains("plo_abc"));
    }
}
