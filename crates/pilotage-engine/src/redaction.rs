//! Keeps configured secrets out of what is recorded about answers from outside: an endpoint may echo what it was sent.

/// Replaces every known secret in a text by `***`; of a secret address, the origin stays readable.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first: a secret may be part of another.
    secrets: Vec<String>,
}

impl Redactor {
    /// Knows these secrets; ones shorter than six characters are left out, as they would blot out ordinary words.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| secret.len() >= 6).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// Knows what both know.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self::new(self.secrets.iter().chain(&other.secrets).cloned())
    }

    /// The text without secrets and without control characters other than line feed and tab.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in self
            .secrets
            .iter()
            .filter(|secret| text.contains(secret.as_str()))
        {
            clean = clean.replace(secret, &substitute(secret));
        }
        clean.retain(|character| !character.is_control() || character == '\n' || character == '\t');
        clean
    }
}

/// What stands for a secret. Of an address such as an incoming webhook's, only what follows the origin is secret.
fn substitute(secret: &str) -> String {
    let after_scheme = ["https://", "http://"]
        .iter()
        .find_map(|scheme| secret.strip_prefix(scheme));
    let origin = after_scheme.and_then(|rest| {
        let host = rest.split(['/', '?', '#']).next()?;
        (host.len() < rest.len() && !host.contains('@')).then_some(secret.len() - rest.len() + host.len())
    });
    origin
        .and_then(|end| secret.get(..end))
        .map_or_else(|| "***".to_owned(), |origin| format!("{origin}/***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_secret_is_blotted_out() {
        let redactor = Redactor::new(["s3cr3t-token".to_owned(), "s3cr3t".to_owned(), "ok".to_owned()]);
        assert_eq!(
            redactor.clean("got s3cr3t-token, ok\u{1b}[31m"),
            "got ***, ok[31m"
        );
        assert_eq!(redactor.clean("s3cr3t!"), "***!");
    }

    #[test]
    fn after_a_reload_the_earlier_secrets_are_still_known() {
        let both = Redactor::new(["earlier".to_owned()]).with(&Redactor::new(["present".to_owned()]));
        assert_eq!(both.clean("earlier present"), "*** ***");
    }

    #[test]
    fn of_a_secret_address_the_origin_stays_readable() {
        let redactor = Redactor::new([
            "https://hooks.example/a/b".to_owned(),
            "https://u:p@h.example/x".to_owned(),
        ]);
        assert_eq!(
            redactor.clean("POST https://hooks.example/a/b failed"),
            "POST https://hooks.example/*** failed"
        );
        assert_eq!(redactor.clean("POST https://u:p@h.example/x"), "POST ***");
    }
}
