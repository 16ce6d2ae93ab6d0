//! What a request says about where it goes and where it comes from.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, Uri, header, uri::Authority};

use crate::problem::{Kind, Problem};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whom a request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// `localhost`, `127.0.0.1` or `[::1]`, with any port.
    Loopback,
    /// A configured name, or an address: no name that a foreign page could have bound to us.
    Other,
}

/// Checks whom a request means. Exactly one `Host` is asked for, whatever the request line says (RFC 9112, section 3.2), and
/// the request line wins where it has an authority of its own.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, allowed: &[String]) -> Result<Named, Problem> {
    let authority = authority(uri, headers)?;
    let host = authority.host().to_ascii_lowercase();
    if matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
        return Ok(Named::Loopback);
    }
    if is_address(&host) || allowed.iter().any(|name| name.eq_ignore_ascii_case(&host)) {
        return Ok(Named::Other);
    }
    let detail = format!(
        "`{host}` is not a name of this server; if it should be, add it to `server.allowedHosts` in the configuration"
    );
    Err(Problem::new(Kind::Forbidden, detail))
}

fn authority(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
    let wrong = || {
        Problem::new(
            Kind::BadRequest,
            "the request must have exactly one Host, and a proper one",
        )
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(wrong());
    };
    let host = Authority::try_from(host.as_bytes()).map_err(|_| wrong())?;
    let authority = uri.authority().cloned().unwrap_or(host);
    if authority.as_str().contains('@') {
        Err(wrong())
    } else {
        Ok(authority)
    }
}

fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    host.parse::<Ipv4Addr>().is_ok() || bare.is_some_and(|bare| bare.parse::<Ipv6Addr>().is_ok())
}

/// Refuses what a page of another origin sends. An `Origin` is ours when it names the host and port that the request means;
/// the scheme does not count, because a proxy may add TLS.
pub(super) fn check_origin(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let ours = authority(uri, headers)?;
    let is_ours = |origin: &str| {
        let rest = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(ours.as_str()))
    };
    for origin in headers.get_all(header::ORIGIN) {
        if !origin.to_str().is_ok_and(is_ours) {
            return Err(Problem::new(
                Kind::Forbidden,
                "requests of other origins are refused",
            ));
        }
    }
    Ok(())
}

/// Refuses changes that a page of another site, or of another port of this one, asks for (W3C Fetch Metadata).
pub(super) fn check_fetch_site(headers: &HeaderMap) -> Result<(), Problem> {
    let foreign = |value: &http::HeaderValue| value != "same-origin" && value != "none";
    if headers.get_all(SEC_FETCH_SITE).iter().any(foreign) {
        return Err(Problem::new(
            Kind::Forbidden,
            "changes that other sites ask for are refused",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn named(host: &'static str) -> Result<Named, http::StatusCode> {
        let allowed = ["pilotage.example".to_owned()];
        let headers = headers(&[(header::HOST, host)]);
        check(&Uri::from_static("/"), &headers, &allowed).map_err(|problem| problem.status())
    }

    #[test]
    fn only_names_that_nobody_else_can_bind_are_ours() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8080",
        ] {
            assert_eq!(named(host), Ok(Named::Loopback), "{host}");
        }
        for host in [
            "pilotage.example",
            "Pilotage.Example:443",
            "0.0.0.0:8080",
            "192.0.2.7",
            "[2001:db8::1]:80",
        ] {
            assert_eq!(named(host), Ok(Named::Other), "{host}");
        }
        let foreign = [
            "evil.example",
            "localhost.evil.example",
            "localhost.",
            "127.0.0.1.evil.example",
            "127.0.0.1.nip.io:8080",
            "127.1",
            "2130706433",
            "0x7f.1",
            "evilpilotage.example",
            "pilotage.example.",
        ];
        for host in foreign {
            assert_eq!(named(host), Err(http::StatusCode::FORBIDDEN), "{host}");
        }
        for host in [
            "",
            "localhost@evil.example",
            "evil.example@localhost",
            "a b",
            "localhost/",
            "[::1",
            ":80",
        ] {
            assert!(named(host).is_err(), "{host}");
        }
    }

    #[test]
    fn there_is_exactly_one_host_and_the_request_line_wins() {
        let two = headers(&[(header::HOST, "localhost"), (header::HOST, "localhost")]);
        assert!(check(&Uri::from_static("/"), &two, &[]).is_err());
        assert!(check(&Uri::from_static("/"), &HeaderMap::new(), &[]).is_err());
        let local = headers(&[(header::HOST, "localhost")]);
        assert!(check(&Uri::from_static("http://evil.example/"), &local, &[]).is_err());
    }

    #[test]
    fn an_origin_must_be_our_own() {
        let origin = |origin: &'static str| {
            let headers = headers(&[(header::HOST, "localhost:8080"), (header::ORIGIN, origin)]);
            check_origin(&Uri::from_static("/"), &headers).is_ok()
        };
        assert!(origin("http://localhost:8080"));
        assert!(origin("https://LOCALHOST:8080"));
        for foreign in [
            "null",
            "",
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "http://evil.example",
        ] {
            assert!(!origin(foreign), "{foreign}");
        }
    }

    #[test]
    fn changes_come_from_our_own_pages_or_from_no_page() {
        for (value, ok) in [
            ("same-origin", true),
            ("none", true),
            ("cross-site", false),
            ("same-site", false),
        ] {
            assert_eq!(
                check_fetch_site(&headers(&[(SEC_FETCH_SITE, value)])).is_ok(),
                ok,
                "{value}"
            );
        }
        assert!(check_fetch_site(&HeaderMap::new()).is_ok());
    }
}
