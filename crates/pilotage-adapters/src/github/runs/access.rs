//! As whom GitHub is asked: with a token, or as an App that trades a signed statement for a token of an hour
//! (docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App").

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use pilotage_core::{
    Timestamp,
    config::{Problem, SecretRef},
    ports::{CiError, CiTrouble},
};
use ring::{rand::SystemRandom, rsa, signature::RSA_PKCS1_SHA256};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tokio::sync::Mutex;

use crate::runs::{
    PlatformScope,
    api::{Api, Ask},
    secret_header, segment,
};

/// A statement is good for ten minutes at most; clocks may be a minute apart.
const STATEMENT_LIFE: Duration = Duration::from_mins(9);
const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// A token is not used in its last minutes, so that it does not end on the way.
const MARGIN: Duration = Duration::from_mins(5);

/// A GitHub App that is installed on the repository.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppConfig {
    /// The App's client id or id.
    id: String,
    /// The id of its installation.
    installation: u64,
    /// Its private key in PEM, as GitHub hands it out.
    private_key: SecretRef,
}

/// As whom GitHub is asked.
pub(super) enum Access {
    Token(HeaderValue),
    App(Box<App>),
}

/// An App and the token that it has at present.
pub(super) struct App {
    id: String,
    installation: u64,
    key: rsa::KeyPair,
    token: Mutex<Option<(HeaderValue, Timestamp)>>,
}

#[derive(Deserialize)]
struct InstallationToken {
    token: String,
    expires_at: Timestamp,
}

impl Access {
    pub(super) fn new(
        token: Option<&SecretRef>,
        app: Option<&AppConfig>,
        scope: &PlatformScope<'_>,
    ) -> Result<Self, Problem> {
        match (token, app) {
            (Some(token), None) => bearer(&scope.secret(token, "/token")?, "/token").map(Self::Token),
            (None, Some(app)) => App::new(app, scope).map(|app| Self::App(Box::new(app))),
            (Some(_), Some(_)) => Err(Problem::at(
                "/app",
                "there is a `token` already; only one of them is used",
            )),
            (None, None) => Err(Problem::at("", "GitHub is asked with a `token` or as an `app`")
                .help("for example `token: ${env:GITHUB_TOKEN}`")),
        }
    }

    pub(super) async fn headers(&self, api: &Api) -> Result<HeaderMap, CiError> {
        let value = match self {
            Self::Token(value) => value.clone(),
            Self::App(app) => app.token(api).await?,
        };
        Ok(HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
    }
}

fn bearer(token: &SecretString, pointer: &str) -> Result<HeaderValue, Problem> {
    let text = format!("Bearer {}", token.expose_secret().trim());
    secret_header(&text.into(), pointer)
}

impl App {
    fn new(config: &AppConfig, scope: &PlatformScope<'_>) -> Result<Self, Problem> {
        let pem = scope.secret(&config.private_key, "/app/privateKey")?;
        let refused = || Problem::at("/app/privateKey", "this is no RSA private key in PEM");
        let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| refused())?;
        let key = match &key {
            PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(refused()),
        };
        Ok(Self {
            id: config.id.clone(),
            installation: config.installation,
            key: key.map_err(|_| refused())?,
            token: Mutex::new(None),
        })
    }

    /// The token, a new one if the present one ends soon. Callers that come meanwhile wait for it.
    async fn token(&self, api: &Api) -> Result<HeaderValue, CiError> {
        let mut kept = self.token.lock().await;
        if let Some((value, until)) = &*kept
            && Timestamp::now() + MARGIN < *until
        {
            return Ok(value.clone());
        }
        let statement = self.statement(Timestamp::now()).map_err(|said| {
            api.error(CiTrouble::NotAuthorised {
                said: said.to_owned(),
            })
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, statement);
        let path = format!(
            "/app/installations/{}/access_tokens",
            segment(&self.installation.to_string())
        );
        let what = format!("installation {} of the App", self.installation);
        let granted: InstallationToken = api.json(&Ask::post(path, what), &headers).await?;
        let value = bearer(&granted.token.into(), "").map_err(|problem| {
            api.error(CiTrouble::NotThePlatform {
                said: problem.message,
            })
        })?;
        *kept = Some((value.clone(), granted.expires_at));
        Ok(value)
    }

    /// A JSON Web Token (RFC 7519) signed with RS256.
    fn statement(&self, now: Timestamp) -> Result<HeaderValue, &'static str> {
        let secs = |at: Timestamp| at.as_micros() / 1_000_000;
        let head = json!({"alg": "RS256", "typ": "JWT"});
        let claims =
            json!({"iat": secs(now - CLOCK_SKEW), "exp": secs(now + STATEMENT_LIFE), "iss": self.id});
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the App's key signs nothing")?;
        let text = format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let mut value = HeaderValue::from_str(&text).map_err(|_| "the App's statement cannot be sent")?;
        value.set_sensitive(true);
        Ok(value)
    }
}
