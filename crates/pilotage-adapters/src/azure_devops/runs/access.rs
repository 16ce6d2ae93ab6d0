//! As whom Azure DevOps is asked: with a personal access token, with a token of Microsoft Entra, or as a service principal
//! that fetches such tokens (RFC 6749, section 4.4).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use pilotage_core::{
    Timestamp,
    config::{Problem, SecretRef},
    ports::{CiError, CiTrouble},
};
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::runs::{
    PlatformScope,
    api::{Api, Ask},
    base_url, secret_header, segment,
};

/// Microsoft's own authority.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// What names Azure DevOps there (learn.microsoft.com, "Use Microsoft Entra service principals & managed identities").
const SCOPE: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default";
/// A token is not used in its last minutes, so that it does not end on the way.
const MARGIN: Duration = Duration::from_mins(5);

/// A service principal of Microsoft Entra.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EntraConfig {
    /// The tenant's id.
    tenant: String,
    /// The application's id.
    client_id: String,
    /// One of its secrets.
    client_secret: SecretRef,
    /// Where tokens are fetched.
    authority: Option<String>,
}

/// As whom Azure DevOps is asked.
pub(super) enum Access {
    Fixed(HeaderValue),
    Entra(Box<Principal>),
}

/// A service principal and the token that it has at present.
pub(super) struct Principal {
    api: Api,
    path: String,
    client_id: String,
    secret: SecretString,
    token: Mutex<Option<(HeaderValue, Timestamp)>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

impl Access {
    pub(super) fn new(
        token: Option<&SecretRef>,
        entra_token: Option<&SecretRef>,
        entra: Option<&EntraConfig>,
        http: &reqwest::Client,
        scope: &PlatformScope<'_>,
    ) -> Result<Self, Problem> {
        match (token, entra_token, entra) {
            (Some(token), None, None) => {
                let token = scope.secret(token, "/token")?;
                let basic = STANDARD.encode(format!(":{}", token.expose_secret().trim()));
                secret_header(&format!("Basic {basic}").into(), "/token").map(Self::Fixed)
            }
            (None, Some(token), None) => bearer(&scope.secret(token, "/entraToken")?).map(Self::Fixed),
            (None, None, Some(entra)) => {
                Principal::new(entra, http, scope).map(|principal| Self::Entra(Box::new(principal)))
            }
            (None, None, None) => {
                let problem = Problem::at(
                    "",
                    "Azure DevOps is asked with a `token`, an `entraToken` or as an `entra` principal",
                );
                Err(problem.help("for example `token: ${env:AZURE_DEVOPS_TOKEN}`"))
            }
            _ => Err(Problem::at(
                "",
                "only one of `token`, `entraToken` and `entra` is used",
            )),
        }
    }

    pub(super) async fn header(&self) -> Result<HeaderValue, CiError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Entra(principal) => principal.token().await,
        }
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Problem> {
    let text = format!("Bearer {}", token.expose_secret().trim());
    secret_header(&text.into(), "/entraToken")
}

impl Principal {
    fn new(config: &EntraConfig, http: &reqwest::Client, scope: &PlatformScope<'_>) -> Result<Self, Problem> {
        let base = base_url(
            config.authority.as_deref().unwrap_or(AUTHORITY),
            "/entra/authority",
        )?;
        Ok(Self {
            api: Api::new(&super::MANNERS, &base, http.clone()),
            path: format!("/{}/oauth2/v2.0/token", segment(&config.tenant)),
            client_id: config.client_id.clone(),
            secret: scope.secret(&config.client_secret, "/entra/clientSecret")?,
            token: Mutex::new(None),
        })
    }

    /// The token, a new one if the present one ends soon. Callers that come meanwhile wait for it.
    async fn token(&self) -> Result<HeaderValue, CiError> {
        let mut kept = self.token.lock().await;
        if let Some((value, until)) = &*kept
            && Timestamp::now() + MARGIN < *until
        {
            return Ok(value.clone());
        }
        let fields = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.secret.expose_secret().trim()),
            ("grant_type", "client_credentials"),
            ("scope", SCOPE),
        ];
        let ask = Ask::post(self.path.clone(), "tenant of Microsoft Entra").form(fields);
        let granted: Granted = match self.api.json(&ask, &HeaderMap::new()).await {
            // Entra says 400 where the principal is not known, and 401 where its secret is wrong.
            Err(CiError {
                trouble: CiTrouble::Invalid { said },
                ..
            }) => return Err(self.api.error(CiTrouble::NotAuthorised { said })),
            granted => granted?,
        };
        let value = bearer(&granted.access_token.into()).map_err(|problem| {
            let said = problem.message;
            self.api.error(CiTrouble::NotThePlatform { said })
        })?;
        *kept = Some((
            value.clone(),
            Timestamp::now() + Duration::from_secs(granted.expires_in),
        ));
        Ok(value)
    }
}
