//! Which addresses may be reached.
//!
//! What is sent out is decided by rules and sometimes by what an event holds, so a request must not be turned against
//! the network that this server stands in (server-side request forgery). Whatever the IANA special-purpose registries
//! (RFC 6890 and later entries) do not call globally reachable is refused unless the operator names it.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pilotage_core::config::Problem;
use url::{Host, Url};

use super::client::read_url;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, third: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), prefix)
}

/// IANA IPv4 Special-Purpose Address Registry, multicast and the former class E.
const IPV4: [(Ipv4Net, &str); 16] = [
    (v4(0, 0, 0, 0, 8), "an unspecified"),
    (v4(10, 0, 0, 0, 8), "a private"),
    (v4(100, 64, 0, 0, 10), "a carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), "a loopback"),
    (v4(169, 254, 0, 0, 16), "a link-local"),
    (v4(172, 16, 0, 0, 12), "a private"),
    (v4(192, 0, 0, 0, 24), "a reserved"),
    (v4(192, 0, 2, 0, 24), "a documentation"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "a private"),
    (v4(198, 18, 0, 0, 15), "a benchmark"),
    (v4(198, 51, 100, 0, 24), "a documentation"),
    (v4(203, 0, 113, 0, 24), "a documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast"),
    (v4(255, 255, 255, 255, 32), "a broadcast"),
    (v4(240, 0, 0, 0, 4), "a reserved"),
];

/// What is not global unicast although it lies in `2000::/3`, and names for what people meet outside of it.
const IPV6: [(Ipv6Net, &str); 9] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "an unspecified"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback"),
    (v6(0xfc00, 0, 0, 7), "a unique-local"),
    (v6(0xfe80, 0, 0, 10), "a link-local"),
    (v6(0xff00, 0, 0, 8), "a multicast"),
    (v6(0x2001, 2, 0, 48), "a benchmark"),
    (v6(0x2001, 0, 0, 23), "a reserved"),
    (v6(0x2001, 0xdb8, 0, 32), "a documentation"),
    (v6(0x3fff, 0, 0, 20), "a documentation"),
];

/// The only IPv6 space that is handed out as global unicast (IANA IPv6 Address Space).
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);
/// RFC 4291 2.5.5.2: IPv4-mapped.
const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
/// RFC 6052: the well-known prefix of NAT64.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
/// RFC 3056: 6to4 carries the IPv4 address behind its first 16 bits.
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);

/// An address that the policy refuses. The text says what it is and how it can be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {kind} address, which `outgoing.allow` does not name")]
pub struct RefusedAddress {
    /// As it was asked for or resolved.
    pub address: IpAddr,
    /// With its article: `a loopback`.
    pub kind: &'static str,
}

/// What may be reached: every globally reachable address, and what the operator allows besides.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    networks: Vec<IpNet>,
    hosts: BTreeSet<String>,
}

impl AddressPolicy {
    /// From `outgoing.allow`: networks (`10.0.0.0/8`), addresses (`127.0.0.1`) and host names (`hooks.internal`). An
    /// allowed host name may resolve to any address; it covers neither its subdomains nor its addresses by themselves.
    ///
    /// # Errors
    /// One problem for each entry that is none of these, with the pointer `/<index>`.
    pub fn new<S: AsRef<str>>(allow: &[S]) -> Result<Self, Vec<Problem>> {
        let mut policy = Self::default();
        let mut problems = Vec::new();
        for (index, entry) in allow.iter().enumerate() {
            if let Err(message) = policy.add(entry.as_ref()) {
                let problem = Problem::at(format!("/{index}"), message);
                problems
                    .push(problem.help("write for example `10.0.0.0/8`, `127.0.0.1` or `hooks.internal`"));
            }
        }
        if problems.is_empty() {
            Ok(policy)
        } else {
            Err(problems)
        }
    }

    fn add(&mut self, entry: &str) -> Result<(), String> {
        if let Ok(network) = entry.parse::<IpNet>() {
            self.networks.push(network);
        } else if let Ok(address) = entry.trim_matches(['[', ']']).parse::<IpAddr>() {
            self.networks.push(address.into());
        } else {
            self.hosts
                .insert(host_name(entry).ok_or_else(|| no_entry(entry))?);
        }
        Ok(())
    }

    /// Whether this host is allowed by name, whatever it resolves to.
    pub fn allows_host(&self, host: &str) -> bool {
        self.hosts.contains(&canonical_name(host))
    }

    /// Whether this address may be reached.
    ///
    /// # Errors
    /// Says what kind of address it is when it may not.
    pub fn check(&self, address: IpAddr) -> Result<(), RefusedAddress> {
        match special_purpose(address) {
            Some(kind) if !self.allows_address(address) => Err(RefusedAddress { address, kind }),
            _ => Ok(()),
        }
    }

    /// Checks an address that is written in the URL itself; a name is judged when it is resolved.
    ///
    /// # Errors
    /// The host is an address, and refused.
    pub fn check_literal(&self, url: &Url) -> Result<(), RefusedAddress> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    /// Judges an address when it is written down, before anything is sent: whatever can be refused without asking DNS.
    /// Templates may stand behind the host.
    ///
    /// # Errors
    /// One problem at `""` with what to do. It repeats the host, never the rest.
    pub fn check_written(&self, text: &str) -> Result<(), Problem> {
        let url = read_url(text).map_err(|message| Problem::at("", message))?;
        let refused = |what: String| {
            Problem::at("", what)
                .help("if it may be reached, add it to `outgoing.allow` in the configuration")
        };
        self.check_literal(&url)
            .map_err(|error| refused(error.to_string()))?;
        match url.domain() {
            Some(name) if is_localhost(name) && !self.may_allow_localhost(name) => Err(refused(format!(
                "{name} is this machine itself, which `outgoing.allow` does not name"
            ))),
            _ => Ok(()),
        }
    }

    /// By its name, or by any of the addresses that it stands for.
    fn may_allow_localhost(&self, name: &str) -> bool {
        self.allows_host(name)
            || self.allows_address(Ipv4Addr::LOCALHOST.into())
            || self.allows_address(Ipv6Addr::LOCALHOST.into())
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        let embedded = match address {
            IpAddr::V6(address) => embedded_v4(address).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        let allowed = |address: &IpAddr| self.networks.iter().any(|network| network.contains(address));
        allowed(&address) || embedded.as_ref().is_some_and(allowed)
    }
}

/// RFC 6761 6.3: these names always mean loopback.
fn is_localhost(name: &str) -> bool {
    let name = canonical_name(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// What keeps an address from being globally reachable, or `None` when nothing does.
fn special_purpose(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    IPV4.iter()
        .find(|(network, _)| network.contains(&address))
        .map(|(_, kind)| *kind)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(embedded) = embedded_v4(address) {
        return special_v4(embedded);
    }
    let named = IPV6
        .iter()
        .find(|(network, _)| network.contains(&address))
        .map(|(_, kind)| *kind);
    named.or_else(|| (!GLOBAL_UNICAST.contains(&address)).then_some("a reserved"))
}

/// The IPv4 address that a translator or tunnel would reach for this IPv6 address. Teredo, IPv4-compatible and
/// IPv4-translated forms need no such look: they are outside of global unicast altogether.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, high, low, .., last_high, last_low] = address.segments();
    let joined = |high: u16, low: u16| Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)));
    if MAPPED.contains(&address) || NAT64.contains(&address) || is_isatap(address) {
        joined(last_high, last_low)
    } else if SIX_TO_FOUR.contains(&address) {
        joined(high, low)
    } else {
        None
    }
}

/// RFC 5214 6.1: an interface identifier `[02]00:5efe:a.b.c.d` under any global prefix.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, flags, tag, ..] = address.segments();
    GLOBAL_UNICAST.contains(&address) && tag == 0x5efe && (flags == 0 || flags == 0x200)
}

fn no_entry(entry: &str) -> String {
    format!("`{}` is no network, address or host name", entry.escape_default())
}

/// A host name in the form that URLs are normalised to; `None` for anything else, odd spellings of addresses included.
fn host_name(entry: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || ".-_".contains(c);
    match Host::parse(entry) {
        Ok(Host::Domain(name)) if entry.chars().all(plain) => Some(canonical_name(&name)),
        _ => None,
    }
}

fn canonical_name(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
