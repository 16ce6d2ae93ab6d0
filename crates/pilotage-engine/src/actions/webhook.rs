//! `webhook`: an outgoing webhook, signed as Standard Webhooks.
//!
//! Runs at least once: every attempt of one action of one execution carries the same `webhook-id`, so a receiver that
//! remembers ids acts once. Source: the Standard Webhooks specification 1.0.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use pilotage_core::{
    Timestamp,
    config::{Problem, nearest},
    ports::{Outbound, OutboundRequest},
    rule::Action,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{ActionKind, Attempting, RateLimit, Report, Verdict, judge};

const PARAMETERS: [&str; 3] = ["body", "headers", "method"];
const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];
/// Headers that the signature, HTTP itself or the receiver's safety depend on.
const RESERVED: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
];
/// Names that begin so are those of Standard Webhooks.
const RESERVED_PREFIX: &str = "webhook-";

/// A configured receiver of outgoing webhooks, as people write it under `endpoints:`.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointConfig {
    /// Where to send.
    pub url: String,
    /// `whsec_...`; the installation's own signing secret where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<pilotage_core::config::SecretRef>,
    /// Fixed headers, such as `Authorization: "${env:AUTHORIZATION}"`, where the variable holds the whole header, `Bearer`
    /// and all. Values are held as secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, pilotage_core::config::SecretRef>,
    /// How often it may be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

/// What outgoing requests may reach, as people write it under `outgoing:`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OutgoingConfig {
    /// Private, loopback and link-local networks (CIDR), addresses or host names that may be reached all the same.
    pub allow: Vec<String>,
}

/// A configured receiver with its secrets read.
pub struct Endpoint {
    /// Where to send.
    pub url: String,
    /// Signs for this receiver.
    pub sign: Sign,
    /// Fixed headers; the values may be secret.
    pub headers: Vec<(String, String)>,
    /// How often it may be asked.
    pub rate_limit: Option<RateLimit>,
}

/// Makes the signature headers of Standard Webhooks for (message id, moment, body).
pub type Sign = Arc<dyn Fn(&str, Timestamp, &[u8]) -> Vec<(String, String)> + Send + Sync>;

/// Judges an address when it is written down, such as one that the policy for outgoing requests refuses; problems are at
/// `""`.
pub type CheckAddress = Arc<dyn Fn(&str) -> Result<(), Problem> + Send + Sync>;

/// Sends outgoing webhooks.
pub struct WebhookAction {
    outbound: Arc<dyn Outbound>,
    endpoints: BTreeMap<String, Endpoint>,
    default_sign: Sign,
    show: fn(&str) -> String,
    check_address: CheckAddress,
}

impl WebhookAction {
    /// Over the configured endpoints by name; other targets are addresses, signed with the installation's secret.
    /// `show` writes an address without what may be secret in it; `check_address` refuses at load what would be refused
    /// when it is sent.
    pub fn new(
        outbound: Arc<dyn Outbound>,
        endpoints: BTreeMap<String, Endpoint>,
        default_sign: Sign,
        show: fn(&str) -> String,
        check_address: CheckAddress,
    ) -> Self {
        Self {
            outbound,
            endpoints,
            default_sign,
            show,
            check_address,
        }
    }

    fn check_target(&self, target: &str) -> Option<Problem> {
        if self.endpoints.contains_key(target) {
            return None;
        }
        if is_address(target) {
            let checked = (self.check_address)(target);
            return checked.err().map(|problem| problem.under("/target"));
        }
        if target.contains("${") {
            let problem = Problem::at("/target", "what comes in with an event must not choose the host");
            return Some(problem.help("write scheme and host out; a template may stand in the path"));
        }
        let problem = Problem::at(
            "/target",
            format!("`{target}` is neither an http(s) address nor a configured endpoint"),
        );
        Some(match nearest(target, self.endpoints.keys().map(String::as_str)) {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem.help("write https://... or declare it under `endpoints:`"),
        })
    }

    fn request(&self, attempting: &Attempting<'_>) -> Result<OutboundRequest, String> {
        let Attempting {
            target,
            parameters,
            idempotency_key,
            now,
            timeout,
            ..
        } = attempting;
        let endpoint = self.endpoints.get(target);
        let url = endpoint.map_or(target, |endpoint| &endpoint.url);
        let body = body(attempting)?;
        let sign = endpoint.map_or(&self.default_sign, |endpoint| &endpoint.sign);
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (
                "user-agent".to_owned(),
                concat!("Pilotage/", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ];
        let fixed = endpoint.map_or(&[][..], |endpoint| &endpoint.headers);
        replace_headers(&mut headers, fixed.iter().cloned());
        replace_headers(&mut headers, header_parameters(parameters)?);
        replace_headers(&mut headers, sign(idempotency_key, *now, &body));
        let method = parameters
            .get("method")
            .and_then(Value::as_str)
            .unwrap_or("POST")
            .to_ascii_uppercase();
        Ok(OutboundRequest {
            method,
            url: url.clone(),
            headers,
            body,
            timeout: *timeout,
            allow_private: false,
        })
    }
}

#[async_trait]
impl ActionKind for WebhookAction {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn check(&self, action: &Action) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.check_target(&action.target).into_iter().collect();
        for name in action
            .parameters
            .keys()
            .filter(|name| !PARAMETERS.contains(&name.as_str()))
        {
            let problem = Problem::at(
                format!("/parameters/{}", pilotage_core::config::pointer_segment(name)),
                format!("a webhook has no parameter `{name}`"),
            );
            problems.push(problem.help(format!("it has: {}", PARAMETERS.join(", "))));
        }
        problems.extend(check_method(&action.parameters));
        if let Err(message) = header_parameters(&action.parameters) {
            problems.push(Problem::at("/parameters/headers", message));
        }
        problems
    }

    fn throttle_key(&self, target: &str) -> String {
        let url = self
            .endpoints
            .get(target)
            .map_or(target, |endpoint| &endpoint.url);
        origin(url).to_owned()
    }

    fn rate_limit(&self, target: &str) -> Option<RateLimit> {
        self.endpoints.get(target)?.rate_limit
    }

    async fn run(&self, attempting: Attempting<'_>) -> Report {
        let target = &attempting.target;
        if !self.endpoints.contains_key(target) && !is_address(target) {
            return Report {
                request: (self.show)(target),
                status: None,
                response: None,
                verdict: Verdict::Retry {
                    error: format!("endpoint `{target}` is not configured any more"),
                    after: None,
                },
            };
        }
        match self.request(&attempting) {
            Ok(request) => {
                let line = format!("{} {}", request.method, (self.show)(&request.url));
                judge(line, self.outbound.send(request).await)
            }
            Err(error) => Report {
                request: (self.show)(&attempting.target),
                status: None,
                response: None,
                verdict: Verdict::Permanent { error },
            },
        }
    }
}

/// A target that begins as an address: a template may fill in the path, never the scheme or the host, because what comes
/// in with an event must not choose whom we call.
fn is_address(target: &str) -> bool {
    let rest = target
        .strip_prefix("https://")
        .or_else(|| target.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty() && !host.contains("${") && (!rest.contains("${") || rest.contains('/'))
    })
}

fn check_method(parameters: &Map<String, Value>) -> Option<Problem> {
    let method = parameters.get("method")?;
    let known = method
        .as_str()
        .is_some_and(|method| METHODS.contains(&method.to_ascii_uppercase().as_str()));
    (!known).then(|| {
        Problem::at(
            "/parameters/method",
            format!("`method` is one of {}", METHODS.join(", ")),
        )
    })
}

fn header_parameters(parameters: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let Some(headers) = parameters.get("headers") else {
        return Ok(Vec::new());
    };
    let headers = headers
        .as_object()
        .ok_or("`headers` is a map of names to texts")?;
    headers
        .iter()
        .map(|(name, value)| header_parameter(name, value))
        .collect()
}

fn header_parameter(name: &str, value: &Value) -> Result<(String, String), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(format!("header `{name}` is not a text")),
    };
    Ok((check_header(name, &text)?, text))
}

/// One line for each name: a header that is given replaces the one of the same name that is there.
fn replace_headers(headers: &mut Vec<(String, String)>, given: impl IntoIterator<Item = (String, String)>) {
    for (name, value) in given {
        headers.retain(|(present, _)| !present.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    }
}

/// The name of a header in lower case, if name and value can be sent and are not Pilotage's own to set.
///
/// # Errors
/// Says what is wrong, without the value.
pub fn check_header(name: &str, value: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with(RESERVED_PREFIX) {
        return Err(format!("header `{name}` is set by Pilotage"));
    }
    let valid = !lower.is_empty()
        && lower
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !valid {
        return Err(format!("`{}` is no header name", name.escape_default()));
    }
    if value.chars().any(char::is_control) {
        return Err(format!("header `{name}` holds a control character"));
    }
    Ok(lower)
}

/// The `body` parameter, or where there is none the event in the envelope that Standard Webhooks proposes.
fn body(attempting: &Attempting<'_>) -> Result<Vec<u8>, String> {
    let Attempting {
        event,
        rule,
        execution,
        parameters,
        ..
    } = attempting;
    let value = parameters.get("body").cloned().unwrap_or_else(|| {
        json!({
            "type": event.facts.event_type, "timestamp": event.facts.timestamp,
            "rule": rule, "execution": execution, "event": event,
        })
    });
    serde_json::to_vec(&value).map_err(|error| format!("the body cannot be written as JSON: {error}"))
}

fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url
        .get(after_scheme..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |at| at + after_scheme);
    url.get(..end).unwrap_or(url)
}

/// The longest that one attempt may take whatever a rule says.
pub const LONGEST_TIMEOUT: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests;
