use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use pilotage_core::config::{Problem, SecretRef};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::{notifiers::NotifierScope, outbound::root_certificates};

/// As people write it under `notifiers:`.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailConfig {
    /// Name or address of the mail server.
    pub host: String,
    /// 587 for `starttls`, 465 for `tls`, 25 for `none` where it is missing.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub encryption: Encryption,
    /// Who logs in; together with `password`.
    #[serde(default)]
    pub username: Option<String>,
    /// With which password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// The sender: `pilotage@example.com` or `Pilotage <pilotage@example.com>`.
    pub from: String,
    /// The recipients; each sees the others.
    pub to: Vec<String>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Encryption {
    /// TLS after `STARTTLS`, which the server must offer.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all; no password can be used then, unless the server is on this machine.
    None,
}

impl EmailConfig {
    /// The port to connect to.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(match self.encryption {
            Encryption::Starttls => 587,
            Encryption::Tls => 465,
            Encryption::None => 25,
        })
    }

    fn credentials(&self, scope: &NotifierScope) -> Result<Option<Credentials>, Problem> {
        let (username, password) = match (&self.username, &self.password) {
            (Some(username), Some(password)) => (username, password),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(Problem::at("/username", "a `username` needs a `password`")),
            (None, Some(_)) => return Err(Problem::at("/password", "a `password` needs a `username`")),
        };
        if self.encryption == Encryption::None
            && !["localhost", "127.0.0.1", "::1"].contains(&self.host.as_str())
        {
            let problem = Problem::at("/encryption", "the password would cross the network unprotected");
            return Err(problem.help("use `starttls` or `tls`"));
        }
        let password = scope.secret(password, "/password")?;
        Ok(Some(Credentials::new(
            username.clone(),
            password.expose_secret().to_owned(),
        )))
    }

    fn tls(&self) -> Result<Tls, Problem> {
        if self.encryption == Encryption::None {
            return Ok(Tls::None);
        }
        let parameters = tls_parameters(&self.host);
        let parameters = parameters
            .map_err(|error| Problem::at("/host", format!("TLS cannot be set up for this host: {error}")))?;
        Ok(match self.encryption {
            Encryption::Tls => Tls::Wrapper(parameters),
            Encryption::Starttls | Encryption::None => Tls::Required(parameters),
        })
    }
}

/// Makes the client; it connects for each message anew.
pub(super) fn transport(
    config: &EmailConfig,
    scope: &NotifierScope,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Problem> {
    let plain = |c: char| c.is_alphanumeric() || "-_.:".contains(c);
    if config.host.is_empty() || !config.host.chars().all(plain) {
        return Err(Problem::at("/host", "this is no host name"));
    }
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
        .port(config.port())
        .tls(config.tls()?);
    if let Some(credentials) = config.credentials(scope)? {
        builder = builder.credentials(credentials);
    }
    Ok(builder.build())
}

/// Trusts what outgoing HTTP trusts.
fn tls_parameters(host: &str) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let roots = root_certificates();
    let store = if roots.is_empty() {
        CertificateStore::WebpkiRoots
    } else {
        CertificateStore::None
    };
    let mut builder = TlsParameters::builder(host.to_owned()).certificate_store(store);
    for root in roots {
        builder = builder.add_root_certificate(Certificate::from_der(root.to_vec())?);
    }
    builder.build_rustls()
}
