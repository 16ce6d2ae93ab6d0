//! What is found and what is not, table by table. Secrets are put together here, so that none stands in this repository.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::sync::Arc;

use pilotage_runners::secrets::{Finding, Place, Scanner, control, scan_tree};
use proptest::prelude::*;

fn scan(path: &str, text: impl AsRef<[u8]>) -> Vec<Finding> {
    let place = Place {
        path: path.to_owned(),
        commit: None,
    };
    Scanner::new("key").unwrap().scan(&place, text.as_ref()).findings
}

fn rules(path: &str, text: &str) -> Vec<String> {
    scan(path, text).into_iter().map(|finding| finding.rule).collect()
}

/// So many letters of a kind that look drawn, the same each time.
fn drawn(alphabet: &str, length: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x2545_f491_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        letters[usize::try_from(state >> 16).unwrap() % letters.len()]
    };
    (0..length).map(letter).collect()
}

/// Letters that make no word.
const WORD: &str = "mucshxrkcq";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[test]
fn tokens_of_known_formats_are_found_wherever_they_stand() {
    let table = [
        ("aws-access-key-id", "AKIA", UPPER, 16),
        ("github-fine-grained-token", "github_pat_", ALNUM, 82),
        ("gitlab-token", "glpat-", ALNUM, 20),
        ("slack-token", "xoxb-", ALNUM, 50),
        ("stripe-key", "sk_live_", ALNUM, 24),
        ("google-api-key", "AIza", ALNUM, 35),
        ("google-client-secret", "GOCSPX-", ALNUM, 28),
        ("rubygems-key", "rubygems_", HEX, 48),
        ("digitalocean-token", "dop_v1_", HEX, 64),
        ("shopify-token", "shpat_", HEX, 32),
        ("docker-token", "dckr_pat_", ALNUM, 27),
        ("hugging-face-token", "hf_", ALNUM, 34),
        ("anthropic-key", "sk-ant-", ALNUM, 100),
        ("linear-key", "lin_api_", ALNUM, 40),
        ("vault-token", "hvs.", ALNUM, 90),
        ("age-key", "AGE-SECRET-KEY-1", UPPER, 58),
        ("pulumi-token", "pul-", HEX, 40),
        ("groq-key", "gsk_", ALNUM, 52),
        ("nkey-seed", "SU", UPPER, 56),
    ];
    for (rule, prefix, alphabet, length) in table {
        let token = format!("{prefix}{}", drawn(alphabet, length));
        for (path, text) in [
            ("main.rs", format!("call(\"{token}\")")),
            ("notes.md", format!("it is {token}, they say")),
            (".env", format!("X={token}\n")),
        ] {
            assert_eq!(rules(path, &text), [rule], "{path}");
        }
        let longer = format!("it is x{token}");
        assert_eq!(rules("notes.md", &longer), [""; 0], "{rule} within a word");
    }
}

#[test]
fn a_token_with_a_wrong_checksum_is_none() {
    // CRC-32 of thirty `a` in base 62, computed by zlib.
    let body = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0";
    let right = format!("ghp_{body}{}", crc62(body.as_bytes()));
    assert_eq!(rules("a.txt", &format!("it is {right}")), ["github-token"]);
    let wrong = format!("ghp_{body}{}", "0a1B2c");
    assert_eq!(rules("a.txt", &format!("it is {wrong}")), [""; 0]);
}

/// The checksum by another way than the scanner's: a polynomial division bit by bit from the top.
fn crc62(bytes: &[u8]) -> String {
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1));
    let mut rest = u32::MAX;
    for bit in bits {
        let top = u32::from(bit) ^ (rest >> 31);
        rest <<= 1;
        if top == 1 {
            rest ^= 0x04c1_1db7;
        }
    }
    let mut number = (!rest).reverse_bits();
    let digits: Vec<u8> = (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z').collect();
    let mut text = Vec::new();
    for _ in 0..6 {
        text.insert(0, digits[usize::try_from(number % 62).unwrap()]);
        number /= 62;
    }
    String::from_utf8(text).unwrap()
}

fn key(title: &str, separator: &str) -> String {
    let dashes = "-".repeat(5);
    let body = drawn(ALNUM, 64);
    format!("{dashes}BEGIN {title}{dashes}{separator}{body}{separator}{dashes}END {title}{dashes}")
}

#[test]
fn what_people_write_into_files_is_found() {
    let word = WORD;
    let long = drawn(ALNUM, 32);
    let header = "eyJhbGciOiJIUzI1NiJ9";
    let claims = "eyJzdWIiOiIxMjM0In0";
    let signed = format!("{header}.{claims}.{}", drawn(ALNUM, 43));
    let basic = "dXNlcjptdWNzaHhya2Nx";
    for (rule, path, text) in [
        ("password", "a.py", format!("password = \"{word}\"")),
        ("password", "a.go", format!("\tPassword:       \"{word}\",")),
        ("password", "a.kt", format!("val password: String = \"{word}\"")),
        ("password", "a.java", format!("ds.setPassword(\"{word}\");")),
        ("password", "a.js", format!("auth('password', '{word}')")),
        (
            "password",
            "a.json",
            format!("\"body\": \"{{\\\"password\\\": \\\"{word}\\\"}}\""),
        ),
        ("password", "a.yml", format!("db_password: {word}")),
        (
            "password",
            "a.properties",
            format!("spring.datasource.password={word}"),
        ),
        ("password", "a.xml", format!("<password>{word}</password>")),
        (
            "password",
            "a.xml",
            format!("<add key=\"Password\" value=\"{word}\"/>"),
        ),
        ("password", "a.sh", format!("mysqldump --password {word} all")),
        (
            "password",
            "Dockerfile",
            format!("ENV MYSQL_PWD {word}\nENV MYSQL_PWD={word}"),
        ),
        ("secret", "a.rb", format!("secret_key_base: '{long}'")),
        ("secret", "a.ts", format!("const apiKey = `{long}`")),
        ("secret", ".env", format!("AUTH_TOKEN={long}")),
        ("private-key", "id", key("RSA PRIVATE KEY", "\n")),
        ("private-key", "a.json", key("PRIVATE KEY", "\\n")),
        ("private-key", "k.asc", key("PGP PRIVATE KEY BLOCK", "\n\n")),
        (
            "address-password",
            "a.go",
            format!("dial(\"amqp://app:{word}@mq.internal:5672\")"),
        ),
        (
            "basic-authorization",
            "a.http",
            format!("Authorization: Basic {basic}"),
        ),
        ("bearer-token", "a.http", format!("Authorization: Bearer {long}")),
        ("json-web-token", "a.js", format!("const t = '{signed}'")),
    ] {
        assert_eq!(rules(path, &text), [rule], "{path}: {text}");
    }
}

#[test]
fn what_only_looks_like_it_is_left_alone() {
    for (path, text) in [
        ("a.go", "password = os.Getenv(\"DB_PASSWORD\")"),
        ("a.js", "const password = req.body.password;"),
        ("a.py", "password = getpass.getpass(\"Password: \")"),
        ("a.py", "password = \"changeme\""),
        ("a.py", "password = \"your-password-here\""),
        ("a.py", "password = 'xxxxxxxxxx'"),
        ("a.rs", "let token = tokens.next();"),
        ("a.rs", "password_file = \"qbdwvwkxz\""),
        ("a.java", "String passwordHash = \"qbdwvwkxz\";"),
        ("a.yml", "password: ${DB_PASSWORD}"),
        ("a.yml", "password: {{ vault_db_password }}"),
        ("a.yml", "password: <the password>"),
        ("a.yml", "passwordPolicy: strict"),
        ("a.yml", "secretName: web-certificate"),
        ("a.yml", "tokenTimeout: 2591977"),
        ("a.tf", "secret_key = var.secret_key"),
        ("a.sh", "PASSWORD=$(cat /run/secrets/db)"),
        ("a.sh", "PASSWORD=\"$1\""),
        ("a.properties", "password=/run/secrets/db.txt"),
        ("a.py", "password = \"$argon2id$v=19$m=65536$p2BpLnfgDsc2WD8F2q\""),
        ("a.md", "postgres://user:password@localhost/db"),
        ("a.md", "https://example.com:8080/a@b"),
        ("a.ts", "pwd = process.env.PWD"),
        (
            "a.java",
            "String publicKey = \"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDvsJrdNacJ\"",
        ),
        ("a.py", "compass = 'qbdwvwkxz'"),
        ("locales/de.yml", "password: Kennwortqxzjvkw"),
        (
            "a.pem",
            "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ\n",
        ),
        ("a.rs", "\"-----BEGIN PRIVATE KEY-----\""),
        ("a.txt", "AKIAIOSFODNN7EXAMPLE"),
        ("a.lock", "checksum = \"b7c3bb9a2f1d4e5f60718293a4b5c6d7e8f9\""),
    ] {
        assert_eq!(rules(path, text), [""; 0], "{path}: {text}");
    }
}

#[test]
fn no_finding_holds_what_was_found() {
    for length in [4, 8, 12, 16, 40, 200] {
        let value = drawn("bcdfghjkmnpqrtvwxz23456789", length);
        let found = scan("a.py", format!("first = 1\n  password = \"{value}\""));
        let [finding] = &found[..] else {
            assert!(length < 8, "{value}");
            continue;
        };
        assert_eq!((finding.line, finding.column), (2, 15));
        let told = serde_json::to_string(finding).unwrap();
        assert!(!told.contains(value.get(..length.min(5)).unwrap()), "{told}");
        assert!(finding.shown.chars().take_while(|letter| *letter != '…').count() <= length / 4);
    }
}

#[test]
fn fingerprints_know_a_secret_again_and_depend_on_the_key() {
    let print = |key: &str, path: &str, text: &str| {
        let place = Place {
            path: path.to_owned(),
            commit: None,
        };
        let found = Scanner::new(key).unwrap().scan(&place, text.as_bytes());
        found.findings[0].fingerprint.clone()
    };
    let one = print("k", "a.py", &format!("password = '{WORD}'"));
    assert_eq!(one, print("k", "b.yml", &format!("\n\nmy_password: {WORD}\n")));
    assert_ne!(one, print("k", "a.py", &format!("password = '{WORD}z'")));
    assert_ne!(one, print("other", "a.py", &format!("password = '{WORD}'")));
}

#[test]
fn a_marker_with_a_reason_lets_one_line_through() {
    let lines = format!(
        "password = '{WORD}' # pilotage:no-secret of a test server\npassword = '{WORD}' # pilotage:no-secret\n"
    );
    let found = scan("a.py", lines);
    assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
}

#[test]
fn utf_16_is_read() {
    let text = format!("\u{feff}password: {WORD}");
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(scan("a.yml", little).len(), 1);
    assert_eq!(scan("a.yml", big).len(), 1);
}

/// Were a reader to go through the rest of the text at each anchor, these would take hours.
#[test]
fn texts_that_are_all_anchors_are_looked_at_in_one_pass() {
    for part in [
        "password=",
        "://",
        "://a:b",
        "eyJ",
        ".eyJ",
        "Basic ",
        "-----BEGIN ",
        "AKIA",
        "key: \"",
        "token\\\"",
        "a.password='",
    ] {
        let text = part.repeat(400_000 / part.len());
        assert!(scan("a.txt", text).len() <= 1_000, "{part}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        scan("a.txt", &text);
        scan("a.rs", &text);
    }

    #[test]
    fn nothing_that_is_near_a_secret_makes_it_panic(parts in proptest::collection::vec(part(), 0..40)) {
        let text = parts.concat();
        for finding in scan("a.yml", &text).into_iter().chain(scan("a.go", &text)) {
            prop_assert!(finding.line >= 1 && finding.column >= 1);
        }
    }
}

fn part() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "password",
        "secret",
        "api_key",
        "token",
        "=",
        ":",
        ":=",
        "=>",
        "\"",
        "'",
        "\\\"",
        "\\",
        "(",
        ")",
        ",",
        " ",
        "\n",
        "://",
        "@",
        "eyJ",
        ".",
        "-----BEGIN ",
        "RSA PRIVATE KEY",
        "-----",
        "Basic ",
        "Bearer ",
        "AKIA",
        "ghp_",
        "<",
        ">",
        "value=",
        "[]byte(",
        "ü",
        "\u{feff}",
        "--",
    ]);
    prop_oneof![fixed.prop_map(str::to_owned), "[a-zA-Z0-9+/=_-]{0,40}"]
}

#[tokio::test]
async fn what_is_planted_is_found_each_time() {
    let scanner = Arc::new(Scanner::new("key").unwrap());
    for _ in 0..20 {
        assert_eq!(control::check(&scanner).await, Ok(4));
    }
}

#[tokio::test]
async fn every_file_is_looked_at_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("a/b/c.yml", format!("password: {WORD}\n").as_bytes());
    write("z.bin", format!("\0password: {WORD}\n").as_bytes());
    write("empty", b"");
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let scanner = Arc::new(Scanner::new("key").unwrap());
    let looked = scan_tree(folder.path(), &scanner).await.unwrap();
    assert_eq!((looked.files, looked.binary, looked.bytes), (2, 1, 21));
    let places: Vec<_> = looked.findings.iter().map(Finding::at).collect();
    assert_eq!(places, ["a/b/c.yml:1:11"]);
}
