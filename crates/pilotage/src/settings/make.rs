//! Make.com, as people configure it.

use pilotage_adapters::make::client::Endpoint;
use pilotage_core::config::{Problem, SecretError, SecretRef};
use secrecy::SecretString;
use serde::Deserialize;

use super::compose::read_text;

/// Make's API where nobody names another.
const USUAL_ENDPOINT: &str = "https://eu1.make.com/api/v2";

/// Make.com, for the tools of agents.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Make {
    /// Where Make's API is: a zone such as `eu1.make.com`, or an address such as `https://eu1.make.com/api/v2`. Where
    /// nothing is said, `MAKE_API_ENDPOINT`, and else the zone `eu1.make.com`.
    endpoint: Option<String>,
    /// An API key or an OAuth token of that zone; where nothing is said, `MAKE_API_TOKEN`. Without one there is no Make.
    token: Option<SecretRef>,
    /// The team that is meant where a tool is given none. Where nothing is said, the first one of the token's.
    #[schemars(range(min = 1))]
    pub(crate) team: Option<u64>,
}

/// Why Make cannot be asked as configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// The token cannot be had.
    #[error("make.token: {0}")]
    Token(#[from] SecretError),
    /// The address is none.
    #[error("{from}: {reason}")]
    Endpoint {
        /// The setting or variable that says it.
        from: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Make {
    /// Where to ask and as whom; `None` without a token.
    ///
    /// # Errors
    /// The token cannot be had, or the endpoint is no address.
    pub(crate) fn access(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<(Endpoint, SecretString)>, MakeError> {
        let set = |name: &str| env(name).filter(|text| !text.trim().is_empty());
        let token = match &self.token {
            Some(token) => Some(token.resolve(env, &read_text)?),
            None => set("MAKE_API_TOKEN").map(SecretString::from),
        };
        let (from, endpoint) = match (&self.endpoint, set("MAKE_API_ENDPOINT")) {
            (Some(endpoint), _) => ("make.endpoint", endpoint.clone()),
            (None, Some(endpoint)) => ("MAKE_API_ENDPOINT", endpoint),
            (None, None) => ("make.endpoint", USUAL_ENDPOINT.to_owned()),
        };
        let endpoint = Endpoint::parse(&endpoint).map_err(|error| MakeError::Endpoint {
            from,
            reason: error.to_string(),
        })?;
        Ok(token.map(|token| (endpoint, token)))
    }
}

/// What the types cannot say.
pub(super) fn check(make: &Make) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(Err(error)) = make.endpoint.as_deref().map(Endpoint::parse) {
        problems.push(Problem::at("/make/endpoint", error.to_string()));
    }
    if make.team == Some(0) {
        problems.push(Problem::at("/make/team", "at least 1"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn access(
        yaml: serde_json::Value,
        variables: &[(&str, &str)],
    ) -> Result<Option<(String, String)>, String> {
        let make: Make = serde_json::from_value(yaml).unwrap();
        let env = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let access = make.access(&env).map_err(|error| error.to_string())?;
        Ok(access.map(|(endpoint, token)| (endpoint.as_str().to_owned(), token.expose_secret().to_owned())))
    }

    #[test]
    fn the_file_comes_first_and_then_the_environment() {
        let both = [
            ("MAKE_API_TOKEN", "from-env"),
            ("MAKE_API_ENDPOINT", "us1.make.com"),
        ];
        let of = |endpoint: &str, token: &str| Ok(Some((endpoint.to_owned(), token.to_owned())));
        let eu = "https://eu1.make.com/api/v2";
        let table = [
            (serde_json::json!({}), &both[..0], Ok(None)),
            (serde_json::json!({}), &both[1..], Ok(None)),
            (serde_json::json!({}), &both[..1], of(eu, "from-env")),
            (
                serde_json::json!({}),
                &both[..],
                of("https://us1.make.com/api/v2", "from-env"),
            ),
            (
                serde_json::json!({"endpoint": "http://127.0.0.1:8080", "token": "own"}),
                &both[..],
                of("http://127.0.0.1:8080/api/v2", "own"),
            ),
            (
                serde_json::json!({"token": "${env:MAKE_API_TOKEN}"}),
                &both[..1],
                of(eu, "from-env"),
            ),
        ];
        for (yaml, variables, expected) in table {
            assert_eq!(access(yaml.clone(), variables), expected, "{yaml}");
        }
        let unset = access(serde_json::json!({"token": "${env:NOT_SET}"}), &[]).unwrap_err();
        assert!(unset.contains("NOT_SET"), "{unset}");
        let odd = access(serde_json::json!({}), &[("MAKE_API_ENDPOINT", "ftp://x")]).unwrap_err();
        assert!(odd.starts_with("MAKE_API_ENDPOINT"), "{odd}");
    }

    #[test]
    fn what_cannot_be_is_found_when_the_file_is_checked() {
        let problems = |yaml| check(&serde_json::from_value(yaml).unwrap()).len();
        assert_eq!(
            problems(serde_json::json!({"endpoint": "eu1.make.com", "team": 5})),
            0
        );
        assert_eq!(problems(serde_json::json!({"endpoint": "ftp://x", "team": 0})), 2);
    }
}
