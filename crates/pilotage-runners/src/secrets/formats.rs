//! Tokens whose formats their vendors publish so that scanners find them: how they begin, of what they consist, how long
//! they are, and where there is one their checksum.

use super::reader::{at, before, is_base64, is_word, run};

/// What may stand in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    /// Letters and digits.
    Alnum,
    /// Those of base64 for addresses: letters, digits, `-`, `_`.
    Url,
    /// Small hexadecimal digits.
    Hex,
    /// Capital letters and digits.
    Upper,
    /// Letters, digits, `-`, `_`, `.`.
    Dotted,
    /// Those of standard base64.
    Base64,
    /// Letters, digits and what paths of addresses have.
    Path,
}

impl Letters {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Url => is_word(byte) || byte == b'-',
            Self::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Self::Upper => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Self::Dotted => is_word(byte) || matches!(byte, b'-' | b'.'),
            Self::Base64 => (is_base64(byte) && !matches!(byte, b'-' | b'_')) || byte == b'=',
            Self::Path => is_word(byte) || matches!(byte, b'-' | b'/'),
        }
    }
}

/// What holds beyond letters and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing.
    None,
    /// The last six letters are the CRC-32 of the rest in base 62 (GitHub, "Behind GitHub's new authentication token
    /// formats"; npm uses the same).
    Crc62,
    /// After `_` the CRC-32 of what is before it, in hexadecimal (Grafana, service account tokens).
    CrcHex,
}

/// One format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    /// The id of the rule, for findings.
    pub(super) rule: &'static str,
    /// How it begins, exactly.
    pub(super) prefix: &'static str,
    letters: Letters,
    /// Letters after the prefix: at least, at most.
    length: (usize, usize),
    check: Check,
}

const fn format(
    rule: &'static str,
    prefix: &'static str,
    letters: Letters,
    length: (usize, usize),
) -> Format {
    Format {
        rule,
        prefix,
        letters,
        length,
        check: Check::None,
    }
}

const fn checked(
    rule: &'static str,
    prefix: &'static str,
    letters: Letters,
    length: (usize, usize),
    check: Check,
) -> Format {
    Format {
        check,
        ..format(rule, prefix, letters, length)
    }
}

use Letters::{Alnum, Base64, Dotted, Hex, Path, Upper, Url};

/// Every format. Where one prefix begins another the longer one stands first.
pub(super) const FORMATS: &[Format] = &[
    format("aws-access-key-id", "AKIA", Upper, (16, 16)),
    format("aws-access-key-id", "ASIA", Upper, (16, 16)),
    format("aws-access-key-id", "ABIA", Upper, (16, 16)),
    format("aws-access-key-id", "ACCA", Upper, (16, 16)),
    checked("github-token", "ghp_", Alnum, (36, 36), Check::Crc62),
    checked("github-token", "gho_", Alnum, (36, 36), Check::Crc62),
    checked("github-token", "ghu_", Alnum, (36, 36), Check::Crc62),
    checked("github-token", "ghs_", Alnum, (36, 36), Check::Crc62),
    checked("github-token", "ghr_", Alnum, (36, 76), Check::None),
    format("github-fine-grained-token", "github_pat_", Url, (82, 82)),
    format("gitlab-token", "glpat-", Dotted, (20, 300)),
    format("gitlab-token", "glptt-", Hex, (40, 40)),
    format("gitlab-token", "gldt-", Url, (20, 64)),
    format("gitlab-token", "glrt-", Dotted, (20, 300)),
    format("gitlab-token", "glcbt-", Url, (20, 64)),
    format("gitlab-token", "glsoat-", Url, (20, 64)),
    format("slack-token", "xoxb-", Url, (20, 250)),
    format("slack-token", "xoxp-", Url, (20, 250)),
    format("slack-token", "xoxa-", Url, (20, 250)),
    format("slack-token", "xoxr-", Url, (20, 250)),
    format("slack-token", "xoxs-", Url, (20, 250)),
    format("slack-token", "xapp-", Url, (20, 250)),
    format("slack-webhook", "hooks.slack.com/services/T", Path, (30, 80)),
    format("stripe-key", "sk_live_", Alnum, (16, 200)),
    format("stripe-key", "rk_live_", Alnum, (16, 200)),
    format("stripe-key", "sk_test_", Alnum, (16, 200)),
    format("stripe-webhook-secret", "whsec_", Base64, (24, 80)),
    format("google-api-key", "AIza", Url, (35, 35)),
    format("google-client-secret", "GOCSPX-", Url, (28, 28)),
    format("google-access-token", "ya29.", Url, (30, 400)),
    checked("npm-token", "npm_", Alnum, (36, 36), Check::Crc62),
    format("pypi-token", "pypi-AgEIcHlwaS5vcmc", Url, (50, 400)), // pilotage:no-secret the prefix of a format
    format("crates-io-token", "cio", Alnum, (32, 32)),
    format("rubygems-key", "rubygems_", Hex, (48, 48)),
    format("sendgrid-key", "SG.", Dotted, (66, 66)),
    format("mailgun-key", "key-", Hex, (32, 32)),
    format("digitalocean-token", "dop_v1_", Hex, (64, 64)),
    format("digitalocean-token", "doo_v1_", Hex, (64, 64)),
    format("digitalocean-token", "dor_v1_", Hex, (64, 64)),
    format("shopify-token", "shpat_", Hex, (32, 32)),
    format("shopify-token", "shpss_", Hex, (32, 32)),
    format("shopify-token", "shpca_", Hex, (32, 32)),
    format("shopify-token", "shppa_", Hex, (32, 32)),
    format("square-token", "sq0atp-", Url, (22, 22)),
    format("square-secret", "sq0csp-", Url, (43, 43)),
    format("discord-webhook", "discord.com/api/webhooks/", Path, (80, 100)),
    format("docker-token", "dckr_pat_", Url, (27, 27)),
    format("docker-swarm-token", "SWMTKN-1-", Url, (70, 80)),
    format("docker-swarm-key", "SWMKEY-1-", Base64, (43, 43)), // pilotage:no-secret the prefix of a format
    format("databricks-token", "dapi", Hex, (32, 34)),
    format("hugging-face-token", "hf_", Alnum, (34, 34)),
    format("openai-key", "sk-proj-", Url, (40, 200)),
    format("openai-key", "sk-svcacct-", Url, (40, 200)),
    format("anthropic-key", "sk-ant-", Url, (80, 120)),
    checked("grafana-token", "glsa_", Url, (41, 41), Check::CrcHex),
    format("grafana-cloud-token", "glc_", Base64, (32, 400)),
    format("linear-key", "lin_api_", Alnum, (40, 40)),
    format("notion-token", "ntn_", Alnum, (40, 60)),
    format("postman-key", "PMAK-", Url, (59, 59)),
    format("pulumi-token", "pul-", Hex, (40, 40)),
    format("doppler-token", "dp.pt.", Alnum, (40, 44)),
    format("vault-token", "hvs.", Url, (24, 200)),
    format("vault-token", "hvb.", Url, (24, 200)),
    format("age-key", "AGE-SECRET-KEY-1", Upper, (58, 58)),
    format("new-relic-key", "NRAK-", Upper, (27, 27)),
    format("planetscale-token", "pscale_tkn_", Url, (32, 64)),
    format("planetscale-password", "pscale_pw_", Url, (32, 64)),
    format("sentry-token", "sntryu_", Hex, (64, 64)),
    format("supabase-token", "sbp_", Hex, (40, 40)),
    format("tailscale-key", "tskey-", Url, (30, 100)),
    format("atlassian-token", "ATATT3", Base64, (100, 300)),
    format("airtable-token", "pat", Dotted, (79, 79)),
    format("figma-token", "figd_", Url, (40, 60)),
    format("groq-key", "gsk_", Alnum, (52, 52)),
    format("replicate-token", "r8_", Alnum, (37, 37)),
    format("clojars-token", "CLOJARS_", Hex, (60, 60)),
    format("telegram-token", ":AA", Url, (33, 33)),
    format("nkey-seed", "SU", Upper, (56, 56)),
    format("nkey-seed", "SA", Upper, (56, 56)),
    format("nkey-seed", "SO", Upper, (56, 56)),
    format("nkey-seed", "SN", Upper, (56, 56)),
    format("nkey-seed", "SC", Upper, (56, 56)),
];

impl Format {
    /// The token at `from`, where the prefix stands: from, to.
    pub(super) fn token(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let begin = from + self.prefix.len();
        if text.get(from..begin)? != self.prefix.as_bytes() {
            return None;
        }
        let first = self.prefix.bytes().next()?;
        if first.is_ascii_alphanumeric()
            && before(text, from).is_some_and(|byte| is_word(byte) || byte == b'-')
        {
            return None;
        }
        let end = run(text, begin, self.length.1 + 1, |byte| self.letters.has(byte));
        let is_ended = at(text, end).is_none_or(|byte| !is_word(byte));
        let fits = (self.length.0..=self.length.1).contains(&(end - begin)) && is_ended;
        let token = text.get(begin..end)?;
        (fits && self.holds(text, from, token)).then_some((from, end))
    }

    fn holds(&self, text: &[u8], from: usize, token: &[u8]) -> bool {
        let checked = match self.check {
            Check::None => true,
            Check::Crc62 => token
                .split_last_chunk::<6>()
                .is_some_and(|(random, sum)| base62(crc32(random)) == *sum),
            Check::CrcHex => {
                let whole = text
                    .get(from..from + self.prefix.len() + token.len())
                    .unwrap_or_default();
                whole
                    .split_last_chunk::<9>()
                    .is_some_and(|(random, sum)| is_hex_sum(random, sum))
            }
        };
        let digits = token.iter().filter(|byte| byte.is_ascii_digit()).count();
        checked && digits >= 1 && has_parts(self.rule, token)
    }
}

/// What some formats ask beyond their letters.
fn has_parts(rule: &str, token: &[u8]) -> bool {
    let parts = |length: usize| token.get(length) == Some(&b'.');
    match rule {
        "sendgrid-key" => parts(22),
        "airtable-token" => parts(14),
        "nkey-seed" => token
            .iter()
            .all(|byte| !matches!(byte, b'0' | b'1' | b'8' | b'9')),
        "slack-webhook" | "discord-webhook" => token.contains(&b'/'),
        _ => true,
    }
}

fn is_hex_sum(random: &[u8], sum: &[u8; 9]) -> bool {
    // The bytes of the sum stand in little-endian or big-endian order; both are in use.
    let value = crc32(random);
    let text = |value: u32| format!("_{value:08x}").into_bytes();
    text(value) == sum || text(value.swap_bytes()) == sum
}

/// CRC-32 as ISO-HDLC and zlib have it.
fn crc32(bytes: &[u8]) -> u32 {
    let rest = bytes.iter().fold(u32::MAX, |rest, byte| {
        (0..8).fold(rest ^ u32::from(*byte), |rest, _| {
            let is_odd = rest & 1 == 1;
            (rest >> 1) ^ if is_odd { 0xedb8_8320 } else { 0 }
        })
    });
    !rest
}

/// Six digits of base 62: `0` to `9`, `A` to `Z`, `a` to `z`.
fn base62(mut number: u32) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        number /= 62;
    }
    text
}

/// A token of GitHub's format around this text, for what must be found: 30 letters and digits, and their checksum.
pub(super) fn github_token(random: &[u8; 30]) -> String {
    let sum = base62(crc32(random));
    let both: Vec<u8> = random.iter().chain(&sum).copied().collect();
    format!("{}_{}", "ghp", String::from_utf8_lossy(&both))
}

#[cfg(test)]
mod tests {
    use super::{base62, crc32};

    #[test]
    fn the_checksum_is_the_one_that_everybody_has() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(&base62(61), b"00000z");
        assert_eq!(&base62(u32::MAX), b"4gfFC3");
    }
}
