use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    send: Send,
}

fn headers(arguments: &str, secret: Option<&str>) -> Vec<String> {
    let line = Line::parse_from(format!("send --file - {arguments}").split(' '));
    let secret = secret.map(SecretString::from);
    let headers = line.send.sign(b"{}", secret.as_ref(), "d-1").unwrap();
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect()
}

#[test]
fn the_persons_headers_replace_those_of_the_sender() {
    let headers = headers(
        "github --event push --header X-GitHub-Event:pull_request --header X-A:b",
        None,
    );
    assert!(
        headers.contains(&"x-github-event: pull_request".to_owned()),
        "{headers:?}"
    );
    assert!(headers.contains(&"x-a: b".to_owned()), "{headers:?}");
    assert!(
        headers.contains(&"x-github-delivery: d-1".to_owned()),
        "{headers:?}"
    );
}

#[test]
fn custom_sources_are_signed_as_their_scheme_says() {
    let cases = [
        ("--scheme hmac-sha256", "x-hub-signature-256: sha256="),
        ("--scheme bearer", "authorization: Bearer sesame"),
    ];
    for (scheme, expected) in cases {
        let headers = headers(&format!("custom/billing {scheme}"), Some("sesame"));
        assert!(
            headers.iter().any(|header| header.starts_with(expected)),
            "{scheme}: {headers:?}"
        );
    }
    let unsigned = headers("custom/billing --scheme none", Some("sesame"));
    assert!(
        !unsigned.iter().any(|header| header.contains("sesame")),
        "{unsigned:?}"
    );
}

#[test]
fn senders_are_known_or_custom() {
    assert!(matches!(
        parse_sender("azure-devops"),
        Ok(Sender::Known("azure-devops"))
    ));
    assert!(matches!(parse_sender("custom/a"), Ok(Sender::Custom(name)) if name == "a"));
    assert!(parse_sender("custom/").is_err());
    assert!(
        parse_sender("gihub")
            .unwrap_err()
            .ends_with("did you mean `github`?")
    );
}
