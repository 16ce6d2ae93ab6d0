use url::{Host, Url};

const MASK: &str = "***";
/// An unbroken run of this many letters and digits, with both in it, is no word that a person wrote.
const SECRET_RUN: usize = 16;

/// Hosts whose paths are secrets, and how many path segments of theirs may be shown. A host covers its subdomains.
const HOOK_HOSTS: [(&str, usize); 10] = [
    ("hooks.slack.com", 2),
    ("hooks.slack-gov.com", 2),
    ("discord.com", 2),
    ("discordapp.com", 2),
    ("webhook.office.com", 1),
    ("logic.azure.com", 1),
    ("powerplatform.com", 2),
    ("hooks.zapier.com", 2),
    ("api.telegram.org", 0),
    ("maker.ifttt.com", 1),
];

/// An address as it may be shown in logs, errors and history: `scheme://host[:port]/path`, without user information,
/// query and fragment. Path segments that are secrets are `***`: those of hosts whose webhook addresses are the secret
/// themselves (Slack's `/services/T/B/X`, Discord's `/api/webhooks/ID/TOKEN`), UUIDs, and whatever looks random.
pub fn redact_url(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) => redact(&url),
        Err(_) => "(no URL)".to_owned(),
    }
}

/// [`redact_url`] for an address that has been read already.
pub(super) fn redact(url: &Url) -> String {
    let Some(host) = url.host() else {
        return format!("{}:{MASK}", url.scheme());
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let shown = shown_segments(&host);
    let path: String = url
        .path_segments()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, segment)| mask(segment, index < shown))
        .collect();
    format!("{}://{host}{port}{path}", url.scheme())
}

fn shown_segments(host: &Host<&str>) -> usize {
    let Host::Domain(name) = host else {
        return usize::MAX;
    };
    // Make's webhooks live on `hook.eu1.make.com` and the like, and a host of that name serves nothing else.
    if name.starts_with("hook.") {
        return 0;
    }
    let covers = |known: &str| {
        name.strip_suffix(known)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    HOOK_HOSTS
        .iter()
        .find(|(known, _)| covers(known))
        .map_or(usize::MAX, |(_, shown)| *shown)
}

fn mask(segment: &str, may_be_shown: bool) -> String {
    let shown = segment.is_empty() || (may_be_shown && !looks_secret(segment));
    format!("/{}", if shown { segment } else { MASK })
}

fn looks_secret(segment: &str) -> bool {
    let random = |run: &str| {
        run.len() >= SECRET_RUN
            && run.bytes().any(|byte| byte.is_ascii_digit())
            && run.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    segment.split(|c: char| !c.is_ascii_alphanumeric()).any(random) || uuid::Uuid::try_parse(segment).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_holds_no_secret() {
        let table = [
            ("https://example.com", "https://example.com/"),
            ("https://example.com/a/b?token=x#f", "https://example.com/a/b"),
            ("http://user:pass@example.com:8080/a", "http://example.com:8080/a"),
            (
                "https://hooks.slack.com/services/T0/B0/XyZ",
                "https://hooks.slack.com/services/T0/***/***",
            ),
            (
                "https://discord.com/api/webhooks/12/abc",
                "https://discord.com/api/webhooks/***/***",
            ),
            (
                "https://ptb.discord.com/api/webhooks/12/abc",
                "https://ptb.discord.com/api/webhooks/***/***",
            ),
            (
                "https://notdiscord.com/api/webhooks/12/abc",
                "https://notdiscord.com/api/webhooks/12/abc",
            ),
            (
                "https://hook.eu1.make.com/abcdef",
                "https://hook.eu1.make.com/***",
            ),
            (
                "https://api.telegram.org/bot1:a/sendMessage",
                "https://api.telegram.org/***/***",
            ),
            (
                "https://ci.internal/hook/q8w7e6r5t4y3u2i1o0",
                "https://ci.internal/hook/***",
            ),
            (
                "https://n8n.internal/webhook/0b1f3e0e-6c0f-4a53-9f0b-2f8b7ad1a1a1",
                "https://n8n.internal/webhook/***",
            ),
            (
                "https://ci.internal/release-candidate-2024-06/",
                "https://ci.internal/release-candidate-2024-06/",
            ),
            ("http://[::1]:9/x", "http://[::1]:9/x"),
            ("mailto:a@b", "mailto:***"),
            ("no url", "(no URL)"),
        ];
        for (url, expected) in table {
            assert_eq!(redact_url(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn query_and_user_information_are_never_shown(
            user in "[a-z]{1,8}", secret in "ZQ[0-9A-Za-z]{6,20}", path in "[a-z/.;=]{0,20}", host in "[a-z]{3,10}\\.[a-z]{2,5}",
        ) {
            for url in [
                format!("https://{user}:{secret}@{host}/{path}"),
                format!("https://{secret}@{host}/{path}"),
                format!("https://{host}/{path}?{secret}"),
                format!("https://{host}/{path}?a={secret}&b={secret}"),
                format!("https://{host}/{path}#{secret}"),
                format!("https://{host}?x=/{secret}"),
                format!("https:\\\\{secret}:{secret}@{host}\\{path}?{secret}"),
                format!("data:{secret}"),
            ] {
                let shown = redact_url(&url);
                prop_assert!(!shown.to_lowercase().contains(&secret.to_lowercase()), "{url} is shown as {shown}");
            }
        }

        #[test]
        fn any_text_is_redacted_without_a_panic(text in "\\PC{0,200}") {
            let _ = redact_url(&text);
            let _ = redact_url(&format!("https://{text}"));
        }
    }
}
