use base64::{Engine as _, engine::general_purpose::STANDARD};
use pilotage_core::{
    Digest,
    ports::{Delivery, Refusal},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq as _};

use super::header;

/// How basic authentication is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Basic {
    /// Not at all.
    No,
    /// With any user name: the password is the secret.
    AnyUser,
    /// With this user name.
    User(String),
}

/// A shared secret that the sender sends in clear: in a header of its own, as a bearer token or as a password. Held as
/// digests, so that comparing takes the same time whatever the lengths.
pub(crate) struct Credential {
    secrets: Vec<Digest>,
    headers: Vec<String>,
    bearer: bool,
    basic: Basic,
}

impl Credential {
    /// Names in `headers` are in lower case.
    pub(crate) fn new(secrets: &[SecretString], headers: &[&str], bearer: bool, basic: Basic) -> Self {
        Self {
            secrets: secrets
                .iter()
                .map(|secret| Digest::of(secret.expose_secret().as_bytes()))
                .collect(),
            headers: headers.iter().map(|&name| name.to_owned()).collect(),
            bearer,
            basic,
        }
    }

    /// Accepts a delivery that presents one of the secrets in any of the places.
    pub(crate) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let presented = self.presented(delivery);
        if presented.is_empty() {
            return Err(Refusal::Unverified(format!(
                "no usable credential was sent: expected {}",
                self.places()
            )));
        }
        let held = presented.iter().fold(Choice::from(0), |held, candidate| {
            self.secrets
                .iter()
                .fold(held, |held, secret| held | candidate.0.ct_eq(&secret.0))
        });
        if bool::from(held) {
            Ok(())
        } else {
            Err(Refusal::Unverified("the credential is wrong".to_owned()))
        }
    }

    fn presented(&self, delivery: &Delivery<'_>) -> Vec<Digest> {
        let own = self.headers.iter().filter_map(|name| header(delivery, name));
        let mut presented: Vec<Digest> = own.map(|value| Digest::of(value.as_bytes())).collect();
        if let Some((scheme, value)) = header(delivery, "authorization").and_then(|v| v.split_once(' ')) {
            presented.extend(self.authorization(scheme, value.trim_start()));
        }
        presented
    }

    fn authorization(&self, scheme: &str, value: &str) -> Option<Digest> {
        if self.bearer && scheme.eq_ignore_ascii_case("bearer") && !value.is_empty() {
            return Some(Digest::of(value.as_bytes()));
        }
        if self.basic == Basic::No || !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = STANDARD.decode(value).ok()?;
        let colon = decoded.iter().position(|&byte| byte == b':')?;
        let (user, password) = decoded.split_at_checked(colon)?;
        let password = password.get(1..)?;
        let known_user = match &self.basic {
            Basic::User(name) => Digest::of(name.as_bytes()).0.ct_eq(&Digest::of(user).0),
            _ => Choice::from(1),
        };
        bool::from(known_user).then(|| Digest::of(password))
    }

    fn places(&self) -> String {
        let mut places: Vec<String> = self
            .headers
            .iter()
            .map(|name| format!("the header `{name}`"))
            .collect();
        if self.bearer {
            places.push("a bearer token".to_owned());
        }
        if self.basic != Basic::No {
            places.push("basic authentication".to_owned());
        }
        places.join(" or ")
    }
}
