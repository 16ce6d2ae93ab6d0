//! Platforms that run pipelines, as models: what they hold and what every request answers and changes. One world of runs
//! lies behind all of them; a folder for each vendor speaks for it in the vendor's words.

mod fault;
mod plan;
mod server;
mod world;

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;

pub use fault::CiFault;
pub use server::{CiCall, CiOptions, MockCi};
pub(crate) use world::{
    Job, Outcome, PERSONAL, Phase, READER, Run, Start, Step, TOKEN, TRIGGER, World, archive,
};

/// A vendor that a model speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CiVendor {
    /// GitHub's REST API, with the repository `acme/shop` and its workflow `ci.yml`.
    GitHub,
    /// GitLab's REST API, with the project `acme/shop`.
    GitLab,
    /// Jenkins' remote API, with the job `acme/shop`.
    Jenkins,
    /// Azure DevOps' REST API, with the pipeline 12 of the project `shop` of `acme`.
    AzureDevOps,
}

impl CiVendor {
    /// Every vendor.
    pub const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::Jenkins, Self::AzureDevOps];

    /// As the configuration calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Jenkins => "jenkins",
            Self::AzureDevOps => "azure-devops",
        }
    }

    /// Answers a request out of the world.
    fn answer(self, world: &mut World, call: &Call) -> Reply {
        match self {
            Self::GitHub => crate::github::answer(world, call),
            Self::GitLab => crate::gitlab::answer(world, call),
            Self::Jenkins => crate::jenkins::answer(world, call),
            Self::AzureDevOps => crate::azure_devops::answer(world, call),
        }
    }
}

/// A request, as a model reads it.
pub(crate) struct Call {
    /// In capitals.
    pub(crate) method: String,
    /// The decoded parts of the path.
    pub(crate) path: Vec<String>,
    pub(crate) query: HashMap<String, String>,
    /// By their names in small letters.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Bytes,
    /// Where the model answers, such as `http://127.0.0.1:49152`.
    pub(crate) base: String,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Method and path as one can match on.
    pub(crate) fn route(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.iter().map(String::as_str).collect())
    }

    /// A number of the query, or what is usual.
    pub(crate) fn number(&self, name: &str, usual: usize) -> usize {
        self.query
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(usual)
    }
}

/// What a model answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::empty(status)
            .with("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) fn text(body: impl Into<Bytes>) -> Self {
        Self::empty(200)
            .with("content-type", "text/plain; charset=utf-8")
            .body(body)
    }

    pub(crate) const fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The bytes from the place on that the request names in `Range: bytes=N-` (RFC 9110, section 14).
    pub(crate) fn ranged(self, call: &Call) -> Self {
        let from = call.header("range").strip_prefix("bytes=");
        let from = from.and_then(|range| range.strip_suffix('-')?.parse::<usize>().ok());
        let Some(from) = from else {
            return self;
        };
        let length = self.body.len();
        if from >= length {
            let reply = Self::empty(416).with("content-range", format!("bytes */{length}"));
            return reply
                .with("content-type", "text/plain")
                .with("x-error", "Range Not Satisfiable");
        }
        let rest = self.body.slice(from..);
        let range = format!("bytes {from}-{}/{length}", length - 1);
        Self { status: 206, ..self }
            .with("content-range", range)
            .body(rest)
    }
}
