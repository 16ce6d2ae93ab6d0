use std::sync::{Arc, Mutex, PoisonError};

use pilotage_core::{
    config::{Problem, SecretRef},
    ports::Outbound,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

type Env = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;
type ReadFile = Box<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// What notifiers are built with.
pub struct NotifierScope {
    /// The way out over HTTP.
    pub outbound: Arc<dyn Outbound>,
    env: Env,
    read_file: ReadFile,
    secrets: Mutex<Vec<SecretString>>,
}

impl NotifierScope {
    /// `env` looks an environment variable up; `read_file` reads a file as text or says why not.
    pub fn new(
        outbound: Arc<dyn Outbound>,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        read_file: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            outbound,
            env: Box::new(env),
            read_file: Box::new(read_file),
            secrets: Mutex::default(),
        }
    }

    /// Every secret that was read so far, for whoever keeps them out of what is recorded.
    pub fn secrets(&self) -> Vec<SecretString> {
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Fetches the secret that stands at `pointer`.
    pub(crate) fn secret(&self, reference: &SecretRef, pointer: &str) -> Result<SecretString, Problem> {
        let secret = reference.resolve(&self.env, &self.read_file);
        let secret = secret.map_err(|error| Problem::at(pointer, error.to_string()))?;
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(secret.clone());
        Ok(secret)
    }

    /// Fetches an address that is a secret in itself, as those of incoming webhooks are. No problem repeats it.
    pub(crate) fn url(&self, reference: &SecretRef, pointer: &str) -> Result<Url, Problem> {
        let secret = self.secret(reference, pointer)?;
        let url = Url::parse(secret.expose_secret()).ok();
        let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = url.ok_or_else(|| Problem::at(pointer, "this is no http or https address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Problem::at(
                pointer,
                "the address holds a user name or password, which is never sent",
            ));
        }
        Ok(url)
    }
}
