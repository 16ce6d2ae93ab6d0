use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use pilotage_core::ports::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use reqwest::{Client, Request, Response, redirect};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    AddressPolicy,
    redact::redact,
    resolver::{AllRefused, GuardedResolver, Lookup, system_lookup},
    retry_after::retry_after,
    trust::root_store,
};

/// The most of an answer's body that is read; the connection is closed when there is more.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// No receiver documents longer addresses, and a log line must stay readable.
const MAX_URL_BYTES: usize = 8 * 1024;
const MAX_IDLE_PER_HOST: usize = 8;
const IDLE: Duration = Duration::from_secs(30);
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];
/// Headers with which a request could be made to mean two things on its way.
const CONNECTION_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct SetupError(#[source] Box<dyn Error + Send + Sync>);

/// [`Outbound`] over HTTP/1.1 with rustls.
///
/// Redirects are never followed. `HTTP_PROXY` and its kin are ignored: an environment variable would silently hand every
/// request, secrets included, to a third party, and the proxy's resolver would stand in for our address policy.
///
/// TLS is set up with the first request: reading the operating system's certificates costs more than the rest of a start.
pub struct HttpOutbound {
    policy: Arc<AddressPolicy>,
    lookup: Lookup,
    clients: OnceCell<Clients>,
}

struct Clients {
    guarded: Client,
    /// For `allow_private`. A client of its own, so that its connections never serve a guarded request.
    unguarded: Client,
}

impl HttpOutbound {
    /// A client that resolves names with the operating system.
    pub fn new(policy: AddressPolicy) -> Self {
        Self::with_lookup(policy, system_lookup())
    }

    /// A client with another way to resolve names.
    pub fn with_lookup(policy: AddressPolicy, lookup: Lookup) -> Self {
        Self {
            policy: Arc::new(policy),
            lookup,
            clients: OnceCell::new(),
        }
    }

    async fn clients(&self) -> Result<&Clients, OutboundError> {
        let set_up = || async {
            let (policy, lookup) = (self.policy.clone(), self.lookup.clone());
            let clients = tokio::task::spawn_blocking(move || Clients::new(&policy, &lookup)).await;
            // It is a bug of ours; what could not be sent may be sent again.
            match clients {
                Ok(clients) => clients.map_err(|error| OutboundError::Failed(told(&error))),
                Err(error) => Err(OutboundError::Failed(error.to_string())),
            }
        };
        self.clients.get_or_try_init(set_up).await
    }

    /// Reads the address and refuses what the policy can refuse without asking DNS.
    fn admit(&self, request: &OutboundRequest) -> Result<Url, OutboundError> {
        let url = read_url(&request.url).map_err(OutboundError::Refused)?;
        if !request.allow_private {
            self.policy
                .check_literal(&url)
                .map_err(|refused| OutboundError::Refused(refused.to_string()))?;
        }
        Ok(url)
    }
}

#[async_trait]
impl Outbound for HttpOutbound {
    /// Once the status has come, it is the answer: a body that breaks off or does not end in time is cut where it stands,
    /// because reporting a failure would have the effect repeated.
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let url = self.admit(&request)?;
        let shown = redact(&url);
        let clients = self.clients().await?;
        let client = if request.allow_private {
            &clients.unguarded
        } else {
            &clients.guarded
        };
        let timeout = request.timeout;
        let request = read_request(url, request).map_err(OutboundError::Refused)?;
        let mut answer = None;
        let exchange = async {
            let mut response = client
                .execute(request)
                .await
                .map_err(|error| explain(&error, &shown))?;
            let answer = answer.insert(head(&response));
            read_body(&mut response, &mut answer.body).await;
            Ok(())
        };
        let finished = tokio::time::timeout(timeout, exchange).await;
        match (answer, finished) {
            (Some(answer), _) => Ok(answer),
            (None, Ok(Err(error))) => Err(error),
            (None, _) => Err(OutboundError::TimedOut(timeout)),
        }
    }
}

impl Clients {
    fn new(policy: &Arc<AddressPolicy>, lookup: &Lookup) -> Result<Self, SetupError> {
        let tls = tls_config().map_err(|error| SetupError(error.into()))?;
        let client = |policy| {
            let lookup = lookup.clone();
            let resolver = GuardedResolver { lookup, policy };
            client(tls.clone(), resolver).map_err(|error| SetupError(error.into()))
        };
        Ok(Self {
            guarded: client(Some(policy.clone()))?,
            unguarded: client(None)?,
        })
    }
}

fn told(error: &SetupError) -> String {
    format!("{error}: {}", error.0)
}

fn tls_config() -> Result<rustls::ClientConfig, rustls::Error> {
    // Named here instead of installed for the whole process: no order of start-up can break it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(root_store()).with_no_client_auth())
}

/// A client for an API that the operator has named himself: the same rules, without the address policy.
pub(crate) fn api_client() -> Result<Client, SetupError> {
    let tls = tls_config().map_err(|error| SetupError(error.into()))?;
    let resolver = GuardedResolver {
        lookup: system_lookup(),
        policy: None,
    };
    client(tls, resolver).map_err(|error| SetupError(error.into()))
}

fn client(tls: rustls::ClientConfig, resolver: GuardedResolver) -> reqwest::Result<Client> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("Pilotage/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// An address that can be asked at all.
pub(super) fn read_url(text: &str) -> Result<Url, String> {
    if text.len() > MAX_URL_BYTES {
        return Err(format!("the address is longer than {MAX_URL_BYTES} bytes"));
    }
    let url = Url::parse(text).map_err(|error| format!("the target is no address: {error}"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(format!("`{}:` is neither http nor https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address holds a user name or password; send an `Authorization` header instead".to_owned(),
        );
    }
    Ok(url)
}

fn read_request(url: Url, request: OutboundRequest) -> Result<Request, String> {
    let method = METHODS
        .into_iter()
        .find(|method| method.as_str() == request.method);
    let method =
        method.ok_or_else(|| format!("`{}` is no method that is sent", request.method.escape_default()))?;
    let mut read = Request::new(method, url);
    *read.headers_mut() = read_headers(&request.headers)?;
    if !request.body.is_empty() {
        *read.body_mut() = Some(request.body.into());
    }
    Ok(read)
}

fn read_headers(headers: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut read = HeaderMap::new();
    for (name, value) in headers {
        let shown = name.escape_default();
        let name = HeaderName::try_from(name).map_err(|_| format!("`{shown}` is no header name"))?;
        if CONNECTION_HEADERS.contains(&name) {
            return Err(format!("header `{name}` is not for a request to set"));
        }
        let value = HeaderValue::try_from(value);
        let mut value = value.map_err(|_| format!("header `{name}` holds a control character"))?;
        value.set_sensitive(true);
        read.try_append(name, value)
            .map_err(|_| "too many headers".to_owned())?;
    }
    Ok(read)
}

fn head(response: &Response) -> OutboundResponse {
    let value = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    OutboundResponse {
        status: response.status().as_u16(),
        retry_after: value.and_then(|value| retry_after(value, SystemTime::now())),
        body: Vec::new(),
    }
}

async fn read_body(response: &mut Response, body: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_BODY_BYTES.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() >= room {
            return;
        }
    }
}

/// Turns a failure before the answer into words. The client's own texts hold the whole address, so only its causes are
/// repeated: they come from the resolver, the socket, TLS or the HTTP parser.
fn explain(error: &reqwest::Error, shown: &str) -> OutboundError {
    let causes = causes(error);
    if let Some(refused) = causes.iter().find_map(|cause| cause.downcast_ref::<AllRefused>()) {
        return OutboundError::Refused(refused.to_string());
    }
    let what = if error.is_builder() {
        return OutboundError::Refused(format!("{shown} cannot be asked"));
    } else if error.is_connect() {
        "cannot be reached"
    } else {
        "gave no answer"
    };
    // The innermost cause says it best ("Connection refused"); those around it repeat each other.
    let cause = causes
        .last()
        .map(|cause| format!(": {}", bounded(&cause.to_string())))
        .unwrap_or_default();
    OutboundError::Failed(format!("{shown} {what}{cause}"))
}

fn causes(error: &reqwest::Error) -> Vec<&(dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
