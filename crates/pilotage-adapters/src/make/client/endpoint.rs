//! Where Make answers, and as whom we ask.

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// Below which path Make's API lies.
const API: &str = "/api/v2";

/// An address that cannot be Make's API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no address.
    #[error(
        "`{0}` is neither a zone such as `eu1.make.com` nor an address such as `https://eu1.make.com/api/v2`"
    )]
    Unreadable(String),
    /// It holds what does not belong there.
    #[error("the address of Make's API must not hold {0}")]
    Surplus(&'static str),
    /// The token cannot be sent.
    #[error("the token for Make holds characters that no token has")]
    Token,
}

/// Where Make's API lies: a zone or an address of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Reads a zone (`eu1`, `eu1.make.com`, `us1.make.celonis.com`, `localhost:8443`) or an address
    /// (`https://eu1.make.com/api/v2`, `http://127.0.0.1:8080`). Where the address has no path, Make's is taken.
    ///
    /// # Errors
    /// It is neither, or holds a user name, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        let unreadable = || EndpointError::Unreadable(text.chars().take(100).collect());
        let full = match text {
            _ if text.contains("://") => text.to_owned(),
            _ if is_short_zone(text) => format!("https://{text}.make.com"),
            _ => format!("https://{text}"),
        };
        let mut url = Url::parse(&full).map_err(|_| unreadable())?;
        let is_web = ["http", "https"].contains(&url.scheme());
        if text.is_empty() || !is_web || url.host_str().is_none_or(str::is_empty) {
            return Err(unreadable());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Surplus("a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Surplus("a query or fragment"));
        }
        let path = match url.path().trim_end_matches('/') {
            "" => API.to_owned(),
            path => path.to_owned(),
        };
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Whether what is sent can be read on the way: HTTP to another machine.
    pub fn is_in_the_clear(&self) -> bool {
        let is_local = match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        self.0.scheme() == "http" && !is_local
    }

    /// The address below which `path` lies; `path` begins with a slash and is encoded.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }
}

/// `eu1` or `us2`.
fn is_short_zone(text: &str) -> bool {
    let (letters, digits) = text.split_at(text.len().min(2));
    letters.bytes().all(|byte| byte.is_ascii_lowercase())
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && letters.len() == 2
}

/// `Token` for an API key, which is a UUID of version 4, and `Bearer` for anything else, as Make's SDK decides it.
///
/// # Errors
/// The token holds what a header cannot.
pub(super) fn authorization(token: &SecretString) -> Result<HeaderValue, EndpointError> {
    let token = token.expose_secret().trim();
    let is_key =
        uuid::Uuid::try_parse(token).is_ok_and(|key| key.get_version_num() == 4) && token.len() == 36;
    let scheme = if is_key { "Token" } else { "Bearer" };
    let is_sendable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let value = HeaderValue::from_str(&format!("{scheme} {token}")).ok();
    let mut value = value.filter(|_| is_sendable).ok_or(EndpointError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_addresses_are_read() {
        let table = [
            ("eu1", Some("https://eu1.make.com/api/v2")),
            ("eu1.make.com", Some("https://eu1.make.com/api/v2")),
            (
                " us1.make.celonis.com ",
                Some("https://us1.make.celonis.com/api/v2"),
            ),
            ("localhost:8443", Some("https://localhost:8443/api/v2")),
            ("https://eu1.make.com/api/v2", Some("https://eu1.make.com/api/v2")),
            (
                "https://eu1.make.com/api/v2/",
                Some("https://eu1.make.com/api/v2"),
            ),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080/api/v2")),
            ("http://127.0.0.1:8080/make", Some("http://127.0.0.1:8080/make")),
            ("", None),
            ("ftp://eu1.make.com", None),
            ("https://user:pass@eu1.make.com", None),
            ("https://eu1.make.com/api/v2?x=1", None),
            ("https://", None),
            ("a b", None),
        ];
        for (text, expected) in table {
            let read = Endpoint::parse(text).ok();
            assert_eq!(read.as_ref().map(Endpoint::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn only_http_to_elsewhere_is_in_the_clear() {
        let table = [
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
            ("http://localhost:1", false),
            ("http://make.internal", true),
            ("https://make.internal", false),
        ];
        for (text, expected) in table {
            assert_eq!(
                Endpoint::parse(text).unwrap().is_in_the_clear(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn keys_are_sent_as_tokens_and_the_rest_as_bearers() {
        let table = [
            (
                "0c5a7d10-9b1e-4f6a-8d3c-2f4e6a8b0c1d",
                Some("Token 0c5a7d10-9b1e-4f6a-8d3c-2f4e6a8b0c1d"),
            ),
            (
                "0c5a7d10-9b1e-1f6a-8d3c-2f4e6a8b0c1d",
                Some("Bearer 0c5a7d10-9b1e-1f6a-8d3c-2f4e6a8b0c1d"),
            ),
            (
                "0c5a7d109b1e4f6a8d3c2f4e6a8b0c1d",
                Some("Bearer 0c5a7d109b1e4f6a8d3c2f4e6a8b0c1d"),
            ),
            ("abc", Some("Bearer abc")),
            ("", None),
            ("a b", None),
            ("a\nb", None),
        ];
        for (token, expected) in table {
            let value = authorization(&SecretString::from(token)).ok();
            if let Some(value) = &value {
                assert!(!format!("{value:?}").contains(token), "a token is shown");
            }
            let text = value.as_ref().and_then(|value| value.to_str().ok());
            assert_eq!(text, expected, "{token:?}");
        }
    }
}
