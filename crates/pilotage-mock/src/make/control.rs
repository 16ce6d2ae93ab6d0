//! What a test tells the mock under `/__mock/`: what to answer, what to break, and what was asked.

mod doing;

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    limits::Rate,
    reply::{Content, Reply},
    request::{Request, text},
};
pub(crate) use doing::respond;

/// Most calls that are remembered; the oldest go first.
const MOST_CALLS: usize = 10_000;
/// Longest body of a call that is remembered whole, in bytes.
const MOST_BODY_BYTES: usize = 64 << 10;
/// Most prepared answers and faults.
const MOST_PREPARED: usize = 1_000;

/// To whom every end of an execution is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Subscription {
    /// Where the `scenario.executed` deliveries go.
    pub(crate) url: String,
    /// Sent as `x-make-secret`, as the author of a scenario would.
    #[serde(default)]
    pub(crate) secret: Option<String>,
}

/// How the mock behaves where Make's documents leave it open, and whom it tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Whether a change with empty `metadata.input_spec` leaves the scenario's interface as it is. Make's clients send
    /// that with every change; that it empties the interface is the harder case, and so the default.
    pub(crate) keep_interface: bool,
    pub(crate) subscriptions: Vec<Subscription>,
}

/// What requests a prepared answer or fault is for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(default)]
    method: Option<String>,
    /// With or without `/api/v2`; `*` stands for one segment.
    #[serde(default)]
    path: Option<String>,
    /// How often; without it until the next reset.
    #[serde(default)]
    times: Option<u64>,
    /// Waits so long before it answers.
    #[serde(default)]
    pub(crate) latency_ms: Option<u64>,
    /// Answers this instead.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// Breaks the connection without an answer.
    #[serde(default)]
    pub(crate) reset: bool,
    /// Sends half of the body and breaks the connection.
    #[serde(default)]
    pub(crate) truncate: bool,
}

/// An answer that is given in place of the model's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canned {
    method: String,
    path: String,
    status: u16,
    #[serde(default)]
    body: Value,
    /// How often, by default once.
    #[serde(default = "once")]
    times: u64,
}

const fn once() -> u64 {
    1
}

/// Everything that a reset forgets, apart from the state itself.
#[derive(Debug, Default)]
pub(crate) struct Control {
    calls: VecDeque<Value>,
    forgotten: u64,
    canned: Vec<Canned>,
    faults: Vec<Fault>,
    pub(crate) rate: Option<Rate>,
    pub(crate) settings: Settings,
}

impl Control {
    /// Remembers a call.
    pub(crate) fn record(&mut self, request: &Request, status: u16) {
        if self.calls.len() >= MOST_CALLS {
            self.calls.pop_front();
            self.forgotten += 1;
        }
        let whole = request.body.len() <= MOST_BODY_BYTES;
        let body = match request.json().filter(|_| whole) {
            _ if request.body.is_empty() => Value::Null,
            Some(json) => json,
            None => {
                let most = request.body.len().min(MOST_BODY_BYTES);
                text(&request.body[..most]).into()
            }
        };
        self.calls.push_back(json!({
            "method": request.method,
            "path": request.path,
            "query": request.query_object(),
            "body": body,
            "status": status,
        }));
    }

    fn calls(&self) -> Value {
        json!({"calls": self.calls, "forgotten": self.forgotten})
    }

    /// The next prepared answer to a request.
    pub(crate) fn canned(&mut self, request: &Request) -> Option<Reply> {
        let fits = |canned: &Canned| fits(request, Some(&canned.method), Some(&canned.path));
        let at = self.canned.iter().position(fits)?;
        let canned = &mut self.canned[at];
        let content = match &canned.body {
            Value::Null => Content::Empty,
            Value::String(text) => Content::Text(text.clone()),
            json => Content::Json(json.clone()),
        };
        let reply = Reply::new(canned.status, content);
        canned.times = canned.times.saturating_sub(1);
        if canned.times == 0 {
            self.canned.remove(at);
        }
        Some(reply)
    }

    /// The fault that a request meets.
    pub(crate) fn fault(&mut self, request: &Request) -> Option<Fault> {
        let fits = |fault: &Fault| fits(request, fault.method.as_deref(), fault.path.as_deref());
        let at = self.faults.iter().position(fits)?;
        let fault = self.faults[at].clone();
        if let Some(times) = &mut self.faults[at].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.faults.remove(at);
            }
        }
        Some(fault)
    }
}

fn fits(request: &Request, method: Option<&str>, path: Option<&str>) -> bool {
    let method_fits = method.is_none_or(|method| method.eq_ignore_ascii_case(&request.method));
    method_fits && path.is_none_or(|path| path_fits(path, &request.path))
}

fn path_fits(pattern: &str, path: &str) -> bool {
    let below = |path: &str| path.strip_prefix("/api/v2").unwrap_or(path).to_owned();
    let (pattern, path) = (below(pattern), below(path));
    let mut segments = path.split('/');
    let all_fit = pattern.split('/').all(|expected| {
        let segment = segments.next();
        segment.is_some_and(|segment| expected == "*" || expected == segment)
    });
    all_fit && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_by_segment() {
        let cases = [
            ("/hooks", "/api/v2/hooks", true),
            ("/api/v2/hooks", "/api/v2/hooks", true),
            ("/hooks/*", "/api/v2/hooks/7", true),
            ("/hooks/*", "/api/v2/hooks", false),
            ("/hooks/*", "/api/v2/hooks/7/ping", false),
            ("/hook/*", "/hook/abc", true),
            ("", "/api/v2/hooks", false),
        ];
        for (pattern, path, fits) in cases {
            assert_eq!(path_fits(pattern, path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn calls_are_kept_in_order_and_within_bounds() {
        let mut control = Control::default();
        for number in 0..MOST_CALLS + 2 {
            control.record(&Request::new("GET", &format!("/api/v2/{number}?a=1&a=2")), 200);
        }
        let calls = control.calls();
        assert_eq!(calls["forgotten"], 2);
        assert_eq!(calls["calls"].as_array().unwrap().len(), MOST_CALLS);
        let first = json!({"method": "GET", "path": "/api/v2/2", "query": {"a": ["1", "2"]}, "body": null, "status": 200});
        assert_eq!(calls["calls"][0], first);
        let long = Request {
            body: vec![b'['; MOST_BODY_BYTES + 1],
            ..Request::new("POST", "/x")
        };
        control.record(&long, 400);
        let kept = control.calls()["calls"][MOST_CALLS - 1]["body"].clone();
        assert_eq!(kept.as_str().unwrap().len(), MOST_BODY_BYTES);
    }
}
