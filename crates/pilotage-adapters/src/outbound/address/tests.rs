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
