//! As whom Jenkins is asked. An API token needs nothing more; a password needs a crumb for every change, which holds for one
//! session (jenkins.io, "CSRF Protection").

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pilotage_core::{
    config::{Problem, SecretRef},
    ports::{CiError, CiTrouble},
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::runs::{
    PlatformScope,
    api::{Answered, Api, Ask},
    secret_header,
};

/// As whom Jenkins is asked.
pub(super) struct Access {
    authorization: HeaderValue,
    has_password: bool,
    /// Crumb and session.
    crumb: Mutex<Option<HeaderMap>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Crumb {
    crumb: String,
    crumb_request_field: String,
}

impl Access {
    pub(super) fn new(
        user: &str,
        token: Option<&SecretRef>,
        password: Option<&SecretRef>,
        scope: &PlatformScope<'_>,
    ) -> Result<Self, Problem> {
        let (secret, pointer) = match (token, password) {
            (Some(token), None) => (token, "/token"),
            (None, Some(password)) => (password, "/password"),
            (Some(_), Some(_)) => {
                return Err(Problem::at(
                    "/password",
                    "there is a `token` already; only one of them is used",
                ));
            }
            (None, None) => {
                let problem = Problem::at("", "Jenkins is asked with a user and a `token` or `password`");
                return Err(problem.help("for example `token: ${env:JENKINS_TOKEN}`"));
            }
        };
        let secret = scope.secret(secret, pointer)?;
        let basic = STANDARD.encode(format!("{user}:{}", secret.expose_secret().trim()));
        Ok(Self {
            authorization: secret_header(&format!("Basic {basic}").into(), pointer)?,
            has_password: password.is_some(),
            crumb: Mutex::new(None),
        })
    }

    pub(super) fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, self.authorization.clone())])
    }

    /// Sends a change, with a crumb where one is needed. One that is refused for its crumb has done nothing, and is sent
    /// once more with a new one.
    pub(super) async fn change(&self, api: &Api, ask: &Ask) -> Result<Answered, CiError> {
        let mut headers = self.headers();
        if self.has_password {
            headers.extend(self.crumb(api, false).await?);
        }
        match api.send(ask, &headers).await {
            Err(CiError {
                trouble: CiTrouble::NotAllowed { said, .. },
                ..
            }) if said.to_ascii_lowercase().contains("crumb") => {
                headers.extend(self.crumb(api, true).await?);
                api.send(ask, &headers).await
            }
            answered => answered,
        }
    }

    async fn crumb(&self, api: &Api, anew: bool) -> Result<HeaderMap, CiError> {
        let mut kept = self.crumb.lock().await;
        if let Some(headers) = kept.as_ref().filter(|_| !anew) {
            return Ok(headers.clone());
        }
        let ask = Ask::get("/crumbIssuer/api/json", "crumb");
        let headers = match api.send(&ask, &self.headers()).await {
            // A server without this protection has no crumbs.
            Err(CiError {
                trouble: CiTrouble::NotFound { .. },
                ..
            }) => HeaderMap::new(),
            answered => read(api, &answered?)?,
        };
        *kept = Some(headers.clone());
        Ok(headers)
    }
}

fn read(api: &Api, answered: &Answered) -> Result<HeaderMap, CiError> {
    let crumb: Crumb = api.read(answered)?;
    let mut headers = HeaderMap::new();
    let name = HeaderName::try_from(crumb.crumb_request_field.as_str()).ok();
    if let (Some(name), Ok(value)) = (name, HeaderValue::try_from(crumb.crumb.as_str())) {
        headers.insert(name, value);
    }
    let cookies = answered.headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned));
    let session = cookies.collect::<Vec<_>>().join("; ");
    if let Ok(mut value) = HeaderValue::try_from(session)
        && !value.is_empty()
    {
        value.set_sensitive(true);
        headers.insert(header::COOKIE, value);
    }
    Ok(headers)
}
