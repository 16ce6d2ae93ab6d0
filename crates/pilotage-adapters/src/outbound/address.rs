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
mod tests {
    use super::*;

    /// What the policy says about the host of a URL: `name` when that is left to DNS.
    fn verdict(policy: &AddressPolicy, host: &str) -> String {
        let Ok(url) = Url::parse(&format!("http://{host}/")) else {
            return "no URL".to_owned();
        };
        if let Some(Host::Domain(_)) = url.host() {
            return "name".to_owned();
        }
        match policy.check_literal(&url) {
            Ok(()) => "allowed".to_owned(),
            Err(refused) => refused.kind.to_owned(),
        }
    }

    const DOTTED: &[(&str, &str)] = &[
        ("1.1.1.1", "allowed"),
        ("93.184.216.34", "allowed"),
        ("100.63.255.255", "allowed"),
        ("100.64.0.0", "a carrier-grade NAT"),
        ("100.127.255.255", "a carrier-grade NAT"),
        ("100.128.0.0", "allowed"),
        ("172.15.255.255", "allowed"),
        ("172.16.0.1", "a private"),
        ("172.31.255.255", "a private"),
        ("172.32.0.0", "allowed"),
        ("10.0.0.1", "a private"),
        ("11.0.0.1", "allowed"),
        ("192.168.1.1", "a private"),
        ("192.0.0.8", "a reserved"),
        ("192.0.2.1", "a documentation"),
        ("198.51.100.1", "a documentation"),
        ("203.0.113.9", "a documentation"),
        ("192.88.99.1", "a 6to4 relay"),
        ("198.18.0.1", "a benchmark"),
        ("198.19.255.255", "a benchmark"),
        ("198.20.0.0", "allowed"),
        ("169.254.169.254", "a link-local"),
        ("169.253.255.255", "allowed"),
        ("0.0.0.0", "an unspecified"),
        ("0.1.2.3", "an unspecified"),
        ("224.0.0.1", "a multicast"),
        ("239.255.255.255", "a multicast"),
        ("240.0.0.1", "a reserved"),
        ("255.255.255.255", "a broadcast"),
        ("127.0.0.1", "a loopback"),
        ("127.255.255.254", "a loopback"),
    ];

    /// Spellings that the URL standard reads as addresses.
    const SPELLINGS: &[(&str, &str)] = &[
        ("127.1", "a loopback"),
        ("127.0.0.1.", "a loopback"),
        ("2130706433", "a loopback"),
        ("0x7f000001", "a loopback"),
        ("0x7f.1", "a loopback"),
        ("0177.0.0.1", "a loopback"),
        ("%31%32%37.0.0.1", "a loopback"),
        ("①②⑦.⓪.⓪.①", "a loopback"),
        ("127。0。0。1", "a loopback"),
        ("0", "an unspecified"),
        ("2852039166", "a link-local"),
        ("0xa9.0xfe.0xa9.0xfe", "a link-local"),
        ("256.1.1.1", "no URL"),
        ("1.2.3.4.5", "no URL"),
    ];

    const IN_IPV6: &[(&str, &str)] = &[
        ("[2606:4700:4700::1111]", "allowed"),
        ("[2a00:1450:4001:81b::200e]", "allowed"),
        ("[::]", "an unspecified"),
        ("[::1]", "a loopback"),
        ("[0:0:0:0:0:0:0:1]", "a loopback"),
        ("[::2]", "a reserved"),
        ("[fc00::1]", "a unique-local"),
        ("[fd12:3456::1]", "a unique-local"),
        ("[fe80::1]", "a link-local"),
        ("[febf::1]", "a link-local"),
        ("[fec0::1]", "a reserved"),
        ("[ff02::1]", "a multicast"),
        ("[2001:db8::1]", "a documentation"),
        ("[3fff::1]", "a documentation"),
        ("[2001::1]", "a reserved"),
        ("[2001:2::1]", "a benchmark"),
        ("[2001:200::1]", "allowed"),
        ("[5f00::1]", "a reserved"),
        ("[100::1]", "a reserved"),
        ("[64:ff9b:1::7f00:1]", "a reserved"),
    ];

    /// IPv4 in IPv6 clothes.
    const IN_DISGUISE: &[(&str, &str)] = &[
        ("[::ffff:127.0.0.1]", "a loopback"),
        ("[::ffff:7f00:1]", "a loopback"),
        ("[::ffff:a9fe:a9fe]", "a link-local"),
        ("[::ffff:1.1.1.1]", "allowed"),
        ("[::127.0.0.1]", "a reserved"),
        ("[::ffff:0:127.0.0.1]", "a reserved"),
        ("[64:ff9b::10.0.0.1]", "a private"),
        ("[64:ff9b::1.1.1.1]", "allowed"),
        ("[2002:7f00:1::]", "a loopback"),
        ("[2002:a00:1::1]", "a private"),
        ("[2002:101:101::1]", "allowed"),
        ("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "a reserved"),
        ("[2606:4700::5efe:10.0.0.1]", "a private"),
        ("[2606:4700::200:5efe:127.0.0.1]", "a loopback"),
        ("[fe80::1%25eth0]", "no URL"),
    ];

    /// Names are judged when they are resolved.
    const NAMES: &[(&str, &str)] = &[
        ("localhost", "name"),
        ("LOCALHOST.", "name"),
        ("metadata.google.internal", "name"),
    ];

    #[test]
    fn only_globally_reachable_addresses_are_allowed_by_themselves() {
        let policy = AddressPolicy::default();
        for (host, expected) in [DOTTED, SPELLINGS, IN_IPV6, IN_DISGUISE, NAMES].concat() {
            assert_eq!(verdict(&policy, host), expected, "{host}");
        }
    }

    #[test]
    fn what_the_operator_names_is_allowed_and_nothing_beside_it() {
        let policy = AddressPolicy::new(&[
            "10.0.0.0/8",
            "127.0.0.1",
            "[fd00::1]",
            "Hooks.Internal.",
            "localhost",
        ])
        .unwrap();
        for allowed in [
            "10.1.2.3",
            "127.0.0.1",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[fd00::1]",
            "1.1.1.1",
        ] {
            assert_eq!(verdict(&policy, allowed), "allowed", "{allowed}");
        }
        for refused in [
            "127.0.0.2",
            "11.0.0.1.example",
            "192.168.0.1",
            "[fd00::2]",
            "[::1]",
        ] {
            assert_ne!(verdict(&policy, refused), "allowed", "{refused}");
        }
        assert!(policy.allows_host("hooks.internal") && policy.allows_host("HOOKS.internal."));
        assert!(!policy.allows_host("a.hooks.internal") && !policy.allows_host("internal"));
    }

    #[test]
    fn an_entry_that_is_nothing_is_a_problem_at_its_place() {
        let problems =
            AddressPolicy::new(&["10.0.0.0/8", "10.0.0.0/33", "a b", "http://x/", "127.1", "*"]).unwrap_err();
        let pointers: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/1", "/2", "/3", "/4", "/5"]);
    }

    #[test]
    fn what_is_written_down_is_judged_without_dns() {
        let open = AddressPolicy::default();
        let loopback = AddressPolicy::new(&["127.0.0.1", "10.1.0.0/16"]).unwrap();
        let named = AddressPolicy::new(&["localhost"]).unwrap();
        let cases = [
            (&open, "https://ci.example.com/${event.id}", None),
            (&open, "https://hooks.internal/", None),
            (
                &open,
                "http://127.0.0.1:9000/x",
                Some("127.0.0.1 is a loopback address"),
            ),
            (&open, "http://[::1]/", Some("::1 is a loopback address")),
            (&open, "http://0x7f.1/", Some("127.0.0.1 is a loopback address")),
            (
                &open,
                "http://10.1.2.3/${event.id}?token=s3cret",
                Some("10.1.2.3 is a private address"),
            ),
            (&open, "http://LOCALHOST:9000/", Some("localhost is this machine")),
            (
                &open,
                "http://a.localhost./",
                Some("a.localhost. is this machine"),
            ),
            (
                &open,
                "https://user:s3cret@ci.example.com/",
                Some("holds a user name or password"),
            ),
            (&open, "https://exa mple/", Some("is no address")),
            (&loopback, "http://127.0.0.1:9000/x", None),
            (&loopback, "http://10.1.2.3/", None),
            (&loopback, "http://localhost:9000/", None),
            (&loopback, "http://10.2.0.1/", Some("a private address")),
            (&named, "http://localhost:9000/", None),
            (&named, "http://127.0.0.1/", Some("a loopback address")),
        ];
        for (policy, url, expected) in cases {
            match (policy.check_written(url), expected) {
                (Ok(()), None) => {}
                (Err(problem), Some(part)) => {
                    assert!(problem.message.contains(part), "{url}: {problem}");
                    assert!(!problem.to_string().contains("s3cret"), "{url}: {problem}");
                }
                (found, _) => panic!("{url}: {found:?}"),
            }
        }
    }
}
